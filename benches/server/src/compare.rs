//! regcred beside the others.

use std::time::Duration;

use crate::body::{Case, Expected, cases};
use crate::load::{Load, Pace, request};
use crate::process::Server;
use crate::programs::Programs;
use crate::statistics::{median, micros, quantile};

const ROUND: Duration = Duration::from_secs(1);

/// Before anything counts.
const WARM_UP: Duration = Duration::from_millis(300);

/// The pace at which latency is compared: far below what any of them can do.
const PER_SECOND: u32 = 1000;

/// The servers that are compared, in this order.
const NAMES: [&str; 3] = ["empty", "regcred", "Go"];
const EMPTY: usize = 0;
const REGCRED: usize = 1;
const GO: usize = 2;

fn servers(programs: &Programs) -> [Server; 3] {
    [programs.empty(), programs.regcred(), programs.go()]
}

/// All rounds of one kind of request with one server.
#[derive(Default)]
struct Measured {
    /// By round: microseconds of processor time for each request.
    cpu: Vec<f64>,
    /// By round: requests a second.
    throughput: Vec<f64>,
    /// By round: the median in microseconds.
    half: Vec<f64>,
    /// By round: the part of a processor that was used.
    busy: Vec<f64>,
    latencies: Vec<Duration>,
}

impl Measured {
    fn add(&mut self, mut latencies: Vec<Duration>, time: Duration, cpu: Duration) {
        let requests = latencies.len() as f64;
        latencies.sort_unstable();
        self.cpu.push(micros(cpu) / requests);
        self.throughput.push(requests / time.as_secs_f64());
        self.half.push(quantile(&latencies, 500));
        self.busy.push(cpu.as_secs_f64() / time.as_secs_f64());
        self.latencies.append(&mut latencies);
    }

    fn latency(&self) -> String {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let [half, p99, p999] = [500, 990, 999].map(|at| quantile(&sorted, at));
        format!("{half:.0} / {p99:.0} / {p999:.0}")
    }
}

/// The median of the ratios of the rounds.
fn ratio(one: &[f64], other: &[f64]) -> f64 {
    median(one.iter().zip(other).map(|(one, other)| one / other))
}

/// Sends one kind of request to all servers in turns.
fn measure(
    programs: &Programs,
    servers: &[Server; 3],
    case: &Case,
    pace: Pace,
    rounds: usize,
) -> [Measured; 3] {
    let mut index = 0;
    let mut loads = servers.each_ref().map(|server| {
        let expected = if index == EMPTY { Expected::NoPatch } else { case.expected };
        index += 1;
        let connections = if let Pace::Open { .. } = pace { 8 } else { case.connections };
        let mut load =
            Load::open(&server.target, connections, &case.body, |answer| case.check(answer, expected));
        load.run(pace, WARM_UP);
        load
    });
    let mut measured: [Measured; 3] = Default::default();
    for round in 0..rounds {
        // Nobody is always the first.
        for turn in 0..servers.len() {
            let at = (round + turn) % servers.len();
            let before = servers[at].cpu();
            let ran = loads[at].run(pace, ROUND);
            let cpu = servers[at].cpu().since(&before);
            measured[at].add(ran.latencies, ran.time, cpu);
            programs.empty_audit_log();
        }
    }
    measured
}

