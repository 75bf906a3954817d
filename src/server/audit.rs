//! The audit log: one record a line, through a bounded queue to one writer.
//!
//! Admission only ever copies a record into memory. Whatever the disk, the pipe or its reader does, it stalls the
//! writer's thread alone; then the queue fills, and what does not fit is lost and counted.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

use super::audit_file::{Failure, Output};
use super::audit_losses::{self, Losses};

/// What waits for the writer at most: some thousand records.
const QUEUE: usize = 4 << 20;

/// Records are collected for this long and written together, so that a busy server wakes its writer two hundred
/// times a second and not at every request.
const COLLECT: Duration = Duration::from_millis(5);

/// Why a record that comes after the end is lost.
const ENDED: &str = "they came after the audit log was closed: their reviews were cut off";

/// So much is written at once, however short a time it was collected.
const ENOUGH: usize = 128 << 10;

/// A buffer that grew larger than this is given back. One that holds [`ENOUGH`] does not, so that it has to grow once only.
const KEEP: usize = 2 * ENOUGH;

/// Where audit records go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditTarget {
    /// Standard output.
    Stdout,
    /// A file: appended to, and opened anew when it was rotated away.
    File(PathBuf),
}

/// The way into the audit log.
pub(crate) struct Audit {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    losses: Arc<Losses>,
    panics: Counter,
    capacity: usize,
}

#[derive(Default)]
struct Queue {
    /// Whole lines.
    lines: Vec<u8>,
    closed: bool,
    /// The writer has written all there was and is gone.
    written: bool,
}

impl Audit {
    /// Starts the writer.
    pub(crate) fn start(mut output: Output, lost: Counter, panics: Counter) -> std::io::Result<Self> {
        Audit::with_capacity(move |lines| output.write(lines), lost, panics, QUEUE)
    }

    fn with_capacity(
        write: impl FnMut(&[u8]) -> Result<(), Failure> + Send + 'static,
        lost: Counter,
        panics: Counter,
        capacity: usize,
    ) -> std::io::Result<Self> {
        let losses = Losses::start(lost, audit_losses::log)?;
        let (queue, changed) = (Mutex::default(), Condvar::new());
        let shared = Arc::new(Shared { queue, changed, losses, panics, capacity });
        let writer = Arc::clone(&shared);
        thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run(write))?;
        Ok(Audit { shared })
    }

    /// Takes a record, which is one line with its end. Never waits for the writer.
    pub(crate) fn record(&self, line: &[u8]) {
        let mut queue = self.shared.lock();
        let refused = if queue.closed {
            Some(ENDED)
        } else if queue.lines.len() + line.len() > self.shared.capacity {
            Some("they are not taken as fast as they are made")
        } else {
            None
        };
        if let Some(why) = refused {
            drop(queue);
            self.shared.losses.lose(1, why);
            return;
        }
        let before = queue.lines.len();
        queue.lines.extend_from_slice(line);
        let is_enough = before < ENOUGH && queue.lines.len() >= ENOUGH;
        drop(queue);
        if before == 0 || is_enough {
            self.shared.changed.notify_all();
        }
    }

    /// Takes no more records, and waits until all are written or the time is up. Says whether all are.
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
        // What the writer holds by now is unknown; what it has not even taken is not.
        let left = lines(&std::mem::take(&mut queue.lines));
        drop(queue);
        self.shared.losses.lose(left, "the program ended before their reader took them");
        self.shared.losses.close();
        written
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, mut write: impl FnMut(&[u8]) -> Result<(), Failure>) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            // A panic costs this batch and not the log: nobody would notice that there is no writer any more.
            match catch_unwind(AssertUnwindSafe(|| write(&batch))) {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => {
                    let lost = lines(batch.get(failure.written..).unwrap_or_default());
                    self.losses.lose(lost, &failure.reason);
                }
                Err(_) => {
                    self.panics.inc();
                    self.losses.lose(lines(&batch), "their writer failed; the log says where");
                }
            }
            batch.clear();
            if batch.capacity() > KEEP {
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
            .wait_timeout_while(queue, COLLECT, |queue| queue.lines.len() < ENOUGH && !queue.closed)
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(batch, &mut queue.lines);
        !batch.is_empty() || !queue.closed
    }
}

