//! The objects that Pods refer to, each read once. What may not be read is remembered, and does not end the run.

use std::collections::{BTreeSet, HashMap, HashSet};

use http::StatusCode;
use regcred_engine::pull::Seen;
use regcred_engine::wording::Bilingual;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use crate::cluster::api_server::{ApiServer, Call, CallError, segment};
use crate::cluster::list::{List, ListError, OBJECTS_PER_PAGE};
use crate::explain::objects::{Event, Node, ObjectMetadata, Pod, Secret, ServiceAccount};
use crate::explain::surroundings::{ObjectName, Surroundings};

/// More objects of one kind than this are listed, not read one by one.
const MANY: usize = 8;

/// Names of missing Secrets that are looked for in other namespaces, at most: each takes a list.
const MAX_SEARCHED_NAMES: usize = 50;

/// Asks for the metadata of objects only, so that no credential is sent.
const METADATA_ONLY: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// The response to a request for one object.
pub(super) enum Got<T> {
    Found(T),
    Missing,
    /// With the words of the API server.
    Denied(Bilingual<String>),
}

/// Something that may not be read.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Forbidden {
    Secrets,
    SecretsElsewhere,
    ServiceAccounts,
    Nodes,
    Events,
}

impl Forbidden {
    /// The permission that is missing, and what was not checked.
    const fn words(self) -> Bilingual<&'static str> {
        let (english, chinese) = match self {
            Forbidden::Secrets => (
                "no permission to get secrets: what the pull Secrets contain was not checked",
                "没有 get secrets 的权限：未检查镜像拉取 Secret 的内容",
            ),
            Forbidden::SecretsElsewhere => (
                "no permission to list secrets cluster-wide: whether another namespace has the missing Secret was not checked",
                "没有列出整个集群的 secrets 的权限：未检查其他命名空间中是否有缺失的 Secret",
            ),
            Forbidden::ServiceAccounts => (
                "no permission to get serviceaccounts: the pull Secrets of the ServiceAccount were not checked",
                "没有 get serviceaccounts 的权限：未检查 ServiceAccount 的镜像拉取 Secret",
            ),
            Forbidden::Nodes => (
                "no permission to get nodes: the node's runtime and architecture were not checked",
                "没有 get nodes 的权限：未检查节点的容器运行时和架构",
            ),
            Forbidden::Events => (
                "no permission to list events: only the status of the Pods was read",
                "没有 list events 的权限：只读取了 Pod 的状态",
            ),
        };
        Bilingual { english, chinese }
    }
}

/// Reads objects, and keeps what explains a pull. It contains credentials: there is no `Debug`.
pub(super) struct Fetcher<'s, 'r> {
    server: &'s ApiServer<'r>,
    around: Surroundings,
    /// What was asked for, whether or not it exists.
    asked_accounts: HashSet<ObjectName>,
    asked_nodes: HashSet<String>,
    /// The namespaces that have a pull Secret of a name.
    elsewhere: HashMap<String, Vec<String>>,
    denials: BTreeSet<(Forbidden, String)>,
}

#[derive(Deserialize)]
struct ListedJson {
    metadata: ObjectMetadata,
}

/// Reads an object of a list.
pub(super) fn read_object<T: DeserializeOwned>(object: &RawValue) -> Result<T, CallError> {
    serde_json::from_str(object.get()).map_err(|_| not_an_object())
}

/// The parser's message is not passed on, because it can quote its input.
fn not_an_object() -> CallError {
    CallError::unanswered(
        "the response is not an object of Kubernetes; is this an API server?",
        "应答不是 Kubernetes 对象；这是 API server 吗？",
    )
}

impl<'s, 'r> Fetcher<'s, 'r> {
    pub(super) fn new(server: &'s ApiServer<'r>) -> Self {
        Fetcher {
            server,
            around: Surroundings::default(),
            asked_accounts: HashSet::new(),
            asked_nodes: HashSet::new(),
            elsewhere: HashMap::new(),
            denials: BTreeSet::new(),
        }
    }

    pub(super) const fn around(&self) -> &Surroundings {
        &self.around
    }

    pub(super) fn forget_events(&mut self) {
        self.around.forget_events();
    }

    /// What could not be looked into, a sentence for each permission.
    pub(super) fn notes(&self) -> Vec<Bilingual<String>> {
        let mut notes: Vec<(Forbidden, Vec<&str>)> = Vec::new();
        for (denial, namespace) in &self.denials {
            match notes.last_mut().filter(|(last, _)| last == denial) {
                Some((_, namespaces)) => namespaces.push(namespace),
                None => notes.push((*denial, vec![namespace])),
            }
        }
        let note = |(denial, namespaces): (Forbidden, Vec<&str>)| {
            let Bilingual { english, chinese } = denial.words();
            match namespaces.as_slice() {
                [""] | [] => Bilingual::new(english, chinese),
                [namespace] => Bilingual::new(
                    format!("{english} (namespace {namespace})"),
                    format!("{chinese}（命名空间 {namespace}）"),
                ),
                [first, more @ ..] => Bilingual::new(
                    format!("{english} (namespace {first} and {} more)", more.len()),
                    format!("{chinese}（命名空间 {first} 等 {} 个）", namespaces.len()),
                ),
            }
        };
        notes.into_iter().map(note).collect()
    }

