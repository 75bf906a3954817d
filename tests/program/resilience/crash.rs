//! Replicas that are killed or frozen while the API server writes: what was on its way to them is lost, and nothing
//! else.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::balancer::Traffic;
use super::load::Tally;
use super::report;
use super::stage::{Pace, Stage};
use crate::support::eventually;

#[test]
fn killed_replica_costs_only_requests_in_flight() {
    a_replica_is_killed("killed", Pace::QUICK.in_bursts());
}

#[test]
fn frozen_replica_costs_only_requests_in_flight() {
    a_replica_is_frozen("frozen", Pace { timeout: Duration::from_secs(3), ..Pace::QUICK.in_bursts() });
}

#[test]
#[ignore = "takes minutes: CONTRIBUTING.md"]
fn long_a_killed_replica_as_shipped() {
    for time in 1..=3 {
        a_replica_is_killed(&format!("killed-long-{time}"), Pace::SHIPPED.in_bursts());
    }
}

#[test]
#[ignore = "takes minutes: CONTRIBUTING.md"]
fn long_a_frozen_replica_as_shipped() {
    for time in 1..=3 {
        a_replica_is_frozen(&format!("frozen-long-{time}"), Pace::SHIPPED.in_bursts());
    }
}

fn a_replica_is_killed(name: &str, pace: Pace) {
    let mut stage = Stage::set(name, pace);
    let load = stage.load();
    let spared = Spared::of(&stage);

    let begun = load.elapsed();
    let victim = stage.replicas.remove(0);
    victim.regcred.signal(Signal::KILL);
    stage.balancer.wait_until(victim.number, false);
    let over = load.elapsed();
    load.wait_for(pace.between);
    assert_eq!(victim.regcred.wait().status.code(), None, "it was killed");
    stage.balancer.withdraw(victim.number);

    let restarted = stage.replica();
    stage.balancer.wait_until(restarted.number, true);
    load.wait_for(pace.between);
    spared.lost_no_call(&stage);
    stage.replicas.push(restarted);
    stage.recovers(&load);
    let traffic = stage.balancer.traffic(victim.number);
    assert_eq!(traffic.open(), 0, "{traffic:?}");
    judge(name, &stage, &load.stop(), traffic, begun..over);
}

fn a_replica_is_frozen(name: &str, pace: Pace) {
    let mut stage = Stage::set(name, pace);
    let load = stage.load();
    let spared = Spared::of(&stage);

    let begun = load.elapsed();
    let frozen = Instant::now();
    let victim = stage.replicas.remove(0);
    victim.regcred.signal(Signal::STOP);
    stage.balancer.wait_until(victim.number, false);
    eventually("the end of what waits for it", || (frozen.elapsed() > pace.timeout * 3).then_some(()));
    victim.regcred.signal(Signal::CONT);
    stage.balancer.wait_until(victim.number, true);
    let over = load.elapsed();

    let traffic = stage.balancer.traffic(victim.number);
    load.wait_for(pace.between);
    spared.lost_no_call(&stage);
    stage.replicas.push(victim);
    stage.recovers(&load);
    let tally = load.stop();
    assert!(tally.troubles().next().is_some(), "nothing waited for it");
    judge(name, &stage, &tally, traffic, begun..over);
}

/// The replica that nothing happened to.
struct Spared(Traffic);

impl Spared {
    fn of(stage: &Stage) -> Self {
        Spared(stage.balancer.traffic(stage.replicas[1].number))
    }

    /// A call over HTTP/1.1 that is cut off or given up costs its connection. So where none has ended with something
    /// unanswered, every call was answered; and the replica's own counters say that each answer was a decision.
    fn lost_no_call(&self, stage: &Stage) {
        let spared = &stage.replicas[0];
        let traffic = stage.balancer.traffic(spared.number);
        let lost = |traffic: &Traffic| (traffic.ended_by_server, traffic.unanswered, traffic.refused);
        assert_eq!(lost(&traffic), lost(&self.0), "{traffic:?}");
        let answers = spared.regcred.get("/metrics").text();
        for series in ["regcred_shed_total", "regcred_panics_total", "regcred_tls_handshake_failures_total"] {
            let counts = answers.lines().filter(|line| line.starts_with(series));
            assert!(
                counts.clone().count() > 0 && counts.clone().all(|line| line.ends_with(" 0")),
                "{answers}"
            );
        }
    }
}

/// What was lost had a connection to the victim each, and was begun before the word of it had spread.
fn judge(name: &str, stage: &Stage, tally: &Tally, victim: Traffic, time: std::ops::Range<Duration>) {
    let failed_open = usize::try_from(stage.registration.failed_open()).unwrap();
    let (ended, refused) = (victim.ended(), victim.refused);
    let begun = || tally.troubles().map(|trouble| trouble.at);
    report(
        name,
        &format!(
            "{}; {failed_open} calls failed open; of the connections to the replica {ended} ended, {} of them \
             unanswered, and {refused} were refused; it was away from {:?} to {:?}, writes in trouble began from {:?} to {:?}",
            tally.figures(),
            victim.unanswered,
            time.start,
            time.end,
            begun().min(),
            begun().max(),
        ),
    );
    assert!(tally.failed.len() + failed_open <= victim.unanswered + refused, "{:#?}", tally.failed);
    assert!(tally.unpatched.len() <= failed_open);
    for trouble in tally.troubles() {
        assert!(trouble.at <= time.end, "after the recovery: {trouble:?}");
    }
}
