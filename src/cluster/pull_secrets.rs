//! The pull Secrets of a cluster with the images that use them, for `verify`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::core::v1::{Pod, PodSpec, Secret};
use kube::api::ListParams;
use kube::{Api, Client, Resource};
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;
use serde::de::DeserializeOwned;

use super::client::{ClusterError, describe};
use super::words::quoted;
use crate::wiped::Wiped;

/// Objects per page of a list.
const PAGE_SIZE: u32 = 100;

/// At most this many characters of a type are shown.
const MAX_TYPE_CHARS: usize = 80;

/// A pull Secret in a cluster. It holds credentials: there is no `Debug`.
pub struct ClusterSecret {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The type.
    pub secret_type: SecretType,
    /// The document.
    pub(crate) document: Wiped,
}

/// Why a Secret cannot be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretError {
    /// There is no Secret of this name.
    Missing,
    /// It is no pull Secret, or has no document. With its type.
    NotAPullSecret(String),
    /// The call failed.
    Cluster(ClusterError),
}

impl SecretError {
    /// The message, for a Secret of this name.
    pub(crate) fn words(self, namespace: &str, name: &str) -> Bilingual<String> {
        match self {
            SecretError::Missing => Bilingual::new(
                format!("there is no Secret {name} in namespace {namespace}"),
                format!("命名空间 {namespace} 中没有 Secret {name}"),
            ),
            SecretError::NotAPullSecret(named) => {
                let named = quoted(&named, MAX_TYPE_CHARS);
                Bilingual::new(
                    format!(
                        "Secret {namespace}/{name} has the type {named}, or no document: the kubelet ignores it"
                    ),
                    format!("Secret {namespace}/{name} 的类型是 {named}，或没有文档：kubelet 会忽略它"),
                )
            }
            SecretError::Cluster(error) => error.into_words(),
        }
    }
}

impl ClusterSecret {
    /// Reads a Secret.
    ///
    /// # Errors
    /// When there is no such pull Secret, or it cannot be read.
    pub async fn get(client: &Client, namespace: &str, name: &str) -> Result<Self, SecretError> {
        let secret = Api::<Secret>::namespaced(client.clone(), namespace).get_opt(name).await;
        let secret = secret.map_err(|error| SecretError::Cluster(describe(&error)))?;
        let secret = secret.ok_or(SecretError::Missing)?;
        let named = secret.type_.clone().unwrap_or_default();
        ClusterSecret::of(secret).ok_or(SecretError::NotAPullSecret(named))
    }

    fn of(mut secret: Secret) -> Option<Self> {
        let secret_type = SecretType::from_name(secret.type_.as_deref()?)?;
        let document = secret.data.as_mut()?.remove(secret_type.data_key())?;
        Some(ClusterSecret {
            namespace: secret.metadata.namespace.unwrap_or_default(),
            name: secret.metadata.name.unwrap_or_default(),
            secret_type,
            document: Wiped::from(document.0),
        })
    }
}

/// The pull Secrets of a namespace, or of all namespaces, in pages.
pub struct SecretPages {
    list: Pages<Secret>,
    left: Vec<SecretType>,
}

impl SecretPages {
    /// Starts a list. `None` means all namespaces.
    #[must_use]
    pub fn new(client: &Client, namespace: Option<&str>) -> Self {
        SecretPages { list: Pages::new(client, namespace), left: SecretType::ALL.to_vec() }
    }

    /// Returns the next page; `None` after the last.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn next(&mut self) -> Result<Option<Vec<ClusterSecret>>, ClusterError> {
        let Some(secret_type) = self.left.first() else { return Ok(None) };
        let selector = format!("type={}", secret_type.name());
        let page = self.list.next(&ListParams::default().fields(&selector)).await?;
        if self.list.is_at_end() {
            self.left.remove(0);
        }
        Ok(Some(page.into_iter().filter_map(ClusterSecret::of).collect()))
    }
}

