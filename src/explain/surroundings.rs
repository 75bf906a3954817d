//! What a Pod refers to: Secrets, ServiceAccounts, nodes and events, wherever they were read.

use std::collections::HashMap;

use regcred_engine::pull::{EventFacts, NodeFacts, PullSecret, SecretFacts, Seen, ServiceAccountFacts};
use regcred_engine::secret::SecretType;

use super::objects::{Event, Node, ObjectReference, ServiceAccount};

/// The name of an object in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ObjectName {
    pub(crate) namespace: String,
    pub(crate) name: String,
}

impl ObjectName {
    pub(crate) fn new(namespace: &str, name: &str) -> Self {
        ObjectName { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// What was read of the objects that Pods refer to. It contains credentials: there is no `Debug`.
#[derive(Default)]
pub(crate) struct Surroundings {
    secrets: HashMap<ObjectName, Seen>,
    accounts: HashMap<ObjectName, Vec<ObjectReference>>,
    nodes: HashMap<String, NodeFacts>,
    /// By Pod.
    events: HashMap<ObjectName, Vec<Event>>,
}

impl Surroundings {
    pub(crate) fn add_secret(&mut self, name: ObjectName, seen: Seen) {
        self.secrets.insert(name, seen);
    }

    pub(crate) fn has_secret(&self, name: &ObjectName) -> bool {
        self.secrets.contains_key(name)
    }

    pub(crate) fn add_account(&mut self, name: ObjectName, account: ServiceAccount) {
        self.accounts.insert(name, account.image_pull_secrets);
    }

    pub(crate) fn account(&self, name: &ObjectName) -> Option<&[ObjectReference]> {
        self.accounts.get(name).map(Vec::as_slice)
    }

    pub(crate) fn add_node(&mut self, node: Node) {
        let info = node.status.node_info;
        let facts = NodeFacts {
            kubelet_version: info.kubelet_version,
            runtime: info.container_runtime_version,
            architecture: info.architecture,
            operating_system: info.operating_system,
        };
        self.nodes.insert(node.metadata.name, facts);
    }

    pub(crate) fn has_node(&self, name: &str) -> bool {
        self.nodes.contains_key(name)
    }

    pub(crate) fn node(&self, name: &str) -> Option<NodeFacts> {
        self.nodes.get(name).cloned()
    }

    pub(crate) fn add_event(&mut self, namespace: &str, event: Event) {
        let pod = ObjectName::new(namespace, &event.involved_object.name);
        self.events.entry(pod).or_default().push(event);
    }

    /// Forgets the events of Pods that were explained.
    pub(crate) fn forget_events(&mut self) {
        self.events.clear();
    }

    /// The events of a Pod, the oldest first, each with its container. Events without a time stay in their order.
    pub(crate) fn events(&self, pod: &ObjectName, uid: &str) -> Vec<(Option<String>, EventFacts)> {
        let is_of_pod = |event: &&Event| {
            let of = &event.involved_object.uid;
            of.is_empty() || uid.is_empty() || of == uid
        };
        let mut events: Vec<_> = self.events.get(pod).into_iter().flatten().filter(is_of_pod).collect();
        events.sort_by(|one, other| one.last_seen().cmp(other.last_seen()));
        let facts = events.into_iter().map(|event| {
            let facts = EventFacts { reason: event.reason.clone(), message: event.message.clone() };
            (event.container().map(str::to_owned), facts)
        });
        facts.collect()
    }

    /// Pull Secrets by their names.
    pub(crate) fn pull_secrets(&self, namespace: &str, names: &[ObjectReference]) -> Vec<PullSecret> {
        let secret = |reference: &ObjectReference| PullSecret {
            name: reference.name.clone(),
            seen: self.secret(&ObjectName::new(namespace, &reference.name)),
        };
        names.iter().map(secret).collect()
    }

    /// The pull Secrets of a ServiceAccount, if it was read.
    pub(crate) fn service_account(&self, namespace: &str, name: &str) -> Option<ServiceAccountFacts> {
        let names = self.account(&ObjectName::new(namespace, name))?;
        Some(ServiceAccountFacts { name: name.to_owned(), pull_secrets: self.pull_secrets(namespace, names) })
    }

    /// A Secret that is not in the input is missing only if the input has others of its namespace: otherwise Secrets may have
    /// been left out.
    fn secret(&self, name: &ObjectName) -> Seen {
        if let Some(seen) = self.secrets.get(name) {
            return seen.clone();
        }
        let is_pull_secret = |seen: &Seen| matches!(seen, Seen::Present(SecretFacts { secret_type, .. }) if SecretType::from_name(secret_type).is_some());
        let same_name = self.secrets.iter().filter(|(other, _)| other.name == name.name);
        let mut elsewhere: Vec<_> = same_name
            .filter(|(_, seen)| is_pull_secret(seen))
            .map(|(other, _)| other.namespace.clone())
            .collect();
        elsewhere.sort_unstable();
        let namespace_is_read = self.secrets.keys().any(|other| other.namespace == name.namespace);
        if elsewhere.is_empty() && !namespace_is_read { Seen::Unknown } else { Seen::Missing { elsewhere } }
    }
}

/// The namespace of an object that may leave it out.
pub(crate) fn namespace_or<'n>(namespace: &'n str, default: &'n str) -> &'n str {
    if namespace.is_empty() { default } else { namespace }
}