    /// Reads an object.
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<Got<T>, CallError> {
        match self.server.call(&Call::get(path.to_owned())) {
            Ok(response) => {
                let body = self.server.body(response).map_err(CallError::Unanswered)?;
                serde_json::from_slice(&body).map(Got::Found).map_err(|_| not_an_object())
            }
            Err(CallError::Refused(refusal)) => match refusal.code {
                StatusCode::NOT_FOUND => Ok(Got::Missing),
                StatusCode::FORBIDDEN => Ok(Got::Denied(refusal.message)),
                _ => Err(CallError::Refused(refusal)),
            },
            Err(error) => Err(error),
        }
    }

    /// Reads what one Pod refers to.
    pub(super) fn gather(&mut self, namespace: &str, pod: &Pod) -> Result<(), CallError> {
        self.account(namespace, pod.spec.account())?;
        self.node(&pod.spec.node_name)?;
        self.secrets_of(namespace, pod)
    }

    /// Reads what many Pods refer to, of a namespace or of all.
    pub(super) fn gather_all(&mut self, scope: Option<&str>, pods: &[Pod]) -> Result<(), CallError> {
        let accounts: HashSet<_> = pods
            .iter()
            .map(|pod| ObjectName::new(&pod.metadata.namespace, pod.spec.account()))
            .filter(|name| !self.asked_accounts.contains(name))
            .collect();
        if accounts.len() > MANY {
            self.list_accounts(scope)?;
            self.asked_accounts.extend(accounts);
        } else {
            for name in accounts {
                self.account(&name.namespace, &name.name)?;
            }
        }
        let nodes: HashSet<_> = pods
            .iter()
            .map(|pod| pod.spec.node_name.clone())
            .filter(|name| !self.asked_nodes.contains(name))
            .collect();
        if nodes.len() > MANY {
            self.list_nodes()?;
            self.asked_nodes.extend(nodes);
        } else {
            for name in nodes {
                self.node(&name)?;
            }
        }
        pods.iter().try_for_each(|pod| self.secrets_of(&pod.metadata.namespace, pod))
    }

    /// Reads a ServiceAccount.
    pub(super) fn account(&mut self, namespace: &str, name: &str) -> Result<(), CallError> {
        let account = ObjectName::new(namespace, name);
        if !self.asked_accounts.insert(account.clone())
            || self.is_denied(Forbidden::ServiceAccounts, namespace)
        {
            return Ok(());
        }
        let path = format!("/api/v1/namespaces/{}/serviceaccounts/{}", segment(namespace), segment(name));
        match self.get::<ServiceAccount>(&path)? {
            Got::Found(found) => self.around.add_account(account, found),
            Got::Missing => {}
            Got::Denied(_) => self.deny(Forbidden::ServiceAccounts, namespace),
        }
        Ok(())
    }

    fn list_accounts(&mut self, scope: Option<&str>) -> Result<(), CallError> {
        let path = scope.map_or_else(
            || "/api/v1/serviceaccounts".to_owned(),
            |namespace| format!("/api/v1/namespaces/{}/serviceaccounts", segment(namespace)),
        );
        let list = List { page_size: OBJECTS_PER_PAGE, ..List::new(self.server, path) };
        let around = &mut self.around;
        let is_listed = listed(&list, |account: ServiceAccount| {
            around.add_account(ObjectName::new(&account.metadata.namespace, &account.metadata.name), account);
        })?;
        if !is_listed {
            self.deny(Forbidden::ServiceAccounts, scope.unwrap_or_default());
        }
        Ok(())
    }

    fn node(&mut self, name: &str) -> Result<(), CallError> {
        if name.is_empty()
            || !self.asked_nodes.insert(name.to_owned())
            || self.around.has_node(name)
            || self.is_denied(Forbidden::Nodes, "")
        {
            return Ok(());
        }
        match self.get::<Node>(&format!("/api/v1/nodes/{}", segment(name)))? {
            Got::Found(node) => self.around.add_node(node),
            Got::Missing => {}
            Got::Denied(_) => self.deny(Forbidden::Nodes, ""),
        }
        Ok(())
    }

    fn list_nodes(&mut self) -> Result<(), CallError> {
        let list = List { page_size: OBJECTS_PER_PAGE, ..List::new(self.server, "/api/v1/nodes") };
        let around = &mut self.around;
        if !listed(&list, |node: Node| around.add_node(node))? {
            self.deny(Forbidden::Nodes, "");
        }
        Ok(())
    }

