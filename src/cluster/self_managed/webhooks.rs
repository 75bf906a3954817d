//! The two webhook configurations: which CAs the API server trusts, and which Secrets it sends.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::{Value, json};

use super::write::{FIELD_MANAGER, Write, outcome};
use crate::cluster::client::{ClusterError, describe};
use crate::pki::certificates;

/// The webhook of regcred in one of the two configurations.
pub(super) struct InstalledWebhook {
    api: Api<DynamicObject>,
    /// The kind of the configuration, for the log.
    pub(super) kind: &'static str,
    configuration: String,
    /// The name of the webhook in the configuration. Other webhooks are left alone.
    name: &'static str,
}

/// What was read of a configuration.
pub(super) struct Found {
    version: String,
    ca_bundle: Vec<u8>,
    /// What is wrong with it besides `caBundle`.
    pub(super) wrong: Option<&'static str>,
}

impl InstalledWebhook {
    pub(super) fn both(client: &Client, configuration: &str) -> [InstalledWebhook; 2] {
        let api = |resource: &ApiResource| Api::all_with(client.clone(), resource);
        [
            InstalledWebhook {
                api: api(&ApiResource::erase::<MutatingWebhookConfiguration>(&())),
                kind: "MutatingWebhookConfiguration",
                configuration: configuration.to_owned(),
                name: "mutate.regcred.dev",
            },
            InstalledWebhook {
                api: api(&ApiResource::erase::<ValidatingWebhookConfiguration>(&())),
                kind: "ValidatingWebhookConfiguration",
                configuration: configuration.to_owned(),
                name: "validate.regcred.dev",
            },
        ]
    }

    /// Reads the configuration. `None` if it does not exist, or does not have the webhook.
    pub(super) async fn find(&self) -> Result<Option<Found>, ClusterError> {
        let configuration = self.api.get_opt(&self.configuration).await;
        let configuration = configuration.map_err(|error| describe(&error))?;
        Ok(configuration.and_then(|configuration| {
            let webhooks = configuration.data.get("webhooks")?.as_array()?;
            let webhook = webhooks.iter().find(|webhook| webhook.get("name") == Some(&json!(self.name)))?;
            let bundle = webhook.pointer("/clientConfig/caBundle").and_then(Value::as_str).unwrap_or_default();
            Some(Found {
                version: configuration.metadata.resource_version.unwrap_or_default(),
                ca_bundle: STANDARD.decode(bundle).unwrap_or_default(),
                wrong: (!sees_the_type(webhook)).then_some(
                    "has no match condition on object.type: the API server sends every Secret of the cluster. Apply the \
                     manifests again (Kubernetes before 1.28 drops the field, do not install there)",
                ),
            })
        }))
    }

    /// Writes the bundle over the version that was found, so that a slow replica cannot undo a newer change. In a strategic
    /// merge patch, webhooks are merged by their names.
    pub(super) async fn trust(&self, found: &Found, bundle: &str) -> Result<Write<()>, ClusterError> {
        let patch = json!({
            "metadata": {"resourceVersion": found.version},
            "webhooks": [{"name": self.name, "clientConfig": {"caBundle": STANDARD.encode(bundle)}}],
        });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        outcome(self.api.patch(&self.configuration, &params, &Patch::Strategic(patch)).await.map(drop))
    }
}

impl Found {
    pub(super) fn trusts(&self, bundle: &str) -> bool {
        self.ca_bundle == bundle.as_bytes()
    }

    /// The trusted certificates, PEM to which others can be appended. `None` if there is none, or anything else.
    pub(super) fn certificates(&self) -> Option<String> {
        let text = std::str::from_utf8(&self.ca_bundle).ok()?.trim_end().to_owned() + "\n";
        certificates(&text).is_some().then_some(text)
    }
}

/// Whether a condition of the webhook checks the Secret's type. Which types it accepts is up to the operator.
pub(in crate::cluster) fn sees_the_type(webhook: &Value) -> bool {
    let conditions = webhook.get("matchConditions").and_then(Value::as_array);
    conditions.is_some_and(|conditions| {
        let expressions = conditions.iter().filter_map(|condition| condition.get("expression")?.as_str());
        expressions.into_iter().any(|expression| expression.contains("object.type"))
    })
}

#[cfg(test)]
mod tests;
