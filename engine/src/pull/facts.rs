//! What is known about one Pod, in plain data.

/// A Pod whose images are pulled, or the template of one.
#[derive(Clone, Default)]
pub struct PodFacts {
    /// The namespace.
    pub namespace: String,
    /// The name; of a template, the name of its workload.
    pub name: String,
    /// There is no status yet: the question is whether a pull would find credentials.
    pub is_template: bool,
    /// The workload that `kubectl rollout restart` restarts to replace the Pod, such as `deployment/web`; `None` for
    /// any other Pod.
    pub workload: Option<String>,
    /// `spec.imagePullSecrets`, in order.
    pub pull_secrets: Vec<PullSecret>,
    /// The service account of the Pod, if it could be read.
    pub service_account: Option<ServiceAccountFacts>,
    /// The node of the Pod, if it could be read.
    pub node: Option<NodeFacts>,
    /// The containers: init containers, containers, ephemeral containers.
    pub containers: Vec<ContainerFacts>,
    /// Events of the Pod that name no container, such as `FailedToRetrieveImagePullSecret`.
    pub events: Vec<EventFacts>,
}

/// A pull Secret that a Pod or a service account names.
#[derive(Clone)]
pub struct PullSecret {
    /// Its name.
    pub name: String,
    /// What is known about it.
    pub seen: Seen,
}

/// What is known about a Secret.
#[derive(Clone)]
pub enum Seen {
    /// It does not exist in the namespace of the Pod.
    Missing {
        /// Other namespaces that have a pull Secret of this name.
        elsewhere: Vec<String>,
    },
    /// It may not be read, or is not in the input.
    Unknown,
    /// It was read.
    Present(SecretFacts),
}

/// What a Secret contains. There is no `Debug`: the document has credentials.
#[derive(Clone)]
pub struct SecretFacts {
    /// Its `type`.
    pub secret_type: String,
    /// The value of the type's data key, decoded from base64; for another type the value of either key of a pull
    /// Secret, if there is one.
    pub document: Option<Vec<u8>>,
}

/// The service account of a Pod, as it is now.
#[derive(Clone)]
pub struct ServiceAccountFacts {
    /// Its name.
    pub name: String,
    /// Its `imagePullSecrets`, in order.
    pub pull_secrets: Vec<PullSecret>,
}

/// The `nodeInfo` of the Pod's node.
#[derive(Clone, Debug, Default)]
pub struct NodeFacts {
    /// `kubeletVersion`, such as `v1.37.2`.
    pub kubelet_version: String,
    /// `containerRuntimeVersion`, such as `containerd://2.4.2`.
    pub runtime: String,
    /// `architecture`, such as `amd64`.
    pub architecture: String,
    /// `operatingSystem`, such as `linux`.
    pub operating_system: String,
}

/// The list of a Pod that a container is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContainerKind {
    /// `spec.containers`.
    #[default]
    Container,
    /// `spec.initContainers`.
    Init,
    /// `spec.ephemeralContainers`.
    Ephemeral,
}

/// One container of a Pod.
#[derive(Clone, Debug, Default)]
pub struct ContainerFacts {
    /// The list that it is in.
    pub kind: ContainerKind,
    /// Its name.
    pub name: String,
    /// Its `image` in the spec.
    pub image: String,
    /// Its `imagePullPolicy`.
    pub pull_policy: Option<String>,
    /// Its `state.waiting`.
    pub waiting: Option<Waiting>,
    /// The events that name it, the oldest first.
    pub events: Vec<EventFacts>,
    /// The references of the image volumes that it mounts.
    pub image_volumes: Vec<String>,
}

/// Why a container waits.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    /// A word of the kubelet, or since 1.33 an error of its parser.
    pub reason: String,
    /// The last error.
    pub message: String,
}

/// One event.
#[derive(Clone, Debug, Default)]
pub struct EventFacts {
    /// Its `reason`.
    pub reason: String,
    /// Its `message`, or `note`.
    pub message: String,
}
