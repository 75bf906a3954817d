//! One judgement: what `check --fix` leaves of a file is what `/validate` says of the same Secret after `/mutate`, and the
//! repaired bytes are the same.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{check, folder};
use crate::cases::{CASES, policy_file};
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
fn check_and_the_webhooks_judge_and_repair_every_case_alike() {
    let cases: Vec<Value> = CASES.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut by_policy: BTreeMap<String, Vec<(&Value, Value)>> = BTreeMap::new();
    for case in &cases {
        if let Some(secret) = secret(case) {
            by_policy.entry(policy_file(&case["policy"])).or_default().push((case, secret));
        }
    }
    let mut compared = 0;
    for (policy, cases) in by_policy {
        let folder = folder();
        let root = folder.path();
        fs::write(root.join("policy.yaml"), &policy).unwrap();
        fs::create_dir(root.join("secrets")).unwrap();
        let regcred = Serve::dev().policy(&policy).start();
        let mut connection = regcred.client().connect();
        let mut mutated = Vec::new();
        for (index, (case, secret)) in cases.iter().enumerate() {
            // Half of them as data, half of them in plain text where they are text.
            let mut file = secret.clone();
            file["apiVersion"] = json!("v1");
            file["kind"] = json!("Secret");
            let key = data_key(case["type"].as_str().unwrap());
            let document = STANDARD.decode(secret["data"][key].as_str().unwrap()).unwrap();
            if let (0, Ok(text)) = (index % 2, String::from_utf8(document)) {
                file["data"].as_object_mut().unwrap().remove(key);
                file["stringData"] = json!({key: text});
            }
            fs::write(root.join(format!("secrets/{index:03}.json")), file.to_string()).unwrap();
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
        for (index, (case, _)) in cases.iter().enumerate() {
            let id = case["id"].as_str().unwrap();
            let record = records.iter().find(|record| record["uid"] == format!("v{index}")).unwrap();
            let path = format!("secrets/{index:03}.json");
            assert!(errors.iter().all(|error| error["file"]["path"] != path.as_str()), "{id}: {errors:?}");
            let file: Value = serde_json::from_slice(&fs::read(root.join(&path)).unwrap()).unwrap();
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
}
