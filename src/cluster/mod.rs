//! Everything that talks to a Kubernetes API.
//!
//! Nothing here judges a Secret, and `serve` with certificate files uses nothing of it.

pub mod client;
