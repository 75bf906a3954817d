//! The policies of `regcred backstop` in a real API server, with no webhook.

#![allow(clippy::print_stdout, reason = "figures are for whoever runs this by hand")]

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::cases::{Case, with_document};
use crate::support::client::Response;
use crate::support::cluster::{ApiConnection, Cluster, document_of, pull_secret};
use crate::support::eventually;
use crate::support::regcred::command;

use super::rancher::form;
use super::{GENERIC, HOST, auths, bare, whole};

const TYPE: &str = "kubernetes.io/dockerconfigjson";
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
fn install(cluster: &Cluster, group: &str, policy: &str) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, policy.as_bytes()).unwrap();
    let text = generated(&["--role", "standalone", "--policy", file.path().to_str().unwrap()]);
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
            validations.push(json!({"expression": "object.metadata.name != 'probe'", "message": "probe"}));
        }
        cluster.accepts(&["create", "-f", "-"], &object.to_string());
    }
}

#[derive(Default, Debug)]
struct Figures {
    asked: usize,
    repairs: usize,
    repaired: usize,
    denials: usize,
    denied: usize,
}

/// A group of cases that ask for one policy.
struct Group<'a> {
    path: String,
    cases: Vec<&'a Case>,
}

impl Group<'_> {
    fn put(&self, connection: &mut ApiConnection, case: &Case, figures: &mut Figures) -> Result<(), String> {
        let mut object = case.object(case.document("").as_deref(), "immutable");
        object["metadata"] = json!({"name": name_of(case)});
        let is_update = case.0["operation"] == "UPDATE";
        let (method, path) = if is_update {
            ("PUT", format!("{}/{}?dryRun=All", self.path, name_of(case)))
        } else {
            ("POST", format!("{}?dryRun=All", self.path))
        };
        let answer = connection.request(method, &path, "application/json", &object.to_string()).unwrap();
        let expected = &case.0["expect"];
        let is_repair = expected["mutate"]["patch"] == true;
        let is_denial = expected["validate"]["allowed"] == false;
        figures.asked += 1;
        figures.repairs += usize::from(is_repair);
        if answer.status >= 300 {
            let text = answer.text();
            if text.contains("[regcred/") {
                figures.denials += 1;
                figures.denied += 1;
                return if is_denial { Ok(()) } else { Err(format!("refused: {text}")) };
            }
            figures.repairs -= usize::from(is_repair);
            let own = text.contains("expression") || text.contains("cost limit");
            return if own { Err(text) } else { Ok(()) };
        }
        figures.denials += usize::from(is_denial);
        let before = case.document("").unwrap();
        if answer.json()["data"][".dockerconfigjson"] == BASE64_STANDARD.encode(&before).as_str() {
            return Ok(());
        }
        let after = document_of(&answer.json());
        figures.repaired += 1;
        let wanted = expected["mutate"]["auth"].as_object().filter(|_| is_repair);
        let Some(wanted) = wanted else { return Err(format!("touched: {after}")) };
        if let Some(exact) = expected["mutate"]["doc_after_b64"].as_str() {
            return if BASE64_STANDARD.encode(&after) == exact {
                Ok(())
            } else {
                Err(format!("bytes: {after}"))
            };
        }
        let added: usize = wanted.values().map(|auth| auth.as_str().unwrap().len()).sum();
        let values_are_there =
            wanted.values().all(|auth| after.contains(&format!("\"{}\"", auth.as_str().unwrap())));
        let is_parsed = serde_json::from_str::<Value>(&after).is_ok();
        if values_are_there && is_parsed && after.len() >= before.len() + added {
            Ok(())
        } else {
            Err(format!("repaired to {after}"))
        }
    }
}

fn name_of(case: &Case) -> String {
    format!("c-{}", case.id())
}

