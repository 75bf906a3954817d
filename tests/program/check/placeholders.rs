//! Entries with what a tool fills in later: they are left alone, and no other entry is because of them.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{check, folder};

/// What tools know as a placeholder, where it is a whole value.
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
fn an_entry_with_a_placeholder_is_left_alone_and_named_and_the_others_are_repaired() {
    let folder = folder();
    let file = folder.path().join("a.yaml");
    for mark in MARKS {
        for (field, host) in [("password", "b.example.com"), ("username", "b.example.com"), ("x", mark)] {
            // A username with a colon is repaired by nobody.
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

            let (mut fixed, mut held) = (0, Vec::new());
            for finding in ran.lines("Finding").iter().filter(|finding| finding["code"] == "missing-auth") {
                fixed += usize::from(finding["fixed"] == true);
                held.extend(
                    finding["notFixed"].as_str().map(|why| (finding["registry"].clone(), why.to_owned())),
                );
            }
            // Some are a finding of their own, and then nothing is held back.
            let is_finding = field != "x" && ["{{", "${", "$("].iter().any(|open| mark.starts_with(open));
            let codes: Vec<_> = ran.lines("Finding").iter().map(|finding| finding["code"].clone()).collect();
            assert_eq!(codes.contains(&json!("unfilled-placeholder")), is_finding, "{mark} as {field}");
            assert_eq!(
                (fixed, held.len()),
                (2, usize::from(!is_finding)),
                "{mark} as {field}: {}",
                ran.stdout
            );
            for (registry, why) in held {
                assert!(host != "b.example.com" || registry == host, "{mark} as {field}: {registry}");
                assert!(why.contains("placeholder"), "{mark} as {field}: {why}");
            }
            assert_eq!(ran.status, 1, "{mark} as {field}: it is not done");

            let after = fs::read(&file).unwrap();
            let again = check(folder.path(), ["--fix", "a.yaml"]);
            assert!(again.status == 1 && fs::read(&file).unwrap() == after, "{mark} as {field}");
        }
    }
}

#[test]
fn a_placeholder_in_base64_is_one_too() {
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
fn what_a_tool_fills_in_as_a_whole_is_noted_and_no_error() {
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
