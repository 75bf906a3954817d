//! regcred, a Kubernetes admission webhook that corrects and refuses image-pull Secrets.
//!
//! The program is this library and a `main` of a few lines, so that tests can own a server. Dependencies point one
//! way: [`cli`] → [`server`], [`cluster`], [`manifest`] or [`create`] → [`admission`] or [`report`] → the engine. The judgement
//! is the engine's alone; [`server`] is transport and knows nothing about Secrets, [`cluster`] is what talks to a Kubernetes
//! API, [`manifest`] what reads and edits files, [`create`] what makes Secrets.

pub mod admission;
pub mod cli;
pub mod cluster;
pub mod create;
mod go_base64;
mod guarded;
pub mod manifest;
pub mod report;
pub mod server;
mod wiped;
mod yaml_words;
