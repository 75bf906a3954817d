//! The program's log: lines on standard error. Never a body, a header, a query or a parser's words.

use std::io::{self, IsTerminal as _};
use std::panic;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// What needs someone's attention now
    Error,
    /// And what may
    Warn,
    /// And what changes: certificates, policies, the end
    Info,
    /// And every request, without its content
    Debug,
    /// And whatever else there is
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }
}

/// Begins the log, and makes panics part of it.
///
/// No bridge from the `log` crate is installed: what libraries say there was written without knowing what passes
/// through here.
pub(crate) fn init(level: LogLevel) {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::from(level))
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}

/// Replaces the words of a panic by the place where it happened. The payload may quote data that was being judged.
pub(crate) fn quiet_panics() {
    panic::set_hook(Box::new(|info| {
        let (file, line) =
            info.location().map_or(("an unknown place", 0), |place| (place.file(), place.line()));
        tracing::error!(target: "regcred", "panic at {file}:{line}");
    }));
}
