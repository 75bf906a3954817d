//! No credential of a file is shown, in whatever format it is told of, whatever is wrong with the file.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::{check, folder};
use crate::canary::{CANARIES, GARBAGE, PASSWORD, Searcher, USER_INFO, USERNAME, documents};

/// The files of one document: in every way of writing it, and broken.
fn files(document: &str) -> Vec<(&'static str, String)> {
    let head = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: kubernetes.io/dockerconfigjson\n";
    let indented = format!("    {}\n", document.lines().collect::<Vec<_>>().join("\n    "));
    let quoted = document.replace('\'', "''");
    let encoded = STANDARD.encode(document);
    let mut files = vec![
        ("literal.yaml", format!("{head}stringData:\n  .dockerconfigjson: |\n{indented}")),
        ("folded.yaml", format!("{head}stringData:\n  .dockerconfigjson: >-\n{indented}")),
        ("quoted.yaml", format!("{head}stringData:\n  .dockerconfigjson: '{quoted}'\n")),
        ("encoded.yaml", format!("{head}data:\n  .dockerconfigjson: {encoded}\n")),
        ("plain.yaml", format!("{head}data:\n  .dockerconfigjson: {document}\n")),
        ("not-base64.yaml", format!("{head}data:\n  .dockerconfigjson: \"{encoded}!\"\n  other: {encoded}\n")),
        ("unquoted.yaml", format!("{head}stringData:\n  .dockerconfigjson: {document}\n")),
        ("flow.yaml", format!("{{{}, data: {{other: {encoded}, .dockerconfigjson: {encoded}}}}}\n", head.trim_end().replace('\n', ", "))),
        (
            "secret.json",
            json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                   "data": {"other": encoded, ".dockerconfigjson": encoded}, "metadata": {"name": GARBAGE}})
            .to_string(),
        ),
        (
            "plain.json",
            json!({"kind": "Secret", "apiVersion": "v1", "stringData": {"password": PASSWORD, ".dockerconfigjson": document},
                   "type": "kubernetes.io/dockerconfigjson", "metadata": {"namespace": USERNAME}})
            .to_string(),
        ),
        ("config.json", document.to_owned()),
        (".dockercfg", document.to_owned()),
        ("twice.yaml", format!("{head}stringData: {{.dockerconfigjson: '{quoted}', <<: *{GARBAGE}}}\n")),
        ("tag.yaml", format!("{head}stringData:\n  .dockerconfigjson: !{USER_INFO} '{quoted}'\n")),
        ("policy.yaml", format!("apiVersion: regcred/v1\nkind: Policy\n---\n{head}stringData: {PASSWORD:?}\n")),
    ];
    // Cut off in the middle of the value.
    for (name, at) in [("cut.yaml", 2), ("cut.json", 8)] {
        let text = files[at].1.clone();
        let end = (0..=text.len() * 2 / 3).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        files.push((name, text[..end].to_owned()));
    }
    files
}

#[test]
fn no_format_shows_a_credential() {
    let searcher = Searcher::new(&CANARIES);
    let folder = folder();
    for (index, document) in documents().iter().enumerate() {
        let below = folder.path().join(format!("{index:02}"));
        fs::create_dir(&below).unwrap();
        fs::write(below.join("raw.json"), document).unwrap();
        fs::write(below.join("raw.yaml"), document).unwrap();
        if let Ok(document) = std::str::from_utf8(document) {
            for (name, text) in files(document) {
                fs::write(below.join(name), text).unwrap();
            }
        }
    }
    let mut said = 0;
    let runs =
        [("text", "en"), ("text", "zh"), ("json", "en"), ("sarif", "zh"), ("junit", "en"), ("github", "zh")];
    for (format, lang) in runs {
        let ran = check(folder.path(), ["--lang", lang, "--output-format", format, "."]);
        assert_eq!(ran.status, 2, "{}", ran.stderr);
        said += ran.stdout.len();
        for (what, text) in [("standard output", &ran.stdout), ("standard error", &ran.stderr)] {
            let found = searcher.search(text.as_bytes());
            assert!(found.is_empty(), "{found:?} in {what} as {format}");
        }
    }
    assert!(said > 1_000_000, "{said}");
    // A diff and a repair hold the documents; what is said beside them does not.
    for flag in ["--diff", "--fix"] {
        let ran = check(folder.path(), [flag, "."]);
        let talk = if flag == "--diff" { &ran.stderr } else { &ran.stdout };
        assert!(talk.contains(" image pull Secrets and "), "{talk}");
        let found = searcher.search(talk.as_bytes());
        assert!(found.is_empty(), "{found:?} beside {flag}");
    }
}
