//! regcred, a Kubernetes admission webhook that corrects and refuses image pull Secrets.
//!
//! The program is this library and a `main` of a few lines, so that tests can own a server. Dependencies point one
//! way: [`cli`] → [`server`], [`cluster`], [`registry`], [`explain`], [`manifest`] or [`create`] → [`admission`] or [`report`] → the engine. The
//! judgement is the engine's alone. [`server`] is transport and knows nothing about Secrets. [`cluster`] talks to a Kubernetes API,
//! [`registry`] checks credentials at registries, [`explain`] turns the objects of a failed pull into facts for the engine, [`manifest`]
//! reads and edits files, and [`create`] generates Secrets.
//!
//! For WebAssembly (the page in the browser, `playground/`), only [`manifest`], [`explain`] and [`report`] are compiled: the rest needs an
//! operating system.
#![cfg_attr(
    target_family = "wasm",
    allow(dead_code, reason = "the page calls a part of what the command line calls")
)]

/// The version and the revision that it was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("REGCRED_REVISION"), ")");

#[cfg(not(target_family = "wasm"))]
pub mod admission;
mod base64_engines;
#[cfg(not(target_family = "wasm"))]
pub mod cli;
#[cfg(not(target_family = "wasm"))]
pub mod cluster;
#[cfg(not(target_family = "wasm"))]
pub mod create;
pub mod explain;
#[cfg(not(target_family = "wasm"))]
mod files;
mod guarded;
pub mod manifest;
#[cfg(not(target_family = "wasm"))]
mod pki;
#[cfg(not(target_family = "wasm"))]
pub mod policy_file;
mod raw_json;
#[cfg(not(target_family = "wasm"))]
pub mod registry;
pub mod report;
#[cfg(not(target_family = "wasm"))]
pub mod server;
#[cfg(not(target_family = "wasm"))]
mod sink;
#[cfg(not(target_family = "wasm"))]
mod wiped;
mod yaml_words;
