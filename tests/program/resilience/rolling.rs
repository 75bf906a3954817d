//! Replicas that are replaced while the API server writes.

use super::report;
use super::stage::{Pace, Stage};

#[test]
fn a_rolling_restart_of_both_replicas_loses_nothing() {
    both_replicas_are_replaced("rolling", Pace::QUICK, 1);
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
