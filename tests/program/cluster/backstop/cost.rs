//! What the policies cost.

#![allow(clippy::print_stdout, reason = "figures are for people who run this by hand")]

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::cluster::{Cluster, document_of, pull_secret};
use crate::support::eventually;

use super::super::{HOST, auths, bare};
use super::generated;

/// Figures for docs/backstop.md.
#[test]
#[ignore = "a minute, on a quiet machine"]
fn cost_of_a_write() {
    const ROUNDS: usize = 100;
    let cluster = Cluster::start();
    cluster.accepts(&["create", "-f", "-"], &generated(&["--role", "standalone"]));
    let judged = cluster.namespace("judged", &json!({}));
    let ignored = cluster.namespace("ignored", &json!({"regcred.dev/admission": "ignore"}));
    let mut connection = cluster.api().connect().unwrap();
    let mut create = |namespace: &str, document: &str| {
        let path = format!("/api/v1/namespaces/{namespace}/secrets?dryRun=All");
        let body = pull_secret("acr", document).to_string();
        let started = Instant::now();
        let answer = connection.request("POST", &path, "application/json", &body).unwrap();
        (started.elapsed(), document_of(&answer.json()))
    };
    eventually("a repair", || {
        (create(&judged.name, &auths(&[&bare(HOST)])).1.contains("auth\":\"")).then_some(())
    });
    println!("registries, milliseconds without and with the policies: median of {ROUNDS}");
    for registries in [1, 3, 10, 50, 70] {
        let hosts: Vec<_> = (0..registries).map(|index| bare(&format!("r{index}.example.com"))).collect();
        let document = auths(&hosts.iter().map(String::as_str).collect::<Vec<_>>());
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            for (namespace, times, repaired) in
                [(&ignored, &mut without, 0), (&judged, &mut with, registries)]
            {
                let (took, after) = create(&namespace.name, &document);
                assert_eq!(after.matches("\"auth\":\"").count(), repaired);
                times.push(took);
            }
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2].as_secs_f64() * 1e3
        };
        println!("{registries:>4} {:>8.1} {:>8.1}", median(&mut without), median(&mut with));
    }
}
