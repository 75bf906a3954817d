//! What one server takes on, and what is counted against it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::metrics::Usage;

/// The caps and deadlines of a server. They are constants of the program, not settings: each has a reason that does
/// not depend on the cluster. Tests set their own.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open HTTPS connections. An API server keeps at most 25 idle ones and has at most some hundred writes in
    /// flight. Together with files and pipes this stays below 1,024 descriptors, a common soft limit.
    pub connections: usize,
    /// Open connections of the operations port: kubelet and Prometheus need a handful.
    pub ops_connections: usize,
    /// Requests being read or judged.
    pub in_flight: usize,
    /// One request's body: an UPDATE carries two objects of up to 1 MiB of data, base64 twice over.
    pub body: usize,
    /// All bodies and answers held at a time, so that memory has a bound whatever is sent.
    pub bodies: usize,
    /// A body above this size is judged on a thread of its own. A hostile document of this size takes a
    /// millisecond, in which the other connections of an asynchronous thread wait.
    pub inline_body: usize,
    /// A TLS handshake.
    pub handshake: Duration,
    /// Reading a request's header, and being idle before it. The API server drops its idle connections after 90 s:
    /// whoever closes first risks a request that is already on its way, so it must not be this server.
    pub header: Duration,
    /// Being idle after the handshake, before it counts as being idle when the server stops. The API server makes a
    /// connection because it has a request to send.
    pub fresh: Duration,
    /// Reading a body, unless the caller's own deadline (`?timeout=`) is shorter.
    pub body_read: Duration,
    /// Writing without any of it being taken. Who asks and does not read must not hold an answer for ever.
    pub write: Duration,
    /// Finishing what runs when the server stops.
    pub finish: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 768,
            ops_connections: 64,
            in_flight: 512,
            body: 8 << 20,
            bodies: 64 << 20,
            inline_body: 32 << 10,
            handshake: Duration::from_secs(5),
            header: Duration::from_secs(120),
            fresh: Duration::from_secs(1),
            body_read: Duration::from_secs(10),
            write: Duration::from_secs(10),
            finish: Duration::from_secs(20),
        }
    }
}

/// Descriptors that are no admission connections: the operations port's, files, what is just closing.
const OTHER_DESCRIPTORS: usize = 256;

impl Limits {
    /// No more connections than this process may have descriptors for. If they took the last one, the operations port
    /// could accept nothing either, and a busy server would look like a dead one.
    #[must_use]
    pub fn within_descriptors(mut self) -> Self {
        let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        if let Some(allowed) = allowed.and_then(|allowed| usize::try_from(allowed).ok()) {
            self.connections = self.connections.min(allowed.saturating_sub(OTHER_DESCRIPTORS)).max(1);
        }
        self
    }
}

/// An amount of something that runs out. What is taken comes back when its [`Share`] is dropped.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    /// Told when the last share comes back.
    unused: Notify,
    limit: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Budget { used: AtomicUsize::new(0), unused: Notify::new(), limit })
    }

    /// An empty share, to be grown.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), taken: 0 }
    }

    /// One of what the budget counts, or `None` if all are taken.
    pub(crate) fn one(self: &Arc<Self>) -> Option<Share> {
        let mut share = self.share();
        share.grow(1).then_some(share)
    }

    pub(crate) fn used(&self) -> usize {
        // Whoever sees that a share has come back also sees what was done while it was held.
        self.used.load(Ordering::Acquire)
    }

    /// Waits until nothing is taken.
    pub(crate) async fn unused(&self) {
        loop {
            let mut told = std::pin::pin!(self.unused.notified());
            // Listen first, look then: what comes back in between is not missed.
            told.as_mut().enable();
            if self.used() == 0 {
                return;
            }
            told.await;
        }
    }
}

impl Usage for Budget {
    fn used(&self) -> usize {
        Budget::used(self)
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

/// What someone has taken of a [`Budget`].
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    taken: usize,
}

impl Share {
    /// Takes more, or nothing and says `false`.
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let limit = self.budget.limit;
        let taken = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(more).filter(|&used| used <= limit)
        });
        if taken.is_ok() {
            self.taken += more;
        }
        taken.is_ok()
    }

    /// How much it is.
    pub(crate) fn taken(&self) -> usize {
        self.taken
    }

    /// Holds exactly this much from now on, over the limit if it has to be: for what is there already, and of which
    /// it was known only about how large it would be.
    pub(crate) fn settle(&mut self, amount: usize) {
        let budget = &self.budget.used;
        if amount > self.taken {
            budget.fetch_add(amount - self.taken, Ordering::Relaxed);
        } else {
            budget.fetch_sub(self.taken - amount, Ordering::Relaxed);
        }
        self.taken = amount;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let used = self.budget.used.fetch_sub(self.taken, Ordering::Release);
        if used == self.taken {
            self.budget.unused.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let budget = Budget::new(10);
        let mut share = budget.share();
        assert!(share.grow(7) && !share.grow(4) && share.grow(3));
        assert!(budget.one().is_none());
        assert_eq!(budget.used(), 10);
        share.settle(12);
        assert_eq!(budget.used(), 12);
        share.settle(8);
        assert!(share.grow(2) && !share.grow(1));
        drop(share);
        assert!(budget.one().is_some());
        assert_eq!(budget.used(), 0);
    }
}
