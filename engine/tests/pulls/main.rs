//! Failed pulls that were recorded from real kubelets and runtimes (tests/pulls/README.md): the cause that is named is one of
//! those that count as right, and nothing that is wrong is called certain.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets something unexpected is to fail"
)]
#![allow(clippy::print_stdout, reason = "the figures are for people")]

mod facts;
mod laws;
mod variants;

use std::collections::BTreeMap;

use facts::Objects;
use jiff::Timestamp;
use regcred_engine::pull::{Certainty, Explanation, PodFacts, explain};
use serde_json::Value;

const RECORDED: &str = include_str!("../../../tests/pulls/recorded.jsonl");
const NOW: Timestamp = Timestamp::constant(1_795_996_800, 0); // 2026-11-30

struct Recording {
    case: String,
    runtime: String,
    causes: Vec<String>,
    pod: PodFacts,
}

fn recordings() -> Vec<Recording> {
    let lines = RECORDED.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|line| Recording {
            case: line["case"].as_str().unwrap().to_owned(),
            runtime: line["runtime"].as_str().unwrap().to_owned(),
            causes: line["causes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|it| it.as_str().unwrap().to_owned())
                .collect(),
            pod: Objects::new(&line["list"]).pod(),
        })
        .collect()
}

/// The explanation of the container that waits.
fn failing(pod: &PodFacts) -> Explanation {
    let mut explanations = explain(pod, NOW);
    let at = pod.containers.iter().position(|container| container.waiting.is_some()).unwrap();
    explanations.swap_remove(at)
}

#[test]
fn every_recording_is_explained() {
    let recordings = recordings();
    let mut wrong = Vec::new();
    let mut figures: BTreeMap<Certainty, usize> = BTreeMap::new();
    for Recording { case, runtime, causes, pod } in &recordings {
        let explanation = failing(pod);
        let is_accepted = causes.iter().any(|cause| cause == explanation.cause.code());
        let alternatives: Vec<_> = explanation.alternatives.iter().map(|cause| cause.code()).collect();
        let is_open = explanation.certainty == Certainty::Open;
        let lists_all = causes.iter().all(|cause| alternatives.contains(&&**cause));
        *figures.entry(explanation.certainty).or_default() += 1;
        if std::env::var_os("SHOW").is_some() {
            println!(
                "{case} ({runtime}) {causes:?}\n  {} {} {alternatives:?}\n  {}\n  {}",
                explanation.cause.code(),
                explanation.certainty.code(),
                explanation.message.english,
                explanation.message.chinese
            );
            for line in &explanation.checked {
                println!("    - {}", line.english);
            }
            for line in &explanation.remedy {
                println!("    $ {line}");
            }
        }
        if if is_open { !lists_all } else { !is_accepted } {
            wrong.push(format!(
                "{case} ({runtime}): {} {} {alternatives:?}, not {causes:?}: {}",
                explanation.certainty.code(),
                explanation.cause.code(),
                explanation.message.english
            ));
        }
    }
    println!("{figures:?}");
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), recordings.len(), wrong.join("\n"));
}
