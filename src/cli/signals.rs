//! SIGINT and SIGTERM for subcommands that must finish something before they end.

use std::io;
use std::thread;

use rustix::process::Signal;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code that a shell gives for a program that this signal ended.
pub(super) const fn exit_code(signal: Signal) -> i32 {
    128 + signal.as_raw()
}

/// Calls `act` for each of these signals, which no longer end the program. It waits on a thread of its own, because the
/// program may be blocked by what it reads or writes.
pub(super) fn at_each(mut act: impl FnMut(Signal) + Send + 'static) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    let wait = async move {
        loop {
            act(tokio::select! {
                _ = interrupt.recv() => Signal::INT,
                _ = terminate.recv() => Signal::TERM,
            });
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(wait))?;
    Ok(())
}
