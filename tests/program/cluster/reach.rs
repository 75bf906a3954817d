//! What reaches the webhook, and what happens when nothing can.

use serde_json::{Value, json};

use crate::support::cluster::{Which, pull_secret};
use crate::support::regcred::Serve;
use crate::support::supervised::Guarded;

use super::{GENERIC, HOST, auths, bare, cluster, enforced, enforcing, whole};

fn other_secret(name: &str, of_type: &str, data: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": of_type, "stringData": data,
    })
}

#[test]
fn secrets_of_other_types_never_reach_the_webhook() {
    let namespace = enforced("types");
    let document = auths(&[&bare(GENERIC)]);
    let others = [
        // Of what is in it, nothing counts: the type decides.
        other_secret("opaque", "Opaque", &json!({".dockerconfigjson": document})),
        other_secret("typeless", "", &json!({"a": "b"})),
        other_secret("tls", "kubernetes.io/tls", &json!({"tls.crt": "", "tls.key": ""})),
        other_secret("basic", "kubernetes.io/basic-auth", &json!({"username": "u", "password": "p"})),
        other_secret("own", "example.com/own", &json!({".dockercfg": document})),
    ];
    for other in &others {
        let said = namespace.create(other, &[]);
        assert!(said.success, "{said:?}");
    }
    namespace.accepts(&["label", "secret", "opaque", "team=payments"], "");
    namespace.accepts(&["delete", "secret", "basic"], "");

    // Records come in order, so what had one would have it by now.
    let said = namespace.create(&pull_secret("last", &auths(&[&whole(HOST)])), &[]);
    assert!(said.success, "{said:?}");
    namespace.record(enforcing().regcred(), "last", "validate");

    let records = namespace.records(enforcing().regcred());
    let names: Vec<_> = records.iter().map(|record| record["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["last", "last"]);
}

#[test]
fn without_the_webhook_pull_secrets_are_refused_and_everything_else_is_written() {
    let regcred = Guarded::start(Serve::dev());
    let webhooks = cluster().install("down", &regcred.regcred, Which::BOTH);
    let namespace = webhooks.namespace("down");
    drop(regcred);

    let said = namespace.create(&pull_secret("acr", &auths(&[&whole(HOST)])), &[]);
    assert!(!said.success, "{said:?}");
    assert!(said.stderr.contains(r#"failed calling webhook "validate.regcred.dev""#), "{said:?}");

    let said = namespace.create(&other_secret("opaque", "Opaque", &json!({"a": "b"})), &[]);
    assert!(said.success, "{said:?}");
    assert_eq!(namespace.secrets(), ["opaque"]);
}

#[test]
fn without_the_webhook_what_only_mutate_would_see_is_written_as_it_is() {
    let regcred = Guarded::start(Serve::dev());
    let webhooks = cluster().install("down-mutate", &regcred.regcred, &[Which::Mutate]);
    let namespace = webhooks.namespace("down-mutate");
    let secret = |name| pull_secret(name, &auths(&[&bare(HOST)]));
    namespace.accepts(&["create", "-f", "-"], &secret("before").to_string());
    assert_eq!(namespace.document("before"), auths(&[&whole(HOST)]));
    drop(regcred);

    namespace.accepts(&["create", "-f", "-"], &secret("after").to_string());

    assert_eq!(namespace.document("after"), auths(&[&bare(HOST)]));
}
