//! A bounded queue of lines with one writer thread, for the audit log and the program's log.
//!
//! A caller only copies its line into memory. Whatever the disk, the pipe or its reader does, it stalls the writer's
//! thread alone; the queue fills up, and lines that do not fit are dropped and counted.

mod output;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use prometheus_client::metrics::counter::Counter;

pub(crate) use output::{Output, WriteFailure};

/// Lines are collected for this long and written together, so that a busy server wakes its writer two hundred times a
/// second and not for each line.
const COLLECTION_TIME: Duration = Duration::from_millis(5);

/// This much is written as soon as it is there. Larger pieces cost memory and processor time: two buffers grow with them.
const BATCH: usize = 128 << 10;

/// A buffer that grew larger than this is given back. One that holds a batch is not, so that it grows only once.
const MAX_KEPT_BUFFER: usize = 2 * BATCH;

/// Lost lines are reported at most this often while the sink is open.
const REPORT_INTERVAL: Duration = Duration::from_secs(10);

/// Why lines are lost when the queue is full.
const QUEUE_FULL: &str = "the writer cannot keep up";

/// How a sink treats the lines that it loses.
pub(crate) struct Losses {
    /// Counts lost lines.
    pub(crate) lost: Counter,
    /// Counts panics of the writer.
    pub(crate) panics: Counter,
    /// Logs how many lines were lost, and why.
    pub(crate) report: fn(u64, &str),
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Pushed {
    /// It will be written.
    Queued,
    /// It is lost, since the queue is full.
    Full,
    /// It is lost, since the sink is closed.
    Closed,
}

/// The entrance of the queue.
pub(crate) struct Sink {
    shared: Arc<SinkQueue>,
}

struct SinkQueue {
    queue: Mutex<Queue>,
    changed: Condvar,
    capacity: usize,
    losses: Losses,
    unreported: Mutex<Unreported>,
}

#[derive(Default)]
struct Queue {
    /// Whole lines.
    lines: Vec<u8>,
    closed: bool,
    /// The writer has written everything and has ended.
    written: bool,
}

#[derive(Default)]
struct Unreported {
    /// How many lines were lost for which reason. There are only a few reasons.
    losses: Vec<(u64, String)>,
    reported: Option<Instant>,
}

impl Sink {
    /// Starts the writer. `capacity` is the most that waits for it, in bytes.
    pub(crate) fn start(
        name: &str,
        capacity: usize,
        losses: Losses,
        write: impl FnMut(&[u8]) -> Result<(), WriteFailure> + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, changed, unreported) = (Mutex::default(), Condvar::new(), Mutex::default());
        let shared = Arc::new(SinkQueue { queue, changed, capacity, losses, unreported });
        let writer = Arc::clone(&shared);
        thread::Builder::new().name(name.to_owned()).spawn(move || writer.run(write))?;
        Ok(Sink { shared })
    }

    /// Queues a line, which ends with a line feed. Never waits for the writer.
    pub(crate) fn push(&self, line: &[u8]) -> Pushed {
        let mut queue = self.shared.lock();
        let before = queue.lines.len();
        if queue.closed {
            drop(queue);
            self.shared.losses.lost.inc();
            return Pushed::Closed;
        }
        if before + line.len() > self.shared.capacity {
            drop(queue);
            self.shared.lose(1, QUEUE_FULL);
            return Pushed::Full;
        }
        queue.lines.extend_from_slice(line);
        let completes_batch = before < BATCH && queue.lines.len() >= BATCH;
        drop(queue);
        if before == 0 || completes_batch {
            self.shared.changed.notify_all();
        }
        Pushed::Queued
    }

    /// Bytes that wait for the writer.
    pub(crate) fn queued(&self) -> usize {
        self.shared.lock().lines.len()
    }

    /// The most that may wait for the writer, in bytes.
    pub(crate) fn capacity(&self) -> usize {
        self.shared.capacity
    }

    /// Reports what has been lost, unless the last report was made a short time ago. The writer does so before
    /// each batch; while it stalls, somebody else has to.
    pub(crate) fn report_losses(&self) {
        self.shared.report_if_due();
    }

    /// Accepts no more lines, and waits until all are written or the time is up. Returns whether all are.
    pub(crate) fn close(&self, wait: Duration) -> bool {
        let mut queue = self.shared.lock();
        queue.closed = true;
        self.shared.changed.notify_all();
        let (mut queue, _) = self
            .shared
            .changed
            .wait_timeout_while(queue, wait, |queue| !queue.written)
            .unwrap_or_else(PoisonError::into_inner);
        let written = queue.written;
        // Whether the batch that the writer holds gets through is unknown; what it has not taken is lost.
        let left = count_lines(&std::mem::take(&mut queue.lines));
        drop(queue);
        self.shared.lose(left, "the program ended before they were read");
        self.shared.report();
        written
    }
}

