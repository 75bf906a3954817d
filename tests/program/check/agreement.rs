//! One judgement: what `check --fix` leaves of a file is what `/validate` says of the same Secret after `/mutate`, and the
//! repaired bytes, as kubectl reads them, are the same.

use std::collections::BTreeMap;
use std::fs;
use std::ops::AddAssign as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{check, folder, kubectl};
use crate::cases::{self, policy_file};
use crate::support::regcred::Serve;
use crate::support::review::{Review, data_key, secret_of};

/// The Secret of a case, as it would be created by somebody who is not known.
fn secret(case: &Value) -> Option<Value> {
    let document = STANDARD.decode(case["doc_b64"].as_str()?).unwrap();
    let mut secret = secret_of(case["type"].as_str().unwrap(), &document);
    if let Some(size) = case["extra_data_size"].as_u64() {
        secret["data"]["filler"] = json!(STANDARD.encode(vec![b'x'; usize::try_from(size).unwrap()]));
    }
    Some(secret)
}

/// A text in double quotes of YAML, with an escape for whatever is no letter to all who read it.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        ' '..='~' => c.to_string(),
        _ if c.is_alphanumeric() => c.to_string(),
        _ => format!("\\U{:08x}", u32::from(c)),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// A text as a block of YAML, where it can be one as it stands.
fn block(text: &str) -> Option<String> {
    let is_plain = |c: char| matches!(c, ' '..='~' | '\n' | '\t') || c.is_alphanumeric();
    if text.is_empty() || text.starts_with([' ', '\n', '\t']) || !text.chars().all(is_plain) {
        return None;
    }
    let mark = if text.ends_with('\n') { "|+" } else { "|-" };
    let lines = text
        .split_inclusive('\n')
        .map(|line| if line == "\n" { line.to_owned() } else { format!("    {line}") });
    // A line break follows in the file.
    let lines = lines.collect::<String>();
    Some(format!("{mark}\n{}", lines.strip_suffix('\n').unwrap_or(&lines)))
}

/// The Secret of a file, in the forms in which people write one.
fn written(index: usize, secret: &Value, key: &str) -> (&'static str, String) {
    let mut file = secret.clone();
    file["apiVersion"] = json!("v1");
    file["kind"] = json!("Secret");
    file["metadata"]["name"] = json!(format!("case-{index}"));
    let document = STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap();
    // Half of them as data, half of them in plain text where they are text.
    let text = String::from_utf8(document).ok().filter(|_| index.is_multiple_of(2));
    if let Some(text) = &text {
        file["data"].as_object_mut().unwrap().remove(key);
        file["stringData"] = json!({key: text});
    }
    if index % 4 < 2 {
        return ("json", file.to_string());
    }
    let lines = file.as_object().unwrap().iter().map(|(field, value)| match (field.as_str(), &text) {
        ("stringData", Some(text)) => {
            let value = block(text).filter(|_| index % 8 < 4).unwrap_or_else(|| quoted(text));
            format!("stringData:\n  {key}: {value}")
        }
        // JSON of plain letters is YAML.
        _ => format!("{field}: {value}"),
    });
    ("yaml", lines.collect::<Vec<_>>().join("\n"))
}

/// Code and action, as records and reports have them.
fn said<'v>(findings: impl IntoIterator<Item = &'v Value>) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut said: Vec<_> = findings
        .into_iter()
        .filter(|finding| finding["fixed"] != true)
        .map(|finding| {
            let path = finding["path"].as_str().or_else(|| finding["field"].as_str()).unwrap();
            let inside = match path.split_once(']') {
                Some((holder, inside)) if holder.contains("ata[.docker") => inside.trim_start_matches('.'),
                _ => path,
            };
            (text(&finding["code"]), text(&finding["action"]), inside.to_owned())
        })
        .collect();
    said.sort();
    said
}

