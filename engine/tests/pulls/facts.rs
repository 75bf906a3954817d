//! The facts of a Pod from a list of Kubernetes objects, as recordings have them.

use std::collections::BTreeMap;

use base64::Engine as _;
use regcred_engine::pull::{
    ContainerFacts, ContainerKind, EventFacts, NodeFacts, PodFacts, PullSecret, SecretFacts, Seen,
    ServiceAccountFacts, Waiting,
};
use serde_json::Value;

/// The objects of a list.
pub(crate) struct Objects<'v>(&'v [Value]);

impl<'v> Objects<'v> {
    pub(crate) fn new(list: &'v Value) -> Self {
        Objects(list["items"].as_array().unwrap())
    }

    fn of_kind(&self, kind: &'v str) -> impl Iterator<Item = &'v Value> {
        self.0.iter().filter(move |item| item["kind"] == kind)
    }

    /// The facts of the first Pod.
    pub(crate) fn pod(&self) -> PodFacts {
        let pod = self.of_kind("Pod").next().unwrap();
        let namespace = text(&pod["metadata"]["namespace"]);
        let spec = &pod["spec"];
        let account =
            self.of_kind("ServiceAccount").find(|it| it["metadata"]["name"] == spec["serviceAccountName"]);
        let node = self.of_kind("Node").find(|it| it["metadata"]["name"] == spec["nodeName"]);
        let kinds = [
            ("containers", "containerStatuses", ContainerKind::Container),
            ("initContainers", "initContainerStatuses", ContainerKind::Init),
            ("ephemeralContainers", "ephemeralContainerStatuses", ContainerKind::Ephemeral),
        ];
        let containers = kinds.iter().flat_map(|(list, statuses, kind)| {
            let specs = spec[list].as_array().into_iter().flatten();
            specs.map(move |container| self.container(pod, list, statuses, *kind, container))
        });
        PodFacts {
            name: text(&pod["metadata"]["name"]),
            is_template: pod["status"].is_null(),
            workload: None,
            pull_secrets: self.named(&spec["imagePullSecrets"], &namespace),
            service_account: account.map(|account| ServiceAccountFacts {
                name: text(&account["metadata"]["name"]),
                pull_secrets: self.named(&account["imagePullSecrets"], &namespace),
            }),
            node: node.map(|node| {
                let info = &node["status"]["nodeInfo"];
                NodeFacts {
                    kubelet_version: text(&info["kubeletVersion"]),
                    runtime: text(&info["containerRuntimeVersion"]),
                    architecture: text(&info["architecture"]),
                    operating_system: text(&info["operatingSystem"]),
                }
            }),
            containers: containers.collect(),
            events: self.events(|path| !path.contains('{')),
            namespace,
        }
    }

    fn container(
        &self,
        pod: &Value,
        list: &str,
        statuses: &str,
        kind: ContainerKind,
        container: &Value,
    ) -> ContainerFacts {
        let name = text(&container["name"]);
        let statuses = pod["status"][statuses].as_array().into_iter().flatten();
        let waiting = statuses.filter(|it| it["name"] == *name).map(|it| &it["state"]["waiting"]).next();
        let volumes: BTreeMap<_, _> = pod["spec"]["volumes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|volume| volume["image"].is_object())
            .map(|volume| (text(&volume["name"]), text(&volume["image"]["reference"])))
            .collect();
        let mounts = container["volumeMounts"].as_array().into_iter().flatten();
        ContainerFacts {
            kind,
            image: text(&container["image"]),
            pull_policy: container["imagePullPolicy"].as_str().map(str::to_owned),
            waiting: waiting.filter(|it| it.is_object()).map(|waiting| Waiting {
                reason: text(&waiting["reason"]),
                message: text(&waiting["message"]),
            }),
            events: self.events(|path| path == format!("spec.{list}{{{name}}}")),
            image_volumes: mounts.filter_map(|it| volumes.get(it["name"].as_str()?).cloned()).collect(),
            name,
        }
    }

    fn events(&self, is_of: impl Fn(&str) -> bool) -> Vec<EventFacts> {
        let path = |event: &Value| text(&event["involvedObject"]["fieldPath"]);
        self.of_kind("Event")
            .filter(|event| is_of(&path(event)))
            .map(|event| EventFacts { reason: text(&event["reason"]), message: text(&event["message"]) })
            .collect()
    }

    fn named(&self, list: &Value, namespace: &str) -> Vec<PullSecret> {
        let names = list.as_array().into_iter().flatten().map(|secret| text(&secret["name"]));
        names.map(|name| PullSecret { seen: self.secret(&name, namespace), name }).collect()
    }

    fn secret(&self, name: &str, namespace: &str) -> Seen {
        let named = || self.of_kind("Secret").filter(|secret| secret["metadata"]["name"] == *name);
        let in_namespace = |secret: &&Value| secret["metadata"]["namespace"] == *namespace;
        let Some(secret) = named().find(in_namespace) else {
            let elsewhere = named().map(|secret| text(&secret["metadata"]["namespace"])).collect();
            return Seen::Missing { elsewhere };
        };
        let secret_type = text(&secret["type"]);
        let keys: &[&str] = match &*secret_type {
            "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
            "kubernetes.io/dockercfg" => &[".dockercfg"],
            _ => &[".dockerconfigjson", ".dockercfg"],
        };
        let document = keys
            .iter()
            .find_map(|key| secret["data"][key].as_str())
            .map(|value| base64::engine::general_purpose::STANDARD.decode(value).unwrap());
        Seen::Present(SecretFacts { secret_type, document })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
