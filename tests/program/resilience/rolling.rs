//! Replicas that are replaced while the API server writes.

use std::time::Duration;

use crate::cluster::cluster;

use super::balancer::Network;
use super::load::{Load, Rate};
use super::report;
use super::stage::{Pace, Stage};

#[test]
fn a_rolling_restart_of_both_replicas_loses_nothing() {
    // One write after the other would need no more than one connection, and the other replica would have nothing to lose.
    both_replicas_are_replaced("rolling", Pace::QUICK.in_bursts(), 1);
}

#[test]
#[ignore = "takes minutes: CONTRIBUTING.md"]
fn long_rolling_restarts_as_shipped_lose_nothing() {
    both_replicas_are_replaced("rolling-long", Pace::SHIPPED, 5);
}

fn both_replicas_are_replaced(name: &str, pace: Pace, times: usize) {
    let mut stage = Stage::set(name, pace);
    let load = stage.load();
    for _ in 0..times * 2 {
        let left = stage.replace_oldest();
        assert_eq!(left.status.code(), Some(0), "{}", left.stderr);
        assert!(!left.audit().is_empty(), "it had nothing to do");
        load.wait_for(pace.between);
    }
    let tally = load.stop();
    tally.is_clean();
    assert_eq!(stage.registration.failed_open(), 0);
    report(name, &tally.figures());
}

/// The hardest moment of a restart: the old replica closes what is idle, and the API server may be sending on it. Here
/// that moment is long and comes often: the network is slow, and writes come in bursts, between which most of the API
/// server's connections are idle.
#[test]
fn request_on_closing_connection_is_not_lost() {
    restarts_cross_requests("crossing", Duration::from_millis(20), 8);
}

#[test]
#[ignore = "takes minutes: CONTRIBUTING.md"]
fn long_request_on_closing_connection_is_not_lost() {
    restarts_cross_requests("crossing-slow-long", Duration::from_millis(20), 200);
    restarts_cross_requests("crossing-long", Duration::from_millis(1), 400);
}

fn restarts_cross_requests(name: &str, wire: Duration, restarts: usize) {
    let pace = Pace {
        network: Network {
            probe_every: Duration::from_millis(10),
            propagation: Duration::from_millis(20),
            wire,
            ..Network::QUICK
        },
        drain_delay: "400ms",
        rate: Rate { workers: 20, per_second: 30, at_once: true },
        ..Pace::QUICK
    };
    let mut stage = Stage::set(name, pace);
    let evenly = Rate { workers: 7, per_second: 50, at_once: false };
    let steady = Load::start(cluster().api(), &stage.registration.namespace.name, evenly, "steady");
    let bursts = stage.load();
    for _ in 0..restarts {
        let old = stage.relieve_oldest();
        // What is refused by a listener that is closed is not what this is about.
        stage.balancer.wait_until(old.number, false);
        let left = old.regcred.stop();
        assert_eq!(left.status.code(), Some(0), "{}", left.stderr);
    }
    for (what, load) in [("steady", steady), ("bursts", bursts)] {
        let tally = load.stop();
        report(name, &format!("{restarts} restarts, {what}: {}", tally.figures()));
        tally.is_clean();
    }
    assert_eq!(stage.registration.failed_open(), 0);
}
