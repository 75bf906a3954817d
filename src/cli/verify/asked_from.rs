//! From where registries were asked: what a laptop can reach, a node may not, and the other way round.

use std::env;

use regcred_engine::wording::Bilingual;

/// The place from which registries were asked.
pub(super) struct AskedFrom {
    /// The name of the host, or of the Pod.
    pub(super) host: String,
    pub(super) in_pod: bool,
    /// The proxies through which some were asked.
    pub(super) proxies: Vec<String>,
}

impl AskedFrom {
    pub(super) fn here(mut proxies: Vec<String>) -> Self {
        proxies.sort_unstable();
        proxies.dedup();
        let name = rustix::system::uname();
        // The kubelet sets this variable in every container.
        let in_pod = env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        AskedFrom { host: name.nodename().to_string_lossy().into_owned(), in_pod, proxies }
    }

    /// As sentences.
    pub(super) fn words(&self) -> Bilingual<String> {
        let AskedFrom { host, in_pod, proxies } = self;
        let (place, place_zh) = if *in_pod {
            (
                format!(
                    "Asked from the Pod {host}, whose network and trusted certificates can differ from those of its node."
                ),
                format!("询问自 Pod {host}，其网络和信任的证书可能与所在节点不同。"),
            )
        } else {
            (
                format!(
                    "Asked from {host}, which is not a node of the cluster: a node can reach other hosts and trust other certificates."
                ),
                format!("询问自 {host}，它不是集群节点：节点可访问的主机和信任的证书可能不同。"),
            )
        };
        if proxies.is_empty() {
            return Bilingual::new(place, place_zh);
        }
        let (list, list_zh) = (proxies.join(", "), proxies.join("、"));
        Bilingual::new(
            format!(
                "{place} The proxy {list} resolved names and connected, so addresses were not checked here."
            ),
            format!("{place_zh}由代理 {list_zh} 解析域名并连接，因此这里没有检查地址。"),
        )
    }
}
