//! Many Secrets: what a scan of them costs, and that a repair of many loses none. The long versions, whose figures are in
//! docs/benchmarks.md:
//!
//!     REGCRED_TEST_PROGRAM=PATH cargo test --test program -- --ignored --nocapture cluster::scan::load
//!
//! `PATH` names another build than the test's own, such as the image's.

#![allow(clippy::print_stdout, reason = "figures are for whoever runs this by hand")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::cluster::{Api, Cluster, Scan, Scanned, peak, pull_secret};

use super::{HOST, JSON, auths, bare, whole};

/// What a scan cost.
struct Cost {
    scanned: Scanned,
    requests: usize,
    peak_kib: usize,
    took: Duration,
}

/// Writes Secrets by several connections: `count` of what `secret` makes of a number, a hundred in a namespace.
fn write(api: &Api, count: usize, secret: impl Fn(usize) -> Value + Sync) {
    const WRITERS: usize = 4;
    const IN_A_NAMESPACE: usize = 100;
    let mut connection = api.connect().unwrap();
    for namespace in 0..count.div_ceil(IN_A_NAMESPACE) {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": format!("many-{namespace}")}});
        let answer =
            connection.request("POST", "/api/v1/namespaces", "application/json", &object.to_string());
        assert!([201, 409].contains(&answer.unwrap().status));
    }
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (api, secret) = (api.clone(), &secret);
            scope.spawn(move || {
                let mut connection = api.connect().unwrap();
                for number in (writer..count).step_by(WRITERS) {
                    let path = format!("/api/v1/namespaces/many-{}/secrets", number / IN_A_NAMESPACE);
                    let body = secret(number).to_string();
                    let answer = connection.request("POST", &path, "application/json", &body).unwrap();
                    assert_eq!(answer.status, 201, "{}", answer.text());
                }
            });
        }
    });
}

fn with_program(scan: Scan) -> Scan {
    match std::env::var_os("REGCRED_TEST_PROGRAM") {
        Some(program) => scan.program(PathBuf::from(program)),
        None => scan,
    }
}

/// How many requests with these labels the API server has answered.
fn counted(cluster: &Cluster, labels: &str) -> usize {
    // The sum of nothing is -0.
    (cluster.api().metric("apiserver_request_total", labels) + 0.0).to_string().parse().unwrap()
}

fn cost(cluster: &Cluster, arguments: &[&str]) -> Cost {
    let requests = || counted(cluster, "resource=\"secrets\"");
    let (before, begin) = (requests(), Instant::now());
    let mut follower = None;
    let scan = with_program(cluster.scan(&[&JSON[..], arguments].concat()));
    let scanned = scan.watched(|child| follower = Some(peak(child)));
    let took = begin.elapsed();
    let peak_kib = follower.unwrap().join().unwrap();
    Cost { scanned, requests: requests() - before, peak_kib, took }
}

impl Cost {
    fn say(&self, what: &str) {
        let Cost { requests, peak_kib, took, .. } = self;
        println!("{what}: {requests} requests, {took:.2?}, at most {peak_kib} KiB");
    }
}

