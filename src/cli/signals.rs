//! SIGINT and SIGTERM, where something has to be put in order before they end the program.

use std::io;
use std::thread;

use rustix::process::Signal;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// The exit code of a program that a signal ends, as shells give it.
pub(super) const fn exit_code(signal: Signal) -> i32 {
    128 + signal.as_raw()
}

/// From now on these signals do not end the program by themselves: this is done at each. They are waited for on a thread
/// of their own, since the program may be held up by what it reads or writes.
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
