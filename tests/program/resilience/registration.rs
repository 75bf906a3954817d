//! The shipped webhooks, registered so that a test knows when the API server goes by their latest version.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::cluster::{Api, Cluster, Namespace, Which};
use crate::support::eventually;

use super::balancer::Balancer;

/// Both webhooks of `deploy/base/webhooks.yaml` as in step two, behind a balancer, for one namespace.
///
/// Beside the shipped webhook each configuration has a marker: one that nobody serves, asked about one ConfigMap whose
/// name is another in each version. When that ConfigMap is refused, this version is in force, and so is all of it.
pub struct Registration {
    cluster: &'static Cluster,
    pub namespace: Namespace<'static>,
    name: String,
    balancer: String,
    timeout: Duration,
    version: usize,
}

impl Registration {
    /// Registers them, with names of their own, so that the API server counts their calls apart from others'.
    #[track_caller]
    pub fn install(
        cluster: &'static Cluster,
        name: &str,
        balancer: &Balancer,
        bundle: &str,
        timeout: Duration,
    ) -> Self {
        let namespace = cluster.namespace(name, &json!({ "tests.regcred.dev/webhooks": name }));
        let balancer = balancer.address.to_string();
        let mut registration =
            Registration { cluster, namespace, name: name.to_owned(), balancer, timeout, version: 0 };
        registration.trust(bundle);
        registration
    }

    /// Puts this bundle of CAs into both, and waits until the API server goes by it. For each version it makes new
    /// connections, since none of two has the same bytes.
    #[track_caller]
    pub fn trust(&mut self, bundle: &str) {
        self.version += 1;
        let ca = BASE64_STANDARD.encode(format!("{bundle}{}", "\n".repeat(self.version)));
        let items: Vec<Value> = self
            .cluster
            .shipped_webhooks()
            .into_iter()
            .map(|(which, shipped)| self.of(which, shipped, &ca))
            .collect();
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        self.cluster.accepts(&["apply", "-f", "-"], &list.to_string());
        let api = self.cluster.api();
        for which in Which::BOTH {
            eventually("the new version of a webhook", || self.is_in_force(&api, *which).then_some(()));
        }
    }

    fn of(&self, which: Which, mut object: Value, ca: &str) -> Value {
        object["metadata"]["name"] = json!(format!("regcred-{}", self.name));
        let labels = json!({"matchLabels": {"tests.regcred.dev/webhooks": self.name}});
        let webhook = &mut object["webhooks"][0];
        let url = format!("https://{}/{}", self.balancer, which.path());
        webhook["name"] = json!(self.webhook(which));
        webhook["clientConfig"] = json!({"url": url, "caBundle": ca});
        webhook["namespaceSelector"] = labels.clone();
        webhook["failurePolicy"] = json!(which.failure_policy());
        webhook["timeoutSeconds"] = json!(self.timeout.as_secs());
        let marker = json!({
            "name": format!("marker-{}.{}", which.path(), self.webhook(which)),
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "timeoutSeconds": 1,
            "failurePolicy": "Fail",
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE"]}],
            "namespaceSelector": labels,
            "matchConditions": [
                {"name": "version", "expression": format!("request.name == {:?}", self.marker(which))}
            ],
        });
        object["webhooks"].as_array_mut().unwrap().push(marker);
        object
    }

    fn is_in_force(&self, api: &Api, which: Which) -> bool {
        let path = format!("/api/v1/namespaces/{}/configmaps?dryRun=All", self.namespace.name);
        let object =
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": self.marker(which)}});
        let answer = api.request("POST", &path, &object.to_string());
        answer.status == 500 && answer.text().contains("marker-")
    }

    fn marker(&self, which: Which) -> String {
        format!("version-{}-{}", self.version, which.path())
    }

    /// The webhook's name, which is also the label of its series in the API server.
    fn webhook(&self, which: Which) -> String {
        format!("{}.{}.regcred.dev", which.path(), self.name)
    }

    /// How many calls the API server passed over, by its own count.
    #[track_caller]
    pub fn failed_open(&self) -> u64 {
        let label = format!("name=\"{}\"", self.webhook(Which::Mutate));
        let count = self.cluster.api().metric("apiserver_admission_webhook_fail_open_count", &label);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
        let count = count as u64;
        count
    }
}

impl Drop for Registration {
    /// An API server that others share must not go on asking a balancer that is gone.
    fn drop(&mut self) {
        let name = format!("regcred-{}", self.name);
        for kind in ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] {
            let path = format!("/apis/admissionregistration.k8s.io/v1/{kind}/{name}");
            if let Ok(mut api) = self.cluster.api().connect() {
                drop(api.request("DELETE", &path, "application/json", ""));
            }
        }
    }
}
