//! The formats, as those who read them read them. `.ci/reports` validates the SARIF by its schema.

use std::fs;

use serde_json::{Value, json};

use super::{Told, auths, deployment, explain_stdin, folder, secret};
use crate::support::regcred::command;

/// One template that fails for certain, one that may fail, and one document that does not parse.
fn reported(format: &str) -> Told {
    let files = secret("acr", &auths("other.example.com"))
        + &deployment("web", "registry.example.com/app:1", "imagePullSecrets: [{name: acr}]")
        + &deployment("job", "registry.example.com/job:1", "imagePullSecrets: [{name: acr}]")
            .replace("metadata: {", "metadata: {namespace: elsewhere, ")
            .replace("name: acr", "name: unread")
        + "a: [";
    explain_stdin(&files, ["-o", format])
}

#[test]
fn json_lines_have_the_documented_fields() {
    let told = reported("json");
    assert_eq!(told.status, 2);
    let documented = include_str!("../../../docs/explain.md");
    for line in told.stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["apiVersion"], "regcred/v1");
        for name in line.as_object().unwrap().keys() {
            assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/explain.md");
        }
    }
    let explanations = told.lines("Explanation");
    let certainties: Vec<_> = explanations.iter().map(|told| told["certainty"].as_str().unwrap()).collect();
    assert_eq!(certainties, ["certain", "open"], "{}", told.stdout);
    for explanation in &explanations {
        let alternatives = explanation["alternatives"].as_array().unwrap();
        assert_eq!(alternatives.is_empty(), explanation["certainty"] != "open", "{explanation}");
    }
    assert_eq!(told.lines("Error").len(), 1);
    let summary = told.lines("Summary").remove(0);
    assert_eq!(
        (&summary["pods"], &summary["containers"], &summary["errors"]),
        (&json!(2), &json!(2), &json!(1))
    );
    assert_eq!(summary["causes"][0], json!({"cause": "no-matching-entry", "pods": 1, "containers": 1}));
}

#[test]
fn json_lines_in_a_folder_are_no_policy() {
    let folder = folder();
    fs::write(folder.path().join("explained.json"), reported("json").stdout).unwrap();
    let checked = command().arg("check").current_dir(folder.path()).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
}

#[test]
fn sarif_has_a_result_for_each_container() {
    let told = reported("sarif");
    let sarif: Value = serde_json::from_str(&told.stdout).unwrap();
    let run = &sarif["runs"][0];
    let results = run["results"].as_array().unwrap();
    let told: Vec<_> = results
        .iter()
        .map(|result| {
            let place = &result["locations"][0]["physicalLocation"];
            (
                result["ruleId"].as_str().unwrap(),
                result["level"].as_str().unwrap(),
                &place["region"]["startLine"],
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("unreadable", "error", &json!(32)),
            ("no-matching-entry", "error", &json!(17)),
            ("undecided", "warning", &json!(29))
        ]
    );
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in results {
        assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]), "{result}");
    }
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn github_annotations_are_at_the_image() {
    let told = reported("github");
    let errors: Vec<_> = told.stdout.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 2, "{}", told.stdout);
    assert!(
        errors[1].starts_with(
            "::error file=-,line=17,endLine=17,col=16,endColumn=42,title=regcred/no-matching-entry::"
        ),
        "{}",
        errors[1]
    );
    assert!(told.stdout.contains("::warning file=-,line=29,"), "{}", told.stdout);
}

#[test]
fn text_has_the_sentence_first() {
    let told = reported("text");
    let begin = told.stdout.find("[no-matching-entry] ").unwrap();
    let lines: Vec<_> = told.stdout[begin..].lines().collect();
    assert_eq!(lines[1], "  Deployment default/web, container app");
    assert_eq!(lines[2], "  -:17:16");
    assert!(told.stdout.contains("To fix it:\n    "), "{}", told.stdout);
    assert!(!told.stdout.contains('\u{1b}'), "colours without a terminal");
}
