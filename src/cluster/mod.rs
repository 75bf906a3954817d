//! Everything that calls a Kubernetes API. `serve` with certificate files does not use it.

mod api_server;
pub mod client;
pub mod doctor;
pub(crate) mod explain;
mod list;
pub mod pull_secrets;
pub mod scan;
pub mod self_managed;
pub(crate) mod words;