/// Asks for a while.
#[track_caller]
fn eventually_within(patience: Duration, mut ask: impl FnMut() -> bool) {
    let until = Instant::now() + patience;
    while !ask() {
        assert!(Instant::now() < until, "not within {patience:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn bad_secret(number: usize) -> Value {
    pull_secret(&format!("acr-{number}"), &auths(&[&bare(HOST)]))
}

fn good_secret(number: usize) -> Value {
    pull_secret(&format!("acr-{number}"), &auths(&[&whole(HOST)]))
}

fn other_secret(number: usize) -> Value {
    let mut secret = good_secret(number);
    secret["metadata"]["name"] = json!(format!("other-{number}"));
    secret["type"] = json!("Opaque");
    secret
}

/// One in ten has something to tell of.
fn mixed(number: usize) -> Value {
    if number.is_multiple_of(10) { bad_secret(number) } else { good_secret(number) }
}

/// As large as a Secret can be.
fn large(number: usize) -> Value {
    let filler = "x".repeat(700_000);
    let mut secret = pull_secret(&format!("large-{number}"), &auths(&[&bare(HOST)]).replace('}', " }"));
    secret["data"]["filler"] = json!(base64::Engine::encode(&base64::prelude::BASE64_STANDARD, filler));
    let document = format!("{{\"auths\":{{{}}},\"x\":\"{}\"}}", bare(HOST), "y".repeat(300_000));
    secret["data"][".dockerconfigjson"] =
        json!(base64::Engine::encode(&base64::prelude::BASE64_STANDARD, document));
    secret
}

/// Scans `few` and then `many` Secrets among as many others: memory does not grow with their number.
fn check_that_memory_is_constant(few: usize, many: usize, most_kib_more: usize) {
    let costs = [few, many].map(|count| {
        let cluster = Cluster::start();
        write(&cluster.api(), count, mixed);
        write(&cluster.api(), count, other_secret);
        let cost = cost(&cluster, &["-A"]);
        cost.say(&format!("{count} pull Secrets among {count} others"));
        assert_eq!((cost.scanned.code, &cost.scanned.summary()["secrets"]), (Some(1), &json!(count)));
        assert_eq!(cost.scanned.summary()["deny"], count / 10);
        // A page holds 100, and one more at the end may be empty; the other type of pull Secrets takes one.
        assert!(cost.requests <= count.div_ceil(100) + 2, "{}", cost.requests);
        let of_all_types = self::cost(&cluster, &["-A", "--all-types"]);
        of_all_types.say("the same with --all-types");
        let summary = of_all_types.scanned.summary();
        assert_eq!((&summary["secrets"], &summary["warn"]), (&json!(2 * count), &json!(count)));
        assert!(of_all_types.requests <= (2 * count).div_ceil(100) + 1, "{}", of_all_types.requests);
        [cost.peak_kib, of_all_types.peak_kib]
    });
    for (few, many) in costs[0].iter().zip(costs[1]) {
        assert!(many < few + most_kib_more, "{costs:?}");
    }
}

/// A page of the largest Secrets is not held at once.
fn check_large(count: usize) {
    let cluster = Cluster::start();
    write(&cluster.api(), count, large);
    let cost = cost(&cluster, &["-A", "--fix"]);
    cost.say(&format!("{count} Secrets of 1 MB, repaired"));
    assert_eq!((cost.scanned.code, &cost.scanned.summary()["fixed"]), (Some(0), &json!(count)));
    assert!(cost.peak_kib < 48 << 10, "{} KiB", cost.peak_kib);
}

/// Repairs many, is killed in the middle, and is run again: all are repaired, none is written twice.
fn check_interrupted_repair(count: usize) {
    let cluster = Cluster::start();
    write(&cluster.api(), count, bad_secret);
    let patches = || {
        let of_secrets = "resource=\"secrets\",scope=\"resource\",subresource=\"\",verb=\"PATCH\"";
        counted(&cluster, of_secrets)
    };
    let fix = [&JSON[..], &["-A", "--fix"]].concat();

    let begin = Instant::now();
    let killed = with_program(cluster.scan(&fix)).watched(|child| {
        eventually_within(Duration::from_secs(300), || {
            assert!(child.try_wait().unwrap().is_none(), "it ended too early");
            patches() >= count / 2
        });
        child.kill().unwrap();
    });
    println!("{count} to be repaired: killed after {} patches in {:.2?}", patches(), begin.elapsed());
    assert_eq!(killed.code, None);

    let again = cost(&cluster, &["-A", "--fix"]);
    again.say("run again");
    assert_eq!((again.scanned.code, &again.scanned.summary()["secrets"]), (Some(0), &json!(count)));

    let last = cost(&cluster, &["-A", "--fix"]);
    assert_eq!((last.scanned.code, &last.scanned.summary()["fixed"]), (Some(0), &json!(0)));
    is_written_once(&cluster, count);
}

/// By the API server's own audit log. The request whose client was killed may be in it as a failed one, whether it was
/// stored or not: if not, its Secret is in it once more.
fn is_written_once(cluster: &Cluster, count: usize) {
    let log = cluster.folder().join("audit.log");
    eventually_within(PATIENCE, || {
        let text = fs::read_to_string(&log).unwrap();
        let complete = text.rsplit_once('\n').map_or("", |(complete, _)| complete);
        let events = complete.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let patches: Vec<_> = events
            .filter(|event| event["verb"] == "patch" && event["objectRef"]["resource"] == "secrets")
            .map(|event| {
                let name = event["objectRef"]["name"].as_str().unwrap().to_owned();
                (name, event["responseStatus"]["code"] == 200)
            })
            .collect();
        let written = || patches.iter().filter(|(_, done)| *done).map(|(name, _)| name);
        assert_eq!(written().collect::<BTreeSet<_>>().len(), written().count(), "written twice");
        assert!(patches.len() - written().count() <= 1, "more than the one that was cut off has failed");
        patches.iter().map(|(name, _)| name).collect::<BTreeSet<_>>().len() == count
    });
}

#[test]
fn memory_is_independent_of_secret_count() {
    check_that_memory_is_constant(100, 1_000, 4 << 10);
}

#[test]
fn page_of_large_secrets_is_streamed() {
    check_large(60);
}

#[test]
fn killed_and_repeated_repair_writes_once() {
    check_interrupted_repair(200);
}

#[test]
#[ignore = "minutes"]
fn twenty_thousand_among_twenty_thousand() {
    check_that_memory_is_constant(2_000, 20_000, 4 << 10);
}

#[test]
#[ignore = "minutes"]
fn two_hundred_large_secrets() {
    check_large(200);
}

#[test]
#[ignore = "minutes"]
fn two_thousand_repaired_with_an_interruption() {
    check_interrupted_repair(2_000);
}
