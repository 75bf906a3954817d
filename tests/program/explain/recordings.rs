//! All recordings of real kubelets and runtimes (tests/pulls), as dumps of clusters, through the built program.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Told, explain, folder};

/// A recording: what was done, the causes that count as right, and the dump.
struct Recording {
    title: String,
    causes: Vec<String>,
    dump: String,
}

/// The recordings, each with a namespace and a node of its own, so that one run can read all of them. All were made in the
/// namespace `team-a`, on a node `node1`.
fn recordings() -> BTreeMap<String, Recording> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pulls/recorded.jsonl");
    let text = fs::read_to_string(path).unwrap();
    let recordings = text.lines().enumerate().map(|(number, line)| {
        let namespace = format!("case-{number:03}");
        let line = line
            .replace("\"team-a\"", &format!("\"{namespace}\""))
            .replace("\"node1\"", &format!("\"node-{number:03}\""));
        let case: Value = serde_json::from_str(&line).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let recording = Recording {
            title: format!("{} ({})", text(&case["case"]), text(&case["runtime"])),
            causes: case["causes"].as_array().unwrap().iter().map(text).collect(),
            dump: serde_json::to_string_pretty(&case["list"]).unwrap(),
        };
        (namespace, recording)
    });
    recordings.collect()
}

/// Explains recordings in one run.
fn explained<'r>(
    recordings: impl IntoIterator<Item = (&'r String, &'r Recording)>,
    arguments: &[&str],
) -> Told {
    let folder = folder();
    for (namespace, recording) in recordings {
        fs::write(folder.path().join(format!("{namespace}.json")), &recording.dump).unwrap();
    }
    explain(folder.path(), [&["-f", "."], arguments].concat())
}

#[test]
fn every_recorded_failure_has_an_accepted_cause() {
    let recordings = recordings();
    assert!(recordings.len() >= 335, "{}", recordings.len());

    // A missing Secret is looked for in the other namespaces of a dump: clusters without any Secret are in a run of their own.
    let (with, without): (Vec<_>, Vec<_>) =
        recordings.iter().partition(|(_, recording)| recording.dump.contains("\"Secret\""));
    let mut explanations: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for part in [with, without] {
        let told = explained(part.iter().copied(), &["-o", "json"]);
        assert_eq!((told.status, told.stderr.as_str()), (1, ""));
        let summary = told.lines("Summary").remove(0);
        assert_eq!((&summary["pods"], &summary["errors"]), (&json!(part.len()), &json!(0)));
        for explanation in told.lines("Explanation") {
            let namespace = explanation["namespace"].as_str().unwrap().to_owned();
            explanations.entry(namespace).or_default().push(explanation);
        }
    }
    let mut wrong = Vec::new();
    for (namespace, Recording { title, causes, .. }) in &recordings {
        let told = explanations.remove(namespace).unwrap_or_default();
        let is_accepted = |explanation: &Value| {
            let is_known = |cause: &Value| causes.iter().any(|accepted| *cause == **accepted);
            // An open explanation names the cause among those that it cannot tell apart.
            let alternatives = explanation["alternatives"].as_array().unwrap();
            is_known(&explanation["cause"]) || alternatives.iter().any(is_known)
        };
        if told.is_empty() || !told.iter().all(is_accepted) {
            let told: Vec<_> = told.iter().map(|told| &told["message"]).collect();
            wrong.push(format!("{title}: {told:?}, expected {causes:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), recordings.len(), wrong.join("\n"));
}

#[test]
fn every_recorded_failure_is_explained_in_both_languages() {
    let recordings = recordings();
    for language in ["en", "zh"] {
        let told = explained(&recordings, &["-o", "json", "--lang", language]);
        for explanation in told.lines("Explanation") {
            let checked = explanation["checked"].as_array().unwrap().iter();
            for text in checked.chain([&explanation["message"]]).map(|text| text.as_str().unwrap()) {
                let is_chinese = text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
                assert_eq!(is_chinese, language == "zh", "{text}");
            }
            // One sentence without line breaks, although some messages have them.
            assert!(!explanation["message"].as_str().unwrap().contains('\n'), "{explanation}");
        }
    }
}
