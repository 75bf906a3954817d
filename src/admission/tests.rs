//! Whole reviews: what an answer and a record hold, whatever was sent.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use proptest::prelude::*;
use regcred_engine::policy::{Enforcement, Language};
use serde_json::{Value, json};

use super::*;

const MAX_WARNING_CHARS: usize = 256;
const MAX_KEY_CHARS: usize = 253;

/// The answer and the audit record of a CREATE.
fn create(webhook: Webhook, policy: &Policy, document: &[u8]) -> (Value, Value) {
    let data = BASE64_STANDARD.encode(document);
    let object = json!({
        "kind": "Secret",
        "metadata": {"generateName": "pull-"},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": data},
    });
    let body = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {"uid": "u", "operation": "CREATE", "namespace": "team", "object": object},
    });
    let policy = ActivePolicy { policy: policy.clone(), hash: "default".to_owned() };
    let now = Timestamp::UNIX_EPOCH;
    let mut reviewed = review(webhook, body.to_string().as_bytes(), &policy, now).ok().unwrap();
    let answer: Value = serde_json::from_slice(&std::mem::take(&mut reviewed.response)).unwrap();
    let record = reviewed.audit_record(Duration::from_micros(7));
    assert_eq!(record.iter().position(|byte| *byte == b'\n'), Some(record.len() - 1));
    (answer["response"].clone(), serde_json::from_slice(&record).unwrap())
}

/// The document that a patch leads to.
fn patched(answer: &Value) -> Vec<u8> {
    let operations = BASE64_STANDARD.decode(answer["patch"].as_str().unwrap()).unwrap();
    let operations: Value = serde_json::from_slice(&operations).unwrap();
    let value = operations[0]["value"].as_str().unwrap();
    assert_eq!(operations, json!([{"op": "replace", "path": "/data/.dockerconfigjson", "value": value}]));
    BASE64_STANDARD.decode(value).unwrap()
}

#[test]
fn patch_of_any_size_is_repaired_document() {
    for registries in [1, 2, 3, 100, 101, 102, 5000] {
        let entry = |index| format!(r#""r{index}.example.com":{{"username":"robot","password":"made-up"}}"#);
        let entries: Vec<_> = (0..registries).map(entry).collect();
        let document = format!(r#"{{"auths":{{{}}}}}"#, entries.join(","));
        let auth = format!(r#","auth":"{}"}}"#, BASE64_STANDARD.encode("robot:made-up"));
        let expected = document.replace(r#""made-up"}"#, &format!(r#""made-up"{auth}"#));
        let (answer, _) = create(Webhook::Mutate, &Policy::default(), document.as_bytes());
        assert_eq!(answer["patchType"], "JSONPatch");
        assert!(patched(&answer) == expected.as_bytes(), "{registries} registries");
    }
}

#[test]
fn old_document_that_is_not_base64_is_refused_where_it_is_read() {
    let secret = |data: &str| json!({"kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": data}});
    let body = |new: &[u8]| {
        json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "u",
                "operation": "UPDATE",
                "object": secret(&BASE64_STANDARD.encode(new)),
                "oldObject": secret("!"),
            },
        })
    };
    let policy = ActivePolicy { policy: Policy::default(), hash: "default".to_owned() };
    let refused = |webhook, new: &[u8]| {
        review(webhook, body(new).to_string().as_bytes(), &policy, Timestamp::UNIX_EPOCH).err()
    };
    let document = br#"{"auths":{"r.example.com":{"username":"robot","password":"made-up"}}}"#;
    assert_eq!(refused(Webhook::Mutate, document), None);
    assert_eq!(refused(Webhook::Validate, document), Some(BadReview::NotASecret));
    assert_eq!(refused(Webhook::Mutate, b"[]"), Some(BadReview::NotASecret));
}

#[test]
fn record_is_one_line_of_documented_fields() {
    let document = br#"{"auths":{"r.example.com":{"username":"robot","password":"made-up"}}}"#;
    let (answer, record) = create(Webhook::Mutate, &Policy::default(), document);
    assert_eq!(answer["auditAnnotations"], json!({"decision": "patched", "rules": "missing-auth"}));
    assert_eq!(
        record,
        json!({
            "time": "1970-01-01T00:00:00.000000Z",
            "uid": "u",
            "webhook": "mutate",
            "operation": "CREATE",
            "dryRun": false,
            "namespace": "team",
            "generateName": "pull-",
            "type": "kubernetes.io/dockerconfigjson",
            "user": "",
            "decision": "patched",
            "findings": [{
                "code": "missing-auth",
                "action": "audit",
                "ruleAction": "deny",
                "path": r#"auths["r.example.com"].auth"#,
                "fixed": true,
            }],
            "registries": ["r.example.com"],
            "policy": "default",
            "durationMicros": 7,
        })
    );
}

