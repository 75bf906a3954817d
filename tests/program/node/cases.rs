//! Pull Secrets as users get them wrong, and what the kubelet makes of them.

use serde_json::{Value, json};

use crate::support::registry::{PASSWORD, USER};

use super::case::{Case, OLD_PASSWORD, rancher, secret, service_account};
use super::registries::{ACR, BASIC, GENERIC_ACR, MIRRORED, UNTRUSTED, WITHOUT_PERMISSION};

// The messages of containerd 2.4, without their beginning.
const NONE_SENT: &str = "pull access denied, repository does not exist or may require authorization: \
    server message: insufficient_scope: authorization failed";
const NONE_SENT_BASIC: &str = "pull access denied, repository does not exist or may require authorization: \
    authorization failed: no basic auth credentials";

const TOKEN_REFUSED: &str = "failed to authorize: failed to fetch oauth token: unexpected status from GET request to \
    https://dockerauth.cn-hangzhou.aliyuncs.com/auth?";
const REFUSED_BASIC: &str = "unexpected status from HEAD request to \
    https://registry.example.com/v2/team/app/manifests/1: 401 Unauthorized";
const MALFORMED: &str =
    "json: cannot unmarshal number into Go struct field DockerConfigJSON.auths.password of type string";
const UNKNOWN_CA: &str = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
const MIRROR_REFUSED: &str =
    "https://mirror.example.com/v2/team/app/manifests/1?ns=mirrored.example.com: 401 Unauthorized";

pub fn all() -> Vec<Case> {
    [pulled(), without_credentials(), with_useless_secrets(), refused(), other_failures()]
        .into_iter()
        .flatten()
        .collect()
}

fn right(host: &str) -> Value {
    rancher("acr", host, USER, PASSWORD)
}

fn pulled() -> Vec<Case> {
    vec![
        Case::new("as-rancher-writes-it", ACR).with(right(ACR)).lists("acr"),
        Case::new("as-rancher-writes-it-basic", BASIC).with(right(BASIC)).lists("acr"),
        Case::new("by-service-account", ACR)
            .with(right(ACR))
            .with(service_account("builder", &["acr"]))
            .service_account("builder"),
        Case::new("public", ACR).image(ACR, "public/app:1"),
    ]
}

fn without_credentials() -> Vec<Case> {
    let mut elsewhere = rancher("of-the-platform", ACR, USER, PASSWORD);
    elsewhere["metadata"]["namespace"] = json!("platform");
    let platform = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "platform"}});
    vec![
        Case::new("no-secret", BASIC).fails(NONE_SENT_BASIC, &["no-pull-secret"]).has_remedy(),
        Case::new("no-secret-token", ACR).fails(NONE_SENT, &["no-pull-secret"]).has_remedy(),
        Case::new("missing", ACR).lists("absent").fails(NONE_SENT, &["secret-missing"]).has_remedy(),
        Case::new("other-namespace", ACR)
            .with(platform)
            .with(elsewhere)
            .lists("of-the-platform")
            .fails(NONE_SENT, &["secret-in-other-namespace"])
            .has_remedy(),
        Case::new("service-account-later", ACR)
            .with(right(ACR))
            .with(service_account("builder", &[]))
            .service_account("builder")
            .with_later(service_account("builder", &["acr"]))
            .fails(NONE_SENT, &["service-account-secret-not-used"])
            .has_remedy(),
        Case::new("service-account-hidden", ACR)
            .with(right(ACR))
            .with(rancher("other", "quay.io", USER, PASSWORD))
            .with(service_account("builder", &["acr"]))
            .service_account("builder")
            .lists("other")
            .fails(NONE_SENT, &["service-account-secret-not-used", "no-matching-entry"])
            .has_remedy(),
    ]
}

fn with_useless_secrets() -> Vec<Case> {
    let mut opaque = right(ACR);
    opaque["type"] = json!("Opaque");
    let number = json!({"auths": {ACR: {"username": USER, "password": 12345}}});
    vec![
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
        Case::new("malformed", ACR)
            .with(secret("acr", &number))
            .lists("acr")
            .fails(MALFORMED, &["secret-malformed"])
            .has_remedy(),
    ]
}

fn refused() -> Vec<Case> {
    let (visitor, visitors_password) = WITHOUT_PERMISSION;
    vec![
        Case::new("wrong-password", BASIC)
            .with(rancher("acr", BASIC, USER, OLD_PASSWORD))
            .lists("acr")
            .fails(REFUSED_BASIC, &["credentials-refused"])
            .has_remedy(),
        Case::new("wrong-password-token", ACR)
            .with(rancher("acr", ACR, USER, OLD_PASSWORD))
            .lists("acr")
            .fails(TOKEN_REFUSED, &["credentials-refused"])
            .has_remedy(),
        Case::new("wrong-password-public", ACR)
            .image(ACR, "public/app:1")
            .with(rancher("acr", ACR, USER, OLD_PASSWORD))
            .lists("acr")
            .fails(TOKEN_REFUSED, &["credentials-refused"])
            .has_remedy(),
        Case::new("no-permission", ACR)
            .with(rancher("acr", ACR, visitor, visitors_password))
            .lists("acr")
            .fails(NONE_SENT, &["no-permission"]),
    ]
}

fn other_failures() -> Vec<Case> {
    vec![
        Case::new("absent-tag", BASIC)
            .image(BASIC, "team/app:2")
            .with(right(BASIC))
            .lists("acr")
            .fails("team/app:2: not found", &["not-found"])
            .has_remedy(),
        Case::new("unknown-ca", UNTRUSTED)
            .with(right(UNTRUSTED))
            .lists("acr")
            .fails(UNKNOWN_CA, &["certificate"]),
        Case::new("mirror", MIRRORED).with(right(MIRRORED)).lists("acr").fails(MIRROR_REFUSED, &["mirror"]),
        Case::new("never", ACR)
            .image(ACR, "team/unpulled:1")
            .with(right(ACR))
            .lists("acr")
            .pull_policy("Never")
            .fails("is not present with pull policy of Never", &["never-pull"])
            .has_remedy(),
    ]
}
