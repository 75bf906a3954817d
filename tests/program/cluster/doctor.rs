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

/// The checks that need running Pods (`node::upgrade` has them), or that remember what this test has broken before.
const WITHOUT_PODS: [&str; 2] = ["served-certificate", "fail-open"];

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

    /// The codes of the checks that did not pass, except those of [`WITHOUT_PODS`].
    fn not_passed(&self) -> Vec<String> {
        let report = self.report();
        let checks = report["categories"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|category| category["checks"].as_array().unwrap());
        let left = checks.filter(|check| {
            check["result"] != "success" && !WITHOUT_PODS.contains(&check["code"].as_str().unwrap())
        });
        left.map(|check| check["code"].as_str().unwrap().to_owned()).collect()
    }
}

fn doctor(cluster: &Cluster, arguments: &[&str]) -> Doctor {
    doctor_as(cluster, Account::Admin, arguments)
}

fn doctor_as(cluster: &Cluster, account: Account<'_>, arguments: &[&str]) -> Doctor {
    let folder = tempfile::Builder::new().prefix("regcred-doctor-").tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, cluster.kubeconfig(account, None).to_string()).unwrap();
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
    // No Pod runs here, so its metrics cannot be read; and no call has failed yet.
    assert!(healthy.stdout.ends_with("It works; the warnings need attention.\n"), "{}", healthy.stdout);
    let short = doctor(&installation.cluster, &["-n", JUDGED, "-o", "short", "--lang", "zh"]);
    assert!(
        short.stdout.contains("‼ API server 接受每个 Pod 的证书 [served-certificate]"),
        "{}",
        short.stdout
    );
    assert!(!short.stdout.contains('√'), "{}", short.stdout);
    let examined = installation.examine();
    assert_eq!(examined.check("fail-open").0, "success", "{}", examined.stdout);
    let (_, _, hint) = examined.check("served-certificate");
    assert!(hint.contains("get pods/proxy"), "{hint}");
    installation.without_permission_to_read_metrics();

    installation.break_configurations();
    installation.break_calls();
    installation.break_pods();
    installation.add_others();
}

const EXCLUDED: &str = "/namespaceSelector/matchExpressions/0/values";

/// A patch of the webhook in a configuration.
fn webhook(pointer: &str, value: &Value) -> Value {
    json!([{"op": "replace", "path": format!("/webhooks/0{pointer}"), "value": value}])
}

/// The certificate of a CA that signed nothing here.
fn foreign() -> Value {
    json!(BASE64_STANDARD.encode(Authority::new().certificate))
}

impl Installation {
    fn delete(&self, arguments: &[&str]) {
        self.cluster.accepts(&[&["delete"], arguments].concat(), "");
    }

    /// A Service that does not exist.
    fn missing_service(&self, path: &str) -> Value {
        json!({"service": {"namespace": SYSTEM, "name": "missing", "path": path}, "caBundle": self.bundle()})
    }