impl SinkQueue {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut write: impl FnMut(&[u8]) -> Result<(), WriteFailure>) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            // The queue has just been emptied: there is room for a report even if this is the log's own sink.
            self.report_if_due();
            // A panic loses this batch and not the log: without a writer every later line would be lost.
            match catch_unwind(AssertUnwindSafe(|| write(&batch))) {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => {
                    let lost = count_lines(batch.get(failure.written..).unwrap_or_default());
                    self.lose(lost, &failure.reason);
                }
                Err(_) => {
                    self.losses.panics.inc();
                    self.lose(count_lines(&batch), "the writer panicked");
                }
            }
            batch.clear();
            if batch.capacity() > MAX_KEPT_BUFFER {
                batch = Vec::new();
            }
        }
        self.lock().written = true;
        self.changed.notify_all();
    }

    /// Waits for lines and swaps them into `batch`. `false` when there will be no more.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let queue = self.lock();
        let queue = self
            .changed
            .wait_while(queue, |queue| queue.lines.is_empty() && !queue.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let (mut queue, _) = self
            .changed
            .wait_timeout_while(queue, COLLECTION_TIME, |queue| queue.lines.len() < BATCH && !queue.closed)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(batch, &mut queue.lines);
        !batch.is_empty() || !queue.closed
    }

    fn unreported(&self) -> MutexGuard<'_, Unreported> {
        self.unreported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lose(&self, lines: u64, why: &str) {
        if lines == 0 {
            return;
        }
        self.losses.lost.inc_by(lines);
        let mut unreported = self.unreported();
        match unreported.losses.iter_mut().find(|(_, reason)| reason == why) {
            Some((number, _)) => *number += lines,
            None => unreported.losses.push((lines, why.to_owned())),
        }
    }

    fn report_if_due(&self) {
        let unreported = self.unreported();
        let is_due = unreported.reported.is_none_or(|reported| reported.elapsed() >= REPORT_INTERVAL);
        drop(unreported);
        if is_due {
            self.report();
        }
    }

    /// No lock is held while the report is written: it may go into this very sink.
    fn report(&self) {
        let mut unreported = self.unreported();
        let losses = std::mem::take(&mut unreported.losses);
        if !losses.is_empty() {
            unreported.reported = Some(Instant::now());
        }
        drop(unreported);
        for (lines, why) in losses {
            (self.losses.report)(lines, &why);
        }
    }
}

