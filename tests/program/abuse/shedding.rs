//! What an API server makes of a replica that has no room: it comes again a second later, and reaches another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::cluster;
use crate::resilience::report;
use crate::resilience::stage::{Pace, Stage};
use crate::support::cluster::pull_secret;
use crate::support::eventually;
use crate::support::regcred::Regcred;

use super::{IN_FLIGHT, begun, is_silent, small, tls};

/// Runs `then` while all that these may have in flight is taken by requests with half of a body.
fn while_there_is_no_room<T>(replicas: &[&Regcred], then: impl FnOnce() -> T) -> T {
    let body = small();
    let half = [&begun("/mutate", body.len()), &body[..body.len() / 2]].concat();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for replica in replicas {
            scope.spawn(|| {
                let mut crowd = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    // A body that does not come is given up after ten seconds.
                    crowd.retain(is_silent);
                    crowd.extend(tls(replica, IN_FLIGHT - crowd.len(), &half));
                    thread::sleep(Duration::from_millis(5));
                }
            });
        }
        let _done = Done(&done);
        for replica in replicas {
            eventually("no room", || (replica.metric("regcred_admission_in_flight")? >= 512.0).then_some(()));
        }
        then()
    })
}

struct Done<'d>(&'d AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Requests that one replica has answered with a decision, and those that it has asked to come again.
fn arrived(replica: &Regcred) -> [f64; 2] {
    ["regcred_admission_duration_seconds_count", "regcred_shed_total{port=\"admission\",reason=\"requests\"}"]
        .map(|series| replica.metric(series).unwrap_or(0.0))
}

/// Writes go on by the other replica; the figures of how many requests arrived for each that was answered.
fn one_of_two(name: &str, pace: Pace, writes: usize) -> String {
    let stage = Stage::set(name, pace);
    let [full, other] = [0, 1].map(|number| &stage.replicas[number].regcred);
    let (tally, [answered, shed]) = while_there_is_no_room(&[full], || {
        let before = [full, other].map(arrived);
        // They begin with no connection to either, as after a roll-out.
        let load = stage.load();
        load.wait_for(writes);
        let tally = load.stop();
        let after = [full, other].map(arrived);
        let sum =
            |which: usize| (0..2).map(|replica| after[replica][which] - before[replica][which]).sum::<f64>();
        (tally, [sum(0), sum(1)])
    });
    tally.is_clean();
    assert_eq!(stage.registration.failed_open(), 0);
    assert!(shed > 0.0, "nobody was asked to come again");
    format!("{}; {answered} answered, {shed} asked to come again", tally.figures())
}

/// One write while no replica has room: how long its call is tried again, and how often.
fn both(name: &str, pace: Pace) -> String {
    let stage = Stage::set(name, pace);
    let replicas = [0, 1].map(|number| &stage.replicas[number].regcred);
    let path = format!("/api/v1/namespaces/{name}/secrets");
    let secret = pull_secret("acr", "{\"auths\":{}}").to_string();
    while_there_is_no_room(&replicas, || {
        let shed = || replicas.map(|replica| arrived(replica)[1]).iter().sum::<f64>();
        let (before, begun) = (shed(), Instant::now());
        let answer = cluster().api().request("POST", &path, &secret);
        format!(
            "answered {} after {:.1?}; {} asked to come again",
            answer.status,
            begun.elapsed(),
            shed() - before
        )
    })
}

#[test]
fn full_replica_leaves_writes_to_other() {
    one_of_two("shedding", Pace::QUICK, Pace::QUICK.between);
}

#[test]
#[ignore = "takes minutes"]
fn long_shedding_as_shipped() {
    report("one of two has no room", &one_of_two("shedding-long", Pace::SHIPPED, 2000));
    report("neither has room", &both("shedding-both", Pace::SHIPPED));
}
