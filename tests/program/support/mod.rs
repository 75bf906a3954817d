//! What the tests of the whole program share.

pub mod certificate;
pub mod client;
pub mod cluster;
pub mod deploy;
pub mod parts;
pub mod process;
pub mod proxy;
pub mod regcred;
pub mod registry;
pub mod review;
pub mod supervised;
pub mod terminal;
pub mod volume;

use std::time::{Duration, Instant};

/// The longest that a test waits for something which usually takes milliseconds: long enough for a machine that
/// compiles beside it, and only ever reached by a failure.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until there is an answer.
///
/// # Panics
/// With `what` when there is none within [`PATIENCE`].
#[track_caller]
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < until, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