/// As many requests as there can be.
pub fn throughput(programs: &Programs, rounds: usize) {
    let servers = servers(programs);
    let mut tables = [Vec::new(), Vec::new()];
    for case in cases() {
        let measured = measure(programs, &servers, &case, Pace::Closed, rounds);
        let [empty, regcred, go] = [EMPTY, REGCRED, GO].map(|at| median(measured[at].cpu.iter().copied()));
        let least = case.times_less_than_go.map_or(String::new(), |times| format!("{times:.0}"));
        tables[0].push(format!(
            "| {} | {} | {empty:.1} | {regcred:.1} | {:.2} | {} | {go:.1} | {:.1} | {least} |",
            case.name,
            size(case.body.len()),
            ratio(&measured[REGCRED].cpu, &measured[EMPTY].cpu),
            case.times_empty,
            ratio(&measured[GO].cpu, &measured[REGCRED].cpu),
        ));
        eprintln!("{}", tables[0].last().unwrap());
        let throughput = measured.each_ref().map(|measured| median(measured.throughput.iter().copied()));
        let busy = measured.each_ref().map(|measured| 100.0 * median(measured.busy.iter().copied()));
        tables[1].push(format!(
            "| {} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} / {:.0} / {:.0} % | {} | {} | {} |",
            case.name,
            throughput[EMPTY],
            throughput[REGCRED],
            ratio(&measured[REGCRED].throughput, &measured[EMPTY].throughput),
            throughput[GO],
            busy[EMPTY],
            busy[REGCRED],
            busy[GO],
            measured[EMPTY].latency(),
            measured[REGCRED].latency(),
            measured[GO].latency(),
        ));
    }
    println!("\nProcessor time for each request, µs (/mutate, {rounds} rounds of 1 s each)\n");
    println!("| request | body | empty | regcred | regcred/empty | at most | Go | Go/regcred | at least |");
    println!("|---|---|---|---|---|---|---|---|---|\n{}\n", tables[0].join("\n"));
    println!("As many requests a second as there can be; latency is p50 / p99 / p99.9 in µs\n");
    println!(
        "| request | empty | regcred | regcred/empty | Go | processor used | latency, empty | latency, regcred | latency, Go |"
    );
    println!("|---|---|---|---|---|---|---|---|---|\n{}", tables[1].join("\n"));
}

/// Latency at a fixed pace.
pub fn pace(programs: &Programs, rounds: usize) {
    let servers = servers(programs);
    println!("\n{PER_SECOND} requests a second; latency is p50 / p99 / p99.9 in µs\n");
    println!("| request | empty | regcred | Go | p50 regcred/empty | CPU regcred/empty |");
    println!("|---|---|---|---|---|---|");
    for case in cases().iter().filter(|case| case.body.len() < 64 << 10) {
        let measured = measure(programs, &servers, case, Pace::Open { per_second: PER_SECOND }, rounds);
        println!(
            "| {} | {} | {} | {} | {:.2} | {:.2} |",
            case.name,
            measured[EMPTY].latency(),
            measured[REGCRED].latency(),
            measured[GO].latency(),
            ratio(&measured[REGCRED].half, &measured[EMPTY].half),
            ratio(&measured[REGCRED].cpu, &measured[EMPTY].cpu),
        );
    }
}

/// A new connection for each request.
pub fn handshakes(programs: &Programs, rounds: usize) {
    let servers = servers(programs);
    let cases = cases();
    let case = cases.iter().find(|case| case.expected == Expected::Patch).unwrap();
    let request = request(&case.body);
    let mut cpu: [Vec<f64>; 3] = Default::default();
    for _ in 0..rounds {
        for (server, cpu) in servers.iter().zip(&mut cpu) {
            let before = server.cpu();
            let begun = std::time::Instant::now();
            let mut count = 0.0;
            while begun.elapsed() < ROUND {
                server.target.connect().unwrap().ask(&request).unwrap();
                count += 1.0;
            }
            cpu.push(micros(server.cpu().since(&before)) / count);
        }
    }
    println!("\nProcessor time of a full handshake (TLS 1.3, ECDSA P-256) and one request, µs\n");
    println!("| {} |", NAMES.join(" | "));
    println!("|---|---|---|");
    let all = cpu.map(|cpu| format!("{:.0}", median(cpu)));
    println!("| {} |", all.join(" | "));
}

fn size(bytes: usize) -> String {
    if bytes < 100 << 10 {
        format!("{:.1} KiB", bytes as f64 / 1024.0)
    } else {
        format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
    }
}
