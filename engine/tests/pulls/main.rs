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
use regcred_engine::pull::{
    Certainty, ContainerFacts, EventFacts, Explanation, PodFacts, PullSecret, SecretFacts, Seen,
    ServiceAccountFacts, Waiting, explain, explain_message,
};
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

/// Whether a cause that is named is right, or the right one is among the alternatives.
fn is_right(explanation: &Explanation, causes: &[String]) -> bool {
    let is_named = |code: &str| causes.iter().any(|cause| cause == code);
    match explanation.certainty {
        Certainty::Open => explanation.alternatives.iter().any(|cause| is_named(cause.code())),
        Certainty::Certain | Certainty::Likely => is_named(explanation.cause.code()),
    }
}

/// Fails with everything that is not right.
fn assert_right(explained: impl Iterator<Item = (Recording, Explanation)>) {
    let wrong: Vec<_> = explained
        .filter(|(recording, explanation)| !is_right(explanation, &recording.causes))
        .map(|(Recording { case, runtime, causes, .. }, explanation)| {
            let Explanation { cause, certainty, message, .. } = explanation;
            format!("{case} ({runtime}): {certainty:?} {cause:?}, not {causes:?}: {}", message.english)
        })
        .collect();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_recording_is_explained() {
    let recordings: Vec<_> = recordings();
    let mut figures: BTreeMap<Certainty, usize> = BTreeMap::new();
    for Recording { case, runtime, causes, pod } in &recordings {
        let explanation = failing(pod);
        *figures.entry(explanation.certainty).or_default() += 1;
        if explanation.certainty == Certainty::Open {
            // None of those that count as right is left out.
            let alternatives: Vec<_> = explanation.alternatives.iter().map(|cause| cause.code()).collect();
            let lists_all = causes.iter().all(|cause| alternatives.contains(&&**cause));
            assert!(lists_all, "{case} ({runtime}): {alternatives:?} lack some of {causes:?}");
        }
    }
    println!("{figures:?}");
    assert_eq!(figures.values().sum::<usize>(), 335);
    let count = |certainty| figures.get(&certainty).copied().unwrap_or_default();
    assert!(count(Certainty::Certain) >= 205 && count(Certainty::Open) <= 30, "{figures:?}");
    assert_right(explained(recordings));
}

fn explained(recordings: Vec<Recording>) -> impl Iterator<Item = (Recording, Explanation)> {
    recordings.into_iter().map(|recording| {
        let explanation = failing(&recording.pod);
        (recording, explanation)
    })
}

#[test]
fn other_names_make_no_difference() {
    for recording in recordings() {
        let (before, after) = (failing(&recording.pod), failing(&renamed(&recording.pod)));
        let verdict = |it: &Explanation| (it.cause, it.certainty, it.alternatives.clone());
        assert_eq!(verdict(&before), verdict(&after), "{} ({})", recording.case, recording.runtime);
        assert_eq!(before.checked.len(), after.checked.len(), "{}", recording.case);
        assert_eq!(before.remedy.len(), after.remedy.len(), "{}", recording.case);
    }
}

/// The same Pod with other hosts, repositories, Secrets, namespaces and tags, some of which look like errors.
fn renamed(pod: &PodFacts) -> PodFacts {
    const NAMES: [(&str, &str); 8] = [
        ("Example.com", "Denied-X509.test"),
        ("example.com", "denied-x509.test"),
        ("example.org", "other.test"),
        ("team/", "not/found/unauthorized/"),
        ("app", "no-such-host"),
        ("regcred", "eof"),
        ("good", "manifest-unknown"),
        ("team-a", "toomanyrequests"),
    ];
    map_texts(pod, &|text| NAMES.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to)))
}

