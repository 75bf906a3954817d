//! What the webhooks cost those who write: the same Secrets, created where both webhooks are asked and where none is.
//! The long version, whose figures are in docs/benchmarks.md:
//!
//!     REGCRED_TEST_PROGRAM=PATH cargo test --test program -- --ignored --nocapture cluster::cost
//!
//! `PATH` names another build than the test's own, such as the image's.

#![allow(clippy::print_stdout, reason = "figures are for whoever runs this by hand")]

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::client::Response;
use crate::support::cluster::{Api, Namespace, Which, document_of, pull_secret};
use crate::support::regcred::{Regcred, Serve};

use super::{HOST, auths, bare, cluster, whole};

/// A Secret that is written, and what the webhooks make of it.
struct Kind {
    name: &'static str,
    secret_type: &'static str,
    written: String,
    repaired: String,
    /// Of each webhook that is asked.
    decisions: &'static [(&'static str, &'static str)],
}

impl Kind {
    fn to_repair() -> Self {
        Kind {
            name: "1 registry to repair",
            secret_type: "kubernetes.io/dockerconfigjson",
            written: auths(&[&bare(HOST)]),
            repaired: auths(&[&whole(HOST)]),
            decisions: &[("mutate", "patched"), ("validate", "allowed")],
        }
    }

    fn right() -> Self {
        Kind {
            name: "1 registry, already right",
            written: auths(&[&whole(HOST)]),
            decisions: &[("mutate", "allowed"), ("validate", "allowed")],
            ..Self::to_repair()
        }
    }

    fn opaque() -> Self {
        let written = auths(&[&bare(HOST)]);
        Kind { name: "`Opaque`", secret_type: "Opaque", repaired: written.clone(), written, decisions: &[] }
    }

    fn secret(&self, name: &str) -> Value {
        let mut secret = pull_secret(name, &self.written);
        secret["type"] = json!(self.secret_type);
        if self.secret_type == "Opaque" {
            // The validating webhook also gets Secrets of other types that have the data key of a pull Secret.
            let document = secret["data"][".dockerconfigjson"].take();
            secret["data"] = json!({"config.json": document});
        }
        secret
    }
}

/// Where Secrets are written.
struct Place {
    namespace: Namespace<'static>,
    /// Whether the webhooks are registered for it.
    registered: bool,
}

/// One kind of Secret, written in two places in turns: the second one's times against the first one's.
struct Comparison<'a> {
    name: String,
    kind: &'a Kind,
    /// So many are written at a time, each on a connection of its own.
    at_once: usize,
    places: [&'a Place; 2],
    /// For each place, in milliseconds by round.
    rounds: [Vec<Vec<f64>>; 2],
}

impl<'a> Comparison<'a> {
    fn of(name: &str, kind: &'a Kind, at_once: usize, places: [&'a Place; 2]) -> Self {
        Comparison { name: format!("{}{name}", kind.name), kind, at_once, places, rounds: Default::default() }
    }

    fn row(&self) -> String {
        let medians =
            self.rounds.each_ref().map(|rounds| rounds.iter().map(|times| quantile(times, 50)).collect());
        let [without, with]: [Vec<f64>; 2] = medians;
        let differences: Vec<_> = with.iter().zip(&without).map(|(with, without)| with - without).collect();
        let [p99_without, p99_with] = self.rounds.each_ref().map(|rounds| quantile(&rounds.concat(), 99));
        format!(
            "| {} | {:.2} / {p99_without:.1} | {:.2} / {p99_with:.1} | {:.2} ({:.2} to {:.2}) |",
            self.name,
            quantile(&without, 50),
            quantile(&with, 50),
            quantile(&differences, 50),
            quantile(&differences, 25),
            quantile(&differences, 75),
        )
    }
}

/// What so many of a hundred do not exceed.
fn quantile(values: &[f64], hundredths: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[(sorted.len() - 1) * hundredths / 100]
}

