//! How a run of the program ends, and what it writes on the way.

use std::fmt;
use std::io::{self, Write as _};

use rustix::process::Signal;

/// How a run of the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// Nothing to report.
    Clean,
    /// Findings that deny, a refused repair, or requests that were cut off.
    Findings,
    /// Part of the job could not be done; the report says which.
    Incomplete,
    /// A signal interrupted the job.
    Stopped(Signal),
}

/// Why the program could not do its job: one or more independent lines.
pub(super) struct Failure(pub(super) String);

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

/// Writes data to standard output, with colours only on a terminal. If the reader closes the pipe early, as `head` does, the
/// result is [`Exit::Incomplete`], and it depends on the data whether that is an error.
pub(super) fn put(data: &[u8]) -> Result<Exit, Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Exit::Clean),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Incomplete),
        Err(error) => Err(Failure(format!("cannot write to standard output: {error}"))),
    }
}

/// Writes a line to standard error. An error is ignored, because there is no place to report it.
pub(super) fn say(line: fmt::Arguments<'_>) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
