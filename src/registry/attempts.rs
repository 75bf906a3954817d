//! Requests with credentials: how many were sent, and how many failed.

use super::site::Site;

/// The requests of a run that carried credentials. Requests with a token that a token server issued are not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// All that were sent.
    pub made: u32,
    /// Those that were answered with 401, 403 or a lock-out.
    pub failed: u32,
}

/// On which registry's account a request with credentials is made. The token server is another host, but the failed login
/// counts for the registry.
pub(super) struct Spending<'s> {
    pub(super) registry: &'s Site,
}