/// Whether a case can be put to an API server as it is.
fn is_possible(case: &Case) -> bool {
    let value = &case.0;
    let is_plain = value["type"] == TYPE && value["data_keys"].is_null() && value["deleting"] != true;
    // Exemptions name a namespace or a user of the case, and these requests are made by an administrator elsewhere.
    is_plain && value["policy"]["exemptions"].is_null()
}

#[test]
fn backstop_repairs_right_or_leaves_alone() {
    let cluster = Cluster::start();
    let cases = with_document();
    let mut by_policy: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in cases.iter().filter(|case| is_possible(case)) {
        by_policy.entry(case.policy()).or_default().push(case);
    }
    let mut connection = cluster.api().connect().unwrap();
    let (mut figures, mut failures) = (Figures::default(), Vec::new());
    let default = crate::cases::policy_file(&Value::Null);
    let mut by_default = Figures::default();
    for (index, (policy, cases)) in by_policy.into_iter().enumerate() {
        let name = format!("group{index}");
        let namespace = cluster.namespace(&name, &json!({}));
        let path = format!("/api/v1/namespaces/{name}/secrets");
        let mut group = Group { path, cases: Vec::new() };
        for case in cases {
            if case.0["operation"] == "UPDATE" {
                let mut old = case.object(case.document("old_").as_deref(), "old_immutable");
                old["metadata"] = json!({"name": name_of(case)});
                let answer = connection.request("POST", &group.path, "application/json", &old.to_string());
                if answer.unwrap().status != 201 {
                    continue; // The API server would not have had it.
                }
            }
            group.cases.push(case);
        }
        install(&cluster, &name, &policy);
        let label = format!("tests.regcred.dev/group={name}");
        cluster.accepts(&["label", "namespace", &namespace.name, &label], "");
        let probe = pull_secret("probe", &auths(&[&bare(HOST)])).to_string();
        let probed = format!("{}?dryRun=All", group.path);
        let (validates, mutates) =
            (cluster.get(&["validatingadmissionpolicies"]), cluster.get(&["mutatingadmissionpolicies"]));
        let has = |list: &Value, policy: String| {
            list["items"].as_array().unwrap().iter().any(|item| item["metadata"]["name"] == policy.as_str())
        };
        if has(&validates, format!("regcred-refuse-{name}")) {
            eventually("a refusal of the probe", || {
                let answer = connection.request("POST", &probed, "application/json", &probe).unwrap();
                (answer.status == 422 || answer.status == 403).then_some(())
            });
        }
        let is_default = policy == default;
        if is_default && has(&mutates, format!("regcred-repair-{name}")) {
            let other = pull_secret("other", &auths(&[&bare(HOST)])).to_string();
            eventually("a repair of the probe", || {
                let answer = connection.request("POST", &probed, "application/json", &other).unwrap();
                (answer.status == 201 && document_of(&answer.json()) == auths(&[&whole(HOST)])).then_some(())
            });
        }
        let figures = if is_default { &mut by_default } else { &mut figures };
        for case in &group.cases {
            if let Err(why) = group.put(&mut connection, case, figures) {
                failures.push(format!("{}: {why}", case.id()));
            }
        }
    }
    println!("default policy: {by_default:?}\nother policies: {figures:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(by_default.asked > 480, "{by_default:?}");
    // As measured: of the others, five are refused as the engine refuses them, and eight are left alone.
    assert!(by_default.repaired >= 105, "{by_default:?}");
    assert!(by_default.denied >= 70, "{by_default:?}");
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
    cluster.accepts(&["delete", "mutatingwebhookconfiguration", "regcred"], "");
}

#[test]
fn static_policies_are_loaded_from_disk() {
    let folder = tempfile::tempdir().unwrap();
    let plugin = |name: &str, kind: &str| {
        let policies = folder.path().join(kind);
        std::fs::create_dir(&policies).unwrap();
        let text = generated(&["--role", "standalone", "--static", kind]);
        std::fs::write(policies.join("regcred.yaml"), text).unwrap();
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
    std::fs::write(&file, configuration.to_string()).unwrap();
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
