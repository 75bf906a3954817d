//! SIGINT and SIGTERM, where something has to be put in order before they end the program.

use std::io;
use std::process;
use std::thread;

use rustix::process::Signal;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a program that a signal ends, as shells give it.
pub(super) const fn exit_code(signal: Signal) -> i32 {
    128 + signal.as_raw()
}

/// From now on the first of these signals has this done, and then ends the program; what is returned is kept until then.
/// It is waited for on a thread of its own, since the program may be held up by what it reads.
pub(super) fn before_the_end<T>(order: impl FnOnce() -> T + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let wait = async move {
        let signal = tokio::select! {
            _ = interrupt.recv() => Signal::INT,
            _ = terminate.recv() => Signal::TERM,
        };
        let _kept = order();
        process::exit(exit_code(signal));
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(wait))?;
    Ok(())
}
