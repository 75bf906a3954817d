//! regcred, a Kubernetes admission webhook that corrects and refuses image pull Secrets.
//!
//! The program is this library and a `main` of a few lines, so that tests can own a server. Dependencies point one
//! way: [`cli`] → [`server`], [`cluster`], [`registry`], `explain`, [`manifest`] or [`create`] → [`admission`] or [`report`] → the engine. The
//! judgement is the engine's alone; [`server`] is transport and knows nothing about Secrets, [`cluster`] is what talks to a Kubernetes
//! API, [`registry`] what asks registries, `explain` what makes facts of the objects of a failed pull, [`manifest`] what reads and edits
//! files, [`create`] what makes Secrets.

/// The version and the revision that it was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("REGCRED_REVISION"), ")");

pub mod admission;
mod base64_engines;
pub mod cli;
pub mod cluster;
pub mod create;
mod explain;
mod files;
mod guarded;
pub mod manifest;
mod pki;
pub mod policy_file;
mod raw_json;
pub mod registry;
pub mod report;
pub mod server;
mod sink;
mod wiped;
mod yaml_words;
