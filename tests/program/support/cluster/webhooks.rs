//! Webhooks for some namespaces of a cluster.

use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::namespace::records_of;
use super::{Cluster, Namespace, pull_secret};
use crate::support::eventually;
use crate::support::regcred::Regcred;

/// One of the two webhooks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Mutate,
    Validate,
}

impl Which {
    pub const BOTH: &[Which] = &[Which::Mutate, Which::Validate];

    fn kind(self) -> &'static str {
        match self {
            Which::Mutate => "MutatingWebhookConfiguration",
            Which::Validate => "ValidatingWebhookConfiguration",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Which::Mutate => "mutate",
            Which::Validate => "validate",
        }
    }
}

/// Registered webhooks.
pub struct Webhooks<'c> {
    cluster: &'c Cluster,
    labels: Value,
}

impl<'c> Webhooks<'c> {
    /// Makes a namespace whose Secrets they judge.
    #[track_caller]
    pub fn namespace(&self, name: &str) -> Namespace<'c> {
        self.cluster.namespace(name, &self.labels)
    }

    /// Makes a namespace in which these Secrets stand since before the webhooks were there.
    #[track_caller]
    pub fn namespace_with_old(&self, name: &str, regcred: &Regcred, old: &[Value]) -> Namespace<'c> {
        let namespace = self.cluster.namespace(name, &json!({}));
        for secret in old {
            namespace.accepts(&["create", "-f", "-"], &secret.to_string());
        }
        let labels = json!({"metadata": {"labels": self.labels}}).to_string();
        self.cluster.accepts(&["patch", "namespace", name, "--type=merge", "-p", &labels], "");
        // The API server sees the label a moment later.
        eventually("calls for the labelled namespace", || {
            namespace.create(&pull_secret("probe", "{}"), &["--dry-run=server"]);
            (!records_of(regcred, name).is_empty()).then_some(())
        });
        namespace
    }
}

impl Cluster {
    /// Registers webhooks as `deploy/base/webhooks.yaml` does, for the namespaces that [`Webhooks::namespace`] makes
    /// and by URL, and waits until the API server calls them.
    #[track_caller]
    pub fn install(&self, name: &str, regcred: &Regcred, which: &[Which]) -> Webhooks<'_> {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/base/webhooks.yaml");
        let shipped = self.accepts(&["create", "--dry-run=client", "-o", "json", "-f", shipped], "");
        let ca = BASE64_STANDARD.encode(fs::read(regcred.ca()).unwrap());
        let labels = json!({ "tests.regcred.dev/webhooks": name });
        let mut asked = Vec::new();
        for object in serde_json::Deserializer::from_str(&shipped.stdout).into_iter::<Value>() {
            let mut object = object.unwrap();
            let which = which.iter().find(|which| object["kind"] == which.kind());
            let Some(which) = which else { continue };
            object["metadata"]["name"] = json!(format!("regcred-{name}"));
            let webhook = &mut object["webhooks"][0];
            let url = format!("https://{}/{}", regcred.https, which.path());
            webhook["clientConfig"] = json!({"url": url, "caBundle": ca});
            webhook["namespaceSelector"] = json!({"matchLabels": labels});
            // As in step two. Only `validate` differs between the steps.
            webhook["failurePolicy"] = json!(if *which == Which::Mutate { "Ignore" } else { "Fail" });
            // A machine that compiles beside the tests may be slow; that is not what is tested.
            webhook["timeoutSeconds"] = json!(30);
            self.accepts(&["create", "-f", "-"], &object.to_string());
            asked.push(which.path());
        }
        assert_eq!(asked.len(), which.len(), "{}", shipped.stdout);

        let probe = self.namespace(&format!("probe-{name}"), &labels);
        eventually("calls of both webhooks", || {
            probe.create(&pull_secret("probe", "{}"), &["--dry-run=server"]);
            let records = records_of(regcred, &probe.name);
            asked.iter().all(|path| records.iter().any(|record| record["webhook"] == *path)).then_some(())
        });
        Webhooks { cluster: self, labels }
    }
}
