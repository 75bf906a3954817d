//! Connections: how they are accepted, served and closed.
//!
//! [`mod@accept`] takes a connection and finds a place for it in [`places`]; [`mod@serve`] runs it, TLS and HTTP/1.1, with the
//! router of its port. [`state`] is what one connection is doing; eviction and shutdown decide by it. [`linger`] is the
//! stream below hyper, which closes a connection without losing what the client still has to read.
//!
//! hyper serves each connection directly. `axum::serve` gives no access to the header timeout, to the moment a place is
//! needed for another connection, or to the bytes that a closing connection writes last.

mod accept;
mod linger;
mod places;
mod serve;
mod state;

pub(crate) use accept::accept;
pub(crate) use places::Connections;
#[cfg(test)]
pub(crate) use places::{Place, Placement};
pub(crate) use serve::Endpoint;