/// How many records these bytes end. A record that was written in part is one that was lost.
fn lines(bytes: &[u8]) -> u64 {
    bytes.split(|&byte| byte == b'\n').count().saturating_sub(1) as u64
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::time::Instant;

    use super::super::files::tests::scratch;
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    fn to_file(path: &std::path::Path) -> Output {
        Output::open(&AuditTarget::File(path.to_owned())).unwrap()
    }

    #[test]
    fn all_is_written_in_order_before_it_closes() {
        let folder = scratch("audit-order");
        let path = folder.join("audit.log");
        let audit = Audit::start(to_file(&path), Counter::default(), Counter::default()).unwrap();
        for number in 0..1000 {
            audit.record(format!("{{\"n\":{number}}}\n").as_bytes());
        }
        assert!(audit.close(PATIENCE));
        let text = fs::read_to_string(path).unwrap();
        assert!((0..1000).map(|number| format!("{{\"n\":{number}}}")).eq(text.lines()));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_rotated_file_is_opened_anew_twice_in_a_row() {
        let folder = scratch("audit-rotate");
        let path = folder.join("audit.log");
        let audit = Audit::start(to_file(&path), Counter::default(), Counter::default()).unwrap();
        let write = |line: &str| {
            audit.record(line.as_bytes());
            let begun = Instant::now();
            while !fs::read_to_string(&path).is_ok_and(|text| text.ends_with(line)) {
                assert!(begun.elapsed() < PATIENCE, "{line:?} did not come");
                thread::sleep(Duration::from_millis(2));
            }
        };
        write("one\n");
        fs::rename(&path, folder.join("audit.log.1")).unwrap();
        write("two\n");
        fs::rename(&path, folder.join("audit.log.2")).unwrap();
        write("three\n");
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(
            (read("audit.log.1"), read("audit.log.2"), read("audit.log")),
            ("one\n".to_owned(), "two\n".to_owned(), "three\n".to_owned())
        );
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_stalled_reader_stalls_nobody_and_what_is_lost_is_counted() {
        let (reader, writer) = std::io::pipe().unwrap();
        let lost = Counter::default();
        let mut output = Output::to(File::from(std::os::fd::OwnedFd::from(writer)));
        let audit =
            Audit::with_capacity(move |lines| output.write(lines), lost.clone(), Counter::default(), 100_000)
                .unwrap();
        let line = format!("{}\n", "x".repeat(999));
        let begun = Instant::now();
        for _ in 0..1000 {
            audit.record(line.as_bytes());
        }
        assert!(begun.elapsed() < Duration::from_secs(2), "recording waited for the reader");
        assert!(lost.get() > 0);

        // The reader comes back: everything not counted as lost is there, and whole.
        let mut reader = BufReader::new(reader);
        let mut came = 0;
        let closed = thread::spawn(move || audit.close(PATIENCE));
        let mut text = String::new();
        while reader.read_line(&mut text).unwrap() > 0 {
            assert_eq!(text, line);
            text.clear();
            came += 1;
            if came + lost.get() == 1000 {
                break;
            }
        }
        assert!(closed.join().unwrap());
        assert_eq!(came + lost.get(), 1000);
    }

    #[test]
    fn a_closed_pipe_and_a_full_disk_are_losses_and_no_more() {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        for file in [File::from(std::os::fd::OwnedFd::from(writer)), full] {
            let lost = Counter::default();
            let audit = Audit::start(Output::to(file), lost.clone(), Counter::default()).unwrap();
            audit.record(b"a\n");
            audit.record(b"b\n");
            assert!(audit.close(PATIENCE));
            assert_eq!(lost.get(), 2);
        }
    }

    #[test]
    fn a_panic_costs_what_was_being_written_and_no_more() {
        let (lost, panics) = (Counter::default(), Counter::default());
        let (writer, written) = std::sync::mpsc::channel();
        let write = move |lines: &[u8]| {
            writer.send(lines.to_vec()).unwrap();
            if lines == b"bad\n" { panic!("as the test wants") } else { Ok(()) }
        };
        let audit = Audit::with_capacity(write, lost.clone(), panics.clone(), QUEUE).unwrap();
        for line in ["bad\n", "good\n"] {
            audit.record(line.as_bytes());
            assert_eq!(written.recv_timeout(PATIENCE).unwrap(), line.as_bytes());
        }
        assert!(audit.close(PATIENCE));
        audit.record(b"late\n");
        assert_eq!((lost.get(), panics.get()), (2, 1));
    }

    #[test]
    fn closing_does_not_wait_for_a_reader_that_never_comes() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let lost = Counter::default();
        let audit = Audit::start(
            Output::to(File::from(std::os::fd::OwnedFd::from(writer))),
            lost.clone(),
            Counter::default(),
        )
        .unwrap();
        audit.record(format!("{}\n", "x".repeat(1 << 20)).as_bytes());
        thread::sleep(COLLECT * 10);
        audit.record(b"never taken\n");
        assert!(!audit.close(Duration::from_millis(50)));
        assert_eq!(lost.get(), 1);
        let mut some = [0; 1];
        reader.read_exact(&mut some).unwrap();
    }
}
