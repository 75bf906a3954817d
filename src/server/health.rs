//! Readiness: the parts that must be there before requests are sent here.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::Shared;
use super::drain::Phase;

/// What becomes ready once and stays so. The rest is looked at when someone asks.
#[derive(Debug, Default)]
pub(crate) struct Started {
    /// The crypto provider has drawn its first random number, which takes it some 50 ms: no handshake has to wait.
    pub(crate) random: AtomicBool,
    /// The admission port is accepting.
    pub(crate) accepting: AtomicBool,
}

/// What is missing, in words.
pub(crate) fn missing(shared: &Shared) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if *shared.phase.borrow() != Phase::Serving {
        missing.push("shutting down");
    }
    if !shared.started.random.load(Ordering::Acquire) {
        missing.push("random numbers not seeded");
    }
    if !shared.started.accepting.load(Ordering::Acquire) {
        missing.push("not accepting yet");
    }
    // By the wall clock and at each question: a timer would sleep through a suspended machine.
    match shared.served.not_after() {
        None => missing.push("no certificate"),
        Some(not_after) if not_after <= Timestamp::now() => missing.push("certificate expired"),
        Some(_) => {}
    }
    missing
}
