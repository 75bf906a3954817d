//! The policies of `regcred backstop` in a real API server, with no webhook.

mod chart;
mod conformance;
mod cost;
mod differential;
mod treatment;

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::client::Response;
use crate::support::cluster::{Cluster, document_of, pull_secret};
use crate::support::eventually;
use crate::support::regcred::command;

use super::rancher::form;
use super::{GENERIC, HOST, auths, bare, shows_password, whole};

const CONFIGURATIONS: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";

/// What the command prints, as a file.
fn generated(arguments: &[&str]) -> String {
    let output = command().arg("backstop").args(arguments).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The objects of such a file.
fn objects(cluster: &Cluster, file: &str) -> Vec<Value> {
    let said =
        cluster.accepts(&["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", "-"], file);
    serde_json::Deserializer::from_str(&said.stdout).into_iter().map(Result::unwrap).collect()
}

/// Installs policies under names of their own, for the namespaces with the label `tests.regcred.dev/group: GROUP`.
fn install(cluster: &Cluster, group: &str, arguments: &[&str]) {
    let text = generated(&[&["--role", "standalone"], arguments].concat());
    for mut object in objects(cluster, &text) {
        for pointer in ["/metadata/name", "/spec/policyName"] {
            if let Some(name) = object.pointer_mut(pointer) {
                *name = json!(format!("{}-{group}", name.as_str().unwrap()));
            }
        }
        if let Some(constraints) = object.pointer_mut("/spec/matchConstraints") {
            constraints["namespaceSelector"] = json!({"matchLabels": {"tests.regcred.dev/group": group}});
        }
        // Where a request shows that the policy is in force.
        if let Some(Value::Array(validations)) = object.pointer_mut("/spec/validations") {
            validations.push(json!({"expression": "object.metadata.name != 'probe'", "message": group}));
        }
        if let Some(Value::Array(mutations)) = object.pointer_mut("/spec/mutations") {
            let expression = format!(
                "object.metadata.name == 'other'\
                 ? [JSONPatch{{op: 'add', path: '/metadata/generateName', value: '{group}'}}] : []"
            );
            mutations.push(json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}));
        }
        cluster.accepts(&["create", "-f", "-"], &object.to_string());
    }
}

#[test]
fn rancher_needs_no_pod() {
    let cluster = Cluster::start();
    cluster.accepts(&["create", "-f", "-"], &generated(&["--role", "standalone"]));
    let namespace = cluster.namespace("no-pod", &json!({}));
    let post = |name: &str, document: &str| -> Response {
        namespace.rancher("POST", "?dryRun=All", Some(&form(name, &namespace, Some(document))))
    };
    eventually("both policies", || {
        let repaired = post("probe", &auths(&[&bare(HOST)]));
        let refused = post("probe", &auths(&[&bare(GENERIC)]));
        (document_of(&repaired.json()) == auths(&[&whole(HOST)]) && refused.status == 422).then_some(())
    });

    let created = namespace.rancher("POST", "", Some(&form("acr", &namespace, Some(&auths(&[&bare(HOST)])))));
    assert_eq!((created.status, namespace.document("acr")), (201, auths(&[&whole(HOST)])));
    let mut edited = created.json();
    edited["data"][".dockerconfigjson"] = json!(BASE64_STANDARD.encode(auths(&[&bare(HOST)])));
    let answer = namespace.rancher("PUT", "/acr", Some(&edited));
    assert_eq!((answer.status, namespace.document("acr")), (200, auths(&[&whole(HOST)])));

    for (document, text) in [
        (auths(&[&bare(GENERIC)]), format!("[regcred/generic-registry-host] {GENERIC}: ")),
        (auths(&[&format!("\"{HOST}\":{{}}")]), format!("[regcred/no-credentials] {HOST}: ")),
    ] {
        let answer = post("refused", &document);
        assert!(answer.status == 422 && answer.text().contains(&text), "{}", answer.text());
    }
}

