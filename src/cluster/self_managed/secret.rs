//! The Secret that all replicas share.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Map, Value, json};

use super::state::State;
use super::write::{FIELD_MANAGER, Write, outcome};
use crate::cluster::client::{ClusterError, describe};

/// Reads and writes the Secret.
pub(super) struct SecretStore {
    api: Api<Secret>,
    name: String,
    /// The field manager of this process for the first apply. If two replicas used the same one, the second apply would
    /// overwrite the first instead of failing with a conflict.
    creator: String,
}

/// The content of the Secret.
pub(super) enum StoredAuthorities {
    /// There is no Secret, or nothing of regcred in it.
    Nothing,
    /// It cannot be used. With the reason and the version.
    Damaged(&'static str, String),
    /// With the version.
    Valid(State, String),
}

impl StoredAuthorities {
    fn of(secret: &Secret) -> Self {
        let version = secret.metadata.resource_version.clone().unwrap_or_default();
        match State::parse(secret) {
            Ok(None) => StoredAuthorities::Nothing,
            Ok(Some(state)) => StoredAuthorities::Valid(state, version),
            Err(why) => StoredAuthorities::Damaged(why, version),
        }
    }
}

impl SecretStore {
    pub(super) fn new(client: &Client, namespace: &str, name: String, creator: String) -> Self {
        SecretStore { api: Api::namespaced(client.clone(), namespace), name, creator }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn read(&self) -> Result<StoredAuthorities, ClusterError> {
        let secret = self.api.get_opt(&self.name).await.map_err(|error| describe(&error))?;
        Ok(secret.as_ref().map_or(StoredAuthorities::Nothing, StoredAuthorities::of))
    }

    /// Creates the Secret, or fills an empty one, by a server-side apply without force. RBAC can limit a patch to one
    /// name, but not a POST, so the role allows no other Secret.
    pub(super) async fn create(&self, state: &State) -> Result<Write<StoredAuthorities>, ClusterError> {
        let (data, annotations) = state.fields();
        let present = |fields: Map<String, Value>| -> Map<String, Value> {
            fields.into_iter().filter(|(_, value)| !value.is_null()).collect()
        };
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.name,
                "labels": {"app.kubernetes.io/name": "regcred", "app.kubernetes.io/part-of": "regcred"},
                "annotations": present(annotations),
            },
            "type": "Opaque",
            "data": present(data),
        });
        let params = PatchParams::apply(&self.creator);
        let applied = self.api.patch(&self.name, &params, &Patch::Apply(secret)).await;
        outcome(applied.map(|secret| StoredAuthorities::of(&secret)))
    }

    /// Writes a state over the version that it was made from.
    pub(super) async fn replace(
        &self,
        version: &str,
        state: &State,
    ) -> Result<Write<StoredAuthorities>, ClusterError> {
        let (data, annotations) = state.fields();
        let patch = json!({
            "metadata": {"resourceVersion": version, "annotations": annotations},
            "data": data,
        });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = self.api.patch(&self.name, &params, &Patch::Merge(patch)).await;
        outcome(patched.map(|secret| StoredAuthorities::of(&secret)))
    }
}
