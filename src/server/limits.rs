//! The limits of one server.

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
    /// Requests that are being read or judged.
    pub in_flight: usize,
    /// Bytes of one request's body: an UPDATE carries two objects of up to 1 MiB of data, base64 twice over.
    pub body: usize,
    /// Bytes reserved for all bodies and answers at once, so memory has a bound whatever is sent.
    pub bodies: usize,
    /// A body above this size is judged on a thread for blocking work. A hostile document of twice this size takes up to
    /// 6.5 ms (docs/benchmarks.md), in which the other connections of an asynchronous thread wait.
    pub inline_body: usize,
    /// A TLS handshake.
    pub handshake: Duration,
    /// Reading a request's header, and being idle before it. The API server closes its idle connections after 90 s. The
    /// side that closes first risks a request that is already on its way, so it must not be this server.
    pub header: Duration,
    /// When the server stops, a connection that is younger than this may still send its first request: the API server opens
    /// a connection because it has a request to send.
    pub fresh: Duration,
    /// Waiting for room and reading a body, unless the caller's own deadline (`?timeout=`) is shorter.
    pub body_read: Duration,
    /// A write that makes no progress. A client that does not read must not hold an answer forever.
    pub write: Duration,
    /// Finishing requests when the server stops.
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

/// Descriptors for everything but admission connections: the operations port, files, connections that are closing.
const OTHER_DESCRIPTORS: usize = 256;

impl Limits {
    /// Lowers the number of connections to what this process may have descriptors for. If they took the last one, the
    /// operations port could accept nothing either, and a busy server would look like a dead one.
    #[must_use]
    pub fn within_descriptors(mut self) -> Self {
        let allowed = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        if let Some(allowed) = allowed.and_then(|allowed| usize::try_from(allowed).ok()) {
            self.connections = self.connections.min(allowed.saturating_sub(OTHER_DESCRIPTORS)).max(1);
        }
        self
    }
}
