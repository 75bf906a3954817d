//! Secrets that are older than the webhook, that may not change, that are going away, or that are as large as may be.

use serde_json::{Value, json};

use crate::support::cluster::{document_of, pull_secret, warnings};

use super::{GENERIC, HOST, auths, bare, enforced, enforced_with_old, enforcing, whole};

/// The API server's limit of a Secret's data.
const MOST_BYTES: usize = 1 << 20;

fn with(mut secret: Value, field: &str, value: Value) -> Value {
    secret[field] = value;
    secret
}

#[test]
fn immutable_secret_gets_auth_when_created() {
    let namespace = enforced("immutable-new");
    let secret = with(pull_secret("acr", &auths(&[&bare(HOST)])), "immutable", json!(true));

    namespace.accepts(&["create", "-f", "-"], &secret.to_string());

    let stored = namespace.secret("acr");
    assert_eq!(document_of(&stored), auths(&[&whole(HOST)]));
    assert_eq!(stored["immutable"], true);
}

/// A patch would make the API server refuse the update.
#[test]
fn an_immutable_secret_without_auth_can_be_labelled() {
    let old = with(pull_secret("acr", &auths(&[&bare(HOST)])), "immutable", json!(true));
    let namespace = enforced_with_old("immutable-old", &[old]);

    let said = namespace.accepts(&["label", "secret", "acr", "team=payments"], "");

    let stored = namespace.secret("acr");
    assert_eq!(document_of(&stored), auths(&[&bare(HOST)]));
    assert_eq!(stored["metadata"]["labels"]["team"], "payments");
    assert!(said.warnings().iter().any(|warning| warning.starts_with("[regcred/missing-auth]")), "{said:?}");
}

#[test]
fn a_bad_secret_can_be_finalised_and_deleted() {
    let mut old = pull_secret("acr", &auths(&[&whole(GENERIC)]));
    old["metadata"]["finalizers"] = json!(["tests.regcred.dev/hold"]);
    let namespace = enforced_with_old("finaliser", &[old]);

    namespace.accepts(&["delete", "secret", "acr", "--wait=false"], "");
    let held = namespace.secret("acr");
    assert!(held["metadata"]["deletionTimestamp"].is_string(), "{held}");
    let release = r#"{"metadata":{"finalizers":null}}"#;
    let said = namespace.accepts(&["patch", "secret", "acr", "--type=merge", "-p", release], "");

    assert_eq!(said.warnings(), [""; 0], "it is left alone");
    assert_eq!(namespace.secrets(), [""; 0]);
}

#[test]
fn old_bad_entry_stays_new_is_refused() {
    let old = pull_secret("acr", &auths(&[&whole(GENERIC)]));
    let namespace = enforced_with_old("ratchet", &[old]);

    let said = namespace.accepts(&["label", "secret", "acr", "team=payments"], "");
    assert!(said.warnings()[0].starts_with("[regcred/generic-registry-host]"), "{said:?}");
    let record = namespace.record(enforcing().regcred(), "acr", "validate");
    let finding = &record["findings"][0];
    assert_eq!(
        (&finding["ruleAction"], &finding["action"], &finding["cappedBy"]),
        (&json!("deny"), &json!("warn"), &json!("ratchet")),
        "{record}"
    );

    // Beside the old entry another is added, which gets its auth.
    let more = pull_secret("acr", &auths(&[&whole(GENERIC), &bare(HOST)]));
    let said = namespace.accepts(&["replace", "-f", "-"], &more.to_string());
    assert_eq!(namespace.document("acr"), auths(&[&whole(GENERIC), &whole(HOST)]));
    assert!(
        said.warnings().iter().any(|warning| warning.starts_with("[regcred/generic-registry-host]")),
        "{said:?}"
    );

    // The same with a bad one.
    let other = "registry.cn-beijing.aliyuncs.com";
    let worse = pull_secret("acr", &auths(&[&whole(GENERIC), &whole(HOST), &whole(other)]));
    let said = namespace.rejects(&["replace", "-f", "-"], &worse.to_string());
    assert!(said.stderr.contains("(1 finding)") && said.stderr.contains(other), "{said:?}");
    assert_eq!(namespace.document("acr"), auths(&[&whole(GENERIC), &whole(HOST)]));
}

/// A document of so many bytes.
fn filled(entry: &str, bytes: usize) -> String {
    let document = |fill: usize| format!(r#"{{"auths":{{{entry}}},"fill":"{}"}}"#, "x".repeat(fill));
    let document = document(bytes - document(0).len());
    assert_eq!(document.len(), bytes);
    document
}

#[test]
fn largest_secret_passes_and_is_patched() {
    let namespace = enforced("large");
    let right = filled(&whole(HOST), MOST_BYTES);
    let answer = namespace.rancher("POST", "", Some(&pull_secret("right", &right)));
    assert_eq!((answer.status, warnings(&answer)), (201, vec![]));
    assert_eq!(namespace.document("right"), right);

    let added = whole(HOST).len() - bare(HOST).len();
    let answer =
        namespace.rancher("POST", "", Some(&pull_secret("fits", &filled(&bare(HOST), MOST_BYTES - added))));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let stored = document_of(&answer.json());
    assert_eq!(stored.len(), MOST_BYTES);
    assert!(stored.starts_with(&format!(r#"{{"auths":{{{}}},"fill":"x"#, whole(HOST))), "{}", &stored[..200]);

    // An update sends both objects, and finds the same.
    let mut edited = answer.json();
    edited["metadata"]["labels"] = json!({"team": "payments"});
    let answer = namespace.rancher("PUT", "/fits", Some(&edited));
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn secret_without_room_for_repair_is_refused() {
    let namespace = enforced("too-large");
    let added = whole(HOST).len() - bare(HOST).len();
    let document = filled(&bare(HOST), MOST_BYTES - added + 1);

    let answer = namespace.rancher("POST", "", Some(&pull_secret("acr", &document)));

    assert_eq!(answer.status, 422, "{}", answer.text());
    let status = answer.json();
    let causes = status["details"]["causes"].as_array().unwrap();
    let codes: Vec<_> = causes.iter().map(|cause| cause["message"].as_str().unwrap()).collect();
    assert_eq!(codes.len(), 2, "{codes:?}");
    assert!(codes[0].starts_with("[regcred/missing-auth]"), "{codes:?}");
    assert!(codes[1].starts_with("[regcred/too-large-to-fix]"), "{codes:?}");
    assert_eq!(namespace.secrets(), [""; 0]);
}
