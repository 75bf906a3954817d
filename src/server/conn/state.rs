//! What one connection is doing, and how it will end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Activity {
    /// It has not carried a request yet.
    Fresh,
    /// A request is being read or judged.
    AtWork,
    /// The kernel has not taken all of an answer yet.
    Writing,
    /// Its last answer is out, and another request may follow.
    Idle,
    /// Its last answer is out, and it stays open only until the client has read it.
    Lingering,
}

/// What happens when the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Nothing: no answer can be lost.
    Close,
    /// The last answer went out before its request was read to the end: the rest is discarded for some time.
    Linger,
    /// The last bytes are a refusal, for a request that may be on its way; then, with `linger`, as for `Linger`.
    Farewell { linger: bool },
}

/// Why the server closes a connection that could stay open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// It stops.
    Shutdown,
    /// Another connection needs the place.
    Eviction,
}

/// The state of one connection, shared by its task and the accept loop.
#[derive(Debug)]
pub(super) struct ConnectionState {
    inner: Mutex<Inner>,
    eviction: Notify,
}

#[derive(Clone, Copy, Debug)]
struct Inner {
    activity: Activity,
    ending: Ending,
    /// When the connection last did something: it was accepted, it sent its first byte, or a request ended.
    active: Instant,
}

impl ConnectionState {
    pub(super) fn new() -> Self {
        let inner = Inner { activity: Activity::Fresh, ending: Ending::Close, active: Instant::now() };
        ConnectionState { inner: Mutex::new(inner), eviction: Notify::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn activity(&self) -> Activity {
        self.lock().activity
    }

    pub(super) fn ending(&self) -> Ending {
        self.lock().ending
    }

    pub(super) fn active(&self) -> Instant {
        self.lock().active
    }

    /// Whether it has carried a request.
    pub(super) fn is_used(&self) -> bool {
        self.activity() != Activity::Fresh
    }

    /// The client has sent something, which protects it from eviction as if it had been active at `until`.
    pub(super) fn set_active(&self, until: Instant) {
        self.lock().active = until;
    }

    /// A request begins.
    pub(super) fn begin_request(&self) {
        let mut inner = self.lock();
        inner.activity = Activity::AtWork;
        inner.ending = Ending::Close;
    }

    /// The request has its answer, which has to be written now. `read` says whether the request was read to its end.
    pub(super) fn end_request(&self, read: bool) {
        let mut inner = self.lock();
        inner.activity = Activity::Writing;
        inner.active = Instant::now();
        if !read {
            inner.ending = Ending::Linger;
        }
    }

    /// Something is being written. During a request it is the rest of the answer before it.
    pub(super) fn begin_write(&self) {
        let mut inner = self.lock();
        match inner.activity {
            Activity::Fresh | Activity::Idle => inner.activity = Activity::Writing,
            Activity::AtWork | Activity::Writing | Activity::Lingering => {}
        }
    }

    /// Everything is written.
    pub(super) fn end_write(&self) {
        let mut inner = self.lock();
        match inner.activity {
            Activity::Writing => inner.activity = Activity::Idle,
            Activity::Fresh | Activity::AtWork | Activity::Idle | Activity::Lingering => {}
        }
    }

    /// The server is about to close it. Without a request, a farewell tells the client; otherwise the answer does.
    ///
    /// An evicted connection that was never used does not linger: a flood of such connections would fill all places
    /// with ones that are being closed.
    pub(super) fn take_leave(&self, reason: Reason) {
        let mut inner = self.lock();
        match inner.activity {
            Activity::Fresh => inner.ending = Ending::Farewell { linger: reason == Reason::Shutdown },
            Activity::Idle => inner.ending = Ending::Farewell { linger: true },
            Activity::AtWork | Activity::Writing | Activity::Lingering => {}
        }
    }

    pub(super) fn begin_linger(&self) {
        self.lock().activity = Activity::Lingering;
    }

    /// Asks its task to close it, because its place is needed.
    pub(super) fn evict(&self) {
        self.eviction.notify_one();
    }

    /// Waits for [`ConnectionState::evict`].
    pub(super) async fn evicted(&self) {
        self.eviction.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_is_over_when_it_is_written() {
        let state = ConnectionState::new();
        assert_eq!(state.activity(), Activity::Fresh);
        state.begin_request();
        assert_eq!(state.activity(), Activity::AtWork);
        // The answer before it, of which something was left.
        state.begin_write();
        state.end_write();
        assert_eq!(state.activity(), Activity::AtWork);
        state.end_request(true);
        assert_eq!(state.activity(), Activity::Writing);
        state.begin_write();
        state.end_write();
        assert_eq!(state.activity(), Activity::Idle);
    }

    #[tokio::test]
    async fn only_an_idle_connection_takes_leave_by_farewell() {
        let state = ConnectionState::new();
        state.take_leave(Reason::Eviction);
        assert_eq!(state.ending(), Ending::Farewell { linger: false });
        state.begin_request();
        state.take_leave(Reason::Shutdown);
        assert_eq!(state.ending(), Ending::Close);
        state.end_request(false);
        state.take_leave(Reason::Shutdown);
        assert_eq!(state.ending(), Ending::Linger);
        state.end_write();
        state.take_leave(Reason::Eviction);
        assert_eq!(state.ending(), Ending::Farewell { linger: true });
        state.begin_request();
        assert_eq!(state.ending(), Ending::Close, "a request began in time");
    }
}
