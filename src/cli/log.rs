//! The program's log: lines on standard error. Never a body, a header, a query or a parser's words.

use std::io::{self, IsTerminal as _};
use std::panic;

use clap::ValueEnum;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

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
    /// And whatever else there is to say
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
/// Only this program's own words are in it, at every level: what libraries say was written without knowing what
/// passes through here. The Kubernetes client quotes whole answers that it cannot read, Secrets among them. For the
/// same reason no bridge from the `log` crate is installed.
pub(crate) fn init(level: LogLevel) {
    let own = Targets::new().with_target("regcred", LevelFilter::from(level));
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .finish()
        .with(own)
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
