//! Tests of the whole program: the real binary, over real TLS.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that meets what it did not expect has to fail, and a panic is how tests do that"
)]
#![allow(
    clippy::missing_panics_doc,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    missing_docs,
    unreachable_pub,
    reason = "helpers fail by panicking, and are read here, not in generated documentation"
)]

mod abuse;
mod answers;
mod audit;
mod bad_input;
mod canary;
mod cases;
mod check;
mod client_ca;
mod cluster;
mod create;
mod drain;
mod explain;
mod golden;
mod https;
mod log;
mod metrics;
#[cfg(target_os = "linux")]
mod node;
mod reload;
mod resilience;
mod rules;
mod shell;
mod support;
mod verify;
