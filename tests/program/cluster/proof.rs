//! The proof: a Secret as Rancher writes it does not let podman's library into a registry, and what regcred made of it
//! does; for the kubelet both are the same.

use std::io::Write;
use std::process::Stdio;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::cluster::pull_secret;
use crate::support::parts::part;
use crate::support::registry::{PASSWORD, Registry, USER};
use crate::support::supervised::clean;

use super::{auths, enforced, rancher::form};

/// What a consumer of a document finds or does.
#[track_caller]
fn consume(consumer: &str, action: &str, document: &str, registry: &Registry) -> Value {
    let request = json!({
        "consumer": consumer,
        "type": "kubernetes.io/dockerconfigjson",
        "document": BASE64_STANDARD.encode(document),
        "image": format!("{}/team/app:1", registry.address),
        "action": action,
        "insecure": true,
    });
    let home = tempfile::tempdir().unwrap();
    let mut child =
        clean(part("consumers"), home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{request}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn podman_logs_in_with_stored_secret_only() {
    let registry = Registry::start();
    let namespace = enforced("proof");
    let entry = format!(r#""{}":{{"username":"{USER}","password":"{PASSWORD}"}}"#, registry.address);
    let sent = auths(&[&entry]);

    let answer = namespace.rancher("POST", "", Some(&form("acr", &namespace, Some(&sent))));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let stored = namespace.document("acr");

    let before = consume("podman", "login", &sent, &registry);
    assert_eq!((&before["loggedIn"], &before["credentials"]), (&json!(false), &json!([])), "{before}");
    let after = consume("podman", "login", &stored, &registry);
    assert_eq!(after["loggedIn"], true, "{after}");

    let credentials = json!([{"username": USER, "password": PASSWORD}]);
    for document in [&sent, &stored] {
        let found = consume("kubelet", "lookup", document, &registry);
        assert_eq!((&found["credentials"], &found["error"]), (&credentials, &json!("")), "{document}");
    }
}

#[test]
fn a_wrong_password_does_not_log_in() {
    let registry = Registry::start();
    let namespace = enforced("proof-wrong");
    let entry = format!(r#""{}":{{"username":"{USER}","password":"wrong"}}"#, registry.address);
    namespace.accepts(&["create", "-f", "-"], &pull_secret("acr", &auths(&[&entry])).to_string());

    let found = consume("podman", "login", &namespace.document("acr"), &registry);

    assert_eq!(found["credentials"], json!([{"username": USER, "password": "wrong"}]), "{found}");
    assert_eq!(found["loggedIn"], false, "{found}");
}
