//! Entries with placeholders that a tool fills in later: only these are not repaired.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{check, folder};

/// Placeholders of many tools, each as a whole value.
const MARKS: [&str; 14] = [
    "{{ .Values.password }}",
    "${PASSWORD}",
    "$(PASSWORD)",
    "<path:kv/data/acr#password>",
    "<password>",
    "__PASSWORD__",
    "[[ .password ]]",
    "%PASSWORD%",
    "%(password)s",
    "$password",
    "$Password",
    "@PASSWORD@",
    "#{PASSWORD}#",
    "((password))",
];

fn secret(document: &Value) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ntype: kubernetes.io/dockerconfigjson\n\
         stringData:\n  .dockerconfigjson: |\n    {document}\n"
    )
}

fn document(text: &str) -> Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn entries_with_placeholders_are_not_repaired() {
    let folder = folder();
    let file = folder.path().join("a.yaml");
    for mark in MARKS {
        for (field, host) in [("password", "b.example.com"), ("username", "b.example.com"), ("x", mark)] {
            // A username with a colon is never repaired.
            if field == "username" && mark.contains(':') {
                continue;
            }
            let plain = json!({"username": "u", "password": "p"});
            let mut later = plain.clone();
            later[field] = json!(mark);
            let before = json!({"auths": {"a.example.com": plain, host: later, "c.example.com": plain}});
            fs::write(&file, secret(&before)).unwrap();
            let ran = check(folder.path(), ["--fix", "--output-format", "json", "a.yaml"]);
            let mut wanted = before.clone();
            for host in ["a.example.com", "c.example.com"] {
                wanted["auths"][host]["auth"] = json!("dTpw");
            }
            assert_eq!(document(&fs::read_to_string(&file).unwrap()), wanted, "{mark} as {field}");

            let findings = ran.lines("Finding");
            let fixed = findings.iter().filter(|finding| finding["fixed"] == true).count();
            let held: Vec<_> = findings.iter().filter_map(|finding| finding["notFixed"].as_str()).collect();
            let notes = ran.lines("Note").len();
            assert_eq!(fixed, 2, "{mark} as {field}: {}", ran.stdout);
            let status = if mark.starts_with("${") || mark.starts_with("{{") {
                // Something fills it in: that is a note, and nothing else is reported of the entry.
                assert_eq!((findings.len(), notes), (2, 1), "{mark} as {field}: {}", ran.stdout);
                0
            } else {
                // The engine itself repairs no entry with an unfilled placeholder in its credentials.
                let is_unfilled = findings.iter().any(|finding| finding["code"] == "unfilled-placeholder");
                assert_eq!(
                    (held.len(), notes),
                    (usize::from(!is_unfilled), 0),
                    "{mark} as {field}: {}",
                    ran.stdout
                );
                assert!(held.iter().all(|why| why.contains("placeholder")), "{mark} as {field}: {held:?}");
                1
            };
            assert_eq!(ran.status, status, "{mark} as {field}");

            let after = fs::read(&file).unwrap();
            let again = check(folder.path(), ["--fix", "a.yaml"]);
            assert!(again.status == status && fs::read(&file).unwrap() == after, "{mark} as {field}");
        }
    }
}

#[test]
fn placeholders_in_base64_are_not_repaired() {
    let folder = folder();
    let file = folder.path().join("a.yaml");
    for (document, status) in [
        (
            r#"{"auths":{"r.example.com":{"username":"robot","password":"<path:secret/data/acr#password>"}}}"#,
            1,
        ),
        (r#"{"auths":{"r.example.com":<path:secret/data/acr#entry>}}"#, 0),
    ] {
        let text = secret(&json!(0)).replace("|\n    0", &STANDARD.encode(document));
        let text = text.replace("stringData", "data");
        fs::write(&file, &text).unwrap();
        let ran = check(folder.path(), ["--fix", "a.yaml"]);
        assert!(ran.status == status && ran.stdout.contains("placeholder"), "{}", ran.stdout);
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
}

#[test]
fn placeholder_for_the_document_is_a_note() {
    let folder = folder();
    let file = folder.path().join("a.yaml");
    for mark in MARKS {
        for field in ["stringData", "data"] {
            let text =
                secret(&json!(0)).replace("|\n    0", &json!(mark).to_string()).replace("stringData", field);
            fs::write(&file, text).unwrap();
            let ran = check(folder.path(), ["--output-format", "json", "a.yaml"]);
            let notes = ran.lines("Note");
            assert!(ran.status == 0 && notes.len() == 1, "{mark} under {field}: {}", ran.stdout);
            assert!(notes[0]["message"].as_str().unwrap().contains("placeholder"), "{notes:?}");
        }
    }
}
