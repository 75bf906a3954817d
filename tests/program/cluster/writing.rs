//! The ways in which a Secret is written: what is stored, and what is not touched.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::support::cluster::{document_of, pull_secret};
use crate::support::eventually;

use super::{HOST, PASSWORD, USER, auths, bare, enforced, enforcing, whole};

/// What kubectl makes of these credentials, without asking a server.
const DOCKER_REGISTRY: &[&str] = &["create", "secret", "docker-registry", "acr"];

#[test]
fn what_kubectl_creates_is_not_touched() {
    let namespace = enforced("kubectl-create");
    let server = format!("--docker-server={HOST}");
    let user = format!("--docker-username={USER}");
    let password = format!("--docker-password={PASSWORD}");
    let arguments: Vec<_> = DOCKER_REGISTRY.iter().copied().chain([&*server, &*user, &*password]).collect();
    let mut offline = arguments.clone();
    offline.extend(["--dry-run=client", "-o", "json"]);
    let made = serde_json::from_str(&namespace.accepts(&offline, "").stdout).unwrap();

    let said = namespace.accepts(&arguments, "");

    assert_eq!(said.stderr, "");
    assert_eq!(namespace.document("acr"), document_of(&made));
    for webhook in ["mutate", "validate"] {
        let record = namespace.record(enforcing().regcred(), "acr", webhook);
        assert_eq!((&record["decision"], &record["findings"]), (&json!("allowed"), &json!([])), "{webhook}");
    }
}

#[test]
fn second_apply_writes_nothing() {
    let namespace = enforced("apply");
    let manifest = pull_secret("acr", &auths(&[&bare(HOST)])).to_string();
    for server_side in ["--server-side=false", "--server-side=true"] {
        let apply = ["apply", server_side, "-f", "-"];
        let said = namespace.accepts(&apply, &manifest);
        assert_eq!(said.warnings().len(), 1, "{said:?}");
        let first = namespace.secret("acr");
        assert_eq!(document_of(&first), auths(&[&whole(HOST)]), "{server_side}");

        namespace.accepts(&apply, &manifest);
        let second = namespace.secret("acr");
        assert_eq!(document_of(&second), auths(&[&whole(HOST)]), "{server_side}");
        assert_eq!(
            first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"],
            "{server_side}: controllers that send the same again must not make events"
        );
        namespace.accepts(&["delete", "secret", "acr"], "");
    }
}

#[test]
fn a_patched_or_replaced_document_gets_its_auth() {
    let namespace = enforced("patch");
    namespace.accepts(&["create", "-f", "-"], &pull_secret("acr", &auths(&[&whole("quay.io")])).to_string());
    let encoded = |host| BASE64_STANDARD.encode(auths(&[&bare(host)]));

    let merge = json!({"data": {".dockerconfigjson": encoded("one.example.com")}}).to_string();
    namespace.accepts(&["patch", "secret", "acr", "--type=merge", "-p", &merge], "");
    assert_eq!(namespace.document("acr"), auths(&[&whole("one.example.com")]));

    let json =
        json!([{"op": "replace", "path": "/data/.dockerconfigjson", "value": encoded("two.example.com")}]);
    namespace.accepts(&["patch", "secret", "acr", "--type=json", "-p", &json.to_string()], "");
    assert_eq!(namespace.document("acr"), auths(&[&whole("two.example.com")]));

    let strategic = json!({"data": {".dockerconfigjson": encoded("three.example.com")}}).to_string();
    namespace.accepts(&["patch", "secret", "acr", "-p", &strategic], "");
    assert_eq!(namespace.document("acr"), auths(&[&whole("three.example.com")]));

    let manifest = pull_secret("acr", &auths(&[&bare("four.example.com")])).to_string();
    namespace.accepts(&["replace", "-f", "-"], &manifest);
    assert_eq!(namespace.document("acr"), auths(&[&whole("four.example.com")]));
}

#[test]
fn string_data_gets_its_auth() {
    let namespace = enforced("string-data");
    let mut secret = pull_secret("acr", "");
    secret.as_object_mut().unwrap().remove("data");
    secret["stringData"] = json!({".dockerconfigjson": auths(&[&bare(HOST)])});

    namespace.accepts(&["apply", "-f", "-"], &secret.to_string());

    assert_eq!(namespace.document("acr"), auths(&[&whole(HOST)]));
}

#[test]
fn the_old_format_gets_its_auth() {
    let namespace = enforced("dockercfg");
    let mut secret = pull_secret("acr", "");
    secret["type"] = json!("kubernetes.io/dockercfg");
    secret["data"] = json!({".dockercfg": BASE64_STANDARD.encode(format!("{{{}}}", bare(HOST)))});

    namespace.accepts(&["create", "-f", "-"], &secret.to_string());

    let stored = namespace.secret("acr");
    let expected = BASE64_STANDARD.encode(format!("{{{}}}", whole(HOST)));
    assert_eq!(stored["data"], json!({".dockercfg": expected}));
}

#[test]
fn dry_run_shows_repair_and_stores_nothing() {
    let namespace = enforced("dry-run");
    let secret = pull_secret("acr", &auths(&[&bare(HOST)]));

    let said = namespace.create(&secret, &["--dry-run=server", "-o", "json"]);

    assert!(said.success, "{said:?}");
    let shown = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(document_of(&shown), auths(&[&whole(HOST)]));
    assert_eq!(namespace.secrets(), [""; 0]);
    let record = namespace.record(enforcing().regcred(), "acr", "mutate");
    assert_eq!((&record["dryRun"], &record["decision"]), (&json!(true), &json!("patched")));
}

#[test]
fn generated_name_gets_auth() {
    let namespace = enforced("generate-name");
    let mut secret = pull_secret("", &auths(&[&bare(HOST)]));
    secret["metadata"] = json!({"generateName": "acr-"});

    let said = namespace.create(&secret, &["-o", "name"]);

    assert!(said.success, "{said:?}");
    let name = said.stdout.trim().trim_start_matches("secret/");
    assert!(name.starts_with("acr-") && name.len() > "acr-".len(), "{name}");
    assert_eq!(namespace.document(name), auths(&[&whole(HOST)]));
    let record = eventually("the record of the generated name", || {
        let mut records = namespace.records(enforcing().regcred()).into_iter();
        records.find(|record| record["webhook"] == "mutate")
    });
    assert_eq!((&record["generateName"], &record["decision"]), (&json!("acr-"), &json!("patched")));
}
