//! What the API server and the Pods count: calls that failed open, and the certificate that each Pod serves.
//!
//! The Pods' metrics are read by the API server's proxy, because a laptop does not reach Pods. That also shows whether the control
//! plane reaches the Pods at all.

use jiff::Timestamp;
use regcred_engine::wording::Bilingual;
use serde_json::Value;

use super::check::Observation;
use super::installed::Installed;
use super::reader::{TextRead, items, read_text, text};
use crate::cluster::api_server::{ApiServer, segment};

/// The days left from which on a serving certificate needs attention: the alert `RegcredCertificateEndsSoon` has the same.
const ENDS_SOON_DAYS: i64 = 7;

/// The port of `/metrics`, if the container does not name it.
const OPS_PORT: i64 = 8080;

/// Metrics of a process, in the text format of Prometheus.
struct MetricsText(String);

impl MetricsText {
    /// The sum of the series of a metric whose labels contain all of these; `None` if there is no such series.
    fn sum(&self, metric: &str, labels: &[&str]) -> Option<f64> {
        let values = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(metric)?;
            let (of_series, value) = match rest.strip_prefix('{') {
                Some(rest) => rest.rsplit_once("} ")?,
                None => ("", rest.strip_prefix(' ')?),
            };
            let value = value.split(' ').next()?.parse::<f64>().ok()?;
            labels.iter().all(|label| of_series.contains(label)).then_some(value)
        });
        values.fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
    }
}

/// Calls of the two webhooks that failed, whereupon the API server continued without them.
pub(super) fn failed_open(server: &ApiServer<'_>) -> Observation {
    let metrics = match read_text(server, "/metrics") {
        TextRead::Found(text) => MetricsText(text),
        TextRead::Unread(why) => {
            return Observation::attention(
                why,
                Bilingual::new(
                    "Reading /metrics of the API server needs permission for that nonResourceURL (ClusterRole system:monitoring).",
                    "读取 API server 的 /metrics 需要该 nonResourceURL 的权限（ClusterRole system:monitoring）。",
                ),
            );
        }
    };
    let count = |name: &str| {
        let label = format!("name=\"{name}\"");
        metrics.sum("apiserver_admission_webhook_fail_open_count", &[&label]).unwrap_or(0.0)
    };
    let (mutating, validating) = (count("mutate.regcred.dev"), count("validate.regcred.dev"));
    if mutating + validating == 0.0 {
        return Observation::Fine;
    }
    Observation::attention(
        Bilingual::new(
            format!(
                "since this API server started, {mutating} writes passed without the mutating webhook and {validating} without the \
                 validating one"
            ),
            format!(
                "自该 API server 启动以来，有 {mutating} 次写入未经变更 Webhook，{validating} 次未经校验 Webhook"
            ),
        ),
        Bilingual::new(
            "Find pull Secrets that were stored in that time: regcred scan. Run this command again later: a number that grows means that \
             calls still fail.",
            "请用 regcred scan 查找这期间保存的镜像拉取 Secret。稍后再次运行本命令：数字继续增长说明调用仍在失败。",
        ),
    )
}

/// What a Pod says about itself.
struct PodMetrics {
    name: String,
    /// Where the API server's proxy has them.
    path: String,
    metrics: MetricsText,
}

/// The metrics of the ready Pods at one time.
pub(super) struct PodsMetrics {
    read: Vec<PodMetrics>,
    /// A Pod whose metrics could not be read, and why.
    unread: Option<(String, Bilingual<String>)>,
}

