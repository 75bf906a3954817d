//! The open connections: how many there are, and which of them is given up when there are too many.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

use super::metrics::Usage;

/// Connections above the limit that may exist for the moment that a closed one takes to end.
const SLACK: usize = 64;

/// That moment, when it is long: on a machine that has no time for the tasks of those that are to end. Whoever is new
/// waits with the kernel meanwhile, which is better than being refused.
const MOMENT: Duration = Duration::from_secs(1);

/// What is silent for so many milliseconds is not just about to speak.
const SILENT: u64 = 1000;

/// Who has begun to speak is given so many milliseconds more than who says nothing, so that a crowd that comes and says
/// nothing makes room for others, however fast it comes. It must not be long: whoever is new has not spoken yet.
const SPOKEN: u64 = 100;

/// The open connections of one listener.
#[derive(Debug)]
pub(crate) struct Connections {
    limit: usize,
    started: Instant,
    /// Those that hold a place.
    held: Mutex<Held>,
    /// Those that exist: also what was told to close and has not ended yet.
    alive: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Held {
    next: u64,
    by_number: HashMap<u64, Arc<Connection>>,
}

/// One connection, as its own task and the accept loop see it.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// A request is being read or judged.
    busy: AtomicBool,
    /// Something of an answer has not been taken by the client's end yet.
    writing: AtomicBool,
    /// It has carried a request.
    used: AtomicBool,
    /// When something last happened, in milliseconds since the listener's start; [`SPOKEN`] later, if it came from the
    /// client.
    last: AtomicU64,
    /// It was answered without its body being read: see [`super::linger`].
    unread: AtomicBool,
    /// It ends without an answer that said so: see [`super::linger`].
    farewell: AtomicBool,
    /// It has its answer, and what still comes of its request is thrown away.
    lingering: AtomicBool,
    /// Its place is needed.
    close: Notify,
}

/// What became of a new connection.
pub(crate) enum Admission {
    /// There was a place.
    Free(Ticket),
    /// There is one, because a silent connection was told to close.
    InPlaceOfAnother(Ticket),
    /// Every connection is at work: this one is refused.
    Refused,
}

impl Connections {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Connections {
            limit,
            started: Instant::now(),
            held: Mutex::default(),
            alive: watch::Sender::new(0),
        })
    }

    /// Finds a place for a new connection. A connection that sends nothing is normal: the API server pools spares. It
    /// is only at the limit that one of them has to go.
    pub(crate) async fn admit(self: &Arc<Self>) -> Admission {
        // Those that were told to close need a moment in which their tasks run. An error means that it was too long.
        let bound = self.limit.saturating_add(SLACK);
        let mut alive = self.alive.subscribe();
        if timeout(MOMENT, alive.wait_for(|alive| *alive < bound)).await.is_err() {
            return Admission::Refused;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let full = held.by_number.len() >= self.limit;
        if full && !held.give_up_one(self.now(), u64::MAX) {
            return Admission::Refused;
        }
        let number = held.next;
        held.next += 1;
        let connection = Arc::new(Connection { last: AtomicU64::new(self.now()), ..Connection::default() });
        held.by_number.insert(number, Arc::clone(&connection));
        self.alive.send_modify(|alive| *alive += 1);
        let ticket = Ticket { number, connection, connections: Arc::clone(self) };
        if full { Admission::InPlaceOfAnother(ticket) } else { Admission::Free(ticket) }
    }

    /// Tells the connection that is missed least to close, if there is one that has been silent for some time.
    pub(crate) fn give_up_a_silent_one(&self) -> bool {
        let now = self.now();
        let before = now.saturating_sub(SILENT);
        self.held.lock().unwrap_or_else(PoisonError::into_inner).give_up_one(now, before)
    }

    /// Waits until there is none left.
    pub(crate) async fn ended(&self) {
        // An error would mean that the sender is gone; it lives in `self`.
        drop(self.alive.subscribe().wait_for(|alive| *alive == 0).await);
    }

    /// How many there are.
    pub(crate) fn alive(&self) -> usize {
        *self.alive.borrow()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Usage for Connections {
    fn used(&self) -> usize {
        self.alive()
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

impl Held {
    /// Gives up the connection whose end costs least: never one at work, nor one whose client may just be reading its
    /// last answer; one that has carried no request, or its last one, before one that may carry more; then the one that
    /// has been silent the longest, if it has been since `before`.
    fn give_up_one(&mut self, now: u64, before: u64) -> bool {
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        let last = |connection: &Connection| connection.last.load(Ordering::Relaxed);
        let chosen = self
            .by_number
            .iter()
            .filter(|(_, connection)| !connection.is_busy())
            .filter(|(_, connection)| last(connection) < before)
            .filter(|(_, connection)| !is(&connection.lingering) || last(connection) + SILENT <= now)
            .min_by_key(|(number, connection)| {
                (is(&connection.used) && !is(&connection.lingering), last(connection), **number)
            })
            .map(|(&number, _)| number);
        let connection = chosen.and_then(|number| self.by_number.remove(&number));
        connection.map(|connection| connection.close.notify_one()).is_some()
    }
}

/// A connection's place, held by its task and given back when it is dropped.
pub(crate) struct Ticket {
    number: u64,
    connection: Arc<Connection>,
    connections: Arc<Connections>,
}

impl Ticket {
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Something has come, and a request is to be expected.
    pub(crate) fn speaks(&self) {
        self.connection.last.store(self.connections.now() + SPOKEN, Ordering::Relaxed);
    }

    /// A request begins; it ends when there is an answer. [`Connection::set_writing`] takes over from there.
    pub(crate) fn at_work(self: &Arc<Self>) -> AtWork {
        self.connection.busy.store(true, Ordering::Relaxed);
        self.connection.used.store(true, Ordering::Relaxed);
        self.connection.unread.store(false, Ordering::Relaxed);
        self.connection.farewell.store(false, Ordering::Relaxed);
        AtWork(Arc::clone(self))
    }

    /// Waits until the place is needed by another.
    pub(crate) async fn told_to_close(&self) {
        self.connection.close.notified().await;
    }
}

impl Connection {
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) || self.writing.load(Ordering::Relaxed)
    }

    /// Whether it has carried a request.
    pub(crate) fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Notes that an answer is being written, or is written.
    pub(crate) fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::Relaxed);
    }

    /// Notes that an answer goes out before the request was read to its end.
    pub(crate) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    /// Notes that it is to end. One at work says so in its answer; an idle one has to say it by itself, unless a
    /// request still begins.
    pub(crate) fn take_leave(&self) {
        self.farewell.store(!self.is_busy(), Ordering::Relaxed);
    }

    pub(crate) fn owes_farewell(&self) -> bool {
        self.farewell.load(Ordering::Relaxed)
    }

    /// Notes that its last answer is out, and that it is kept only until the client has read that.
    pub(crate) fn linger(&self) {
        self.lingering.store(true, Ordering::Relaxed);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut held = self.connections.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.by_number.remove(&self.number);
        self.connections.alive.send_modify(|alive| *alive -= 1);
    }
}

