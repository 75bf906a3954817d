//! What else acts on Secrets: other webhooks and policies, and clients that overwrite the webhook configurations.

use std::collections::BTreeSet;

use regcred_engine::policy::Policy;
use regcred_engine::wording::Bilingual;
use serde_json::Value;

use super::backstop;
use super::check::{Category, Observation};
use super::installed::Installed;
use super::reader::{ObjectRead, items, read, text};
use crate::cluster::api_server::ApiServer;

/// At most this many names are listed.
const MAX_NAMES: usize = 5;

pub(super) fn others(server: &ApiServer<'_>, installed: &Installed, name: &str, policy: &Policy) -> Category {
    let mut category = Category::new("Others on the same way", "同一路径上的其他组件");
    let group = "/apis/admissionregistration.k8s.io/v1";
    let mutating = [
        (format!("{group}/mutatingwebhookconfigurations"), "/webhooks"),
        (format!("{group}/mutatingadmissionpolicies"), "/spec/matchConstraints/resourceRules"),
    ];
    category.add(
        "other-mutators",
        "nothing else changes Secrets",
        "没有其他组件修改 Secret",
        on_secrets(server, &mutating, name, "changes Secrets as well", "也会修改 Secret"),
    );
    let validating = [(format!("{group}/validatingwebhookconfigurations"), "/webhooks")];
    category.add(
        "other-validators",
        "nothing else refuses Secrets when it is down",
        "没有其他组件会在不可用时拒绝 Secret",
        on_secrets(
            server,
            &validating,
            name,
            "must answer for Secrets as well (failurePolicy: Fail)",
            "也必须对 Secret 作出应答（failurePolicy: Fail）",
        ),
    );
    category.add(
        "configuration-owners",
        "nothing overwrites caBundle",
        "没有其他组件覆盖 caBundle",
        owners(installed),
    );
    category.add(
        "backstop",
        "admission policies of regcred backstop, if installed, are those of this policy",
        "如果安装了 regcred backstop 的准入策略，它们与当前策略一致",
        backstop::policies(server, policy),
    );
    category
}

/// The configurations besides our own that are called for Secrets.
fn on_secrets(
    server: &ApiServer<'_>,
    lists: &[(String, &str)],
    name: &str,
    does: &str,
    does_zh: &str,
) -> Observation {
    let mut found = Vec::new();
    for (path, rules) in lists {
        let list = match read(server, path) {
            ObjectRead::Found(list) => list,
            // A version without such policies.
            ObjectRead::Missing => continue,
            ObjectRead::Unread(why) => return Observation::unread(why),
        };
        for object in items(&list, "/items") {
            let other = text(object, "/metadata/name");
            let is_validating = path.contains("validating");
            let matches = items(object, rules).iter().any(|entry| {
                let rules =
                    if *rules == "/webhooks" { items(entry, "/rules") } else { std::slice::from_ref(entry) };
                let counts = !is_validating || text(entry, "/failurePolicy") != "Ignore";
                counts && rules.iter().any(covers_secrets)
            });
            if other != name && !backstop::is_own(object) && matches {
                found.push(other.to_owned());
            }
        }
    }
    if found.is_empty() {
        return Observation::Fine;
    }
    let shown = found.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>().join(", ");
    let more = found.len().saturating_sub(MAX_NAMES);
    let more = if more > 0 { format!(" (+{more})") } else { String::new() };
    Observation::attention(
        Bilingual::new(format!("{shown}{more} {does}"), format!("{shown}{more} {does_zh}")),
        Bilingual::new(
            "If a pull Secret is not stored as expected, look there as well. The dry runs above have passed through it.",
            "如果保存的镜像拉取 Secret 与预期不符，也请检查它。上面的试运行已经经过它。",
        ),
    )
}

fn covers_secrets(rule: &Value) -> bool {
    let rule = rule.get("rule").unwrap_or(rule);
    let has = |field: &str, wanted: &str| {
        items(rule, field).iter().filter_map(Value::as_str).any(|item| item == wanted || item == "*")
    };
    let resources = items(rule, "/resources")
        .iter()
        .filter_map(Value::as_str)
        .any(|item| matches!(item, "secrets" | "*" | "*/*"));
    has("/apiGroups", "") && resources
}

/// Who else has written `caBundle`, according to the managed fields. A GitOps tool that applies the manifests with an empty one
/// stops every call until it is written again.
fn owners(installed: &Installed) -> Observation {
    let mut managers = BTreeSet::new();
    for read in [&installed.mutating, &installed.validating] {
        let Some(configuration) = read.found() else { continue };
        for field in items(configuration, "/metadata/managedFields") {
            if field.pointer("/fieldsV1").is_some_and(|fields| fields.to_string().contains("f:caBundle")) {
                managers.insert(text(field, "/manager"));
            }
        }
    }
    if managers.len() < 2 {
        return Observation::Fine;
    }
    let shown = managers.into_iter().take(MAX_NAMES).collect::<Vec<_>>().join(", ");
    Observation::attention(
        Bilingual::new(format!("several clients write it: {shown}"), format!("有多个客户端写入：{shown}")),
        Bilingual::new(
            "Only one of them should: make the others ignore webhooks[].clientConfig.caBundle (docs/troubleshooting.md#regcredcabundlecontested).",
            "应只保留一个：让其他客户端忽略 webhooks[].clientConfig.caBundle（docs/troubleshooting.md#regcredcabundlecontested）。",
        ),
    )
}
