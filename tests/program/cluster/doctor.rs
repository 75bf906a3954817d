//! `regcred doctor` at a real API server: an installation that works, and the same one with each link of the chain broken.
//!
//! No controller and no kubelet runs, so the test writes what these would have written: Pods with their status, endpoints, and the
//! status of the Deployment. The API server calls the webhooks by URL.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::cluster;
use crate::support::certificate::Authority;
use crate::support::cluster::{Account, Cluster};
use crate::support::deploy::Checkout;
use crate::support::eventually;
use crate::support::regcred::{Serve, command};
use crate::support::supervised::Guarded;

const SYSTEM: &str = "regcred-system";
const JUDGED: &str = "judged";
const CONFIGURATIONS: [(&str, &str); 2] =
    [("mutatingwebhookconfiguration", "mutate"), ("validatingwebhookconfiguration", "validate")];

/// What the program printed.
struct Doctor {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Doctor {
    fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{} {}", self.stdout, self.stderr))
    }

    /// The result, the error and the hint of a check.
    #[track_caller]
    fn check(&self, code: &str) -> (String, String, String) {
        let report = self.report();
        let mut checks = report["categories"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|category| category["checks"].as_array().unwrap());
        let check =
            checks.find(|check| check["code"] == code).unwrap_or_else(|| panic!("no {code} in {report}"));
        let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
        (text("result"), text("error"), text("hint"))
    }

    /// The codes of the checks that did not pass.
    fn not_passed(&self) -> Vec<String> {
        let report = self.report();
        let checks = report["categories"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|category| category["checks"].as_array().unwrap());
        let left = checks.filter(|check| check["result"] != "success");
        left.map(|check| check["code"].as_str().unwrap().to_owned()).collect()
    }
}

