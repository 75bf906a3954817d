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
    // One of its own, so that its counters count these Secrets alone.
    let regcred = Guarded::start(Serve::dev());
    let webhooks = cluster().install("types", &regcred.regcred, Which::BOTH);
    let namespace = webhooks.namespace("types");
    let calls = |webhook: &str| -> f64 {
        let series = |operation: &str, decision: &str| {
            format!(
                "regcred_admission_requests_total{{webhook=\"{webhook}\",operation=\"{operation}\",decision=\"{decision}\"}}"
            )
        };
        let of_operation = |operation: &'static str| {
            ["allowed", "patched", "warned", "denied", "skipped"].map(|decision| series(operation, decision))
        };
        let all = ["CREATE", "UPDATE"].into_iter().flat_map(of_operation);
        all.filter_map(|series| regcred.regcred.metric(&series)).sum()
    };
    let (mutate, validate) = (calls("mutate"), calls("validate"));
    assert!(mutate > 0.0 && validate > 0.0, "the probes are counted");

    let mut nothing = other_secret("nothing", "Opaque", &json!({}));
    nothing["data"] = Value::Null;
    let others = [
        other_secret("opaque", "Opaque", &json!({"config.json": auths(&[&bare(GENERIC)])})),
        other_secret("typeless", "", &json!({"a": "b"})),
        other_secret("tls", "kubernetes.io/tls", &json!({"tls.crt": "", "tls.key": ""})),
        other_secret("basic", "kubernetes.io/basic-auth", &json!({"username": "u", "password": "p"})),
        nothing,
    ];
    for other in &others {
        let said = namespace.create(other, &[]);
        assert!(said.success && !said.stderr.contains("regcred"), "{said:?}");
    }
    namespace.accepts(&["label", "secret", "opaque", "team=payments"], "");
    namespace.accepts(&["delete", "secret", "basic"], "");
    assert_eq!((calls("mutate"), calls("validate")), (mutate, validate));

    let said = namespace.create(&pull_secret("last", &auths(&[&whole(HOST)])), &[]);
    assert!(said.success, "{said:?}");
    assert_eq!((calls("mutate"), calls("validate")), (mutate + 1.0, validate + 1.0));
}

#[test]
fn document_in_other_type_is_warned_of() {
    let namespace = enforced("wrong-type");
    let others = [
        other_secret("opaque", "Opaque", &json!({".dockerconfigjson": auths(&[&bare(GENERIC)])})),
        other_secret("own", "example.com/own", &json!({".dockercfg": "{}"})),
    ];
    for (other, meant) in others.iter().zip(["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"]) {
        let said = namespace.create(other, &[]);
        assert!(said.success, "{said:?}");
        assert_eq!(
            said.warnings(),
            [format!(
                "[regcred/wrong-secret-type] the Secret: its type is not {meant}. To pull images with it, delete it and create it again with \
                 type {meant}."
            )]
        );
    }
    // The type cannot be changed, so an update is not warned of it again.
    let said = namespace.accepts(&["label", "secret", "opaque", "team=payments"], "");
    assert!(said.warnings().is_empty(), "{said:?}");

    // A null is no document, and no error of the match condition, which would refuse the Secret.
    let mut null = other_secret("null", "Opaque", &json!({}));
    null["data"] = json!({".dockerconfigjson": null});
    let said = namespace.create(&null, &[]);
    assert!(said.success && !said.stderr.contains("regcred"), "{said:?}");

    let record = namespace.record(enforcing().regcred(), "own", "validate");
    assert_eq!(record["findings"][0]["code"], "wrong-secret-type");
    assert_eq!((&record["findings"][0]["path"], record.get("type")), (&json!("type"), None), "{record}");
    let records = namespace.records(enforcing().regcred());
    assert!(records.iter().all(|record| record["webhook"] == "validate"), "{records:?}");
}

#[test]
fn without_webhook_only_pull_secrets_are_refused() {
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
fn without_webhook_mutate_only_is_written_unchanged() {
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