#[test]
fn stages_warn_and_record() {
    let cluster = Cluster::start();
    let [warned, recorded] = ["warn", "audit"].map(|stage| {
        install(&cluster, stage, &["--enforcement", stage]);
        cluster.namespace(stage, &json!({"tests.regcred.dev/group": stage}))
    });
    let (before, after) = (auths(&[&bare(GENERIC)]), auths(&[&whole(GENERIC)]));
    let text = format!("[regcred/generic-registry-host] {GENERIC}: ");

    let created = eventually("a warning", || {
        let said = warned.create(&pull_secret("acr", &before), &["--dry-run=server"]);
        said.warnings().iter().any(|warning| warning.contains(&text)).then_some(said)
    });
    assert!(created.success, "{created:?}");
    eventually("a repair", || {
        let said = warned.create(&pull_secret("acr", &before), &["--dry-run=server", "-o", "json"]);
        (document_of(&serde_json::from_str(&said.stdout).unwrap()) == after).then_some(())
    });

    let mut attempts = 0;
    let line = eventually("a record", || {
        attempts += 1;
        let name = format!("acr-{attempts}");
        let said = recorded.create(&pull_secret(&name, &before), &[]);
        assert!(said.success && said.warnings().is_empty(), "{said:?}");
        assert_eq!(recorded.document(&name), before);
        let line = cluster.audited_creation(&recorded.name, &name);
        line.contains("validation_failure").then_some(line)
    });
    assert!(line.contains("[regcred/generic-registry-host]") && !shows_password(&line), "{line}");
}

#[test]
fn guard_admits_administrator_alone() {
    let cluster = Cluster::start();
    cluster.accepts(&["create", "-f", "-"], &generated(&[]));
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "hooks"},
        "rules": [{"apiGroups": ["admissionregistration.k8s.io"], "resources": ["*"], "verbs": ["*"]}],
    });
    cluster.accepts(&["create", "-f", "-"], &role.to_string());
    cluster.accepts(
        &[
            "create",
            "clusterrolebinding",
            "hooks",
            "--clusterrole=hooks",
            "--group=system:cattle:authenticated",
        ],
        "",
    );
    let object = |name: &str| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": name},
        })
    };
    cluster.accepts(&["create", "-f", "-"], &object("other").to_string());
    cluster.accepts(&["create", "-f", "-"], &object("regcred").to_string());
    let delete = |name: &str| cluster.rancher("DELETE", &format!("{CONFIGURATIONS}/{name}?dryRun=All"), None);
    eventually("the permission of somebody else", || (delete("other").status == 200).then_some(()));
    eventually("the guard", || (delete("regcred").status == 403).then_some(()));
    assert!(delete("regcred").text().contains("[regcred/guard]"));
    // The deletion of a collection names no object.
    let selected = format!("{CONFIGURATIONS}?fieldSelector=metadata.name%3Dregcred&dryRun=All");
    let answer = cluster.rancher("DELETE", &selected, None);
    assert!(answer.status == 403 && answer.text().contains("[regcred/guard]"), "{}", answer.text());
    cluster.accepts(&["delete", "mutatingwebhookconfiguration", "regcred"], "");
}

#[test]
fn static_policies_are_loaded_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = |name: &str, kind: &str| {
        let policies = folder.path().join(kind);
        fs::create_dir(&policies).unwrap();
        let text = generated(&["--role", "standalone", "--static", kind]);
        fs::write(policies.join("regcred.yaml"), text).unwrap();
        json!({"name": name, "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": format!("{name}Configuration"),
            "staticManifestsDir": policies.to_str().unwrap(),
        }})
    };
    let configuration = json!({
        "apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
        "plugins": [
            plugin("MutatingAdmissionPolicy", "mutating"),
            plugin("ValidatingAdmissionPolicy", "validating"),
        ],
    });
    let file = folder.path().join("admission.json");
    fs::write(&file, configuration.to_string()).unwrap();
    let cluster = Cluster::start_with(&[&format!("--admission-control-config-file={}", file.display())]);
    let namespace = cluster.namespace("static", &json!({}));
    let created = namespace.create(&pull_secret("acr", &auths(&[&bare(HOST)])), &[]);
    assert!(created.success, "{created:?}");
    assert_eq!(namespace.document("acr"), auths(&[&whole(HOST)]));
    let refused = namespace.create(&pull_secret("generic", &auths(&[&bare(GENERIC)])), &[]);
    assert!(refused.stderr.contains("[regcred/generic-registry-host]"), "{refused:?}");
    assert_eq!(cluster.get(&["validatingadmissionpolicies"])["items"], json!([]));
}

#[test]
fn generated_policies_are_stable() {
    let text = generated(&[]);
    assert_eq!(text, generated(&[]));
    assert!(text.contains("regcred.dev/policy-hash") && text.contains("regcred.dev/version"));
    assert_ne!(text, generated(&["--enforcement", "audit"]));
}
