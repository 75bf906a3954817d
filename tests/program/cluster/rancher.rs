//! Rancher's form, whose requests are ordinary POSTs and PUTs by an impersonated user.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::cluster::{Namespace, document_of, warnings};

use super::{GENERIC, HOST, PASSWORD, auths, bare, enforced, enforcing, whole};

/// What the form sends for a new Secret.
pub(super) fn form(name: &str, namespace: &Namespace<'_>, document: Option<&str>) -> Value {
    json!({
        "type": "kubernetes.io/dockerconfigjson",
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"namespace": namespace.name, "labels": {}, "annotations": {}, "name": name},
        "data": {".dockerconfigjson": document.map(|document| BASE64_STANDARD.encode(document))},
    })
}

#[test]
fn what_the_form_creates_gets_its_auth() {
    let namespace = enforced("rancher-create");

    let answer = namespace.rancher("POST", "", Some(&form("acr", &namespace, Some(&auths(&[&bare(HOST)])))));

    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(document_of(&answer.json()), auths(&[&whole(HOST)]));
    assert_eq!(namespace.document("acr"), auths(&[&whole(HOST)]));
    let said = warnings(&answer);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with(&format!("[regcred/missing-auth] {HOST}: auth added.")), "{said:?}");
    assert!(!said[0].contains(PASSWORD));
    let record = namespace.record(enforcing().regcred(), "acr", "mutate");
    assert_eq!(
        (&record["user"], &record["decision"], &record["operation"], &record["registries"]),
        (&json!("u-abcde"), &json!("patched"), &json!("CREATE"), &json!([HOST])),
    );
}

#[test]
fn edit_warns_of_registry_that_form_drops() {
    let namespace = enforced("rancher-edit");
    let other = "quay.io";
    let both = auths(&[&whole(HOST), &whole(other)]);
    let answer = namespace.rancher("POST", "", Some(&form("two", &namespace, Some(&both))));
    assert_eq!((answer.status, warnings(&answer)), (201, vec![]), "{}", answer.text());
    assert_eq!(namespace.document("two"), both, "nothing to repair");

    // The form loads the first registry and writes the whole document anew with it.
    let mut edited = namespace.rancher("GET", "/two", None).json();
    edited["data"][".dockerconfigjson"] = json!(BASE64_STANDARD.encode(auths(&[&bare(HOST)])));
    let answer = namespace.rancher("PUT", "/two", Some(&edited));

    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(namespace.document("two"), auths(&[&whole(HOST)]), "auth is there again");
    let said = warnings(&answer);
    let dropped: Vec<_> =
        said.iter().filter(|warning| warning.starts_with("[regcred/registries-dropped]")).collect();
    assert_eq!(dropped.len(), 1, "{said:?}");
    assert!(dropped[0].contains(other), "{said:?}");
    let record = namespace.record(enforcing().regcred(), "two", "validate");
    assert_eq!((&record["operation"], &record["decision"]), (&json!("UPDATE"), &json!("warned")));
}

#[test]
fn refusal_reaches_form_with_whole_text() {
    let namespace = enforced("rancher-refused");

    let answer =
        namespace.rancher("POST", "", Some(&form("acr", &namespace, Some(&auths(&[&bare(GENERIC)])))));

    assert_eq!(answer.status, 422, "{}", answer.text());
    let status = answer.json();
    assert_eq!((&status["reason"], &status["details"]["kind"]), (&json!("Invalid"), &json!("Secret")));
    let message = status["message"].as_str().unwrap();
    for part in [
        "[regcred/generic-registry-host]",
        GENERIC,
        "generic domain",
        "crpi-<id>.cn-hangzhou.personal.cr.aliyuncs.com",
    ] {
        assert!(message.contains(part), "{part} is not in {message}");
    }
    let causes = status["details"]["causes"].as_array().unwrap();
    assert_eq!(causes.len(), 1, "the repair leaves the host alone to be refused: {causes:?}");
    assert_eq!(causes[0]["reason"], "FieldValueInvalid");
    assert!(causes[0]["message"].as_str().unwrap().starts_with("[regcred/generic-registry-host]"));
    assert!(!answer.text().contains(PASSWORD));
    assert_eq!(namespace.secrets(), [""; 0]);
}

#[test]
fn form_without_address_is_refused() {
    let namespace = enforced("rancher-no-address");

    let answer = namespace.rancher("POST", "", Some(&form("empty", &namespace, None)));

    assert_eq!(answer.status, 422, "{}", answer.text());
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("data[.dockerconfigjson]"), "{message}");
    assert!(!message.contains("regcred"), "{message}");
    let said = warnings(&answer);
    assert!(said[0].contains("[regcred/missing-data-key]"), "{said:?}");
    let record = namespace.record(enforcing().regcred(), "empty", "mutate");
    assert_eq!((&record["decision"], &record["findings"][0]["path"]), (&json!("warned"), &json!("data")));
}
