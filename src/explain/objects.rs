//! The objects that explain a pull, as far as they are read. They come from an API server, from a dump of one, or from
//! manifests, so every field may be missing. The types of k8s-openapi are stricter than kubectl (`cpu: 1` is a number that it
//! accepts), and hold ten times as much.

use std::collections::BTreeMap;

use base64::Engine as _;
use regcred_engine::pull::{SecretFacts, Seen};
use regcred_engine::secret::SecretType;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::base64_engines::GO_PADDED;

/// The metadata of an object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ObjectMetadata {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) generate_name: String,
    pub(crate) uid: String,
    /// In RFC 3339, in UTC, to the second: it sorts as text.
    pub(crate) creation_timestamp: Option<String>,
    pub(crate) owner_references: Vec<OwnerReference>,
    labels: PodLabels,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OwnerReference {
    kind: String,
    name: String,
    uid: String,
    controller: bool,
}

/// The label by which a Deployment tells its `ReplicaSet`s apart.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct PodLabels {
    #[serde(rename = "pod-template-hash")]
    pod_template_hash: String,
}

impl ObjectMetadata {
    /// Whether an object with this `uid` owns it.
    pub(crate) fn is_owned_by(&self, uid: &str) -> bool {
        self.owner_references.iter().any(|owner| owner.uid == uid)
    }

    /// The workload that `kubectl rollout restart` restarts to replace this Pod, such as `deployment/web`.
    pub(crate) fn restarted_workload(&self) -> Option<String> {
        let owner = self.owner_references.iter().find(|owner| owner.controller)?;
        match owner.kind.as_str() {
            "StatefulSet" => Some(format!("statefulset/{}", owner.name)),
            "DaemonSet" => Some(format!("daemonset/{}", owner.name)),
            "ReplicaSet" => {
                let deployment =
                    owner.name.strip_suffix(&self.labels.pod_template_hash)?.strip_suffix('-')?;
                Some(format!("deployment/{deployment}"))
            }
            _ => None,
        }
    }
}

/// A Pod.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Pod {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) spec: PodSpec,
    pub(crate) status: Option<PodStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodSpec {
    pub(crate) service_account_name: String,
    /// The deprecated name of the same.
    pub(crate) service_account: String,
    pub(crate) node_name: String,
    pub(crate) image_pull_secrets: Vec<ObjectReference>,
    pub(crate) init_containers: Vec<Container>,
    pub(crate) containers: Vec<Container>,
    pub(crate) ephemeral_containers: Vec<Container>,
    pub(crate) volumes: Vec<Volume>,
}

/// A reference to an object of the same namespace, or anything else that is known by its name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ObjectReference {
    pub(crate) name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) image_pull_policy: Option<String>,
    pub(crate) volume_mounts: Vec<ObjectReference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Volume {
    pub(crate) name: String,
    pub(crate) image: Option<ImageVolume>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ImageVolume {
    pub(crate) reference: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PodStatus {
    pub(crate) phase: String,
    pub(crate) init_container_statuses: Vec<ContainerStatus>,
    pub(crate) container_statuses: Vec<ContainerStatus>,
    pub(crate) ephemeral_container_statuses: Vec<ContainerStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerStatus {
    pub(crate) name: String,
    pub(crate) state: ContainerState,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ContainerState {
    pub(crate) waiting: Option<WaitingState>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct WaitingState {
    pub(crate) reason: String,
    pub(crate) message: String,
}

/// An object that makes Pods of a template.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Workload {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) spec: WorkloadSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct WorkloadSpec {
    pub(crate) template: Option<PodTemplate>,
    /// Of a `CronJob`.
    pub(crate) job_template: Option<JobTemplate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JobTemplate {
    pub(crate) spec: JobSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JobSpec {
    pub(crate) template: Option<PodTemplate>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PodTemplate {
    pub(crate) spec: PodSpec,
}

impl Workload {
    /// The template as a Pod that has the namespace and name of the workload.
    pub(crate) fn into_template(self) -> Pod {
        let job = self.spec.job_template.and_then(|job| job.spec.template);
        let template = self.spec.template.or(job).unwrap_or_default();
        Pod { metadata: self.metadata, spec: template.spec, status: None }
    }
}

/// A ServiceAccount.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServiceAccount {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) image_pull_secrets: Vec<ObjectReference>,
}

/// A node.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Node {
    pub(crate) metadata: ObjectMetadata,
    pub(crate) status: NodeStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeStatus {
    pub(crate) node_info: NodeInfo,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NodeInfo {
    pub(crate) kubelet_version: String,
    pub(crate) container_runtime_version: String,
    pub(crate) architecture: String,
    pub(crate) operating_system: String,
}

/// An event of core/v1 or events.k8s.io/v1.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Event {
    pub(crate) metadata: ObjectMetadata,
    #[serde(alias = "regarding")]
    pub(crate) involved_object: InvolvedObject,
    pub(crate) reason: String,
    #[serde(alias = "note")]
    pub(crate) message: String,
    #[serde(alias = "deprecatedLastTimestamp")]
    last_timestamp: Option<String>,
    #[serde(rename = "eventTime")]
    time: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct InvolvedObject {
    pub(crate) kind: String,
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) uid: String,
    pub(crate) field_path: String,
}

impl Event {
    /// When it was last seen, as text that sorts; empty if the event does not say.
    pub(crate) fn last_seen(&self) -> &str {
        let times = [&self.last_timestamp, &self.time, &self.metadata.creation_timestamp];
        times.into_iter().flatten().next().map_or("", String::as_str)
    }

    /// The container that it is about: `app` of `spec.containers{app}`.
    pub(crate) fn container(&self) -> Option<&str> {
        self.involved_object.field_path.split_once('{')?.1.strip_suffix('}')
    }
}

/// A Secret. It contains credentials: there is no `Debug`.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Secret {
    pub(crate) metadata: ObjectMetadata,
    #[serde(rename = "type")]
    kind: String,
    data: BTreeMap<String, Zeroizing<String>>,
    string_data: BTreeMap<String, Zeroizing<String>>,
}

impl Secret {
    /// What is known about it. A value that is not base64 was encrypted or is filled in later, so it is unknown.
    pub(crate) fn seen(&self) -> Seen {
        let keys = match SecretType::from_name(&self.kind) {
            Some(secret_type) => vec![secret_type.data_key()],
            None => SecretType::ALL.map(SecretType::data_key).to_vec(),
        };
        let document = match keys.into_iter().find_map(|key| self.value(key)) {
            Some(Ok(document)) => Some(document),
            Some(Err(NotBase64)) => return Seen::Unknown,
            None => None,
        };
        Seen::Present(SecretFacts { secret_type: self.kind.clone(), document })
    }

    /// The value of a data key. `stringData` overrides `data`, as in the API server.
    fn value(&self, key: &str) -> Option<Result<Vec<u8>, NotBase64>> {
        if let Some(text) = self.string_data.get(key) {
            return Some(Ok(text.as_bytes().to_vec()));
        }
        let letters = Zeroizing::new(self.data.get(key)?.replace(['\r', '\n'], ""));
        Some(GO_PADDED.decode(letters.as_bytes()).map_err(|_| NotBase64))
    }
}

struct NotBase64;
