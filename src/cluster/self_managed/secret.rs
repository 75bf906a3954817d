//! The Secret that all replicas share.

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Map, Value, json};

use super::state::State;
use super::{FIELD_MANAGER, Outcome, outcome};
use crate::cluster::client::{ClusterError, describe};

/// Its name. Not `regcred-ca`, which is cert-manager's.
pub(super) const NAME: &str = "regcred-self-managed";

/// The Secret in the own namespace.
pub(super) struct Store {
    api: Api<Secret>,
    /// This process as a field manager. Of two that apply the Secret for the first time, the second is told that the
    /// fields are the first one's: without one, they would be the same manager, and the last would win.
    creator: String,
}

/// What is stored.
pub(super) enum Stored {
    /// Nothing, or a Secret with nothing of this program in it.
    Nothing,
    /// What cannot be used, for this reason, in this version.
    Spoiled(&'static str, String),
    Good(State, String),
}

impl Stored {
    fn of(secret: &Secret) -> Self {
        let version = secret.metadata.resource_version.clone().unwrap_or_default();
        match State::parse(secret) {
            Ok(None) => Stored::Nothing,
            Ok(Some(state)) => Stored::Good(state, version),
            Err(why) => Stored::Spoiled(why, version),
        }
    }
}

impl Store {
    pub(super) fn new(client: &Client, namespace: &str, creator: String) -> Self {
        Store { api: Api::namespaced(client.clone(), namespace), creator }
    }

    pub(super) async fn read(&self) -> Result<Stored, ClusterError> {
        let secret = self.api.get_opt(NAME).await.map_err(|error| describe(&error))?;
        Ok(secret.as_ref().map_or(Stored::Nothing, Stored::of))
    }

    /// Makes the Secret, or adopts one with nothing in it. By a server-side apply without force: RBAC sees the name of
    /// what is patched into being, as it does not see that of what is posted, so that no other Secret can be made.
    pub(super) async fn create(&self, state: &State) -> Result<Outcome<Stored>, ClusterError> {
        let (data, annotations) = state.fields();
        let there = |fields: Map<String, Value>| -> Map<String, Value> {
            fields.into_iter().filter(|(_, value)| !value.is_null()).collect()
        };
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": NAME,
                "labels": {"app.kubernetes.io/name": "regcred", "app.kubernetes.io/part-of": "regcred"},
                "annotations": there(annotations),
            },
            "type": "Opaque",
            "data": there(data),
        });
        let applied = self.api.patch(NAME, &PatchParams::apply(&self.creator), &Patch::Apply(secret)).await;
        outcome(applied.map(|secret| Stored::of(&secret)))
    }

    /// Writes the next state over the version that it follows from.
    pub(super) async fn replace(
        &self,
        version: &str,
        state: &State,
    ) -> Result<Outcome<Stored>, ClusterError> {
        let (data, annotations) = state.fields();
        let patch = json!({
            "metadata": {"resourceVersion": version, "annotations": annotations},
            "data": data,
        });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = self.api.patch(NAME, &params, &Patch::Merge(patch)).await;
        outcome(patched.map(|secret| Stored::of(&secret)))
    }
}
