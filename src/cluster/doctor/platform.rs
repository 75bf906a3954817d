//! Why the API server cannot call the webhook, by the words of its error, and what to do on which platform.
//!
//! The texts are those of Go's `net` and `crypto/tls` packages and of kube-apiserver; cert-manager's troubleshooting guide
//! (<https://cert-manager.io/docs/troubleshooting/webhook/>) collects where each of them comes from.

use regcred_engine::wording::Bilingual;

/// A platform whose control plane reaches Pods in its own way, read from `spec.providerID` and the labels of its Nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Platform {
    Gke,
    Eks,
    Fargate,
    Aks,
    K3s,
    Other,
}

impl Platform {
    /// From a Node's `spec.providerID` and its kubelet's version.
    pub(super) fn of(provider_id: &str, kubelet: &str, is_fargate: bool) -> Self {
        match provider_id.split("://").next() {
            _ if is_fargate => Platform::Fargate,
            Some("gce") => Platform::Gke,
            Some("aws") => Platform::Eks,
            Some("azure") => Platform::Aks,
            _ if kubelet.contains("+k3s") || kubelet.contains("+rke2") => Platform::K3s,
            _ => Platform::Other,
        }
    }

    /// What keeps the control plane from the Pods here.
    fn network(self) -> Bilingual<&'static str> {
        let (english, chinese) = match self {
            Platform::Gke => (
                "On a private GKE cluster the control plane reaches Pods on ports 443 and 10250 only: keep container port 10250, or add a \
                 firewall rule for the port.",
                "GKE 私有集群的控制面只能通过 443 和 10250 端口访问 Pod：请保留容器端口 10250，或为所用端口添加防火墙规则。",
            ),
            Platform::Eks => (
                "On EKS with another network plugin the control plane does not reach Pods: use hostNetwork with other ports (Helm values \
                 hostNetwork and ports). Otherwise, check that the security group of the nodes admits the control plane on port 10250.",
                "EKS 使用第三方网络插件时，控制面无法访问 Pod：请使用 hostNetwork 并更换端口（Helm 值 hostNetwork 和 ports）。否则请检查节点安全组是否允许控制面访问 10250 端口。",
            ),
            Platform::Fargate => (
                "On Fargate port 10250 is the kubelet's: use another port (Helm value ports.https, or REGCRED_LISTEN and containerPort).",
                "Fargate 上 10250 是 kubelet 的端口：请改用其他端口（Helm 值 ports.https，或 REGCRED_LISTEN 与 containerPort）。",
            ),
            Platform::Aks => (
                "On AKS check that no firewall or network policy between the control plane and the nodes blocks port 10250, and that the \
                 tunnel (konnectivity-agent in kube-system) runs.",
                "AKS 上请检查控制面与节点之间没有防火墙或网络策略阻断 10250 端口，并确认隧道（kube-system 中的 konnectivity-agent）正在运行。",
            ),
            Platform::K3s => (
                "On k3s and RKE2 check that port 10250 between the server nodes and the agents is open (the egress selector uses it).",
                "k3s 和 RKE2 上请检查 server 节点与 agent 之间的 10250 端口是否开放（egress selector 使用它）。",
            ),
            Platform::Other => (
                "Check that the control plane reaches the Pods on port 10250: firewalls, security groups, network policies.",
                "请检查控制面能否通过 10250 端口访问 Pod：防火墙、安全组、网络策略。",
            ),
        };
        Bilingual { english, chinese }
    }
}

