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

    /// The last part of its URL.
    pub fn path(self) -> &'static str {
        match self {
            Which::Mutate => "mutate",
            Which::Validate => "validate",
        }
    }

    /// As in step two. Only `validate` differs between the steps.
    pub fn failure_policy(self) -> &'static str {
        match self {
            Which::Mutate => "Ignore",
            Which::Validate => "Fail",
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
    /// The two configurations of `deploy/base/webhooks.yaml`.
    #[track_caller]
    pub fn shipped_webhooks(&self) -> Vec<(Which, Value)> {
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/base/webhooks.yaml");
        let shipped = self.accepts(&["create", "--dry-run=client", "-o", "json", "-f", shipped], "");
        let objects = serde_json::Deserializer::from_str(&shipped.stdout).into_iter::<Value>();
        let which = |object: &Value| Which::BOTH.iter().find(|which| object["kind"] == which.kind()).copied();
        let found: Vec<_> =
            objects.map(Result::unwrap).filter_map(|object| Some((which(&object)?, object))).collect();
        assert_eq!(found.len(), 2, "{}", shipped.stdout);
        found
    }

    /// Registers webhooks as `deploy/base/webhooks.yaml` does, for the namespaces that [`Webhooks::namespace`] makes
    /// and by URL, and waits until the API server calls them.
    #[track_caller]
    pub fn install(&self, name: &str, regcred: &Regcred, which: &[Which]) -> Webhooks<'_> {
        let ca = BASE64_STANDARD.encode(fs::read(regcred.ca()).unwrap());
        let labels = json!({ "tests.regcred.dev/webhooks": name });
        let mut asked = Vec::new();
        for (of, mut object) in self.shipped_webhooks() {
            if !which.contains(&of) {
                continue;
            }
            object["metadata"]["name"] = json!(format!("regcred-{name}"));
            let webhook = &mut object["webhooks"][0];
            let url = format!("https://{}/{}", regcred.https, of.path());
            webhook["clientConfig"] = json!({"url": url, "caBundle": ca});
            webhook["namespaceSelector"] = json!({"matchLabels": labels});
            webhook["failurePolicy"] = json!(of.failure_policy());
            // A machine that compiles beside the tests may be slow; that is not what is tested.
            webhook["timeoutSeconds"] = json!(30);
            self.accepts(&["create", "-f", "-"], &object.to_string());
            asked.push(of.path());
        }

        let probe = self.namespace(&format!("probe-{name}"), &labels);
        eventually("calls of both webhooks", || {
            probe.create(&pull_secret("probe", "{}"), &["--dry-run=server"]);
            let records = records_of(regcred, &probe.name);
            asked.iter().all(|path| records.iter().any(|record| record["webhook"] == *path)).then_some(())
        });
        Webhooks { cluster: self, labels }
    }
}