#[test]
fn a_cap_is_recorded_only_for_what_remains() {
    let document = br#"{"auths":{"r.example.com":{"username":"robot","password":"made-up"}}}"#;
    let cap = |webhook, enforcement| {
        let policy = Policy { enforcement, ..Policy::default() };
        let (_, record) = create(webhook, &policy, document);
        let finding = &record["findings"][0];
        (finding["fixed"] == true, finding["cappedBy"].as_str().map(str::to_owned))
    };
    let enforcement = Some("enforcement".to_owned());
    assert_eq!(cap(Webhook::Mutate, Enforcement::Warn), (true, None));
    assert_eq!(cap(Webhook::Mutate, Enforcement::Audit), (false, enforcement.clone()));
    assert_eq!(cap(Webhook::Validate, Enforcement::Warn), (false, enforcement));
}

/// Documents with many findings under long keys, some of them escaped or with names that are repeated.
fn documents() -> impl Strategy<Value = String> {
    let key = (
        0..400_usize,
        prop::sample::select(vec!["a", "A", "@", "/", "*", "é", "\\u0061", "\\u202e", "\\u0000", "镜"]),
    )
        .prop_map(|(count, unit)| unit.repeat(count));
    let entry = prop::sample::select(vec![
        "{}",
        "7",
        r#"{"username":"u","password":"p"}"#,
        r#"{"username":" u","password":"p\u0000","password":"q"}"#,
        r#"{"auth":"dXM6cA"}"#,
        r#"{"auth":"pants","aa":0,"aa":0,"ab":0,"ab":0}"#,
    ]);
    let entries = prop::collection::vec((key, entry), 0..16);
    (entries, prop::sample::select(vec![1_usize, 2, 12]), prop::sample::select(vec!["{\"auths\":{", "["]))
        .prop_map(|(entries, copies, open)| {
            let mut text = Vec::new();
            for copy in 0..copies {
                text.extend(entries.iter().map(|(key, entry)| format!(r#""{copy}{key}":{entry}"#)));
            }
            let text = text.join(",");
            if open == "[" { format!("[{{{text}}}]") } else { format!("{open}{text}}}}}") }
        })
}

/// The longest key that a path shows: after `["`, before `"]`, without the escapes of quotation marks and backslashes.
fn shown_key_chars(path: &str) -> usize {
    let Some((_, rest)) = path.split_once("[\"") else { return 0 };
    let Some((key, _)) = rest.rsplit_once("\"]") else { return 0 };
    key.replace("\\\"", "\"").replace("\\\\", "\\").chars().count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn answers_and_records_are_bounded(
        document in documents(),
        language in prop::sample::select(vec![Language::English, Language::Chinese, Language::Both]),
        enforcement in prop::sample::select(vec![Enforcement::Enforce, Enforcement::Warn, Enforcement::Audit]),
    ) {
        let policy = Policy { language, enforcement, ..Policy::default() };
        for webhook in [Webhook::Mutate, Webhook::Validate] {
            let (mut answer, record) = create(webhook, &policy, document.as_bytes());

            let warnings = answer["warnings"].as_array().cloned().unwrap_or_default();
            prop_assert!(warnings.len() <= 15, "{} warnings", warnings.len());
            for warning in &warnings {
                prop_assert!(warning.as_str().unwrap().chars().count() <= MAX_WARNING_CHARS, "{warning}");
            }

            let causes = answer["status"]["details"]["causes"].as_array().cloned().unwrap_or_default();
            prop_assert!(causes.len() <= 11, "{} causes", causes.len());
            for cause in &causes {
                // A key that was cut ends in an ellipsis.
                prop_assert!(shown_key_chars(cause["field"].as_str().unwrap()) <= MAX_KEY_CHARS + 1, "{cause}");
            }

            let findings = record["findings"].as_array().unwrap();
            prop_assert!(findings.len() <= 100, "{} findings", findings.len());
            prop_assert!(findings.len() == 100 || record["findingsOmitted"].is_null());
            for finding in findings {
                prop_assert!(shown_key_chars(finding["path"].as_str().unwrap()) <= MAX_KEY_CHARS + 1, "{finding}");
            }
            let registries = record["registries"].as_array().unwrap();
            prop_assert!(registries.len() <= 100);
            for registry in registries {
                prop_assert!(registry.as_str().unwrap().chars().count() <= MAX_KEY_CHARS + 1, "{registry}");
            }

            // Without the patch, both have a size that does not depend on the document.
            answer.as_object_mut().unwrap().remove("patch");
            prop_assert!(answer.to_string().len() <= 64 << 10, "{} bytes", answer.to_string().len());
            prop_assert!(record.to_string().len() <= 256 << 10, "{} bytes", record.to_string().len());
        }
    }
}
