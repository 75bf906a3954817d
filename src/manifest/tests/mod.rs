//! Tests of files: what is read of them, where findings are, and what a repair changes.

mod kinds;
mod laws;
mod reading;
mod repair;

use regcred_engine::policy::Policy;

use super::*;
use crate::report::ReportedFinding;

const DOCUMENT: &str =
    r#"{"auths":{"r.example.com":{"username":"robot","password":"it's 100% \"镜像\" \\ #x: y"}}}"#;
const NOW: Timestamp = Timestamp::constant(1_795_478_400, 0); // 2026-11-24

fn terms(policy: &Policy) -> Terms<'_> {
    Terms { policy, now: NOW }
}

/// A manifest with a document under `stringData`, as it is written after the colon.
fn manifest(written: &str) -> String {
    format!(
        "# head\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a # why\ntype: kubernetes.io/dockerconfigjson\n\
         stringData:\n  # before\n  .dockerconfigjson: {written}\n  # after\n  other: x\n"
    )
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{by}{line}\n") }).collect()
}

/// The ways to write a text in YAML.
fn ways(document: &str) -> Vec<String> {
    let pretty = document.replace("{\"", "{\n  \"").replace('}', "\n}");
    vec![
        format!("'{}'", document.replace('\'', "''")),
        format!("\"{}\"", document.replace('\\', "\\\\").replace('"', "\\\"")),
        format!(
            "\"{}\"",
            document.replace('\\', "\\\\").replace('"', "\\\"").replace(',', ",\\\n     \\\n ")
        ),
        format!("'{}'", document.replace('\'', "''").replace("},", "},\n\n   ").replace(":{", ":\n    {")),
        format!("|\n{}", indented(&pretty, "    ")),
        format!("|-\n{}", indented(document, "   ")),
        format!("|+\n\n{}\n", indented(&pretty, "    ")),
        format!("|2 # kept\n{}", indented(&pretty, "      ")),
        format!(">\n{}", indented(&pretty, "    ")),
        format!(">-\n{}", indented(&document.replace(",\"", ",\n\n\"").replace(":{", ":\n{"), "    ")),
        format!("!!str &doc |\n{}", indented(&pretty, "    ")),
    ]
}

/// Returns the document of the only Secret in a manifest, and its findings.
fn check(text: &str) -> (Vec<u8>, Vec<ReportedFinding>) {
    let policy = Policy::default();
    let content = Content::new(text.as_bytes());
    let manifest = Manifest::read("a.yaml", &content);
    let mut checked = manifest.check(terms(&policy));
    let troubles: Vec<_> = checked.troubles.iter().map(|trouble| &trouble.message).collect();
    assert!(troubles.is_empty(), "{troubles:?} in\n{text}");
    assert_eq!(checked.judged.len(), 1, "{text}");
    (manifest.contents.secrets[0].document.to_vec(), checked.judged.remove(0).findings.listed().to_vec())
}

fn repaired(text: &str) -> Option<String> {
    let policy = Policy::default();
    Manifest::read("a.yaml", &Content::new(text.as_bytes()))
        .repaired(terms(&policy))
        .map(|text| text.to_string())
}

/// Returns what was inserted into a text, if nothing else was changed.
fn insertion<'t>(before: &str, after: &'t str) -> Option<&'t str> {
    let head = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let tail = before.bytes().rev().zip(after.bytes().rev()).take_while(|(a, b)| a == b).count();
    let tail = tail.min(before.len() - head);
    (head + tail == before.len()).then(|| after.get(head..after.len() - tail)).flatten()
}
