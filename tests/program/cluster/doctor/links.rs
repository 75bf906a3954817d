//! An installation that works, and the same one with each link of the chain broken.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::installation::{CONFIGURATIONS, Installation, JUDGED, SYSTEM};
use super::{doctor, doctor_as};
use crate::support::certificate::Authority;
use crate::support::cluster::Account;
use crate::support::eventually;

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