    /// A user who may do everything that the doctor needs, except reading the API server's metrics.
    fn without_permission_to_read_metrics(&self) {
        let subject = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "examiner"});
        self.apply(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "examiner"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [subject],
        }));
        let examined = doctor_as(&self.cluster, Account::As("examiner"), &["-n", JUDGED, "-o", "json"]);
        let (result, error, hint) = examined.check("fail-open");
        assert_eq!(result, "warning", "{error}");
        assert!(hint.contains("system:monitoring"), "{hint}");
    }

    fn break_configurations(&self) {
        self.broken("mutating-configuration", "error", "Apply the manifests", |i| {
            i.delete(&[CONFIGURATIONS[0].0, "regcred"]);
        });
        self.broken("validating-configuration", "error", "Apply the manifests", |i| {
            i.delete(&[CONFIGURATIONS[1].0, "regcred"]);
        });
        self.broken("webhook-rules", "error", "Apply the manifests", |i| {
            i.configuration(0, &webhook("/rules/0/operations", &json!(["UPDATE"])));
        });
        self.broken("match-conditions", "error", "Apply the manifests", |i| {
            i.both(&json!([{"op": "remove", "path": "/webhooks/0/matchConditions"}]));
        });
        self.broken("probe-other-type", "error", "No Pod of regcred is ready", |i| {
            i.configuration(1, &json!([{"op": "remove", "path": "/webhooks/0/matchConditions"}]));
            i.configuration(1, &webhook("/clientConfig", &json!({"url": "https://127.0.0.1:1/"})));
            i.configuration(1, &webhook("/failurePolicy", &json!("Fail")));
        });
        self.broken("namespace-selector", "error", "Apply the manifests", |i| {
            i.both(&webhook(EXCLUDED, &json!(["kube-system"])));
        });
        self.broken("namespace-selector", "error", "-n NAME", |i| {
            i.both(&webhook(EXCLUDED, &json!(["kube-system", SYSTEM, JUDGED])));
        });
        self.broken("webhook-service", "error", "Apply the manifests", |i| {
            i.configuration(0, &webhook("/clientConfig", &i.missing_service("/mutate")));
        });
        self.broken("probe-generic-host", "error", "Service", |i| {
            i.configuration(1, &webhook("/clientConfig", &i.missing_service("/validate")));
            i.configuration(1, &webhook("/failurePolicy", &json!("Fail")));
        });
    }

    fn break_calls(&self) {
        self.broken("ca-bundle", "error", "certs/README.md", |i| {
            i.configuration(0, &json!([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]));
        });
        self.broken("probe-repair", "error", "mutating webhook was not called", |i| {
            i.configuration(0, &webhook("/clientConfig/caBundle", &foreign()));
        });
        let (result, error, hint) = self.examine().check("fail-open");
        assert_eq!(result, "warning");
        // The dry runs that just failed open, at least.
        let writes =
            error.strip_prefix("since this API server started, ").unwrap().split(' ').next().unwrap();
        assert!(writes.parse::<u32>().unwrap() > 0 && hint.contains("regcred scan"), "{error} / {hint}");
        self.broken("probe-repair", "error", "caBundle is not the CA", |i| {
            i.configuration(1, &webhook("/clientConfig/caBundle", &foreign()));
            i.configuration(1, &webhook("/failurePolicy", &json!("Fail")));
        });
        self.broken("probe-repair", "error", "No Pod of regcred is ready", |i| {
            i.configuration(1, &webhook("/clientConfig/url", &json!("https://127.0.0.1:1/validate")));
            i.configuration(1, &webhook("/failurePolicy", &json!("Fail")));
        });
        self.broken("failure-policy", "warning", "components/enforce", |i| {
            i.configuration(1, &webhook("/failurePolicy", &json!("Fail")));
        });
        self.broken("probe-generic-host", "error", "--policy", |i| {
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
    }

    fn break_pods(&self) {
        self.broken("service", "error", "Apply the manifests", |i| {
            i.delete(&["-n", SYSTEM, "service", "regcred"]);
        });
        self.broken("service", "error", "Apply the manifests", |i| {
            i.patch(
                &["-n", SYSTEM, "service", "regcred"],
                &json!([{"op": "replace", "path": "/spec/ports/0/targetPort", "value": "other"}]),
            );
        });
        self.broken("endpoints", "error", "get pods", |i| i.slice(false));
        self.broken("rollout", "warning", "rollout undo", |i| i.available(1));
        self.broken("replicas", "warning", "two replicas", |i| {
            i.pod("regcred-1", "one", "False", "regcred:0.1.0");
        });
        self.broken("replicas", "warning", "two nodes", |i| {
            i.pod("regcred-2", "one", "True", "regcred:0.1.0");
        });
        self.broken("replicas", "error", "events", |i| {
            i.pod("regcred-1", "one", "False", "regcred:0.1.0");
            i.pod("regcred-2", "two", "False", "regcred:0.1.0");
        });
        self.broken("versions", "warning", "rollout status", |i| {
            i.pod("regcred-2", "two", "True", "regcred:0.2.0");
        });
        self.broken("disruption-budget", "warning", "Apply the manifests", |i| {
            i.delete(&["-n", SYSTEM, "pdb", "regcred"]);
        });
    }

    /// The admission policies of this step, of another one, and without a binding.
    fn backstop(&self) {
        let install = |stage: &str| {
            self.checkout.choose(&["self-managed", &format!("backstop/{stage}")]);
            self.restore();
        };
        install("warn");
        assert_eq!(self.examine().not_passed(), Vec::<String>::new());

        install("enforce");
        let (result, error, hint) = self.examine().check("backstop");
        assert!(
            result == "warning" && error.contains("another policy") && hint.contains("regcred backstop"),
            "{error}"
        );

        install("warn");
        self.delete(&["mutatingadmissionpolicybinding", "regcred-repair"]);
        let (result, error, _) = self.examine().check("backstop");
        assert!(result == "warning" && error.contains("no binding"), "{error}");

        install("warn");
        let kinds = "validatingadmissionpolicy,validatingadmissionpolicybinding";
        self.delete(&[kinds, "regcred-refuse", "regcred-guard"]);
        let (result, error, _) = self.examine().check("backstop");
        assert!(result == "warning" && error.contains("guard is missing"), "{error}");
        self.checkout.choose(&["self-managed"]);
        self.delete(&[
            "mutatingadmissionpolicies,mutatingadmissionpolicybindings,validatingadmissionpolicies,validatingadmissionpolicybindings",
            "-l",
            "app.kubernetes.io/component=backstop",
        ]);
    }

    fn add_others(&self) {
        for (kind, code) in [
            ("MutatingWebhookConfiguration", "other-mutators"),
            ("ValidatingWebhookConfiguration", "other-validators"),
        ] {
            self.apply(&other(kind));
            let examined = self.examine();
            let (result, error, _) = examined.check(code);
            assert!(result == "warning" && error.starts_with("other "), "{code}: {error}");
            assert_eq!(examined.code, Some(0));
            self.delete(&[kind, "other"]);
        }
        self.backstop();
        self.broken("configuration-owners", "warning", "ignore", |i| {
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
}

#[test]
fn doctor_before_the_installation() {
    let ready = doctor(cluster(), &["--pre", "-o", "json"]);
    assert_eq!(ready.check("permissions").0, "success", "{}", ready.stdout);
    assert_eq!(ready.check("kubernetes-version").0, "success");
    assert!(ready.code == Some(0), "{}", ready.stdout);
}

#[test]
fn doctor_before_the_installation_tries_a_pod() {
    let cluster = cluster();
    let named = |kind: &str, version: &str, spec: &Value| {
        json!({
            "apiVersion": version, "kind": kind, "metadata": {"name": "small", "namespace": "crowded"}, "spec": spec,
        })
        .to_string()
    };
    let examine = || doctor(cluster, &["--pre", "--installed-in", "crowded", "-o", "json"]);
    assert_eq!(examine().check("pod-admission").0, "success", "a namespace that does not exist");
    let _namespace =
        cluster.namespace("crowded", &json!({"pod-security.kubernetes.io/enforce": "restricted"}));
    let ready = examine();
    assert_eq!(ready.check("pod-admission"), ("success".to_owned(), String::new(), String::new()));

    let refused = |what: &str| {
        let examined = eventually(what, || {
            let examined = examine();
            (examined.check("pod-admission").0 == "error").then_some(examined)
        });
        let (_, error, hint) = examined.check("pod-admission");
        assert!(error.contains(what) && hint.contains("resources"), "{error} / {hint}");
        assert_eq!(examined.code, Some(1));
    };
    let limit = json!({"limits": [{"type": "Container", "max": {"memory": "16Mi"}}]});
    cluster.accepts(&["create", "-f", "-"], &named("LimitRange", "v1", &limit));
    refused("maximum memory usage per Container is 16Mi");
    cluster.accepts(&["delete", "-n", "crowded", "limitrange", "small"], "");
    let quota = json!({"hard": {"limits.cpu": "1"}});
    cluster.accepts(&["create", "-f", "-"], &named("ResourceQuota", "v1", &quota));
    // What its controller would write.
    let status = json!({"status": {"hard": quota["hard"], "used": {"limits.cpu": "0"}}}).to_string();
    let arguments = [
        "-n",
        "crowded",
        "patch",
        "resourcequota",
        "small",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    cluster.accepts(&arguments, "");
    refused("must specify limits.cpu");
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
