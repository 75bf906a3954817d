//! The two webhook configurations.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use regcred_engine::policy::Enforcement;
use regcred_engine::wording::Bilingual;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::check::{Category, Observation, apply_again};
use super::installed::Installed;
use super::reader::{ObjectRead, items, text};
use crate::cluster::self_managed::sees_the_type;
use crate::pki::Validity;

/// A CA that ends within this time needs attention.
const ENDS_SOON_DAYS: i64 = 14;

/// Where the installation is expected, and when it is examined.
pub(super) struct Expected<'e> {
    pub(super) namespace: &'e str,
    pub(super) name: &'e str,
    /// The namespace of the dry runs.
    pub(super) judged: &'e str,
    pub(super) enforcement: Enforcement,
    pub(super) now: Timestamp,
}

/// Checks both of them.
pub(super) fn configurations(installed: &Installed, expected: &Expected<'_>) -> Category {
    let mut category = Category::new("Webhook configurations", "Webhook 配置");
    let sides = [
        (
            &installed.mutating,
            "mutate.regcred.dev",
            "mutating-configuration",
            "the mutating webhook is registered",
            "变更 Webhook 已注册",
        ),
        (
            &installed.validating,
            "validate.regcred.dev",
            "validating-configuration",
            "the validating webhook is registered",
            "校验 Webhook 已注册",
        ),
    ];
    let mut webhooks = Vec::new();
    for (read, name, code, english, chinese) in sides {
        let webhook = read.found().and_then(|found| webhook(found, name));
        category.add(code, english, chinese, registered(read, webhook, name));
        webhooks.extend(webhook);
    }
    if webhooks.is_empty() {
        return category;
    }
    let all = |broken: fn(&Value, &Expected<'_>) -> WebhookFault| {
        webhooks.iter().find_map(|webhook| broken(webhook, expected))
    };
    let finding = |found: WebhookFault| match found {
        Some((detail, remedy)) => Observation::broken(detail, remedy),
        None => Observation::Fine,
    };
    category.add(
        "webhook-rules",
        "they are called for creations and updates of Secrets",
        "创建和更新 Secret 时会调用",
        finding(all(wrong_rules)),
    );
    category.add(
        "match-conditions",
        "only image pull Secrets are sent",
        "只发送镜像拉取 Secret",
        finding(all(wrong_conditions)),
    );
    category.add(
        "namespace-selector",
        "the namespace is judged, and regcred's own is not",
        "该命名空间受检查，而 regcred 自身的命名空间除外",
        finding(all(wrong_selector)),
    );
    category.add(
        "webhook-service",
        "they name the Service",
        "指向正确的 Service",
        finding(all(wrong_service)),
    );
    category.add(
        "ca-bundle",
        "caBundle is a valid CA",
        "caBundle 是有效的 CA",
        ca_bundle(&webhooks, expected.now),
    );
    category.add(
        "failure-policy",
        "failurePolicy fits the enforcement",
        "failurePolicy 与强制级别一致",
        failure_policy(installed, expected),
    );
    category
}

fn webhook<'v>(configuration: &'v Value, name: &str) -> Option<&'v Value> {
    items(configuration, "/webhooks").iter().find(|webhook| text(webhook, "/name") == name)
}

fn registered(read: &ObjectRead, webhook: Option<&Value>, name: &str) -> Observation {
    match read {
        ObjectRead::Unread(why) => Observation::unread(why.clone()),
        ObjectRead::Missing => Observation::broken(
            Bilingual::new("the configuration does not exist", "该配置不存在"),
            apply_again(),
        ),
        ObjectRead::Found(_) if webhook.is_none() => Observation::broken(
            Bilingual::new(format!("it has no webhook {name}"), format!("其中没有 Webhook {name}")),
            apply_again(),
        ),
        ObjectRead::Found(_) => Observation::Fine,
    }
}

/// What is wrong with a webhook, and what to do.
type WebhookFault = Option<(Bilingual<String>, Bilingual<String>)>;

fn wrong_rules(webhook: &Value, _: &Expected<'_>) -> WebhookFault {
    let has = |rule: &Value, field: &str, wanted: &str| {
        items(rule, field).iter().filter_map(Value::as_str).any(|item| item == wanted || item == "*")
    };
    let covers = |operation: &str| {
        items(webhook, "/rules").iter().any(|rule| {
            has(rule, "/resources", "secrets")
                && has(rule, "/apiGroups", "")
                && has(rule, "/operations", operation)
        })
    };
    let missing: Vec<_> = ["CREATE", "UPDATE"].into_iter().filter(|operation| !covers(operation)).collect();
    let name = text(webhook, "/name");
    (!missing.is_empty()).then(|| {
        let missing = missing.join(", ");
        (
            Bilingual::new(
                format!("{name} is not called for {missing} of secrets"),
                format!("{name} 不会在 secrets 的 {missing} 时被调用"),
            ),
            apply_again(),
        )
    })
}

fn wrong_conditions(webhook: &Value, _: &Expected<'_>) -> WebhookFault {
    let name = text(webhook, "/name");
    (!sees_the_type(webhook)).then(|| {
        (
            Bilingual::new(
                format!(
                    "{name} has no match condition on the type, so every Secret of the cluster depends on it"
                ),
                format!("{name} 没有针对类型的匹配条件，集群中所有 Secret 都依赖它"),
            ),
            apply_again(),
        )
    })
}

