//! Everything that calls a Kubernetes API. `serve` with certificate files does not use it.

pub mod client;
pub mod pull_secrets;
pub mod scan;
pub mod self_managed;
pub(crate) mod words;