fn map_texts(pod: &PodFacts, map: &impl Fn(&str) -> String) -> PodFacts {
    let event = |event: &EventFacts| EventFacts { message: map(&event.message), ..event.clone() };
    let secrets = |secrets: &[PullSecret]| secrets.iter().map(|secret| map_secret(secret, map)).collect();
    let containers = pod.containers.iter().map(|container| ContainerFacts {
        kind: container.kind,
        name: container.name.clone(),
        image: map(&container.image),
        pull_policy: container.pull_policy.clone(),
        waiting: container
            .waiting
            .as_ref()
            .map(|waiting| Waiting { reason: waiting.reason.clone(), message: map(&waiting.message) }),
        events: container.events.iter().map(event).collect(),
        image_volumes: container.image_volumes.iter().map(|image| map(image)).collect(),
    });
    PodFacts {
        namespace: map(&pod.namespace),
        name: pod.name.clone(),
        pull_secrets: secrets(&pod.pull_secrets),
        service_account: pod.service_account.as_ref().map(|account| ServiceAccountFacts {
            name: account.name.clone(),
            pull_secrets: secrets(&account.pull_secrets),
        }),
        containers: containers.collect(),
        events: pod.events.iter().map(event).collect(),
        ..pod.clone()
    }
}

fn map_secret(secret: &PullSecret, map: &impl Fn(&str) -> String) -> PullSecret {
    let seen = match &secret.seen {
        Seen::Present(SecretFacts { secret_type, document }) => Seen::Present(SecretFacts {
            secret_type: secret_type.clone(),
            document: document.as_ref().map(|bytes| map(std::str::from_utf8(bytes).unwrap()).into_bytes()),
        }),
        seen => seen.clone(),
    };
    PullSecret { name: map(&secret.name), seen }
}

#[test]
fn the_events_are_not_needed() {
    let mut recordings = recordings();
    for recording in &mut recordings {
        recording.pod.events.clear();
        recording.pod.containers.iter_mut().for_each(|container| container.events.clear());
    }
    assert_right(explained(recordings));
}

#[test]
fn the_status_is_not_needed() {
    let mut recordings = recordings();
    // The events of these have the names of other containers.
    recordings.retain(|recording| recording.case != "pull-qps");
    for recording in &mut recordings {
        for container in &mut recording.pod.containers {
            if let Some(waiting) = &mut container.waiting {
                waiting.reason = "ContainerCreating".to_owned();
                waiting.message.clear();
            }
        }
    }
    assert_right(explained(recordings));
}

#[test]
fn secrets_that_cannot_be_read_make_nothing_wrong() {
    let mut recordings = recordings();
    for recording in &mut recordings {
        let account = recording.pod.service_account.iter_mut().flat_map(|account| &mut account.pull_secrets);
        account.chain(&mut recording.pod.pull_secrets).for_each(|secret| secret.seen = Seen::Unknown);
    }
    assert_right(explained(recordings));
}

#[test]
fn the_order_of_the_secrets_makes_nothing_wrong() {
    let mut recordings = recordings();
    for recording in &mut recordings {
        recording.pod.pull_secrets.reverse();
    }
    assert_right(explained(recordings));
}

#[test]
fn other_containers_make_no_difference() {
    let mut recordings = recordings();
    for Recording { pod, .. } in &mut recordings {
        let other = |name: &str| ContainerFacts { name: name.to_owned(), ..pod.containers[0].clone() };
        let mut idle = other("init");
        idle.waiting = None;
        idle.events = vec![EventFacts { reason: "Pulled".to_owned(), message: String::new() }];
        pod.containers.insert(0, idle);
    }
    assert_right(explained(recordings));
}

/// Whether there is a Chinese character or mark.
fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| matches!(c, '\u{3000}'..='\u{9fff}' | '\u{ff00}'..='\u{ff5e}'))
}

#[test]
fn both_languages_are_complete() {
    for Recording { case, pod, .. } in recordings() {
        let texts = pod.containers.iter().filter_map(|it| it.waiting.as_ref()).map(|it| it.message.as_str());
        // Without the image, its registry is not known either.
        let texts = texts.flat_map(|text| [text, text.rsplit_once("\": ").map_or(text, |(_, error)| error)]);
        let by_text = texts.map(explain_message).map(|it| (it.message, it.checked));
        let by_pod = [failing(&pod)].map(|it| (it.message, it.checked));
        for (message, checked) in by_text.chain(by_pod) {
            for words in checked.iter().chain([&message]) {
                assert!(!is_chinese(&words.english), "{case}: {}", words.english);
                assert!(is_chinese(&words.chinese), "{case}: {}", words.chinese);
            }
        }
    }
}