/// Only the two keys of the manifests are understood; any other expression is left to the dry runs.
fn wrong_selector(webhook: &Value, expected: &Expected<'_>) -> WebhookFault {
    let name = text(webhook, "/name");
    let excluded: Vec<_> = items(webhook, "/namespaceSelector/matchExpressions")
        .iter()
        .filter(|expression| {
            text(expression, "/key") == "kubernetes.io/metadata.name"
                && text(expression, "/operator") == "NotIn"
        })
        .flat_map(|expression| items(expression, "/values"))
        .filter_map(Value::as_str)
        .collect();
    if excluded.contains(&expected.judged) {
        return Some((
            Bilingual::new(
                format!("{name} excludes the namespace {}", expected.judged),
                format!("{name} 排除了命名空间 {}", expected.judged),
            ),
            Bilingual::new(
                "Choose a namespace whose Secrets are judged: -n NAME.",
                "请用 -n NAME 选择受检查的命名空间。",
            ),
        ));
    }
    (!excluded.contains(&expected.namespace)).then(|| {
        (
            Bilingual::new(
                format!(
                    "{name} also judges {}, where regcred runs: it could not be repaired while it is down",
                    expected.namespace
                ),
                format!("{name} 也检查 regcred 所在的 {}：不可用时将无法修复", expected.namespace),
            ),
            apply_again(),
        )
    })
}

fn wrong_service(webhook: &Value, expected: &Expected<'_>) -> WebhookFault {
    let (namespace, name) =
        (text(webhook, "/clientConfig/service/namespace"), text(webhook, "/clientConfig/service/name"));
    // A URL is for API servers that do not use Services.
    if !text(webhook, "/clientConfig/url").is_empty()
        || (namespace, name) == (expected.namespace, expected.name)
    {
        return None;
    }
    Some((
        Bilingual::new(
            format!("{} calls the Service {namespace}/{name}", text(webhook, "/name")),
            format!("{} 调用的是 Service {namespace}/{name}", text(webhook, "/name")),
        ),
        apply_again(),
    ))
}

fn ca_bundle(webhooks: &[&Value], now: Timestamp) -> Observation {
    let mut ends: Option<Timestamp> = None;
    for webhook in webhooks {
        let name = text(webhook, "/name");
        let bundle = STANDARD.decode(text(webhook, "/clientConfig/caBundle")).unwrap_or_default();
        if bundle.is_empty() {
            return Observation::broken(
                Bilingual::new(format!("{name} has no caBundle"), format!("{name} 没有 caBundle")),
                Bilingual::new(
                    "Its source has not written it: regcred itself (self-managed; see the log of the Pods), cert-manager's CA injector, or \
                     you (certs/README.md).",
                    "来源尚未写入：regcred 自身（自管理证书，请看 Pod 日志）、cert-manager 的 CA injector，或由您提供（certs/README.md）。",
                ),
            );
        }
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bundle).collect();
        let validities = certificates.ok().map(|certificates| {
            let parsed = certificates
                .iter()
                .map(|der| X509Certificate::from_der(der).ok().map(|(_, parsed)| Validity::of(&parsed)));
            parsed.collect::<Option<Vec<_>>>()
        });
        let Some(Some(validities)) =
            validities.filter(|validities| validities.as_ref().is_some_and(|all| !all.is_empty()))
        else {
            return Observation::broken(
                Bilingual::new(
                    format!("the caBundle of {name} is not PEM certificates"),
                    format!("{name} 的 caBundle 不是 PEM 证书"),
                ),
                Bilingual::new("See certs/README.md.", "参见 certs/README.md。"),
            );
        };
        let last = validities.iter().map(|validity| validity.not_after).max();
        if !validities.iter().any(|validity| validity.holds(now)) {
            return Observation::broken(
                Bilingual::new(
                    format!("no CA in the caBundle of {name} is valid now"),
                    format!("{name} 的 caBundle 中没有当前有效的 CA"),
                ),
                Bilingual::new("Renew the CA: certs/README.md.", "请更新 CA：certs/README.md。"),
            );
        }
        ends = ends.into_iter().chain(last).min();
    }
    let days = ends.map(|ends| ends.duration_since(now).as_hours() / 24);
    match days.filter(|days| *days < ENDS_SOON_DAYS) {
        Some(days) => Observation::attention(
            Bilingual::new(
                format!("the last CA ends in {days} days"),
                format!("最后一个 CA 将在 {days} 天后到期"),
            ),
            Bilingual::new("Renew the CA: certs/README.md.", "请更新 CA：certs/README.md。"),
        ),
        None => Observation::Fine,
    }
}

fn failure_policy(installed: &Installed, expected: &Expected<'_>) -> Observation {
    let policy = installed.validating.found().and_then(|found| webhook(found, "validate.regcred.dev"));
    let fails = policy.map(|webhook| text(webhook, "/failurePolicy") == "Fail");
    match (fails, expected.enforcement) {
        (Some(false), Enforcement::Enforce) => Observation::attention(
            Bilingual::new(
                "regcred enforces, but failurePolicy is Ignore: while no Pod answers, everything is accepted",
                "已启用强制，但 failurePolicy 为 Ignore：没有 Pod 应答时，一切都会被接受",
            ),
            Bilingual::new(
                "Use components/enforce, or the Helm value enforcement, which set both.",
                "请使用 components/enforce 或 Helm 值 enforcement，它们会同时设置两者。",
            ),
        ),
        (Some(true), Enforcement::Warn | Enforcement::Audit) => Observation::attention(
            Bilingual::new(
                "regcred refuses nothing, but failurePolicy is Fail: while no Pod answers, no pull Secret can be written",
                "regcred 不拒绝任何请求，但 failurePolicy 为 Fail：没有 Pod 应答时，无法写入镜像拉取 Secret",
            ),
            Bilingual::new(
                "Use components/enforce, or the Helm value enforcement, which set both.",
                "请使用 components/enforce 或 Helm 值 enforcement，它们会同时设置两者。",
            ),
        ),
        _ => Observation::Fine,
    }
}
