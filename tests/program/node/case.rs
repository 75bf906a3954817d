//! A Deployment that pulls an image, in a namespace of its own.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::registries::IMAGE;

/// A password that was right once.
pub const OLD_PASSWORD: &str = "an-old-password";

/// A Deployment `web` of one Pod, what it needs, and what comes of it.
pub struct Case {
    /// Also the namespace.
    pub name: &'static str,
    image: String,
    pull_policy: &'static str,
    pull_secrets: Vec<&'static str>,
    service_account: &'static str,
    objects: Vec<Value>,
    /// Applied after the Pod has failed.
    pub later: Vec<Value>,
    /// A part of the message in the Pod's status; empty where the Pod runs.
    pub message: &'static str,
    /// The causes that are right.
    pub causes: &'static [&'static str],
    /// Whether commands can repair it: not what is wrong in the registry or on the node.
    pub has_remedy: bool,
}

impl Case {
    pub fn new(name: &'static str, host: &str) -> Self {
        Case {
            name,
            image: format!("{host}/{IMAGE}"),
            pull_policy: "Always",
            pull_secrets: Vec::new(),
            service_account: "default",
            objects: Vec::new(),
            later: Vec::new(),
            message: "",
            causes: &["none"],
            has_remedy: false,
        }
    }

    pub fn image(mut self, host: &str, repository_and_tag: &str) -> Self {
        self.image = format!("{host}/{repository_and_tag}");
        self
    }

    pub fn pull_policy(mut self, policy: &'static str) -> Self {
        self.pull_policy = policy;
        self
    }

    /// The Pod lists a Secret of this name.
    pub fn lists(mut self, secret: &'static str) -> Self {
        self.pull_secrets.push(secret);
        self
    }

    pub fn service_account(mut self, name: &'static str) -> Self {
        self.service_account = name;
        self
    }

    /// An object, in the namespace of the case unless it names another one.
    pub fn with(mut self, object: Value) -> Self {
        self.objects.push(self.placed(object));
        self
    }

    /// The same, for an object that comes too late.
    pub fn with_later(mut self, object: Value) -> Self {
        self.later.push(self.placed(object));
        self
    }

    fn placed(&self, mut object: Value) -> Value {
        if object["metadata"]["namespace"].is_null() && object["kind"] != "Namespace" {
            object["metadata"]["namespace"] = json!(self.name);
        }
        object
    }

    pub fn fails(mut self, message: &'static str, causes: &'static [&'static str]) -> Self {
        self.message = message;
        self.causes = causes;
        self
    }

    pub fn has_remedy(mut self) -> Self {
        self.has_remedy = true;
        self
    }

    /// What is applied to the cluster.
    pub fn manifests(&self) -> Vec<Value> {
        let pull_secrets: Vec<_> = self.pull_secrets.iter().map(|name| json!({"name": name})).collect();
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}});
        let deployment = json!({
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": self.name},
            "spec": {
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "nodeName": "node1", // there is no scheduler
                        "hostNetwork": true,
                        "automountServiceAccountToken": false,
                        "terminationGracePeriodSeconds": 1,
                        "serviceAccountName": self.service_account,
                        "imagePullSecrets": pull_secrets,
                        "containers": [
                            {"name": "app", "image": self.image, "imagePullPolicy": self.pull_policy},
                        ],
                    },
                },
            },
        });
        [vec![namespace], self.objects.clone(), vec![deployment]].concat()
    }
}

/// A pull Secret as Rancher writes it: without `auth`.
pub fn rancher(name: &str, host: &str, user: &str, password: &str) -> Value {
    secret(name, &json!({"auths": {host: {"username": user, "password": password}}}))
}

pub fn secret(name: &str, document: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": BASE64_STANDARD.encode(document.to_string())},
    })
}

pub fn service_account(name: &str, pull_secrets: &[&str]) -> Value {
    let pull_secrets: Vec<_> = pull_secrets.iter().map(|name| json!({"name": name})).collect();
    json!({
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name},
        "imagePullSecrets": pull_secrets,
    })
}
