//! What one server takes on, and what is counted against it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

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
    /// All bodies held at a time, so that memory has a bound whatever is sent.
    pub bodies: usize,
    /// From this size on a body is judged on a thread of its own.
    pub inline_body: usize,
    /// A TLS handshake.
    pub handshake: Duration,
    /// Reading a request's header, and being idle before it. The API server drops its idle connections after 90 s:
    /// whoever closes first risks a request that is already on its way, so it must not be this server.
    pub header: Duration,
    /// Reading a body, unless the caller's own deadline (`?timeout=`) is shorter.
    pub body_read: Duration,
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
            inline_body: 256 << 10,
            handshake: Duration::from_secs(5),
            header: Duration::from_secs(120),
            body_read: Duration::from_secs(10),
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
    limit: usize,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Budget { used: AtomicUsize::new(0), limit })
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
        self.used.load(Ordering::Relaxed)
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
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.taken, Ordering::Relaxed);
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
        drop(share);
        assert!(budget.one().is_some());
        assert_eq!(budget.used(), 0);
    }
}