/// A request on a connection.
pub(crate) struct AtWork(Arc<Ticket>);

impl AtWork {
    pub(crate) fn connection(&self) -> &Connection {
        self.0.connection()
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        let connection = &self.0.connection;
        connection.last.store(self.0.connections.now(), Ordering::Relaxed);
        connection.busy.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn admit(connections: &Arc<Connections>) -> Option<Arc<Ticket>> {
        match connections.admit().await {
            Admission::Free(ticket) | Admission::InPlaceOfAnother(ticket) => Some(Arc::new(ticket)),
            Admission::Refused => None,
        }
    }

    async fn closes(ticket: &Ticket) -> bool {
        tokio::time::timeout(Duration::from_millis(1), ticket.told_to_close()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_silent_go_first_and_those_at_work_never() {
        let connections = Connections::new(3);
        let [used, silent, busy] = [
            admit(&connections).await.unwrap(),
            admit(&connections).await.unwrap(),
            admit(&connections).await.unwrap(),
        ];
        drop(used.at_work());
        let work = busy.at_work();

        let newer = admit(&connections).await.unwrap();
        assert!(closes(&silent).await && !closes(&used).await && !closes(&busy).await);

        let work_of_newer = newer.at_work();
        let newest = admit(&connections).await.unwrap();
        assert!(closes(&used).await, "then what has been silent the longest");
        let work_of_newest = newest.at_work();
        assert!(admit(&connections).await.is_none(), "all are at work");

        drop((work, work_of_newer));
        newer.connection().linger();
        let next = admit(&connections).await.unwrap();
        assert!(closes(&busy).await, "it is idle by now");
        let work_of_next = next.at_work();
        tokio::time::sleep(Duration::from_millis(SILENT)).await;
        assert!(admit(&connections).await.is_some());
        assert!(closes(&newer).await, "nobody else is left");
        drop((work_of_newest, work_of_next));
        drop((used, silent, busy, newer, newest, next));
        tokio::time::timeout(Duration::from_secs(1), connections.ended()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn who_speaks_does_not_give_way_to_a_crowd_that_says_nothing() {
        let connections = Connections::new(2);
        let speaks = admit(&connections).await.unwrap();
        speaks.speaks();
        let mut crowd = Vec::new();
        for _ in 0..10 {
            crowd.push(admit(&connections).await.unwrap());
        }
        assert!(!closes(&speaks).await);
        for silent in &crowd[..9] {
            assert!(closes(silent).await);
        }
        tokio::time::sleep(Duration::from_millis(SPOKEN)).await;
        let _newest = [admit(&connections).await.unwrap(), admit(&connections).await.unwrap()];
        assert!(closes(&speaks).await, "it has had its time");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_slow_to_close_counts_too() {
        let connections = Connections::new(1);
        let mut tickets = Vec::new();
        for _ in 0..=SLACK {
            tickets.push(admit(&connections).await.unwrap());
        }
        assert_eq!(connections.alive(), SLACK + 1);
        assert!(admit(&connections).await.is_none());
        let waiting = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { admit(&connections).await }
        });
        tokio::time::sleep(MOMENT / 2).await;
        tickets.pop();
        assert!(waiting.await.unwrap().is_some(), "it is waited for");
    }
}
