//! The formats, as those who read them read them. `.ci/reports` holds SARIF against its schema and JUnit against a reader of
//! its own.

use std::fs;

use serde_json::{Value, json};

use super::{Ran, check, folder};

/// One file of each kind of outcome.
fn reported(format: &str) -> Ran {
    let folder = folder();
    let root = folder.path();
    let secret = |name: &str, document: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: team}}\n\
             type: kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: |\n    {document}\n"
        )
    };
    let bad = r#"{"auths":{"镜像.example.com":{"username":"u","password":"p"},"docker.io":{"auth":"dTpw"}}}"#;
    fs::write(root.join("100% a,b:c.yaml"), secret("bad", bad)).unwrap();
    fs::write(root.join("empty.yaml"), secret("empty", r#"{"auths":{}}"#)).unwrap();
    fs::write(root.join("fine.yaml"), secret("fine", r#"{"auths":{"r.example.com":{"auth":"dTpw"}}}"#))
        .unwrap();
    fs::write(root.join("later.yaml"), secret("later", "${DOCKER_CONFIG}")).unwrap();
    fs::write(root.join("broken.yaml"), "auths: [").unwrap();
    fs::write(root.join("policy.yaml"), "apiVersion: regcred/v1\nkind: Policy\nx: y\n").unwrap();
    check(root, ["--output-format", format, "."])
}

#[test]
fn json_lines_have_documented_fields() {
    let ran = reported("json");
    assert_eq!(ran.status, 2);
    let findings = ran.lines("Finding");
    let missing = findings.iter().find(|finding| finding["code"] == "missing-auth").unwrap();
    for (field, value) in [
        ("apiVersion", json!("regcred/v1")),
        ("action", json!("deny")),
        ("ruleAction", json!("deny")),
        ("registry", json!("镜像.example.com")),
        ("field", json!(r#"stringData[.dockerconfigjson].auths["镜像.example.com"].auth"#)),
        ("repairable", json!(true)),
        ("fixed", json!(false)),
        ("secret", json!({"namespace": "team", "name": "bad"})),
        ("file", json!({"path": "100% a,b:c.yaml", "line": 7, "column": 15, "endLine": 7, "endColumn": 31})),
    ] {
        assert_eq!(missing[field], value, "{field}");
    }
    assert!(
        missing["message"].as_str().unwrap().starts_with("镜像.example.com: auth is missing. "),
        "{missing}"
    );
    let documented = include_str!("../../../docs/check.md");
    for line in ran.stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        for name in line.as_object().unwrap().keys() {
            assert!(documented.contains(&format!("`{name}`")), "{name} is not in docs/check.md");
        }
    }
    assert_eq!((ran.lines("Error").len(), ran.lines("Note").len()), (2, 1));
    let summary = ran.lines("Summary").remove(0);
    let counts = [
        "secrets",
        "policies",
        "secretsWithFindings",
        "deny",
        "warn",
        "audit",
        "repairable",
        "errors",
        "notJudged",
    ];
    let counts: Vec<_> = counts.iter().map(|name| summary[name].as_u64().unwrap()).collect();
    assert_eq!(counts, [3, 1, 2, 1, 2, 1, 1, 2, 1], "{summary}");
}

#[test]
fn a_byte_order_mark_is_in_no_column() {
    let folder = folder();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}, "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": "{\"auths\":{\"r.example.com\":{}}}"},
    });
    let columns = |mark: &str, name: &str| {
        fs::write(folder.path().join(name), format!("{mark}{secret}")).unwrap();
        let ran = check(folder.path(), ["--output-format", "json", name]);
        let [mut finding] = ran.lines("Finding").try_into().unwrap();
        finding["file"].as_object_mut().unwrap().remove("path");
        finding["file"].clone()
    };
    for name in ["a.json", "a.yaml"] {
        let with_mark = columns("\u{feff}", name);
        assert_eq!(with_mark, columns("", name));
        assert_eq!(with_mark["line"], 1);
    }
}

#[test]
fn sarif_names_rules_levels_and_places() {
    let ran = reported("sarif");
    let sarif: Value = serde_json::from_str(&ran.stdout).unwrap();
    let run = &sarif["runs"][0];
    let rules: Vec<_> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].clone()).collect();
    let results = run["results"].as_array().unwrap();
    assert!(results.iter().all(|result| rules.contains(&result["ruleId"])), "{results:?}");
    let missing = results.iter().find(|result| result["ruleId"] == "missing-auth").unwrap();
    assert_eq!(missing["level"], "error");
    let place = &missing["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "100%25%20a%2Cb%3Ac.yaml");
    assert_eq!(place["region"], json!({"startLine": 7, "startColumn": 15, "endLine": 7, "endColumn": 31}));
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["columnKind"], "unicodeCodePoints");
}

#[test]
fn github_reads_every_command() {
    let ran = reported("github");
    let commands: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("::")).collect();
    let mut seen = Vec::new();
    for line in &commands {
        // As the runner parts it: actions/runner, ActionCommand.cs.
        let (head, _message) = line[2..].split_once("::").unwrap();
        let (command, properties) = head.split_once(' ').unwrap();
        seen.push(command);
        for property in properties.split(',') {
            let (name, value) = property.split_once('=').unwrap();
            assert!(["file", "line", "endLine", "col", "endColumn", "title"].contains(&name), "{line}");
            assert!(!value.contains([':', '\r', '\n']), "{line}");
        }
    }
    // The worst first, and no notes.
    assert_eq!(seen, ["error", "error", "error", "warning", "warning", "notice"], "{}", ran.stdout);
    let missing = commands.iter().find(|line| line.contains("missing-auth")).unwrap();
    assert!(
        missing.starts_with(
            "::error file=100%25 a%2Cb%3Ac.yaml,line=7,endLine=7,col=15,endColumn=31,title=regcred/missing-auth::\
             Secret team/bad: 镜像.example.com: auth is missing. "
        ),
        "{missing}"
    );
    assert_eq!(ran.stdout.lines().count(), commands.len() + 1, "and the summary");
}

#[test]
fn junit_has_case_and_failure_per_secret() {
    let ran = reported("junit");
    let count = |text: &str| ran.stdout.matches(text).count();
    assert!(ran.stdout.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>"), "{}", ran.stdout);
    assert_eq!(
        (count("<testcase "), count("<failure "), count("<error "), count("<skipped")),
        (5, 2, 1, 0),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains(r#"<testsuites name="regcred" tests="5" skipped="0" failures="2" errors="1">"#),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout.contains(r#"<failure message="镜像.example.com: auth is missing" type="missing-auth">"#)
    );
}
