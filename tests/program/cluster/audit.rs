//! The API server's own audit log: what regcred puts there, and what the API server puts there of regcred.

use serde_json::{Value, json};

use crate::support::cluster::{AUDITED_AT_REQUEST, pull_secret};

use super::{HOST, auths, bare, cluster, enforced, shows_password};

#[test]
fn metadata_level_shows_decisions_without_credentials() {
    let namespace = enforced("audited-at-metadata");
    let secret = pull_secret("acr", &auths(&[&bare(HOST), r#""*.example.com":{"auth":"dTpw"}"#]));
    namespace.accepts(&["create", "-f", "-"], &secret.to_string());

    let line = cluster().audited_creation(&namespace.name, "acr");

    let annotations = serde_json::from_str::<Value>(&line).unwrap()["annotations"].clone();
    let of = |webhook: &str, key: &str| annotations[format!("{webhook}.regcred.dev/{key}")].clone();
    assert_eq!(
        (of("mutate", "decision"), of("mutate", "rules")),
        (json!("patched"), json!("missing-auth")),
        "{line}"
    );
    assert_eq!(
        (of("validate", "decision"), of("validate", "rules")),
        (json!("allowed"), json!("registry-key-wildcard")),
        "{line}"
    );
    assert!(!shows_password(&line), "{line}");
}

/// Why the documentation asks for Metadata: the API server writes down every patch of a webhook.
#[test]
fn request_level_shows_the_patch() {
    let namespace = enforced(AUDITED_AT_REQUEST);
    namespace.accepts(&["create", "-f", "-"], &pull_secret("acr", &auths(&[&bare(HOST)])).to_string());

    let line = cluster().audited_creation(&namespace.name, "acr");

    let annotations = serde_json::from_str::<Value>(&line).unwrap()["annotations"].clone();
    let patch = annotations.as_object().unwrap().iter().find(|(key, _)| key.starts_with("patch.webhook."));
    let (_, patch) = patch.unwrap_or_else(|| panic!("no patch in {line}"));
    assert!(shows_password(patch.as_str().unwrap()), "{patch}");
}
