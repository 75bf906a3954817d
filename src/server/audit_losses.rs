//! Audit records that were lost: counted at once, said in the log by a thread of its own.
//!
//! The writer cannot say it, since records are lost just when it is stalled, and no request should wait for the log.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;

/// Losses are said at most once in this time, and at the end.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What lost records are said with: how many, and why.
pub(crate) type Say = fn(u64, &str);

/// The losses of one audit log.
pub(crate) struct Losses {
    lost: Counter,
    unsaid: Mutex<Unsaid>,
    changed: Condvar,
    say: Say,
}

#[derive(Default)]
struct Unsaid {
    /// How many records were lost for which reason. There are only a few reasons.
    losses: Vec<(u64, String)>,
    /// There is nobody left to wait for more.
    closed: bool,
}

impl Losses {
    /// Starts the thread.
    pub(crate) fn start(lost: Counter, say: Say) -> std::io::Result<Arc<Self>> {
        let losses = Arc::new(Losses { lost, unsaid: Mutex::default(), changed: Condvar::new(), say });
        let thread = Arc::clone(&losses);
        thread::Builder::new().name("audit-losses".to_owned()).spawn(move || thread.run())?;
        Ok(losses)
    }

    /// Counts lost records.
    pub(crate) fn lose(&self, records: u64, why: &str) {
        if records == 0 {
            return;
        }
        self.lost.inc_by(records);
        let mut unsaid = self.lock();
        match unsaid.losses.iter_mut().find(|(_, reason)| reason == why) {
            Some((number, _)) => *number += records,
            None => unsaid.losses.push((records, why.to_owned())),
        }
        if unsaid.closed {
            self.say(unsaid);
        } else {
            drop(unsaid);
            self.changed.notify_all();
        }
    }

    /// Says what has not been said, and from now on each loss at once.
    pub(crate) fn close(&self) {
        let mut unsaid = self.lock();
        unsaid.closed = true;
        self.changed.notify_all();
        self.say(unsaid);
    }

    fn lock(&self) -> MutexGuard<'_, Unsaid> {
        self.unsaid.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lock is given back before anything is said.
    fn say(&self, mut unsaid: MutexGuard<'_, Unsaid>) {
        let losses = std::mem::take(&mut unsaid.losses);
        drop(unsaid);
        for (records, why) in losses {
            (self.say)(records, &why);
        }
    }

    fn run(&self) {
        loop {
            let nothing = |unsaid: &mut Unsaid| unsaid.losses.is_empty() && !unsaid.closed;
            let unsaid =
                self.changed.wait_while(self.lock(), nothing).unwrap_or_else(PoisonError::into_inner);
            let closed = unsaid.closed;
            self.say(unsaid);
            if closed {
                return;
            }
            let open = |unsaid: &mut Unsaid| !unsaid.closed;
            drop(
                self.changed
                    .wait_timeout_while(self.lock(), SAY_EVERY, open)
                    .unwrap_or_else(PoisonError::into_inner),
            );
        }
    }
}

/// Says it in the program's log.
pub(crate) fn log(records: u64, why: &str) {
    tracing::error!(records, "audit records are lost: {why}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What was said, in the order in which it was. One test only, since a `fn` has nothing of its own to keep it in.
    static SAID: Mutex<Vec<(u64, String)>> = Mutex::new(Vec::new());

    fn say(records: u64, why: &str) {
        SAID.lock().unwrap().push((records, why.to_owned()));
    }

    #[test]
    fn what_is_lost_is_said_soon_then_together_and_all_of_it_at_the_end() {
        let said = || SAID.lock().unwrap().clone();
        let lost = Counter::default();
        let losses = Losses::start(lost.clone(), say).unwrap();
        losses.lose(1, "a");
        while said().is_empty() {
            thread::sleep(Duration::from_millis(2));
        }
        for _ in 0..4 {
            losses.lose(2, "a");
        }
        losses.lose(3, "b");
        assert_eq!(said(), [(1, "a".to_owned())], "the log is not flooded");
        losses.close();
        losses.lose(1, "late");
        let said = said();
        let wanted = [(1, "a"), (8, "a"), (3, "b"), (1, "late")].map(|(n, why)| (n, why.to_owned()));
        assert_eq!(said, wanted);
        assert_eq!(said.iter().map(|(records, _)| records).sum::<u64>(), lost.get());
    }
}
