//! A Pod, or the template of one, and what it refers to, as the engine explains it.

use regcred_engine::pull::{ContainerFacts, ContainerKind, PodFacts, Waiting};

use super::objects::{Container, ContainerStatus, Pod, PodSpec};
use super::surroundings::{ObjectName, Surroundings};
use super::workload::WorkloadKind;

/// Where a Pod comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PodOrigin {
    /// It was created, and has a status.
    Created,
    /// It is in a manifest.
    Manifest,
    /// It is the template of a workload.
    Template(WorkloadKind),
}

impl PodOrigin {
    /// The kind of the object that it is in.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            PodOrigin::Created | PodOrigin::Manifest => "Pod",
            PodOrigin::Template(kind) => kind.name(),
        }
    }
}

/// The ServiceAccount of a Pod that names none.
const DEFAULT_ACCOUNT: &str = "default";

impl PodSpec {
    /// A Pod that has nothing but a ServiceAccount.
    pub(crate) fn with_account(name: &str) -> Self {
        PodSpec { service_account_name: name.to_owned(), ..PodSpec::default() }
    }

    /// The name of the ServiceAccount.
    pub(crate) fn account(&self) -> &str {
        [self.service_account_name.as_str(), &self.service_account]
            .into_iter()
            .find(|name| !name.is_empty())
            .unwrap_or(DEFAULT_ACCOUNT)
    }

    fn all_containers(&self) -> impl Iterator<Item = (ContainerKind, &Container)> {
        let lists = [
            (ContainerKind::Init, &self.init_containers),
            (ContainerKind::Container, &self.containers),
            (ContainerKind::Ephemeral, &self.ephemeral_containers),
        ];
        lists.into_iter().flat_map(|(kind, list)| list.iter().map(move |container| (kind, container)))
    }
}

impl Pod {
    /// The Pod's name; the beginning of it if the API server completes it.
    pub(crate) fn name(&self) -> &str {
        if self.metadata.name.is_empty() { &self.metadata.generate_name } else { &self.metadata.name }
    }

    /// The name of a Pod that the API server has.
    pub(crate) fn object_name(&self) -> ObjectName {
        ObjectName::new(&self.metadata.namespace, self.name())
    }

    /// Whether a container of it waits for something.
    pub(crate) fn waits(&self) -> bool {
        self.statuses().any(|status| status.state.waiting.is_some())
    }

    fn statuses(&self) -> impl Iterator<Item = &ContainerStatus> {
        self.status.iter().flat_map(|status| {
            let init = &status.init_container_statuses;
            init.iter().chain(&status.container_statuses).chain(&status.ephemeral_container_statuses)
        })
    }

    /// The facts about a Pod in this namespace. `origin`: whether it exists, or is the template of one.
    pub(crate) fn facts(&self, namespace: &str, origin: PodOrigin, around: &Surroundings) -> PodFacts {
        let spec = &self.spec;
        let events = around.events(&ObjectName::new(namespace, self.name()), &self.metadata.uid);
        // A container without an image is in a patch, such as those of kustomize: the API server accepts none.
        let containers = spec.all_containers().filter(|(_, container)| !container.image.is_empty());
        let containers = containers.map(|(kind, container)| ContainerFacts {
            kind,
            name: container.name.clone(),
            image: container.image.clone(),
            pull_policy: container.image_pull_policy.clone(),
            waiting: self.waiting(&container.name),
            events: events
                .iter()
                .filter(|(of, _)| of.as_deref() == Some(&container.name))
                .map(|(_, event)| event.clone())
                .collect(),
            image_volumes: image_volumes(spec, container),
        });
        PodFacts {
            namespace: namespace.to_owned(),
            name: self.name().to_owned(),
            is_template: origin != PodOrigin::Created,
            workload: match origin {
                PodOrigin::Created | PodOrigin::Manifest => self.metadata.restarted_workload(),
                PodOrigin::Template(kind) => kind.restarted(self.name()),
            },
            pull_secrets: around.pull_secrets(namespace, &spec.image_pull_secrets),
            service_account: around.service_account(namespace, spec.account()),
            node: around.node(&spec.node_name),
            containers: containers.collect(),
            events: events.iter().filter(|(of, _)| of.is_none()).map(|(_, event)| event.clone()).collect(),
        }
    }

    fn waiting(&self, container: &str) -> Option<Waiting> {
        let waiting = self.statuses().find(|status| status.name == container)?.state.waiting.as_ref()?;
        Some(Waiting { reason: waiting.reason.clone(), message: waiting.message.clone() })
    }
}

/// The references of the image volumes that a container mounts.
fn image_volumes(spec: &PodSpec, container: &Container) -> Vec<String> {
    let is_mounted = |name: &str| container.volume_mounts.iter().any(|mount| mount.name == name);
    let volumes = spec.volumes.iter().filter(|volume| is_mounted(&volume.name));
    volumes.filter_map(|volume| volume.image.as_ref()).map(|image| image.reference.clone()).collect()
}
