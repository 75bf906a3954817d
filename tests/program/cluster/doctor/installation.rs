//! An installation at a real API server, without Pods.
//!
//! No controller and no kubelet runs, so the test writes what these would have written: Pods with their status, endpoints, and the
//! status of the Deployment. The API server calls the webhooks by URL.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::{Doctor, doctor};
use crate::support::cluster::Cluster;
use crate::support::deploy::Checkout;
use crate::support::eventually;
use crate::support::regcred::Serve;
use crate::support::supervised::Guarded;

pub(super) const SYSTEM: &str = "regcred-system";
pub(super) const JUDGED: &str = "judged";
pub(super) const CONFIGURATIONS: [(&str, &str); 2] =
    [("mutatingwebhookconfiguration", "mutate"), ("validatingwebhookconfiguration", "validate")];

/// An installation with what controllers and kubelets would have added.
pub(super) struct Installation {
    pub(super) cluster: Cluster,
    pub(super) checkout: Checkout,
    pub(super) regcred: Guarded,
}

impl Installation {
    pub(super) fn new() -> Self {
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

    pub(super) fn apply(&self, object: &Value) {
        self.cluster
            .accepts(&["apply", "--server-side", "--force-conflicts", "-f", "-"], &object.to_string());
    }

    pub(super) fn patch(&self, arguments: &[&str], patch: &Value) {
        let patch = patch.to_string();
        self.cluster.accepts(&[&["patch"], arguments, &["--type=json", "-p", &patch]].concat(), "");
    }

    pub(super) fn configuration(&self, which: usize, patch: &Value) {
        self.patch(&[CONFIGURATIONS[which].0, "regcred"], patch);
    }

    pub(super) fn both(&self, patch: &Value) {
        self.configuration(0, patch);
        self.configuration(1, patch);
    }

    pub(super) fn bundle(&self) -> String {
        BASE64_STANDARD.encode(fs::read(self.regcred.regcred.ca()).unwrap())
    }

    /// Applies the manifests again, and what controllers and kubelets would add.
    pub(super) fn restore(&self) {
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
    pub(super) fn pod(&self, name: &str, node: &str, ready: &str, image: &str) {
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

    pub(super) fn slice(&self, ready: bool) {
        self.apply(&json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "regcred-1", "namespace": SYSTEM, "labels": {"kubernetes.io/service-name": "regcred"}},
            "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": ready}}],
            "ports": [{"name": "https", "port": 10250}],
        }));
    }

    pub(super) fn available(&self, replicas: u32) {
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

    pub(super) fn examine(&self) -> Doctor {
        doctor(&self.cluster, &["-n", JUDGED, "-o", "json"])
    }

    /// Breaks something, and waits until the API server has noticed, so that this check has this result.
    #[track_caller]
    pub(super) fn broken(&self, code: &str, result: &str, hint: &str, break_it: impl Fn(&Self)) {
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
