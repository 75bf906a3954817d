//! Memory, and the time until the first answer.

use std::time::{Duration, Instant};

use crate::body::{Case, Expected, cases, large_rotation};
use crate::load::{Load, Pace, request};
use crate::process::Server;
use crate::programs::Programs;
use crate::statistics::median;

/// How many requests there are between two looks at the memory.
const REQUESTS: usize = 200_000;

/// From the start of the process to its first answer, a patch.
pub fn start(programs: &Programs, rounds: usize) {
    let cases = cases();
    let case = cases.iter().find(|case| case.expected == Expected::Patch).unwrap();
    let request = request(&case.body);
    let times = (0..rounds).map(|_| {
        let begun = Instant::now();
        let server = programs.regcred();
        let answer = server.target.connect().unwrap().ask(&request).unwrap();
        let time = begun.elapsed();
        case.check(&answer, case.expected);
        time.as_secs_f64() * 1000.0
    });
    let times: Vec<_> = times.collect();
    let longest = times.iter().copied().fold(0.0, f64::max);
    println!(
        "\nFrom start to first answer: median {:.1} ms, longest {longest:.1} ms of {rounds}",
        median(times)
    );
}

/// Memory at rest, after many requests and under large ones.
pub fn memory(programs: &Programs, _: usize) {
    let server = programs.regcred();
    std::thread::sleep(Duration::from_secs(1));
    println!("\nMemory of regcred, MiB\n\n| | now | at most until then |\n|---|---|---|");
    row("idle", &server);
    let cases: Vec<_> = cases().into_iter().filter(|case| case.body.len() < 64 << 10).collect();
    for times in 1..=4 {
        requests(programs, &server, &cases, REQUESTS);
        row(&format!("after {} requests of all kinds, 16 at a time", REQUESTS * times), &server);
    }

    let server = programs.regcred();
    let body = large_rotation();
    let mut load = Load::open(&server.target, 8, &body, |_| ());
    load.run(Pace::Closed, Duration::from_secs(10));
    row("after 10 s of 1 MiB updates, eight at a time", &server);
    drop(load);
    std::thread::sleep(Duration::from_secs(2));
    row("2 s later", &server);
}

fn row(what: &str, server: &Server) {
    println!("| {what} | {:.1} | {:.1} |", server.memory("VmRSS"), server.memory("VmHWM"));
}

/// Sends at least so many, of all kinds in turns.
fn requests(programs: &Programs, server: &Server, cases: &[Case], number: usize) {
    let mut loads: Vec<_> = cases
        .iter()
        .map(|case| Load::open(&server.target, 2, &case.body, |answer| case.check(answer, case.expected)))
        .collect();
    let mut sent = 0;
    while sent < number {
        for load in &mut loads {
            sent += load.run(Pace::Closed, Duration::from_millis(100)).latencies.len();
        }
        programs.empty_audit_log();
    }
}
