//! A Secret with more findings than are reported one by one.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::{Ran, check, check_stdin, folder};

const FINDINGS: usize = 3_000;
const LISTED: usize = 1_000;

/// 2,999 entries, each with a finding that denies and can be repaired, and a last one that only warns.
fn document() -> String {
    let entry = |n| format!(r#""r{n}.example.com":{{"username":"u","password":"p"}}"#);
    let entries: Vec<_> = (1..FINDINGS).map(entry).collect();
    format!(r#"{{"auths":{{{},"docker.io":{{"auth":"dTpw"}}}}}}"#, entries.join(","))
}

fn reported(root: &Path, format: &str, language: &str) -> Ran {
    let ran = check(root, ["--output-format", format, "--lang", language, "config.json"]);
    assert_eq!(ran.status, 1, "{format}");
    ran
}

#[test]
fn findings_after_the_first_thousand_are_counted() {
    let folder = folder();
    let root = folder.path();
    fs::write(root.join("config.json"), document()).unwrap();
    for (language, more) in
        [("en", "and 2000 more findings in this Secret."), ("zh", "该 Secret 另有 2000 项问题。")]
    {
        let text = reported(root, "text", language).stdout;
        assert_eq!(text.matches("missing-auth").count(), LISTED);
        assert!(text.contains(&format!("{more}\n")), "{language}");
        assert!(!text.contains("note: \n"), "consumers are not asked about this many entries");
        let counts = if language == "en" {
            "2999 deny, 1 warn, 2999 repairable"
        } else {
            "2999 项拒绝，1 项警告，2999 项可修复"
        };
        assert!(text.lines().last().unwrap().contains(counts), "{:?}", text.lines().last());

        let lines = reported(root, "json", language);
        assert_eq!(lines.lines("Finding").len(), LISTED);
        let [note] = lines.lines("Note").try_into().unwrap();
        assert_eq!(
            note,
            json!({
                "apiVersion": "regcred/v1", "kind": "Note", "code": "findings-omitted", "message": more,
                "findingsOmitted": 2000, "file": {"path": "config.json"},
            })
        );
        let summary = lines.lines("Summary").remove(0);
        let counts =
            ["deny", "warn", "repairable", "secretsWithFindings"].map(|name| summary[name].as_u64().unwrap());
        assert_eq!(counts, [2999, 1, 2999, 1], "{summary}");
        assert_eq!(summary["rules"][0]["deny"], 2999, "{summary}");

        let sarif: Value = serde_json::from_str(&reported(root, "sarif", language).stdout).unwrap();
        let run = &sarif["runs"][0];
        let results = run["results"].as_array().unwrap();
        assert_eq!((results.len(), &run["properties"]["resultsOmitted"]), (LISTED + 1, &json!(2000)));
        let last = results.last().unwrap();
        assert_eq!((&last["message"]["text"], &last["level"]), (&json!(more), &json!("error")));

        let junit = reported(root, "junit", language).stdout;
        assert!(junit.contains("(+2998)"), "the last of 2,999 failures is in the count");
        let (denied, warned) = match language {
            "en" => ("and 1999 more findings in this Secret.", "and 1 more finding in this Secret."),
            _ => ("该 Secret 另有 1999 项问题。", "该 Secret 另有 1 项问题。"),
        };
        assert!(junit.contains(denied) && junit.contains(warned), "{language}");

        let github = reported(root, "github", language).stdout;
        assert_eq!(github.matches("regcred/").count(), LISTED + 1);
        assert!(
            github.contains(&format!("error: config.json: [regcred/missing-auth] {more}\n")),
            "{language}"
        );
    }
}

#[test]
fn a_fix_repairs_findings_that_are_not_listed() {
    let folder = folder();
    let file = folder.path().join("config.json");
    fs::write(&file, document()).unwrap();
    let ran = check(folder.path(), ["--fix", "--output-format", "json", "config.json"]);
    let summary = ran.lines("Summary").remove(0);
    let counts = ["fixed", "deny", "warn", "repairable"].map(|name| summary[name].as_u64().unwrap());
    assert_eq!((counts, ran.status), ([2999, 0, 1, 0], 0), "{summary}");
    // What remains is listed before what was fixed.
    let listed = ran.lines("Finding");
    assert_eq!(listed.len(), LISTED);
    assert_eq!(listed.iter().filter(|finding| finding["fixed"] == false).count(), 1);
    assert_eq!(ran.lines("Note")[0]["findingsOmitted"], 2000);
    let repaired = fs::read_to_string(&file).unwrap();
    assert_eq!(repaired.matches(r#""auth":"dTpw""#).count(), FINDINGS);
    // Nothing is left to count.
    let again = check_stdin(&repaired, ["--output-format", "json", "-"]);
    assert_eq!((again.lines("Finding").len(), again.lines("Note").len()), (1, 0));
}

#[test]
fn entries_that_are_filled_in_later_are_counted() {
    let folder = folder();
    let entries: Vec<_> = (0..1_002).map(|n| format!(r#""${{R{n}}}":{{}}"#)).collect();
    fs::write(folder.path().join("config.json"), format!(r#"{{"auths":{{{}}}}}"#, entries.join(",")))
        .unwrap();
    let ran = check(folder.path(), ["--output-format", "json", "config.json"]);
    let notes = ran.lines("Note");
    assert_eq!(notes.len(), 1_001);
    assert_eq!(notes[1_000]["message"], "and 2 more entries with a placeholder that is filled in later");
}