/// Creates `count` Secrets, one after the other on each of `at_once` connections, and says how long each took, in
/// milliseconds. Afterwards they are deleted.
fn write(api: &Api, regcred: &Regcred, kind: &Kind, place: &Place, at_once: usize, count: usize) -> Vec<f64> {
    let path = format!("/api/v1/namespaces/{}/secrets", place.namespace.name);
    let before = decisions(regcred);
    let create = |worker: usize| -> Vec<(Duration, Response)> {
        let names = (worker..count).step_by(at_once).map(|number| format!("acr-{number}"));
        let bodies: Vec<_> = names.map(|name| kind.secret(&name).to_string()).collect();
        let mut connection = api.connect().unwrap();
        // The first request on a connection finds nothing ready for it.
        assert_eq!(connection.request("GET", &path, "application/json", "").unwrap().status, 200);
        let create = |body: &String| {
            let begun = Instant::now();
            let answer = connection.request("POST", &path, "application/json", body).unwrap();
            (begun.elapsed(), answer)
        };
        bodies.iter().map(create).collect()
    };
    let answers: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|worker| scope.spawn(move || create(worker))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });

    let (asked, stored) =
        if place.registered { (kind.decisions, &kind.repaired) } else { (&[][..], &kind.written) };
    let mut expected = before;
    for (webhook, decision) in asked {
        let labels = format!("webhook=\"{webhook}\",operation=\"CREATE\",decision=\"{decision}\"");
        *expected.entry(labels).or_default() += count;
    }
    assert_eq!(decisions(regcred), expected, "{} in {}", kind.name, place.namespace.name);
    for (_, answer) in &answers {
        assert_eq!(answer.status, 201, "{}", answer.text());
        if !kind.decisions.is_empty() {
            assert_eq!(&document_of(&answer.json()), stored);
        }
    }
    assert_eq!(api.request("DELETE", &path, "").status, 200);
    answers.into_iter().map(|(time, _)| time.as_secs_f64() * 1e3).collect()
}

/// How many reviews were answered, by the labels of their series.
fn decisions(regcred: &Regcred) -> BTreeMap<String, usize> {
    let text = regcred.get("/metrics").text();
    let series = text.lines().filter_map(|line| line.strip_prefix("regcred_admission_requests_total{"));
    let counts = series.map(|rest| {
        let (labels, count) = rest.rsplit_once("} ").unwrap();
        (labels.to_owned(), count.parse().unwrap())
    });
    counts.collect()
}

/// Writes `count` Secrets of each kind in each place, in so many rounds.
fn compare(name: &str, rounds: usize, count: usize) {
    let regcred = Serve::dev().start();
    let webhooks = cluster().install(name, &regcred, Which::BOTH);
    let without =
        |name: String| Place { namespace: cluster().namespace(&name, &json!({})), registered: false };
    let with = Place { namespace: webhooks.namespace(&format!("{name}-with")), registered: true };
    let [without, neither] = ["without", "neither"].map(|place| without(format!("{name}-{place}")));
    let (to_repair, right, opaque) = (Kind::to_repair(), Kind::right(), Kind::opaque());
    let mut comparisons = [
        Comparison::of("", &to_repair, 1, [&without, &with]),
        Comparison::of("", &right, 1, [&without, &with]),
        Comparison::of(", four at a time", &to_repair, 4, [&without, &with]),
        Comparison::of("", &opaque, 1, [&without, &with]),
        Comparison::of(", without webhooks in both", &to_repair, 1, [&without, &neither]),
    ];

    let api = cluster().api();
    for round in 0..=rounds {
        for Comparison { kind, at_once, places, rounds, .. } in &mut comparisons {
            // Nobody is always the first.
            for turn in [round % 2, (round + 1) % 2] {
                let times = write(&api, &regcred, kind, places[turn], *at_once, count);
                // The first round warms up.
                if round > 0 {
                    rounds[turn].push(times);
                }
            }
        }
    }

    println!("\n{rounds} rounds of {count} creations each; milliseconds, median / p99\n");
    println!("| Secret | without | with | difference (half of the rounds) |\n|---|---|---|---|");
    for comparison in &comparisons {
        println!("{}", comparison.row());
    }
    let own = |part: &str| regcred.metric(&format!("regcred_admission_duration_seconds_{part}")).unwrap();
    println!("\nOne call within regcred, on average: {:.3} ms", own("sum") / own("count") * 1e3);
}

#[test]
fn creation_calls_each_webhook_once() {
    compare("cost", 1, 5);
}

#[test]
#[ignore = "minutes"]
fn fifteen_rounds_of_a_hundred() {
    compare("cost-long", 15, 100);
}
