//! Refused updates: the old Secret stays, and nobody is told to delete it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::cluster::{Namespace, pull_secret};

use super::{GENERIC, HOST, auths, bare, enforced, shows_password, whole};

/// A namespace with a good Secret `acr`, a manifest that would spoil it, and the Secret as it stands.
#[track_caller]
fn good_and_bad(name: &str) -> (Namespace<'static>, Value, Value) {
    let namespace = enforced(name);
    namespace.accepts(&["create", "-f", "-"], &pull_secret("acr", &auths(&[&whole(HOST)])).to_string());
    let stored = namespace.secret("acr");
    (namespace, pull_secret("acr", &auths(&[&whole(GENERIC)])), stored)
}

#[track_caller]
fn is_forbidden_and_changes_nothing(
    namespace: &Namespace<'_>,
    stored: &Value,
    arguments: &[&str],
    stdin: &str,
) {
    let said = namespace.rejects(arguments, stdin);
    assert!(said.stderr.contains("(Forbidden)"), "{said:?}");
    assert!(!said.stderr.contains("is invalid"), "{said:?}");
    assert!(said.stderr.contains("[regcred/generic-registry-host]"), "{said:?}");
    assert!(!shows_password(&said.stdout) && !shows_password(&said.stderr), "{said:?}");
    assert_eq!(&namespace.secret("acr"), stored);
}

#[test]
fn a_refused_replace_is_forbidden() {
    let (namespace, bad, stored) = good_and_bad("refused-replace");
    is_forbidden_and_changes_nothing(&namespace, &stored, &["replace", "-f", "-"], &bad.to_string());
}

#[test]
fn a_refused_patch_is_forbidden() {
    let (namespace, bad, stored) = good_and_bad("refused-patch");
    let merge = json!({"data": bad["data"]}).to_string();
    let json = json!([{
        "op": "replace", "path": "/data/.dockerconfigjson", "value": bad["data"][".dockerconfigjson"],
    }]);
    for (kind, patch) in [("--type=merge", merge), ("--type=json", json.to_string())] {
        let arguments = ["patch", "secret", "acr", kind, "-p", &patch];
        is_forbidden_and_changes_nothing(&namespace, &stored, &arguments, "");
    }
}

#[test]
fn a_refused_server_side_apply_is_forbidden() {
    let (namespace, bad, stored) = good_and_bad("refused-server-side");
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    is_forbidden_and_changes_nothing(&namespace, &stored, &apply, &bad.to_string());
}

/// For any answer but 422, kubectl prints the patch that it sent.
#[test]
fn refused_client_apply_shows_no_credential() {
    let namespace = enforced("refused-apply");
    let apply = ["apply", "-f", "-"];
    namespace.accepts(&apply, &pull_secret("acr", &auths(&[&whole(HOST)])).to_string());
    let stored = namespace.secret("acr");

    let said = namespace.rejects(&apply, &pull_secret("acr", &auths(&[&whole(GENERIC)])).to_string());

    assert!(said.stderr.contains("The Secret \"acr\" is invalid"), "{said:?}");
    assert!(said.stderr.contains("[regcred/generic-registry-host]"), "{said:?}");
    assert!(!shows_password(&said.stdout) && !shows_password(&said.stderr), "{said:?}");
    assert_eq!(namespace.secret("acr"), stored);
}

#[test]
fn refused_put_has_status_reason_and_causes() {
    let (namespace, bad, mut stored) = good_and_bad("refused-put");
    stored["data"] = bad["data"].clone();

    let answer = namespace.rancher("PUT", "/acr", Some(&stored));

    assert_eq!(answer.status, 403, "{}", answer.text());
    let status = answer.json();
    assert_eq!((&status["reason"], &status["details"]["name"]), (&json!("Forbidden"), &json!("acr")));
    let cause = &status["details"]["causes"][0];
    assert_eq!(cause["field"], format!(r#"data[.dockerconfigjson].auths["{GENERIC}"]"#), "{status}");
}

/// It is told what is wrong before the API server says that something is.
#[test]
fn refusal_of_api_server_is_explained() {
    let namespace = enforced("refused-json");
    let broken = auths(&[&bare(HOST)]) + ",";
    let mut secret = pull_secret("acr", "");
    secret["data"][".dockerconfigjson"] = json!(BASE64_STANDARD.encode(broken));

    let said = namespace.create(&secret, &[]);

    assert!(!said.success, "{said:?}");
    assert!(said.stderr.contains("<secret contents redacted>"), "{said:?}");
    assert!(said.warnings().iter().any(|warning| warning.starts_with("[regcred/invalid-json]")), "{said:?}");
    assert!(!shows_password(&said.stderr), "{said:?}");
}

#[test]
fn missing_data_key_is_explained() {
    let namespace = enforced("refused-shape");
    let mut secret = pull_secret("acr", "");
    secret["data"] = json!({"config.json": BASE64_STANDARD.encode(auths(&[&whole(HOST)]))});

    let said = namespace.create(&secret, &[]);

    assert!(!said.success, "{said:?}");
    // What the API server says by itself.
    assert!(said.stderr.contains("data[.dockerconfigjson]: Required value"), "{said:?}");
    assert_eq!(
        said.warnings(),
        [
            "[regcred/missing-data-key] the Secret: its data has no value under .dockerconfigjson. Rename the data key config.json to \
             .dockerconfigjson."
        ]
    );
    assert!(!shows_password(&said.stderr), "{said:?}");
}
