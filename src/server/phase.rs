//! The phases of a server's life.

/// Where in its life a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// At work.
    Serving,
    /// Not ready any more but still accepting; every answer asks the client to close. Keep-alive connections outlive
    /// the endpoint's removal, and no request fails only if the client closes first.
    Draining,
    /// Not accepting; requests in flight are finished.
    Stopping,
}
