//! Everything that talks to a Kubernetes API.
//!
//! `serve` with certificate files uses nothing of it.

pub mod client;
pub mod scan;
pub mod self_managed;
pub(crate) mod words;