/// What to do if the API server's call of a webhook failed with this text.
pub(super) fn remedy(error: &str, platform: Platform) -> Bilingual<String> {
    let has = |phrase: &str| error.contains(phrase);
    let (english, chinese) = if has("no endpoints available") || has("connection refused") {
        (
            "No Pod of regcred is ready, or the Service selects others: see the checks of Service and Pods.",
            "没有就绪的 regcred Pod，或者 Service 选中了别的 Pod：请看 Service 和 Pod 的检查结果。",
        )
    } else if has("not found") && has("service") {
        (
            "The Service that the webhook configuration names does not exist: apply the manifests again.",
            "Webhook 配置所指的 Service 不存在：请重新应用清单。",
        )
    } else if has("certificate signed by unknown authority") || has("unable to load root certificates") {
        (
            "caBundle is not the CA of the served certificate: see certs/README.md for the source of your certificate.",
            "caBundle 不是所用证书的 CA：请按证书来源参考 certs/README.md。",
        )
    } else if has("certificate has expired or is not yet valid") {
        (
            "The serving certificate has expired, or the clock of a node is wrong: renew it (certs/README.md).",
            "证书已过期，或者节点时钟有误：请更新证书（certs/README.md）。",
        )
    } else if has("certificate is valid for") || has("certificate is not valid for any names") {
        if platform == Platform::Fargate {
            let network = platform.network();
            (network.english, network.chinese)
        } else {
            (
                "The certificate has another name than SERVICE.NAMESPACE.svc, or another program answers on this port.",
                "证书中的名称不是 SERVICE.NAMESPACE.svc，或者该端口上是别的程序。",
            )
        }
    } else if has("No agent available") || has("server is currently unable to handle the request") {
        (
            "The tunnel between control plane and nodes (Konnectivity) is down: that is a matter of the cluster, not of regcred.",
            "控制面与节点之间的隧道（Konnectivity）不可用：这是集群的问题，与 regcred 无关。",
        )
    } else if has("tls: certificate required")
        || has("tls: bad certificate")
        || has("unknown certificate authority")
    {
        (
            "regcred requires a client certificate (mutual TLS) and the API server presents none: docs/mutual-tls.md.",
            "regcred 要求客户端证书（双向 TLS），而 API server 没有出示：参见 docs/mutual-tls.md。",
        )
    } else if has("i/o timeout")
        || has("context deadline exceeded")
        || has("TLS handshake timeout")
        || has("no route to host")
    {
        let network = platform.network();
        (network.english, network.chinese)
    } else {
        (
            "See docs/troubleshooting.md#secrets-cannot-be-written, and the log of the Pods.",
            "请参考 docs/troubleshooting.md#secrets-cannot-be-written，并查看 Pod 的日志。",
        )
    };
    Bilingual::new(english, chinese)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platform_is_read_from_the_node() {
        for (provider, kubelet, fargate, platform) in [
            ("gce://project/zone/node", "v1.33.1-gke.1", false, Platform::Gke),
            ("aws:///eu-west-1a/i-0", "v1.33.1-eks-1", false, Platform::Eks),
            ("aws:///eu-west-1a/i-0", "v1.33.1-eks-1", true, Platform::Fargate),
            ("azure:///subscriptions/0", "v1.33.1", false, Platform::Aks),
            ("k3s://node", "v1.33.1+k3s1", false, Platform::K3s),
            ("", "v1.33.1+rke2r1", false, Platform::K3s),
            ("alicloud://cn-hangzhou.i-0", "v1.33.1-aliyun.1", false, Platform::Other),
        ] {
            assert_eq!(Platform::of(provider, kubelet, fargate), platform, "{provider}");
        }
    }

    #[test]
    fn timeout_names_what_the_platform_blocks() {
        let error = "failed calling webhook \"validate.regcred.dev\": Post \"https://regcred.regcred-system.svc:443/validate?timeout=5s\": \
                     dial tcp 10.0.0.1:10250: i/o timeout";
        assert!(remedy(error, Platform::Gke).english.contains("firewall rule"));
        assert!(remedy(error, Platform::Eks).english.contains("hostNetwork"));
        let name = "tls: failed to verify certificate: x509: certificate is valid for ip-10-0-0-1.internal, not regcred.regcred-system.svc";
        assert!(remedy(name, Platform::Fargate).english.contains("another port"));
        assert!(remedy(name, Platform::Other).english.contains("another name"));
    }
}