fn doctor(cluster: &Cluster, arguments: &[&str]) -> Doctor {
    let folder = tempfile::Builder::new().prefix("regcred-doctor-").tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, cluster.kubeconfig(Account::Admin, None).to_string()).unwrap();
    let output =
        command().args(["doctor", "--kubeconfig"]).arg(&kubeconfig).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Doctor { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// An installation with what controllers and kubelets would have added.
struct Installation {
    cluster: Cluster,
    checkout: Checkout,
    regcred: Guarded,
}

impl Installation {
    fn new() -> Self {
        let policy =
            fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/policy/policy.yaml")).unwrap();
        let serve = Serve::dev().policy(&policy).args(["--enforcement", "warn"]);
        let installation = Installation {
            cluster: Cluster::start(),
            checkout: Checkout::new(),
            regcred: Guarded::start(serve),
        };
        installation.cluster.namespace(JUDGED, &json!({}));
        for node in ["one", "two"] {
            let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}, "spec": {"providerID": "gce://p/z/n"}});
            installation.apply(&node);
        }
        installation.checkout.choose(&["self-managed"]);
        installation.restore();
        installation
    }

    fn apply(&self, object: &Value) {
        self.cluster
            .accepts(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &object.to_string());
    }

    fn patch(&self, arguments: &[&str], patch: &Value) {
        let patch = patch.to_string();
        self.cluster.accepts(&[&["patch"], arguments, &["--type=json", "-p", &patch]].concat(), "");
    }

    fn configuration(&self, which: usize, patch: &Value) {
        self.patch(&[CONFIGURATIONS[which].0, "regcred"], patch);
    }

    fn both(&self, patch: &Value) {
        self.configuration(0, patch);
        self.configuration(1, patch);
    }

    fn bundle(&self) -> String {
        BASE64_STANDARD.encode(fs::read(self.regcred.regcred.ca()).unwrap())
    }

    /// Applies the manifests again, and what controllers and kubelets would add.
    fn restore(&self) {
        for (kind, _) in CONFIGURATIONS {
            self.cluster.accepts(&["delete", kind, "regcred", "--ignore-not-found"], "");
        }
        self.cluster.accepts(&["delete", "-n", SYSTEM, "service", "regcred", "--ignore-not-found"], "");
        self.checkout.apply(&self.cluster);
        for (which, (_, path)) in CONFIGURATIONS.iter().enumerate() {
            let url = format!("https://{}/{path}", self.regcred.regcred.https);
            let client = json!({"url": url, "caBundle": self.bundle()});
            self.configuration(
                which,
                &json!([{"op": "replace", "path": "/webhooks/0/clientConfig", "value": client}]),
            );
        }
        self.pod("regcred-1", "one", "True", "regcred:0.1.0");
        self.pod("regcred-2", "two", "True", "regcred:0.1.0");
        self.slice(true);
        self.available(2);
    }

    /// A Pod of the Deployment, with its status.
    fn pod(&self, name: &str, node: &str, ready: &str, image: &str) {
        self.cluster.accepts(&["delete", "-n", SYSTEM, "pod", name, "--ignore-not-found", "--force"], "");
        let deployment = self.cluster.get(&["-n", SYSTEM, "deployment", "regcred"]);
        let volumes = deployment["spec"]["template"]["spec"]["volumes"].clone();
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": SYSTEM, "labels": deployment["spec"]["template"]["metadata"]["labels"]},
            "spec": {
                "nodeName": node, "volumes": volumes, "automountServiceAccountToken": false,
                "securityContext": deployment["spec"]["template"]["spec"]["securityContext"],
                "containers": [{
                    "name": "regcred", "image": image,
                    "securityContext": deployment["spec"]["template"]["spec"]["containers"][0]["securityContext"],
                }],
            },
        });
        self.cluster.accepts(&["create", "-f", "-"], &pod.to_string());
        let status = json!({"status": {"conditions": [{"type": "Ready", "status": ready}]}}).to_string();
        let arguments =
            ["-n", SYSTEM, "patch", "pod", name, "--subresource=status", "--type=merge", "-p", &status];
        self.cluster.accepts(&arguments, "");
    }

    fn slice(&self, ready: bool) {
        self.apply(&json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "regcred-1", "namespace": SYSTEM, "labels": {"kubernetes.io/service-name": "regcred"}},
            "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": ready}}],
            "ports": [{"name": "https", "port": 10250}],
        }));
    }

    fn available(&self, replicas: u32) {
        let generation =
            self.cluster.get(&["-n", SYSTEM, "deployment", "regcred"])["metadata"]["generation"].clone();
        let status = json!({"status": {
            "observedGeneration": generation, "replicas": 2, "updatedReplicas": 2, "readyReplicas": replicas, "availableReplicas": replicas,
        }});
        let status = status.to_string();
        let arguments = [
            "-n",
            SYSTEM,
            "patch",
            "deployment",
            "regcred",
            "--subresource=status",
            "--type=merge",
            "-p",
            &status,
        ];
        self.cluster.accepts(&arguments, "");
    }

    fn examine(&self) -> Doctor {
        doctor(&self.cluster, &["-n", JUDGED, "-o", "json"])
    }

    /// Breaks something, and waits until the API server has noticed, so that this check has this result.
    #[track_caller]
    fn broken(&self, code: &str, result: &str, hint: &str, break_it: impl Fn(&Self)) {
        break_it(self);
        let examined = eventually(&format!("{code} to be {result}"), || {
            let examined = self.examine();
            (examined.check(code).0 == result).then_some(examined)
        });
        let (_, error, said) = examined.check(code);
        assert!(!error.is_empty() && said.contains(hint), "{code}: {error} / {said}");
        let failed = examined.report()["success"] == false;
        assert_eq!(examined.code, Some(i32::from(failed)), "{code}");
        self.restore();
        eventually("the installation to work again", || self.examine().not_passed().is_empty().then_some(()));
    }
}

/// A webhook of somebody else, which is called for no namespace.
fn other(kind: &str) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "other"},
        "webhooks": [{
            "name": "other.example.com", "clientConfig": {"url": "https://127.0.0.1:1/"}, "admissionReviewVersions": ["v1"],
            "sideEffects": "None", "failurePolicy": "Fail", "namespaceSelector": {"matchLabels": {"none": "none"}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"], "operations": ["CREATE"]}],
        }],
    })
}