/// How many lines these bytes end. A line that was written in part is one that was lost.
fn count_lines(bytes: &[u8]) -> u64 {
    bytes.split(|&byte| byte == b'\n').count().saturating_sub(1) as u64
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File, OpenOptions};
    use std::io::{BufRead as _, BufReader, PipeReader, Read as _};
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use std::sync::mpsc;

    use super::*;
    use crate::files::tests::scratch;

    const PATIENCE: Duration = Duration::from_secs(10);

    const LARGE: usize = 4 << 20;

    struct Case {
        sink: Sink,
        lost: Counter,
        panics: Counter,
    }

    impl Case {
        fn start(
            capacity: usize,
            write: impl FnMut(&[u8]) -> Result<(), WriteFailure> + Send + 'static,
        ) -> Self {
            Case::reporting(capacity, |_, _| {}, write)
        }

        fn reporting(
            capacity: usize,
            report: fn(u64, &str),
            write: impl FnMut(&[u8]) -> Result<(), WriteFailure> + Send + 'static,
        ) -> Self {
            let (lost, panics) = (Counter::default(), Counter::default());
            let losses = Losses { lost: lost.clone(), panics: panics.clone(), report };
            Case { sink: Sink::start("test", capacity, losses, write).unwrap(), lost, panics }
        }

        fn to(capacity: usize, mut output: Output) -> Self {
            Case::start(capacity, move |lines| output.write(lines))
        }

        fn push(&self, line: &[u8]) {
            let _ = self.sink.push(line);
        }
    }

    fn pipe() -> (PipeReader, Output) {
        let (reader, writer) = io::pipe().unwrap();
        (reader, Output::to(File::from(OwnedFd::from(writer))))
    }

    #[test]
    fn close_writes_every_line_in_order() {
        let folder = scratch("sink-order");
        let path = folder.join("log");
        let case = Case::to(LARGE, Output::append(&path).unwrap());
        for number in 0..1000 {
            case.push(format!("{{\"n\":{number}}}\n").as_bytes());
        }
        assert!(case.sink.close(PATIENCE));
        let text = fs::read_to_string(path).unwrap();
        assert!((0..1000).map(|number| format!("{{\"n\":{number}}}")).eq(text.lines()));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn rotated_file_is_reopened_each_time() {
        let folder = scratch("sink-rotate");
        let path = folder.join("log");
        let case = Case::to(LARGE, Output::append(&path).unwrap());
        let write = |line: &str| {
            case.push(line.as_bytes());
            let begun = Instant::now();
            while !fs::read_to_string(&path).is_ok_and(|text| text.ends_with(line)) {
                assert!(begun.elapsed() < PATIENCE, "{line:?} did not come");
                thread::sleep(Duration::from_millis(2));
            }
        };
        write("one\n");
        fs::rename(&path, folder.join("log.1")).unwrap();
        write("two\n");
        fs::rename(&path, folder.join("log.2")).unwrap();
        write("three\n");
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(
            (read("log.1"), read("log.2"), read("log")),
            ("one\n".to_owned(), "two\n".to_owned(), "three\n".to_owned())
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn stalled_reader_delays_no_push() {
        let (reader, output) = pipe();
        let case = Case::to(100_000, output);
        let line = format!("{}\n", "x".repeat(999));
        let begun = Instant::now();
        for _ in 0..1000 {
            case.push(line.as_bytes());
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "pushing waited for the reader");
        assert!(case.lost.get() > 0);
        assert!(case.sink.queued() <= case.sink.capacity());

        // The reader comes back: every line that was not counted as lost is there, and whole.
        let mut reader = BufReader::new(reader);
        let mut received = 0;
        let lost = case.lost.clone();
        let closed = thread::spawn(move || case.sink.close(PATIENCE));
        let mut text = String::new();
        while reader.read_line(&mut text).unwrap() > 0 {
            assert_eq!(text, line);
            text.clear();
            received += 1;
            if received + lost.get() == 1000 {
                break;
            }
        }
        assert!(closed.join().unwrap());
        assert_eq!(received + lost.get(), 1000);
    }

    #[test]
    fn failed_writes_are_counted() {
        let (reader, closed) = pipe();
        drop(reader);
        let full = Output::to(OpenOptions::new().write(true).open(Path::new("/dev/full")).unwrap());
        for output in [closed, full] {
            let case = Case::to(LARGE, output);
            case.push(b"a\n");
            case.push(b"b\n");
            assert!(case.sink.close(PATIENCE));
            assert_eq!(case.lost.get(), 2);
        }
    }

    #[test]
    fn panic_loses_only_its_batch() {
        let (writer, written) = mpsc::channel();
        let case = Case::start(LARGE, move |lines| {
            writer.send(lines.to_vec()).unwrap();
            if lines == b"bad\n" { panic!("as the test wants") } else { Ok(()) }
        });
        for line in ["bad\n", "good\n"] {
            case.push(line.as_bytes());
            assert_eq!(written.recv_timeout(PATIENCE).unwrap(), line.as_bytes());
        }
        assert!(case.sink.close(PATIENCE));
        assert_eq!(case.sink.push(b"late\n"), Pushed::Closed);
        assert_eq!((case.lost.get(), case.panics.get()), (2, 1));
    }

    #[test]
    fn close_gives_up_on_a_stalled_reader() {
        let (mut reader, output) = pipe();
        let case = Case::to(LARGE, output);
        case.push(format!("{}\n", "x".repeat(1 << 20)).as_bytes());
        let begun = Instant::now();
        while case.sink.queued() > 0 {
            assert!(begun.elapsed() < PATIENCE, "the writer does not take the line");
            thread::sleep(Duration::from_millis(2));
        }
        case.push(b"never taken\n");
        assert!(!case.sink.close(Duration::from_millis(50)));
        assert_eq!(case.lost.get(), 1);
        let mut some = [0; 1];
        reader.read_exact(&mut some).unwrap();
    }

    /// One test only, since a `fn` has nothing of its own to keep reports in.
    static REPORTS: Mutex<Vec<(u64, String)>> = Mutex::new(Vec::new());

    #[test]
    fn losses_are_reported_soon_then_together() {
        fn report(lines: u64, why: &str) {
            REPORTS.lock().unwrap().push((lines, why.to_owned()));
        }
        let reports = || REPORTS.lock().unwrap().clone();
        let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut output = Output::to(full());
        let case = Case::reporting(10, report, move |lines| output.write(lines));
        case.push(b"too long for the queue\n");
        assert_eq!(reports(), [], "nobody waits for the report");
        case.sink.report_losses();
        assert_eq!(reports(), [(1, QUEUE_FULL.to_owned())]);
        case.push(b"too long for the queue\n");
        case.push(b"one\n");
        let begun = Instant::now();
        while case.lost.get() < 3 {
            assert!(begun.elapsed() < PATIENCE, "the write does not fail");
            thread::sleep(Duration::from_millis(2));
        }
        case.sink.report_losses();
        assert_eq!(reports().len(), 1, "the log is not flooded");
        assert!(case.sink.close(PATIENCE));
        let reports = reports();
        assert_eq!(reports[1], (1, QUEUE_FULL.to_owned()));
        assert!(reports[2].0 == 1 && reports[2].1.contains("No space left"), "{reports:?}");
        assert_eq!(reports.iter().map(|(lines, _)| lines).sum::<u64>(), case.lost.get());
    }
}