/// The images of the Pods that name a pull Secret, by namespace and Secret.
#[derive(Debug, Default)]
pub struct UsedImages(BTreeMap<(String, String), BTreeSet<String>>);

impl UsedImages {
    /// Reads the Pods of a namespace, or of all namespaces. Pods that have ended use nothing.
    ///
    /// # Errors
    /// When the call fails.
    pub async fn read(client: &Client, namespace: Option<&str>) -> Result<Self, ClusterError> {
        let mut used = UsedImages::default();
        let mut pods = Pages::<Pod>::new(client, namespace);
        let running = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed");
        loop {
            for pod in pods.next(&running).await? {
                used.add(pod);
            }
            if pods.is_at_end() {
                return Ok(used);
            }
        }
    }

    /// Returns the images of a Secret.
    pub fn of(&self, namespace: &str, secret: &str) -> impl Iterator<Item = &str> {
        let images = self.0.get(&(namespace.to_owned(), secret.to_owned()));
        images.into_iter().flatten().map(String::as_str)
    }

    fn add(&mut self, pod: Pod) {
        let (Some(namespace), Some(spec)) = (pod.metadata.namespace, pod.spec) else { return };
        let images: BTreeSet<_> = images(&spec).collect();
        for secret in spec.image_pull_secrets.into_iter().flatten() {
            self.0.entry((namespace.clone(), secret.name)).or_default().extend(images.iter().cloned());
        }
    }
}

/// The images of a Pod: of its containers of every kind, and of its image volumes.
fn images(spec: &PodSpec) -> impl Iterator<Item = String> + '_ {
    let init = spec.init_containers.iter().flatten();
    let containers = spec.containers.iter().chain(init).filter_map(|container| container.image.clone());
    let ephemeral =
        spec.ephemeral_containers.iter().flatten().filter_map(|container| container.image.clone());
    let volumes = spec.volumes.iter().flatten().filter_map(|volume| volume.image.as_ref()?.reference.clone());
    containers.chain(ephemeral).chain(volumes)
}

/// A list in pages.
struct Pages<K> {
    api: Api<K>,
    /// The token of the next page; `None` before the first and after the last.
    token: Option<String>,
}

impl<K> Pages<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    fn new(client: &Client, namespace: Option<&str>) -> Self {
        let api = match namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        };
        Pages { api, token: None }
    }

    async fn next(&mut self, params: &ListParams) -> Result<Vec<K>, ClusterError> {
        let mut params = params.clone().limit(PAGE_SIZE);
        if let Some(token) = &self.token {
            params = params.continue_token(token);
        }
        let list = self.api.list(&params).await.map_err(|error| describe(&error))?;
        self.token = list.metadata.continue_.filter(|token| !token.is_empty());
        Ok(list.items)
    }

    fn is_at_end(&self) -> bool {
        self.token.is_none()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn images_of_every_container_use_each_secret() {
        let pod = json!({
            "metadata": {"namespace": "team-a", "name": "app"},
            "spec": {
                "imagePullSecrets": [{"name": "one"}, {"name": "two"}],
                "containers": [{"name": "a", "image": "r.example.com/a"}],
                "initContainers": [{"name": "b", "image": "r.example.com/b"}],
                "ephemeralContainers": [{"name": "c", "image": "r.example.com/c"}],
                "volumes": [{"name": "d", "image": {"reference": "r.example.com/d"}}, {"name": "e"}],
            },
        });
        let mut used = UsedImages::default();
        used.add(serde_json::from_value(pod).unwrap());
        let images = ["r.example.com/a", "r.example.com/b", "r.example.com/c", "r.example.com/d"];
        for secret in ["one", "two"] {
            assert_eq!(used.of("team-a", secret).collect::<Vec<_>>(), images);
        }
        assert_eq!(used.of("team-b", "one").count(), 0);
    }
}