#[test]
fn check_and_webhooks_agree_on_every_case() {
    // In a file, an entry with a placeholder is left for the tool that fills it in.
    let has_placeholder = |case: &cases::Case| {
        let document = String::from_utf8_lossy(&case.document("").unwrap_or_default()).into_owned();
        document.contains("${") || document.contains("{{")
    };
    let cases = cases::with_document().into_iter().filter(|case| !has_placeholder(case));
    let cases: Vec<Value> = cases.map(|case| case.0).collect();
    let mut by_policy: BTreeMap<String, Vec<(&Value, Value)>> = BTreeMap::new();
    for case in &cases {
        if let Some(secret) = secret(case) {
            by_policy.entry(policy_file(&case["policy"])).or_default().push((case, secret));
        }
    }
    let mut compared = 0;
    let mut forms = BTreeMap::new();
    for (policy, cases) in by_policy {
        let folder = folder();
        let root = folder.path();
        fs::write(root.join("policy.yaml"), &policy).unwrap();
        fs::create_dir(root.join("secrets")).unwrap();
        let regcred = Serve::dev().policy(&policy).start();
        let mut connection = regcred.client().connect();
        let (mut mutated, mut files) = (Vec::new(), Vec::new());
        for (index, (case, secret)) in cases.iter().enumerate() {
            let (form, text) = written(index, secret, data_key(case["type"].as_str().unwrap()));
            files.push(format!("secrets/{index:03}.{form}"));
            forms.entry(form).or_insert(0).add_assign(1);
            fs::write(root.join(&files[index]), text).unwrap();
            let review = Review::create(secret).user("");
            let answer = connection.post("/mutate?timeout=5s", &review.uid(&format!("m{index}")).0).json();
            let review = Review::create(secret).user("").mutated(&answer).uid(&format!("v{index}"));
            assert_eq!(connection.post("/validate?timeout=5s", &review.0).status, 200);
            mutated.push(review.document());
        }
        drop(connection);
        let records = regcred.stop().audit();
        let ran = check(root, ["--fix", "--output-format", "json", "--policy", "policy.yaml", "secrets"]);
        let mut reported: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for finding in ran.lines("Finding") {
            reported.entry(finding["file"]["path"].as_str().unwrap().to_owned()).or_default().push(finding);
        }
        let errors = ran.lines("Error");
        let stored: BTreeMap<_, _> = kubectl(root, "secrets")
            .unwrap()
            .into_iter()
            .map(|object| (object["metadata"]["name"].as_str().unwrap().to_owned(), object))
            .collect();
        for (index, (case, _)) in cases.iter().enumerate() {
            let id = case["id"].as_str().unwrap();
            let record = records.iter().find(|record| record["uid"] == format!("v{index}")).unwrap();
            let path = files[index].clone();
            assert!(errors.iter().all(|error| error["file"]["path"] != path.as_str()), "{id}: {errors:?}");
            let file = &stored[&format!("case-{index}")];
            let key = data_key(case["type"].as_str().unwrap());
            let bytes = match file["stringData"][key].as_str() {
                Some(text) => text.as_bytes().to_vec(),
                None => STANDARD.decode(file["data"][key].as_str().unwrap()).unwrap(),
            };
            // Nothing is held back but what the policy holds back.
            for finding in reported.get(&path).into_iter().flatten() {
                let why = finding["notFixed"].as_str().unwrap_or("enforcement");
                assert!(why.contains("enforcement"), "{id}: {finding}");
            }
            assert!(bytes == mutated[index], "{id}: the repaired bytes differ");
            let listed = said(record["findings"].as_array().unwrap());
            if record.get("findingsOmitted").is_none() {
                let found = reported.remove(&path).unwrap_or_default();
                assert_eq!(said(&found), listed, "{id}");
            }
            compared += 1;
        }
    }
    assert!(compared > 380, "{compared}");
    assert!(forms["yaml"] > 150 && forms["json"] > 150, "{forms:?}");
}
