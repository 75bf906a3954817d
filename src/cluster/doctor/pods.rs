//! The Service, its endpoints, and the Pods.

use std::collections::BTreeSet;

use regcred_engine::wording::Bilingual;
use serde_json::Value;

use super::check::{Category, Observation, apply_again};
use super::installed::{Installed, is_ready};
use super::reader::{ObjectRead, items, text};

/// Checks them.
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
fn absent(read: &ObjectRead, english: &str, chinese: &str) -> Option<Observation> {
    match read {
        ObjectRead::Found(_) => None,
        ObjectRead::Missing => Some(Observation::broken(Bilingual::new(english, chinese), apply_again())),
        ObjectRead::Unread(why) => Some(Observation::unread(why.clone())),
    }
}

fn service(installed: &Installed) -> Observation {
    if let Some(finding) = absent(&installed.service, "there is no such Service", "没有该 Service") {
        return finding;
    }
    let ports = installed.service.found().map(|service| items(service, "/spec/ports")).unwrap_or_default();
    let Some(port) = ports.iter().find(|port| port.pointer("/port").and_then(Value::as_i64) == Some(443))
    else {
        return Observation::broken(Bilingual::new("it has no port 443", "它没有 443 端口"), apply_again());
    };
    let Some(deployment) = installed.deployment.found() else { return Observation::Fine };
    let of_containers = items(deployment, "/spec/template/spec/containers/0/ports");
    let leads = of_containers.iter().any(|container| match port.pointer("/targetPort") {
        Some(Value::String(name)) => text(container, "/name") == name,
        target => container.pointer("/containerPort") == target,
    });
    if leads {
        return Observation::Fine;
    }
    Observation::broken(
        Bilingual::new("its targetPort is not a port of the container", "其 targetPort 不是容器的端口"),
        apply_again(),
    )
}

fn endpoints(installed: &Installed) -> Observation {
    let slices = match &installed.slices {
        ObjectRead::Found(slices) => items(slices, "/items"),
        ObjectRead::Missing => &[],
        ObjectRead::Unread(why) => return Observation::unread(why.clone()),
    };
    let ready = slices
        .iter()
        .flat_map(|slice| items(slice, "/endpoints"))
        .filter(|endpoint| endpoint.pointer("/conditions/ready").and_then(Value::as_bool).unwrap_or(true));
    if ready.count() > 0 {
        return Observation::Fine;
    }
    Observation::broken(
        Bilingual::new("none of its Pods is ready", "它的 Pod 均未就绪"),
        Bilingual::new(
            "See the Pods: kubectl -n NAMESPACE get pods, describe pod, logs.",
            "请查看 Pod：kubectl -n NAMESPACE get pods、describe pod、logs。",
        ),
    )
}

fn rollout(installed: &Installed) -> Observation {
    if let Some(finding) = absent(&installed.deployment, "there is no such Deployment", "没有该 Deployment")
    {
        return finding;
    }
    let Some(deployment) = installed.deployment.found() else { return Observation::Fine };
    let number = |pointer: &str| deployment.pointer(pointer).and_then(Value::as_i64).unwrap_or(0);
    let wanted = deployment.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
    let (updated, available) = (number("/status/updatedReplicas"), number("/status/availableReplicas"));
    if number("/status/observedGeneration") >= number("/metadata/generation")
        && updated >= wanted
        && available >= wanted
    {
        return Observation::Fine;
    }
    Observation::attention(
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
fn running(installed: &Installed) -> Result<Vec<&Value>, Observation> {
    match &installed.pods {
        ObjectRead::Found(list) => {
            let is_live = |pod: &&Value| pod.pointer("/metadata/deletionTimestamp").is_none();
            Ok(items(list, "/items").iter().filter(is_live).collect())
        }
        ObjectRead::Missing => Ok(Vec::new()),
        ObjectRead::Unread(why) => Err(Observation::unread(why.clone())),
    }
}

fn replicas(installed: &Installed) -> Observation {
    let pods = match running(installed) {
        Ok(pods) => pods,
        Err(finding) => return finding,
    };
    let ready: Vec<_> = pods.into_iter().filter(|pod| is_ready(pod)).collect();
    let nodes: BTreeSet<_> = ready.iter().map(|pod| text(pod, "/spec/nodeName")).collect();
    let is_single_node = installed.nodes.found().is_some_and(|nodes| items(nodes, "/items").len() == 1);
    let (detail, chinese) = match (ready.len(), nodes.len()) {
        (0, _) => {
            return Observation::broken(
                Bilingual::new("no Pod is ready", "没有就绪的 Pod"),
                Bilingual::new("See their events and log.", "请查看其事件和日志。"),
            );
        }
        (1, _) => (
            "only one Pod is ready: while it restarts, nothing is judged",
            "只有一个就绪的 Pod：它重启期间无法检查",
        ),
        (_, 1) if !is_single_node => ("all Pods are on one node", "所有 Pod 都在同一节点上"),
        _ => return Observation::Fine,
    };
    Observation::attention(
        Bilingual::new(detail, chinese),
        Bilingual::new(
            "Run two replicas or more, on two nodes or more.",
            "请至少运行两个副本，并分布在两个以上的节点。",
        ),
    )
}

fn versions(installed: &Installed) -> Observation {
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
        return Observation::Fine;
    }
    Observation::attention(
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

fn budget(installed: &Installed) -> Observation {
    let budgets = match &installed.budgets {
        ObjectRead::Found(list) => items(list, "/items"),
        ObjectRead::Missing => &[],
        ObjectRead::Unread(why) => return Observation::unread(why.clone()),
    };
    let labels =
        installed.deployment.found().and_then(|found| found.pointer("/spec/template/metadata/labels"));
    let Some(labels) = labels.and_then(Value::as_object) else { return Observation::Fine };
    let covers = |budget: &Value| {
        let wanted = budget.pointer("/spec/selector/matchLabels").and_then(Value::as_object);
        wanted.is_some_and(|wanted| wanted.iter().all(|(key, value)| labels.get(key) == Some(value)))
    };
    if budgets.iter().any(covers) {
        return Observation::Fine;
    }
    Observation::attention(
        Bilingual::new(
            "none does: a drain may stop all Pods at once",
            "没有：排空节点时可能一次停掉所有 Pod",
        ),
        apply_again(),
    )
}
