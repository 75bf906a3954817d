//! The audit log: one record a line, on a stream or in a file of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Unit;

use super::metrics::{Metrics, Usage};
use crate::files::FileError;
use crate::sink::{Losses, Output, Pushed, Sink};

/// The most that waits for the writer: some thousand records.
const QUEUE: usize = 4 << 20;

/// Where audit records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditTarget {
    /// Standard output.
    Stdout,
    /// A file: appended to, and opened again after it was rotated away.
    File(PathBuf),
}

impl AuditTarget {
    pub(crate) fn open(&self) -> Result<Output, FileError> {
        let (path, opened) = match self {
            AuditTarget::Stdout => (Path::new("standard output"), Output::stream(io::stdout())),
            AuditTarget::File(path) => (path.as_path(), Output::append(path)),
        };
        opened.map_err(|error| FileError::new(path, format!("cannot be opened for the audit log: {error}")))
    }
}

/// The entrance of the audit log.
pub(crate) struct Audit(Arc<Sink>);

impl Audit {
    /// Starts the writer, and registers the metrics of the queue.
    pub(crate) fn start(mut output: Output, metrics: &mut Metrics) -> io::Result<Self> {
        let lost = Counter::default();
        let help = "Audit records that could not be written";
        metrics.registry().register("audit_records_lost", help, lost.clone());
        let losses = Losses {
            lost,
            panics: metrics.panics.clone(),
            report: |records, why| tracing::error!(records, "audit records lost: {why}"),
        };
        let sink = Arc::new(Sink::start("audit", QUEUE, losses, move |lines| output.write(lines))?);
        let help = "Audit records that wait for the writer";
        metrics.watch("audit_queue", help, Some(Unit::Bytes), Arc::clone(&sink) as _);
        Ok(Audit(sink))
    }

    /// Queues a record, which is one line with its end. Never waits.
    pub(crate) fn record(&self, line: &[u8]) {
        if self.0.push(line) == Pushed::Closed {
            tracing::error!("audit record lost: the review ended after the audit log was closed");
        }
    }

    /// Logs how many records were lost since the last report, and why.
    pub(crate) fn report_losses(&self) {
        self.0.report_losses();
    }

    /// Accepts no more records, and waits until all are written or the time is up. Returns whether all are.
    pub(crate) fn close(&self, wait: Duration) -> bool {
        self.0.close(wait)
    }
}

impl Usage for Sink {
    fn used(&self) -> usize {
        self.queued()
    }

    fn limit(&self) -> usize {
        self.capacity()
    }
}
