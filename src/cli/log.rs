//! The program's log: lines on standard error. Never a body, a header, a query or a parser's words.

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::panic;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::json;
use tracing::dispatcher;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::say;
use crate::server::Metrics;
use crate::sink::{Losses, Output, Sink};

/// The most that waits for standard error to be read: some 2,000 lines.
const QUEUE: usize = 256 << 10;

/// How long the end of the program waits for standard error to be read.
const FLUSH: Duration = Duration::from_secs(1);

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogLevel {
    /// Errors
    Error,
    /// Warnings too
    Warn,
    /// Changes too: certificates, policies, shutdown
    Info,
    /// One line per request too, without its content
    Debug,
    /// Everything
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

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object a line: timestamp, level, message, target and fields
    Json,
}

impl LogFormat {
    /// Writes a message that every level shows, before the log begins.
    pub(crate) fn say(self, message: fmt::Arguments<'_>) {
        match self {
            LogFormat::Text => say(message),
            LogFormat::Json => {
                let timestamp = Timestamp::now();
                let target = "regcred";
                let (level, message) = ("INFO", message.to_string());
                let line =
                    json!({"timestamp": timestamp, "level": level, "message": message, "target": target});
                say(format_args!("{line}"));
            }
        }
    }
}

/// The log of a server. No thread that logs waits for standard error to be read: lines that do not fit are dropped.
/// On drop it waits a short time until all is written.
pub(crate) struct Log(Arc<Sink>);

impl Log {
    /// Starts the log.
    ///
    /// Only this program's own words are in it, at every level: what libraries log was written without knowing what
    /// passes through here. The Kubernetes client quotes whole answers that it cannot read, Secrets among them. For the
    /// same reason no bridge from the `log` crate is installed.
    pub(crate) fn start(level: LogLevel, format: LogFormat, metrics: &Metrics) -> io::Result<Self> {
        let mut stderr = Output::stream(io::stderr())?;
        let losses = Losses {
            lost: metrics.log_lines_dropped.clone(),
            panics: metrics.panics.clone(),
            report: |lines, why| tracing::warn!(lines, "log lines dropped: {why}"),
        };
        let sink = Arc::new(Sink::start("log", QUEUE, losses, move |lines| stderr.write(lines))?);
        let own = Targets::new().with_target("regcred", LevelFilter::from(level));
        let log = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(Arc::clone(&sink));
        match format {
            LogFormat::Text => log.with_ansi(io::stderr().is_terminal()).finish().with(own).init(),
            LogFormat::Json => log
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(false)
                .finish()
                .with(own)
                .init(),
        }
        Ok(Log(sink))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.close(FLUSH);
    }
}

/// Queues a line. The subscriber writes each of its lines at once.
impl Write for &Sink {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The sink counts what it drops; nothing else can be done about it here.
        let _ = self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replaces the message of a panic by the place where it happened. The message may quote data that was being judged.
///
/// Only `serve` has a log, and not before it listens.
pub(crate) fn quiet_panics() {
    panic::set_hook(Box::new(|info| {
        let (file, line) =
            info.location().map_or(("an unknown place", 0), |place| (place.file(), place.line()));
        if dispatcher::has_been_set() {
            tracing::error!(target: "regcred", "panic at {file}:{line}");
        } else {
            say(format_args!("regcred: panic at {file}:{line}"));
        }
    }));
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::Command;

    use super::*;

    #[test]
    fn panics_are_reported_by_their_place() {
        // A hook is for a whole process.
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "cli::log::tests::panic_with_a_password", "--ignored", "--nocapture"]);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("regcred: panic at src/cli/log.rs:"), "{stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
    }

    #[test]
    #[ignore = "panics_are_reported_by_their_place runs it"]
    fn panic_with_a_password() {
        quiet_panics();
        panic!("{}", "hunter2");
    }
}
