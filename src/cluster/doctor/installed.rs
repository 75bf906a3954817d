//! What is installed: the objects that a request passes on its way to a Pod of regcred, read from the cluster.

use serde_json::Value;

use super::reader::{ObjectRead, items, read, text};
use crate::cluster::api_server::{ApiServer, segment};

/// The objects of the installation.
pub(super) struct Installed {
    pub(super) mutating: ObjectRead,
    pub(super) validating: ObjectRead,
    pub(super) service: ObjectRead,
    pub(super) slices: ObjectRead,
    pub(super) deployment: ObjectRead,
    pub(super) pods: ObjectRead,
    pub(super) budgets: ObjectRead,
    /// The ConfigMap with the policy that the Deployment mounts.
    pub(super) policy: ObjectRead,
    pub(super) nodes: ObjectRead,
}

impl Installed {
    pub(super) fn read(server: &ApiServer<'_>, namespace: &str, name: &str) -> Self {
        let (namespace, name) = (segment(namespace), segment(name));
        let group = "/apis/admissionregistration.k8s.io/v1";
        let service = read(server, &format!("/api/v1/namespaces/{namespace}/services/{name}"));
        let selector = service.found().map(selector).unwrap_or_default();
        let deployment = read(server, &format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}"));
        let policy = match deployment.found().and_then(policy_config_map) {
            Some(map) => read(server, &format!("/api/v1/namespaces/{namespace}/configmaps/{}", segment(map))),
            None => ObjectRead::Missing,
        };
        Installed {
            mutating: read(server, &format!("{group}/mutatingwebhookconfigurations/{name}")),
            validating: read(server, &format!("{group}/validatingwebhookconfigurations/{name}")),
            slices: read(
                server,
                &format!(
                    "/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D{name}"
                ),
            ),
            pods: match selector.as_str() {
                "" => ObjectRead::Missing,
                _ => read(
                    server,
                    &format!("/api/v1/namespaces/{namespace}/pods?labelSelector={}", segment(&selector)),
                ),
            },
            budgets: read(server, &format!("/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets")),
            nodes: read(server, "/api/v1/nodes?limit=20"),
            service,
            deployment,
            policy,
        }
    }

    /// The Pods that are ready, as far as they could be read.
    pub(super) fn ready_pods(&self) -> impl Iterator<Item = &Value> {
        let pods = self.pods.found().map(|list| items(list, "/items")).unwrap_or_default();
        pods.iter().filter(|pod| is_ready(pod))
    }

    /// The value of a variable of the container.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let variables = items(self.deployment.found()?, "/spec/template/spec/containers/0/env");
        variables
            .iter()
            .find(|variable| text(variable, "/name") == name)
            .map(|variable| text(variable, "/value"))
    }
}

pub(super) fn is_ready(pod: &Value) -> bool {
    let conditions = items(pod, "/status/conditions");
    conditions
        .iter()
        .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
}

/// The labels of a Service's selector, as a label selector.
fn selector(service: &Value) -> String {
    let labels = service.pointer("/spec/selector").and_then(Value::as_object);
    let labels =
        labels.into_iter().flatten().filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
    labels.collect::<Vec<_>>().join(",")
}

/// The ConfigMap in which the policy of a Deployment is.
fn policy_config_map(deployment: &Value) -> Option<&str> {
    let volumes = items(deployment, "/spec/template/spec/volumes");
    let volume = volumes.iter().find(|volume| text(volume, "/name") == "policy")?;
    volume.pointer("/configMap/name")?.as_str()
}