impl PodsMetrics {
    pub(super) fn read(server: &ApiServer<'_>, installed: &Installed) -> Self {
        let mut pods = PodsMetrics { read: Vec::new(), unread: None };
        for pod in installed.ready_pods() {
            let (namespace, name) = (text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
            let (namespace, pod_name, port) = (segment(namespace), segment(name), ops_port(pod));
            let path = format!("/api/v1/namespaces/{namespace}/pods/{pod_name}:{port}/proxy/metrics");
            pods.add(server, name, path);
        }
        pods
    }

    /// Reads those again that could be read.
    pub(super) fn again(&self, server: &ApiServer<'_>) -> Self {
        let mut pods = PodsMetrics { read: Vec::new(), unread: self.unread.clone() };
        for pod in &self.read {
            pods.add(server, &pod.name, pod.path.clone());
        }
        pods
    }

    fn add(&mut self, server: &ApiServer<'_>, name: &str, path: String) {
        let name = name.to_owned();
        match read_text(server, &path) {
            TextRead::Found(text) => self.read.push(PodMetrics { name, path, metrics: MetricsText(text) }),
            TextRead::Unread(why) => self.unread = Some((name, why)),
        }
    }

    fn rejections(&self, pod: &str) -> f64 {
        let found = self.read.iter().find(|found| found.name == pod);
        let rejected = |found: &PodMetrics| {
            found.metrics.sum("regcred_tls_handshake_failures_total", &["certificate_rejected"])
        };
        found.and_then(rejected).unwrap_or(0.0)
    }
}

fn ops_port(pod: &Value) -> i64 {
    let ports = items(pod, "/spec/containers/0/ports").iter();
    let mut ops = ports.filter(|port| text(port, "/name") == "ops");
    ops.find_map(|port| port.pointer("/containerPort")?.as_i64()).unwrap_or(OPS_PORT)
}

/// Whether the certificate of each Pod is valid, and whether the API server accepted it during the dry runs, between the two times.
pub(super) fn certificate(before: &PodsMetrics, after: &PodsMetrics, now: Timestamp) -> Observation {
    for pod in &after.read {
        let name = &pod.name;
        if after.rejections(name) > before.rejections(name) {
            return Observation::broken(
                Bilingual::new(
                    format!("the API server rejected the certificate of {name} during the dry runs"),
                    format!("试运行期间 API server 拒绝了 {name} 的证书"),
                ),
                Bilingual::new(
                    "caBundle is not the CA of the served certificate, or the certificate has another name than SERVICE.NAMESPACE.svc: \
                     certs/README.md for the source of your certificate.",
                    "caBundle 不是所用证书的 CA，或者证书中的名称不是 SERVICE.NAMESPACE.svc：请按证书来源参考 certs/README.md。",
                ),
            );
        }
        if let Some(observation) = ends(pod, now) {
            return observation;
        }
        if pod.metrics.sum("regcred_tls_last_reload_successful", &[]) == Some(0.0) {
            return Observation::attention(
                Bilingual::new(
                    format!("{name} cannot use the newest certificate and serves the one before it"),
                    format!("{name} 无法使用最新的证书，仍在使用之前的证书"),
                ),
                Bilingual::new(
                    "Its log names the reason: kubectl -n NAMESPACE logs POD.",
                    "原因见其日志：kubectl -n NAMESPACE logs POD。",
                ),
            );
        }
    }
    match &after.unread {
        None => Observation::Fine,
        Some((name, why)) => Observation::attention(
            Bilingual::new(format!("{name}: {}", why.english), format!("{name}：{}", why.chinese)),
            Bilingual::new(
                "Reading the metrics of a Pod by the API server needs the permission get pods/proxy, and a control plane that reaches the \
                 port ops of the Pods. If the dry runs passed, the webhook's own port is reached.",
                "通过 API server 读取 Pod 指标需要 get pods/proxy 权限，且控制面能访问 Pod 的 ops 端口。如果试运行通过，说明 Webhook 端口可达。",
            ),
        ),
    }
}

fn ends(pod: &PodMetrics, now: Timestamp) -> Option<Observation> {
    let name = &pod.name;
    let seconds = pod.metrics.sum("regcred_tls_certificate_expiration_timestamp_seconds", &[])?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds since 1970; a float that is too large saturates"
    )]
    let left = (seconds as i64).saturating_sub(now.as_second());
    let renew = || Bilingual::new("Renew it: certs/README.md.", "请更新证书：certs/README.md。");
    if left <= 0 {
        return Some(Observation::broken(
            Bilingual::new(format!("the certificate of {name} has expired"), format!("{name} 的证书已过期")),
            renew(),
        ));
    }
    let days = left / (24 * 60 * 60);
    (days < ENDS_SOON_DAYS).then(|| {
        Observation::attention(
            Bilingual::new(
                format!("the certificate of {name} ends in {days} days"),
                format!("{name} 的证书将在 {days} 天后到期"),
            ),
            renew(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_with_these_labels_are_added_up() {
        let metrics = MetricsText(
            "# TYPE failures counter\nfailures_total{reason=\"eof\"} 3\nfailures_total{reason=\"other\",port=\"a\"} 4\n\
             failures_total{reason=\"other\",port=\"b\"} 5 1700000000\nfailures_created 6\nends_seconds 1.5e3\n"
                .to_owned(),
        );
        assert_eq!(metrics.sum("failures_total", &["reason=\"other\""]), Some(9.0));
        assert_eq!(metrics.sum("failures_total", &[]), Some(12.0));
        assert_eq!(metrics.sum("failures_total", &["none"]), None);
        assert_eq!(metrics.sum("ends_seconds", &[]), Some(1500.0));
        assert_eq!(metrics.sum("ends", &[]), None);
    }
}