#[test]
fn doctor_names_each_broken_link() {
    let installation = Installation::new();
    eventually("a healthy installation", || installation.examine().not_passed().is_empty().then_some(()));
    let healthy = doctor(&installation.cluster, &["-n", JUDGED]);
    assert_eq!(healthy.code, Some(0), "{}", healthy.stdout);
    assert!(
        healthy.stdout.contains("√ a Secret without auth is repaired [probe-repair]"),
        "{}",
        healthy.stdout
    );
    assert!(healthy.stdout.ends_with("Everything is in order.\n"), "{}", healthy.stdout);
    let short = doctor(&installation.cluster, &["-n", JUDGED, "-o", "short", "--lang", "zh"]);
    assert_eq!((short.code, short.stdout.as_str()), (Some(0), "一切正常。\n"));

    let webhook = |pointer: &str, value: Value| json!([{"op": "replace", "path": format!("/webhooks/0{pointer}"), "value": value}]);
    let excluded = "/namespaceSelector/matchExpressions/0/values";
    let foreign = || BASE64_STANDARD.encode(Authority::new().certificate);
    let delete = |installation: &Installation, arguments: &[&str]| {
        installation.cluster.accepts(&[&["delete"], arguments].concat(), "");
    };

    let i = &installation;
    i.broken("mutating-configuration", "error", "Apply the manifests", |i| {
        delete(i, &[CONFIGURATIONS[0].0, "regcred"])
    });
    i.broken("validating-configuration", "error", "Apply the manifests", |i| {
        delete(i, &[CONFIGURATIONS[1].0, "regcred"])
    });
    i.broken("webhook-rules", "error", "Apply the manifests", |i| {
        i.configuration(0, &webhook("/rules/0/operations", json!(["UPDATE"])));
    });
    i.broken("match-conditions", "error", "Apply the manifests", |i| {
        i.both(&json!([{"op": "remove", "path": "/webhooks/0/matchConditions"}]));
    });
    i.broken("probe-other-type", "error", "No Pod of regcred is ready", |i| {
        i.configuration(1, &json!([{"op": "remove", "path": "/webhooks/0/matchConditions"}]));
        i.configuration(1, &webhook("/clientConfig", json!({"url": "https://127.0.0.1:1/"})));
        i.configuration(1, &webhook("/failurePolicy", json!("Fail")));
    });
    i.broken("namespace-selector", "error", "Apply the manifests", |i| {
        i.both(&webhook(excluded, json!(["kube-system"])));
    });
    i.broken("namespace-selector", "error", "-n NAME", |i| {
        i.both(&webhook(excluded, json!(["kube-system", SYSTEM, JUDGED])));
    });
    i.broken("webhook-service", "error", "Apply the manifests", |i| {
        let client = json!({"service": {"namespace": SYSTEM, "name": "missing", "path": "/mutate"}, "caBundle": i.bundle()});
        i.configuration(0, &webhook("/clientConfig", client));
    });
    i.broken("probe-generic-host", "error", "Service", |i| {
        let client = json!({"service": {"namespace": SYSTEM, "name": "missing", "path": "/validate"}, "caBundle": i.bundle()});
        i.configuration(1, &webhook("/clientConfig", client));
        i.configuration(1, &webhook("/failurePolicy", json!("Fail")));
    });
    i.broken("ca-bundle", "error", "certs/README.md", |i| {
        i.configuration(0, &json!([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]));
    });
    i.broken("probe-repair", "error", "mutating webhook was not called", |i| {
        i.configuration(0, &webhook("/clientConfig/caBundle", json!(foreign())));
    });
    i.broken("probe-repair", "error", "caBundle is not the CA", |i| {
        i.configuration(1, &webhook("/clientConfig/caBundle", json!(foreign())));
        i.configuration(1, &webhook("/failurePolicy", json!("Fail")));
    });
    i.broken("probe-repair", "error", "No Pod of regcred is ready", |i| {
        i.configuration(1, &webhook("/clientConfig/url", json!("https://127.0.0.1:1/validate")));
        i.configuration(1, &webhook("/failurePolicy", json!("Fail")));
    });
    i.broken("failure-policy", "warning", "components/enforce", |i| {
        i.configuration(1, &webhook("/failurePolicy", json!("Fail")));
    });
    i.broken("probe-generic-host", "error", "--policy", |i| {
        // The Deployment says that it enforces, and the Pods do not.
        let variables =
            i.cluster.get(&["-n", SYSTEM, "deployment", "regcred"])["spec"]["template"]["spec"]["containers"]
                [0]["env"]
                .clone();
        let at = variables
            .as_array()
            .unwrap()
            .iter()
            .position(|variable| variable["name"] == "REGCRED_ENFORCEMENT")
            .unwrap();
        let path = format!("/spec/template/spec/containers/0/env/{at}/value");
        i.patch(
            &["-n", SYSTEM, "deployment", "regcred"],
            &json!([{"op": "replace", "path": path, "value": "enforce"}]),
        );
    });
    i.broken("service", "error", "Apply the manifests", |i| delete(i, &["-n", SYSTEM, "service", "regcred"]));
    i.broken("service", "error", "Apply the manifests", |i| {
        i.patch(
            &["-n", SYSTEM, "service", "regcred"],
            &json!([{"op": "replace", "path": "/spec/ports/0/targetPort", "value": "other"}]),
        );
    });
    i.broken("endpoints", "error", "get pods", |i| i.slice(false));
    i.broken("rollout", "warning", "rollout undo", |i| i.available(1));
    i.broken("replicas", "warning", "two replicas", |i| i.pod("regcred-1", "one", "False", "regcred:0.1.0"));
    i.broken("replicas", "warning", "two nodes", |i| i.pod("regcred-2", "one", "True", "regcred:0.1.0"));
    i.broken("replicas", "error", "events", |i| {
        i.pod("regcred-1", "one", "False", "regcred:0.1.0");
        i.pod("regcred-2", "two", "False", "regcred:0.1.0");
    });
    i.broken("versions", "warning", "rollout status", |i| i.pod("regcred-2", "two", "True", "regcred:0.2.0"));
    i.broken("disruption-budget", "warning", "Apply the manifests", |i| {
        delete(i, &["-n", SYSTEM, "pdb", "regcred"])
    });
    for (kind, code) in [
        ("MutatingWebhookConfiguration", "other-mutators"),
        ("ValidatingWebhookConfiguration", "other-validators"),
    ] {
        i.apply(&other(kind));
        let examined = i.examine();
        let (result, error, _) = examined.check(code);
        assert!(result == "warning" && error.starts_with("other "), "{code}: {error}");
        assert_eq!(examined.code, Some(0));
        delete(i, &[kind, "other"]);
    }
    i.broken("configuration-owners", "warning", "ignore", |i| {
        for manager in ["one", "two"] {
            let configuration = json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration", "metadata": {"name": "regcred"},
                "webhooks": [{
                    "name": "mutate.regcred.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
                    "clientConfig": {"url": format!("https://{}/mutate", i.regcred.regcred.https), "caBundle": i.bundle()},
                }],
            });
            let manager = format!("--field-manager={manager}");
            i.cluster.accepts(&["apply", "--server-side", &manager, "--force-conflicts", "-f", "-"], &configuration.to_string());
            // A forced apply takes the fields over, so the second one has the same value.
        }
    });
}

#[test]
fn doctor_before_the_installation() {
    let ready = doctor(cluster(), &["--pre", "-o", "json"]);
    assert_eq!(ready.check("permissions").0, "success", "{}", ready.stdout);
    assert_eq!(ready.check("kubernetes-version").0, "success");
    assert!(ready.code == Some(0), "{}", ready.stdout);
}

#[test]
fn doctor_without_a_cluster_exits_with_2() {
    let folder = tempfile::Builder::new().prefix("regcred-doctor-").tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let cluster = json!({"name": "c", "cluster": {"server": "https://127.0.0.1:1"}});
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "clusters": [cluster], "users": [{"name": "u", "user": {"token": "made-up"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x",
    });
    fs::write(&kubeconfig, text.to_string()).unwrap();
    let output = command().args(["doctor", "--kubeconfig"]).arg(&kubeconfig).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("cannot reach the API server") && !stderr.contains("made-up"), "{stderr}");
}