    /// Reads the Secrets that a Pod and its ServiceAccount name.
    fn secrets_of(&mut self, namespace: &str, pod: &Pod) -> Result<(), CallError> {
        let account = self.around.account(&ObjectName::new(namespace, pod.spec.account()));
        let of_account = account.unwrap_or_default().iter();
        let names: Vec<_> =
            pod.spec.image_pull_secrets.iter().chain(of_account).map(|secret| secret.name.clone()).collect();
        for name in names.iter().filter(|name| !name.is_empty()) {
            self.secret(ObjectName::new(namespace, name))?;
        }
        Ok(())
    }

    /// Reads a Secret. If it does not exist, finds out which other namespaces have one of its name.
    pub(super) fn secret(&mut self, name: ObjectName) -> Result<(), CallError> {
        if self.around.has_secret(&name) {
            return Ok(());
        }
        if self.is_denied(Forbidden::Secrets, &name.namespace) {
            self.around.add_secret(name, Seen::Unknown);
            return Ok(());
        }
        let path = format!("/api/v1/namespaces/{}/secrets/{}", segment(&name.namespace), segment(&name.name));
        let seen = match self.get::<Secret>(&path)? {
            Got::Found(secret) => secret.seen(),
            Got::Missing => Seen::Missing { elsewhere: self.elsewhere(&name.name)? },
            Got::Denied(_) => {
                self.deny(Forbidden::Secrets, &name.namespace);
                Seen::Unknown
            }
        };
        self.around.add_secret(name, seen);
        Ok(())
    }

    fn elsewhere(&mut self, name: &str) -> Result<Vec<String>, CallError> {
        if let Some(known) = self.elsewhere.get(name) {
            return Ok(known.clone());
        }
        if self.elsewhere.len() == MAX_SEARCHED_NAMES || self.is_denied(Forbidden::SecretsElsewhere, "") {
            return Ok(Vec::new());
        }
        let list = List {
            field_selector: Some(format!("metadata.name={name},type=kubernetes.io/dockerconfigjson")),
            page_size: OBJECTS_PER_PAGE,
            accept: METADATA_ONLY,
            ..List::new(self.server, "/api/v1/secrets")
        };
        let mut namespaces = Vec::new();
        if !listed(&list, |secret: ListedJson| namespaces.push(secret.metadata.namespace))? {
            self.deny(Forbidden::SecretsElsewhere, "");
        }
        self.elsewhere.insert(name.to_owned(), namespaces.clone());
        Ok(namespaces)
    }

    /// Reads the events of one Pod.
    pub(super) fn events_of(&mut self, namespace: &str, pod: &Pod) -> Result<(), CallError> {
        let mut selector = format!("involvedObject.kind=Pod,involvedObject.name={}", pod.name());
        if !pod.metadata.uid.is_empty() {
            selector.push_str(",involvedObject.uid=");
            selector.push_str(&pod.metadata.uid);
        }
        self.events(Some(namespace), selector, |_| true)
    }

    /// Reads the warnings about these Pods, in a namespace or in all.
    pub(super) fn events_of_all(
        &mut self,
        scope: Option<&str>,
        pods: &HashSet<ObjectName>,
    ) -> Result<(), CallError> {
        let is_of_pods = |event: &Event| {
            let of = &event.involved_object;
            pods.contains(&ObjectName::new(&of.namespace, &of.name))
        };
        self.events(scope, "involvedObject.kind=Pod,type=Warning".to_owned(), is_of_pods)
    }

    fn events(
        &mut self,
        scope: Option<&str>,
        selector: String,
        is_wanted: impl Fn(&Event) -> bool,
    ) -> Result<(), CallError> {
        let path = scope.map_or_else(
            || "/api/v1/events".to_owned(),
            |namespace| format!("/api/v1/namespaces/{}/events", segment(namespace)),
        );
        let list = List {
            field_selector: Some(selector),
            page_size: OBJECTS_PER_PAGE,
            ..List::new(self.server, path)
        };
        let around = &mut self.around;
        let is_listed = listed(&list, |event: Event| {
            if is_wanted(&event) {
                let namespace = event.involved_object.namespace.clone();
                around.add_event(&namespace, event);
            }
        })?;
        if !is_listed {
            self.deny(Forbidden::Events, scope.unwrap_or_default());
        }
        Ok(())
    }

    fn deny(&mut self, denial: Forbidden, namespace: &str) {
        self.denials.insert((denial, namespace.to_owned()));
    }

    fn is_denied(&self, denial: Forbidden, namespace: &str) -> bool {
        self.denials.contains(&(denial, namespace.to_owned()))
    }
}

/// Passes on every object of a list; `false` without permission.
pub(super) fn listed<T: DeserializeOwned>(
    list: &List<'_, '_>,
    mut take: impl FnMut(T),
) -> Result<bool, CallError> {
    let read = list.each(|object| {
        take(read_object(object)?);
        Ok(())
    });
    match read {
        Ok(_) => Ok(true),
        Err(ListError::Call(CallError::Refused(refusal))) if refusal.code == StatusCode::FORBIDDEN => {
            Ok(false)
        }
        Err(ListError::Call(error) | ListError::Taker(error)) => Err(error),
    }
}
