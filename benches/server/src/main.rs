//! What the server costs: `cargo bench --bench server`, described in `docs/benchmarks.md`.
//!
//! Everything is measured in rounds of a second that alternate between regcred, a webhook on the same stack that admits
//! everything, and the same job in Go. A ratio is the median of the rounds' ratios, so that what else runs on the machine
//! meets both sides of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a benchmark that meets what it did not expect has to fail, and its results go to standard output"
)]
#![allow(missing_docs, unreachable_pub, reason = "read here, not in generated documentation")]

mod body;
#[path = "../../../tests/program/support/certificate.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod certificate;
mod compare;
mod load;
mod process;
mod programs;
mod resources;
mod statistics;

use process::Processors;
use programs::Programs;

const USAGE: &str = "cargo bench --bench server -- [--rounds N] [PART…]

PART  compare, pace, handshake, start or memory; all without one
N     rounds of a second for each kind of request and server, 15 if not given";

/// Measures something in so many rounds, and prints it.
type Part = fn(&Programs, usize);

/// The parts, in their order.
const PARTS: [(&str, Part); 5] = [
    ("compare", compare::throughput),
    ("pace", compare::pace),
    ("handshake", compare::handshakes),
    ("start", resources::start),
    ("memory", resources::memory),
];

fn main() {
    let mut rounds = 15;
    let mut wanted = Vec::new();
    // cargo itself says `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        if argument == "--rounds" {
            rounds = arguments.next().and_then(|number| number.parse().ok()).expect(USAGE);
        } else {
            assert!(PARTS.iter().any(|(name, _)| *name == argument), "{USAGE}");
            wanted.push(argument);
        }
    }
    let processors = Processors::choose();
    let programs = Programs::build(processors);
    processors.as_load();
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            part(&programs, rounds);
        }
    }
}
