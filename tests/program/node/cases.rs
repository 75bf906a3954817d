//! Pull Secrets as users get them wrong, each in a namespace of its own.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::registry::{PASSWORD, USER};

use super::registries::{ACR, BASIC, GENERIC_ACR, IMAGE, MIRRORED, UNTRUSTED, WITHOUT_PERMISSION};

/// A Deployment `web` of one Pod, what it needs, and what comes of it.
pub struct Case {
    /// Also the namespace.
    pub name: &'static str,
    image: String,
    pull_policy: &'static str,
    pull_secrets: Vec<&'static str>,
    service_account: &'static str,
    objects: Vec<Value>,
    /// A part of the message in the Pod's status; empty where the Pod runs.
    pub message: &'static str,
    /// The causes that are right.
    pub causes: &'static [&'static str],
    /// Whether commands can repair it: not what is wrong in the registry or on the node.
    pub has_remedy: bool,
}

impl Case {
    fn new(name: &'static str, host: &str) -> Self {
        Case {
            name,
            image: format!("{host}/{IMAGE}"),
            pull_policy: "Always",
            pull_secrets: Vec::new(),
            service_account: "default",
            objects: Vec::new(),
            message: "",
            causes: &["none"],
            has_remedy: false,
        }
    }

    fn image(mut self, host: &str, repository_and_tag: &str) -> Self {
        self.image = format!("{host}/{repository_and_tag}");
        self
    }

    fn pull_policy(mut self, policy: &'static str) -> Self {
        self.pull_policy = policy;
        self
    }

    /// The Pod lists a Secret of this name.
    fn lists(mut self, secret: &'static str) -> Self {
        self.pull_secrets.push(secret);
        self
    }

    fn service_account(mut self, name: &'static str, pull_secret: &str) -> Self {
        self.service_account = name;
        self.with(json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": name},
            "imagePullSecrets": [{"name": pull_secret}],
        }))
    }

    /// An object, in the namespace of the case unless it names another one.
    fn with(mut self, mut object: Value) -> Self {
        if object["metadata"]["namespace"].is_null() && object["kind"] != "Namespace" {
            object["metadata"]["namespace"] = json!(self.name);
        }
        self.objects.push(object);
        self
    }

    fn fails(mut self, message: &'static str, causes: &'static [&'static str]) -> Self {
        self.message = message;
        self.causes = causes;
        self
    }

    fn has_remedy(mut self) -> Self {
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
fn rancher(name: &str, host: &str, user: &str, password: &str) -> Value {
    secret(name, &json!({"auths": {host: {"username": user, "password": password}}}))
}

fn secret(name: &str, document: &Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": BASE64_STANDARD.encode(document.to_string())},
    })
}

const NONE_SENT: &str = "pull access denied, repository does not exist or may require authorization: \
    server message: insufficient_scope: authorization failed";
const NONE_SENT_BASIC: &str = "pull access denied, repository does not exist or may require authorization: \
    authorization failed: no basic auth credentials";

pub fn all() -> Vec<Case> {
    let (visitor, visitors_password) = WITHOUT_PERMISSION;
    let right = |host| rancher("acr", host, USER, PASSWORD);
    let mut opaque = right(ACR);
    opaque["type"] = json!("Opaque");
    let mut elsewhere = right(ACR);
    elsewhere["metadata"]["namespace"] = json!("platform");
    let platform = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "platform"}});
    let number = json!({"auths": {ACR: {"username": USER, "password": 12345}}});

    vec![
        Case::new("as-rancher-writes-it", ACR).with(right(ACR)).lists("acr"),
        Case::new("as-rancher-writes-it-basic", BASIC).with(right(BASIC)).lists("acr"),
        Case::new("no-secret", BASIC).fails(NONE_SENT_BASIC, &["no-pull-secret"]).has_remedy(),
        Case::new("no-secret-token", ACR).fails(NONE_SENT, &["no-pull-secret"]).has_remedy(),
        Case::new("missing", ACR).lists("absent").fails(NONE_SENT, &["secret-missing"]).has_remedy(),
        Case::new("other-namespace", ACR)
            .with(platform)
            .with(elsewhere)
            .lists("acr")
            .fails(NONE_SENT, &["secret-in-other-namespace"])
            .has_remedy(),
        Case::new("service-account", ACR)
            .with(right(ACR))
            .with(rancher("other", "quay.io", USER, PASSWORD))
            .service_account("builder", "acr")
            .lists("other")
            .fails(NONE_SENT, &["service-account-secret-not-used", "no-matching-entry"])
            .has_remedy(),
        Case::new("wrong-host", ACR)
            .with(right(GENERIC_ACR))
            .lists("acr")
            .fails(NONE_SENT, &["no-matching-entry"])
            .has_remedy(),
        Case::new("wrong-type", ACR)
            .with(opaque)
            .lists("acr")
            .fails(NONE_SENT, &["wrong-secret-type"])
            .has_remedy(),
        Case::new("wrong-password", BASIC)
            .with(rancher("acr", BASIC, USER, "an-old-password"))
            .lists("acr")
            .fails(
                "unexpected status from HEAD request to https://registry.example.com/v2/team/app/manifests/1: \
                 401 Unauthorized",
                &["credentials-refused"],
            )
            .has_remedy(),
        Case::new("wrong-password-token", ACR)
            .with(rancher("acr", ACR, USER, "an-old-password"))
            .lists("acr")
            .fails(
                "failed to authorize: failed to fetch oauth token: unexpected status from GET request to \
                 https://dockerauth.cn-hangzhou.aliyuncs.com/auth?",
                &["credentials-refused"],
            )
            .has_remedy(),
        Case::new("malformed", ACR)
            .with(secret("acr", &number))
            .lists("acr")
            .fails(
                "json: cannot unmarshal number into Go struct field DockerConfigJSON.auths.password of type \
                 string",
                &["secret-malformed"],
            )
            .has_remedy(),
        Case::new("no-permission", ACR)
            .with(rancher("acr", ACR, visitor, visitors_password))
            .lists("acr")
            .fails(NONE_SENT, &["no-permission"]),
        Case::new("absent-tag", BASIC)
            .image(BASIC, "team/app:2")
            .with(right(BASIC))
            .lists("acr")
            .fails("team/app:2: not found", &["not-found"])
            .has_remedy(),
        Case::new("unknown-ca", UNTRUSTED)
            .with(right(UNTRUSTED))
            .lists("acr")
            .fails(
                "tls: failed to verify certificate: x509: certificate signed by unknown authority",
                &["certificate"],
            ),
        Case::new("mirror", MIRRORED)
            .with(right(MIRRORED))
            .lists("acr")
            .fails(
                "https://mirror.example.com/v2/team/app/manifests/1?ns=mirrored.example.com: 401 Unauthorized",
                &["mirror"],
            ),
        Case::new("never", ACR)
            .image(ACR, "team/never:1")
            .with(right(ACR))
            .lists("acr")
            .pull_policy("Never")
            .fails("is not present with pull policy of Never", &["never-pull"]),
    ]
}
