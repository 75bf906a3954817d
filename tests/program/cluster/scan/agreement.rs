//! What `scan --fix` leaves standing is what `/validate` says after `/mutate`, and it stores the same bytes.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::cases::{self, Case};
use crate::support::regcred::{Serve, records};
use crate::support::review::{Review, data_key};

use super::{cluster, of};

/// A case whose Secret the API server took.
struct Stored<'c> {
    case: &'c Case,
    object: Value,
}

impl Stored<'_> {
    fn name(&self) -> &str {
        self.object["metadata"]["name"].as_str().unwrap()
    }

    fn document(object: &Value) -> Vec<u8> {
        let key = data_key(object["type"].as_str().unwrap());
        BASE64_STANDARD.decode(object["data"][key].as_str().unwrap()).unwrap()
    }
}

/// Writes the Secrets of some cases, labelled by their policy. What the API server itself refuses cannot stand.
fn store<'c>(cases: &[&'c Case], policy: usize) -> Vec<Stored<'c>> {
    let mut api = cluster().api().connect().unwrap();
    let mut ask = |method: &str, path: &str, body: &Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        api.request(method, &format!("/api/v1/namespaces/default/secrets{path}"), "application/json", &body)
            .unwrap()
    };
    let mut stored = Vec::new();
    for case in cases {
        let mut object = case.object(case.document("").as_deref(), "immutable");
        let name = format!("case-{}", case.id().to_lowercase().replace('_', "-"));
        object["metadata"]["name"] = json!(name);
        object["metadata"]["labels"] = json!({"policy": policy.to_string()});
        let answer = ask("POST", "", &object);
        match answer.status {
            201 => {}
            // `data[.dockerconfigjson]: Required value` or `Invalid value`, `data: Too long`.
            422 => {
                let text = answer.text();
                assert!(text.contains("data[.docker") || text.contains("data: Too long"), "{name}: {text}");
                continue;
            }
            status => panic!("{name}: {status} {}", answer.text()),
        }
        if case.0["deleting"] == true {
            ask("DELETE", &format!("/{name}"), &Value::Null);
        }
        let object = ask("GET", &format!("/{name}"), &Value::Null).json();
        stored.push(Stored { case, object });
    }
    stored
}

/// What stands, as codes, actions and places: those of an audit record.
fn recorded(record: &Value) -> Vec<(String, String, String)> {
    let findings = record["findings"].as_array().unwrap().iter();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    findings.map(|finding| (text(finding, "code"), text(finding, "action"), text(finding, "path"))).collect()
}

/// And those of a scan: the rest of the fields behind `data[KEY]`.
fn scanned(findings: &[Value], name: &str) -> Vec<(String, String, String)> {
    let of_name =
        findings.iter().filter(|finding| finding["secret"]["name"] == name && finding["fixed"] == false);
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    of_name
        .map(|finding| {
            let field = text(finding, "field");
            let (_, path) = field.split_once(']').unwrap();
            let path = path.strip_prefix('.').unwrap_or(path).to_owned();
            (text(finding, "code"), text(finding, "action"), path)
        })
        .collect()
}

#[test]
fn scan_and_webhook_agree_on_every_case() {
    let cases = cases::with_document();
    let mut by_policy: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in &cases {
        by_policy.entry(case.policy()).or_default().push(case);
    }
    let (mut compared, mut repaired) = (0, 0);
    for (number, (policy, cases)) in by_policy.into_iter().enumerate() {
        let stored = store(&cases, number);
        let regcred = Serve::dev().policy(&policy).start();
        let mut connection = regcred.client().connect();
        let mut expected = Vec::new();
        for Stored { case, object } in &stored {
            let sent = Review::create(object).with("userInfo", json!({"username": "", "groups": []}));
            let mutate = connection.post("/mutate?timeout=5s", &sent.0).json();
            // The API server keeps an immutable document from being repaired, whoever asks.
            let sent = if object["immutable"] == true { sent } else { sent.mutated(&mutate) };
            let document = Stored::document(&sent.0["request"]["object"]);
            connection.post("/validate?timeout=5s", &sent.uid(case.id()).0);
            expected.push(document);
        }
        drop(connection);
        let audit = regcred.stop().stdout;
        let audit: BTreeMap<String, Value> = records(&audit)
            .into_iter()
            .filter(|record| record["webhook"] == "validate")
            .map(|record| (record["uid"].as_str().unwrap().to_owned(), record))
            .collect();

        let selector = format!("policy={number}");
        let scan = cluster().scan(&of(&["default"], &["--fix", "-l", &selector])).policy(&policy).run();
        assert!(scan.errors().is_empty(), "{scan:?}");
        let findings = scan.lines("Finding");
        for (stored, document) in stored.iter().zip(expected) {
            let Stored { case, object } = stored;
            let path = format!("/api/v1/namespaces/default/secrets/{}", stored.name());
            let now = cluster().api().request("GET", &path, "").json();
            assert!(Stored::document(&now) == document, "{}: other bytes than /mutate gives", case.id());
            repaired += usize::from(document != Stored::document(object));
            let mut left = scanned(&findings, stored.name());
            // A record lists no more than these.
            left.truncate(100);
            assert_eq!(left, recorded(&audit[case.id()]), "{}", case.id());
            compared += 1;
        }
    }
    // The rest is what the API server does not store: see `store`.
    assert!(compared >= 400 && repaired > 90, "{compared} compared, {repaired} repaired, of {}", cases.len());
}
