//! What a cluster must have before the installation (`--pre`).

use http::Method;
use hyper::body::Bytes;
use regcred_engine::wording::Bilingual;
use serde_json::{Value, json};

use super::admission::pod_admission;
use super::check::{Category, Observation};
use super::reader::{ObjectRead, items, read, reason, text};
use crate::cluster::api_server::{ApiServer, Call, JSON, segment};

/// The oldest minor version of Kubernetes 1: match conditions are stable since then.
const OLDEST_MINOR: u32 = 30;

/// What an installation creates: group, resource, whether it is in the namespace.
const CREATED: [(&str, &str, bool); 10] = [
    ("", "namespaces", false),
    ("", "serviceaccounts", true),
    ("", "services", true),
    ("", "configmaps", true),
    ("apps", "deployments", true),
    ("policy", "poddisruptionbudgets", true),
    ("networking.k8s.io", "networkpolicies", true),
    ("rbac.authorization.k8s.io", "clusterroles", false),
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations", false),
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations", false),
];

/// The version of the API server, before and after the installation.
///
/// # Errors
/// If it does not answer.
pub(super) fn kubernetes(server: &ApiServer<'_>) -> Result<Category, Bilingual<String>> {
    let mut category = Category::new("Kubernetes", "Kubernetes");
    let finding = match read(server, "/version") {
        ObjectRead::Found(version) => old_version(&version),
        ObjectRead::Missing => {
            return Err(Bilingual::new("the API server has no /version", "API server 没有 /version"));
        }
        ObjectRead::Unread(why) => return Err(why),
    };
    category.add("kubernetes-version", "Kubernetes is 1.30 or newer", "Kubernetes 版本不低于 1.30", finding);
    Ok(category)
}

fn old_version(version: &Value) -> Observation {
    // Some platforms add a plus sign to the minor version.
    let minor: String = text(version, "/minor").chars().take_while(char::is_ascii_digit).collect();
    if minor.parse::<u32>().is_ok_and(|minor| minor >= OLDEST_MINOR) {
        return Observation::Fine;
    }
    let shown: String =
        text(version, "/gitVersion").chars().filter(char::is_ascii_graphic).take(30).collect();
    Observation::broken(
        Bilingual::new(format!("it is {shown}"), format!("版本为 {shown}")),
        Bilingual::new(
            "Do not install here: older API servers may drop the match conditions, and then every Secret depends on regcred.",
            "请勿在此安装：较旧的 API server 可能丢弃匹配条件，届时所有 Secret 都会依赖 regcred。",
        ),
    )
}

/// Permissions, and what is in the way.
pub(super) fn before(server: &ApiServer<'_>, namespace: &str) -> Category {
    let mut category = Category::new("Before the installation", "安装之前");
    category.add(
        "permissions",
        "you may create what is installed",
        "您有权创建所需对象",
        permissions(server, namespace),
    );
    category.add(
        "namespace",
        "the namespace can be used",
        "命名空间可用",
        usable_namespace(server, namespace),
    );
    category.add(
        "pod-admission",
        "the namespace admits a Pod of regcred",
        "命名空间允许创建 regcred 的 Pod",
        pod_admission(server, namespace),
    );
    category.add(
        "not-installed",
        "no other installation judges Secrets",
        "没有其他安装在检查 Secret",
        installed_elsewhere(server),
    );
    category
}

fn permissions(server: &ApiServer<'_>, namespace: &str) -> Observation {
    let mut missing = Vec::new();
    for (group, resource, namespaced) in CREATED {
        let attributes = json!({
            "group": group, "resource": resource, "verb": "create", "namespace": if namespaced { namespace } else { "" },
        });
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        });
        let call = Call {
            method: Method::POST,
            uri: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(),
            accept: JSON,
            content_type: Some(JSON),
            body: Bytes::from(review.to_string()),
        };
        let answer = match server.call(&call) {
            Ok(response) => server.body(response),
            Err(error) => Err(reason(error)),
        };
        let answer = match answer {
            Ok(body) => serde_json::from_slice::<Value>(&body).unwrap_or_default(),
            Err(why) => return Observation::unread(why),
        };
        if answer.pointer("/status/allowed").and_then(Value::as_bool) != Some(true) {
            missing.push(resource);
        }
    }
    if missing.is_empty() {
        return Observation::Fine;
    }
    let missing = missing.join(", ");
    Observation::broken(
        Bilingual::new(format!("you may not create {missing}"), format!("您无权创建 {missing}")),
        Bilingual::new("Install as a cluster administrator.", "请以集群管理员身份安装。"),
    )
}

fn usable_namespace(server: &ApiServer<'_>, namespace: &str) -> Observation {
    let found = match read(server, &format!("/api/v1/namespaces/{}", segment(namespace))) {
        ObjectRead::Found(found) => found,
        ObjectRead::Missing => return Observation::Fine,
        ObjectRead::Unread(why) => return Observation::unread(why),
    };
    if found.pointer("/metadata/deletionTimestamp").is_some() {
        return Observation::broken(
            Bilingual::new(format!("{namespace} is being deleted"), format!("{namespace} 正在删除")),
            Bilingual::new("Wait until it is gone.", "请等待删除完成。"),
        );
    }
    Observation::Fine
}

fn installed_elsewhere(server: &ApiServer<'_>) -> Observation {
    let list = match read(server, "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations") {
        ObjectRead::Found(list) => list,
        ObjectRead::Missing => return Observation::Fine,
        ObjectRead::Unread(why) => return Observation::unread(why),
    };
    let ours = items(&list, "/items").iter().find(|configuration| {
        items(configuration, "/webhooks")
            .iter()
            .any(|webhook| text(webhook, "/name") == "validate.regcred.dev")
    });
    let Some(ours) = ours else { return Observation::Fine };
    let service = items(ours, "/webhooks").first();
    let namespace =
        service.map(|webhook| text(webhook, "/clientConfig/service/namespace")).unwrap_or_default();
    Observation::attention(
        Bilingual::new(
            format!("regcred is installed already, in {namespace}"),
            format!("regcred 已安装在 {namespace}"),
        ),
        Bilingual::new(
            "Upgrade that installation (docs/upgrading.md); two of them judge each Secret twice.",
            "请升级该安装（docs/upgrading.md）；两个安装会重复检查每个 Secret。",
        ),
    )
}
