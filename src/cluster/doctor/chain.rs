//! The chain from the API server to a Pod, link by link, as far as the objects show it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use regcred_engine::policy::Enforcement;
use regcred_engine::wording::Bilingual;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::Value;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::check::{Category, Finding};
use super::installed::Installed;
use super::reader::{Read, items, text};
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

/// The two webhook configurations.
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
    let all = |broken: fn(&Value, &Expected<'_>) -> Option<(Bilingual<String>, Bilingual<String>)>| {
        webhooks.iter().find_map(|webhook| broken(webhook, expected))
    };
    let finding = |found: Option<(Bilingual<String>, Bilingual<String>)>| match found {
        Some((detail, remedy)) => Finding::broken(detail, remedy),
        None => Finding::Fine,
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

fn apply_again() -> Bilingual<String> {
    Bilingual::new(
        "Apply the manifests again (kubectl apply -k deploy, or helm upgrade).",
        "请重新应用清单（kubectl apply -k deploy 或 helm upgrade）。",
    )
}

fn registered(read: &Read, webhook: Option<&Value>, name: &str) -> Finding {
    match read {
        Read::Unread(why) => Finding::unread(why.clone()),
        Read::Missing => {
            Finding::broken(Bilingual::new("the configuration does not exist", "该配置不存在"), apply_again())
        }
        Read::Found(_) if webhook.is_none() => Finding::broken(
            Bilingual::new(format!("it has no webhook {name}"), format!("其中没有 Webhook {name}")),
            apply_again(),
        ),
        Read::Found(_) => Finding::Fine,
    }
}

type Problem = Option<(Bilingual<String>, Bilingual<String>)>;

fn wrong_rules(webhook: &Value, _: &Expected<'_>) -> Problem {
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

fn wrong_conditions(webhook: &Value, _: &Expected<'_>) -> Problem {
    let mut conditions =
        items(webhook, "/matchConditions").iter().map(|condition| text(condition, "/expression"));
    let name = text(webhook, "/name");
    (!conditions.any(|expression| expression.contains("object.type"))).then(|| {
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
fn wrong_selector(webhook: &Value, expected: &Expected<'_>) -> Problem {
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

fn wrong_service(webhook: &Value, expected: &Expected<'_>) -> Problem {
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

fn ca_bundle(webhooks: &[&Value], now: Timestamp) -> Finding {
    let mut ends: Option<Timestamp> = None;
    for webhook in webhooks {
        let name = text(webhook, "/name");
        let bundle = STANDARD.decode(text(webhook, "/clientConfig/caBundle")).unwrap_or_default();
        if bundle.is_empty() {
            return Finding::broken(
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
            return Finding::broken(
                Bilingual::new(
                    format!("the caBundle of {name} is not PEM certificates"),
                    format!("{name} 的 caBundle 不是 PEM 证书"),
                ),
                Bilingual::new("See certs/README.md.", "参见 certs/README.md。"),
            );
        };
        let last = validities.iter().map(|validity| validity.not_after).max();
        if !validities.iter().any(|validity| validity.holds(now)) {
            return Finding::broken(
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
        Some(days) => Finding::attention(
            Bilingual::new(
                format!("the last CA ends in {days} days"),
                format!("最后一个 CA 将在 {days} 天后到期"),
            ),
            Bilingual::new("Renew the CA: certs/README.md.", "请更新 CA：certs/README.md。"),
        ),
        None => Finding::Fine,
    }
}

fn failure_policy(installed: &Installed, expected: &Expected<'_>) -> Finding {
    let policy = installed.validating.found().and_then(|found| webhook(found, "validate.regcred.dev"));
    let fails = policy.map(|webhook| text(webhook, "/failurePolicy") == "Fail");
    match (fails, expected.enforcement) {
        (Some(false), Enforcement::Enforce) => Finding::attention(
            Bilingual::new(
                "regcred enforces, but failurePolicy is Ignore: while no Pod answers, everything is accepted",
                "已启用强制，但 failurePolicy 为 Ignore：没有 Pod 应答时，一切都会被接受",
            ),
            Bilingual::new(
                "Use components/enforce, or the Helm value enforcement, which set both.",
                "请使用 components/enforce 或 Helm 值 enforcement，它们会同时设置两者。",
            ),
        ),
        (Some(true), Enforcement::Warn | Enforcement::Audit) => Finding::attention(
            Bilingual::new(
                "regcred refuses nothing, but failurePolicy is Fail: while no Pod answers, no pull Secret can be written",
                "regcred 不拒绝任何请求，但 failurePolicy 为 Fail：没有 Pod 应答时，无法写入镜像拉取 Secret",
            ),
            Bilingual::new(
                "Use components/enforce, or the Helm value enforcement, which set both.",
                "请使用 components/enforce 或 Helm 值 enforcement，它们会同时设置两者。",
            ),
        ),
        _ => Finding::Fine,
    }
}

/// The Service, its endpoints, and the Pods.
pub(super) fn pods(installed: &Installed) -> Category {
    let mut category = Category::new("Service and Pods", "Service 与 Pod");
    category.add(
        "service",
        "the Service leads to port https of the Pods",
        "Service 指向 Pod 的 https 端口",
        service(installed),
    );
    category.add(
        "endpoints",
        "the Service has ready endpoints",
        "Service 有就绪的端点",
        endpoints(installed),
    );
    category.add("rollout", "the roll-out is complete", "发布已完成", rollout(installed));
    category.add(
        "replicas",
        "at least two Pods are ready, on different nodes",
        "至少有两个就绪的 Pod，且位于不同节点",
        replicas(installed),
    );
    category.add(
        "versions",
        "all Pods have the same image and policy",
        "所有 Pod 的镜像和策略相同",
        versions(installed),
    );
    category.add(
        "disruption-budget",
        "a PodDisruptionBudget covers the Pods",
        "有覆盖这些 Pod 的 PodDisruptionBudget",
        budget(installed),
    );
    category
}

/// Turns a read that did not find an object into a finding.
fn absent(read: &Read, english: &str, chinese: &str) -> Option<Finding> {
    match read {
        Read::Found(_) => None,
        Read::Missing => Some(Finding::broken(Bilingual::new(english, chinese), apply_again())),
        Read::Unread(why) => Some(Finding::unread(why.clone())),
    }
}

fn service(installed: &Installed) -> Finding {
    if let Some(finding) = absent(&installed.service, "there is no such Service", "没有该 Service") {
        return finding;
    }
    let ports = installed.service.found().map(|service| items(service, "/spec/ports")).unwrap_or_default();
    let Some(port) = ports.iter().find(|port| port.pointer("/port").and_then(Value::as_i64) == Some(443))
    else {
        return Finding::broken(Bilingual::new("it has no port 443", "它没有 443 端口"), apply_again());
    };
    let Some(deployment) = installed.deployment.found() else { return Finding::Fine };
    let of_containers = items(deployment, "/spec/template/spec/containers/0/ports");
    let leads = of_containers.iter().any(|container| match port.pointer("/targetPort") {
        Some(Value::String(name)) => text(container, "/name") == name,
        target => container.pointer("/containerPort") == target,
    });
    if leads {
        return Finding::Fine;
    }
    Finding::broken(
        Bilingual::new("its targetPort is not a port of the container", "其 targetPort 不是容器的端口"),
        apply_again(),
    )
}

fn endpoints(installed: &Installed) -> Finding {
    let slices = match &installed.slices {
        Read::Found(slices) => items(slices, "/items"),
        Read::Missing => &[],
        Read::Unread(why) => return Finding::unread(why.clone()),
    };
    let ready = slices
        .iter()
        .flat_map(|slice| items(slice, "/endpoints"))
        .filter(|endpoint| endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true));
    if ready.count() > 0 {
        return Finding::Fine;
    }
    Finding::broken(
        Bilingual::new("no Pod behind it is ready", "其后没有就绪的 Pod"),
        Bilingual::new(
            "See the Pods: kubectl -n NAMESPACE get pods, describe pod, logs.",
            "请查看 Pod：kubectl -n NAMESPACE get pods、describe pod、logs。",
        ),
    )
}

fn rollout(installed: &Installed) -> Finding {
    if let Some(finding) = absent(&installed.deployment, "there is no such Deployment", "没有该 Deployment")
    {
        return finding;
    }
    let Some(deployment) = installed.deployment.found() else { return Finding::Fine };
    let number = |pointer: &str| deployment.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let wanted = deployment.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let (updated, available) = (number("/status/updatedReplicas"), number("/status/availableReplicas"));
    if number("/status/observedGeneration") >= number("/metadata/generation")
        && updated >= wanted
        && available >= wanted
    {
        return Finding::Fine;
    }
    Finding::attention(
        Bilingual::new(
            format!("{updated} of {wanted} Pods have the newest version, and {available} are available"),
            format!("{wanted} 个 Pod 中有 {updated} 个为最新版本，{available} 个可用"),
        ),
        Bilingual::new(
            "A broken policy or image keeps new Pods from starting: see their log. `kubectl rollout undo` restores both.",
            "策略或镜像有误会使新 Pod 无法启动：请看其日志。`kubectl rollout undo` 可同时恢复两者。",
        ),
    )
}

/// The Pods that run and are not about to end.
fn running(installed: &Installed) -> Result<Vec<&Value>, Finding> {
    match &installed.pods {
        Read::Found(list) => {
            let is_live = |pod: &&Value| pod.pointer("/metadata/deletionTimestamp").is_none();
            Ok(items(list, "/items").iter().filter(is_live).collect())
        }
        Read::Missing => Ok(Vec::new()),
        Read::Unread(why) => Err(Finding::unread(why.clone())),
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = items(pod, "/status/conditions");
    conditions
        .iter()
        .any(|condition| text(condition, "/type") == "Ready" && text(condition, "/status") == "True")
}

fn replicas(installed: &Installed) -> Finding {
    let pods = match running(installed) {
        Ok(pods) => pods,
        Err(finding) => return finding,
    };
    let ready: Vec<_> = pods.into_iter().filter(|pod| is_ready(pod)).collect();
    let nodes: BTreeSet<_> = ready.iter().map(|pod| text(pod, "/spec/nodeName")).collect();
    let is_single_node = installed.nodes.found().is_some_and(|nodes| items(nodes, "/items").len() == 1);
    let (detail, chinese) = match (ready.len(), nodes.len()) {
        (0, _) => {
            return Finding::broken(
                Bilingual::new("no Pod is ready", "没有就绪的 Pod"),
                Bilingual::new("See their events and log.", "请查看其事件和日志。"),
            );
        }
        (1, _) => (
            "only one Pod is ready: while it restarts, nothing is judged",
            "只有一个就绪的 Pod：它重启期间无法检查",
        ),
        (_, 1) if !is_single_node => ("all Pods are on one node", "所有 Pod 都在同一节点上"),
        _ => return Finding::Fine,
    };
    Finding::attention(
        Bilingual::new(detail, chinese),
        Bilingual::new(
            "Run two replicas or more, on two nodes or more.",
            "请至少运行两个副本，并分布在两个以上的节点。",
        ),
    )
}

fn versions(installed: &Installed) -> Finding {
    let pods = match running(installed) {
        Ok(pods) => pods,
        Err(finding) => return finding,
    };
    let of_pod = |pod: &Value| {
        let volumes = items(pod, "/spec/volumes").iter().find(|volume| text(volume, "/name") == "policy");
        let policy = volumes.map(|volume| text(volume, "/configMap/name")).unwrap_or_default();
        (text(pod, "/spec/containers/0/image").to_owned(), policy.to_owned())
    };
    let all: BTreeSet<_> = pods.iter().map(|pod| of_pod(pod)).collect();
    if all.len() < 2 {
        return Finding::Fine;
    }
    Finding::attention(
        Bilingual::new(
            format!("there are {} combinations of image and policy", all.len()),
            format!("共有 {} 种镜像与策略的组合", all.len()),
        ),
        Bilingual::new(
            "Wait for the roll-out to end: kubectl -n NAMESPACE rollout status deployment/NAME.",
            "请等待发布完成：kubectl -n NAMESPACE rollout status deployment/NAME。",
        ),
    )
}

fn budget(installed: &Installed) -> Finding {
    let budgets = match &installed.budgets {
        Read::Found(list) => items(list, "/items"),
        Read::Missing => &[],
        Read::Unread(why) => return Finding::unread(why.clone()),
    };
    let labels =
        installed.deployment.found().and_then(|found| found.pointer("/spec/template/metadata/labels"));
    let Some(labels) = labels.and_then(Value::as_object) else { return Finding::Fine };
    let covers = |budget: &Value| {
        let wanted = budget.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        wanted.is_some_and(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)))
    };
    if budgets.iter().any(covers) {
        return Finding::Fine;
    }
    Finding::attention(
        Bilingual::new(
            "none does: a drain may stop all Pods at once",
            "没有：排空节点时可能一次停掉所有 Pod",
        ),
        apply_again(),
    )
}
