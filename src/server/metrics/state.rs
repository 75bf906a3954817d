//! What is read at each scrape: the state of other parts, and what changes with the clock.

use std::fmt;
use std::sync::Arc;

use jiff::{Timestamp, tz::TimeZone};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Unit;

use super::labels::Port;
use crate::policy_file::PolicyInForce;
use crate::server::tls::Served;

/// Something that has a limit.
pub(crate) trait Usage: Send + Sync {
    /// How much is in use.
    fn used(&self) -> usize;
    /// How much may be in use.
    fn limit(&self) -> usize;
}

/// Handles to what is read.
pub(crate) struct MetricSources {
    /// Open connections of the admission port.
    pub(crate) connections: Arc<dyn Usage>,
    /// Open connections of the operations port.
    pub(crate) ops_connections: Arc<dyn Usage>,
    /// Requests that wait for room, are being read or are being judged.
    pub(crate) in_flight: Arc<dyn Usage>,
    /// Bytes of bodies and answers.
    pub(crate) bodies: Arc<dyn Usage>,
    pub(crate) served: Arc<Served>,
    pub(crate) policy: Arc<PolicyInForce>,
}

impl fmt::Debug for MetricSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricSources").finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PortLabels {
    port: Port,
}

impl Collector for MetricSources {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let ports = [(Port::Admission, &self.connections), (Port::Operations, &self.ops_connections)];
        let connections = ports.map(|(port, connections)| (port, connections.used()));
        by_port(&mut encoder, "http_connections", "Open connections", connections)?;
        let limits = ports.map(|(port, connections)| (port, connections.limit()));
        by_port(&mut encoder, "http_connections_limit", "Limit of open connections", limits)?;

        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: i64| {
            let metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        let policy = self.policy.load();
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        gauge(
            "policy_exemptions_expired",
            "Exemptions of the policy whose last day has passed",
            None,
            int(policy.policy.expired_exemptions(today)),
        )?;
        if let Some(not_after) = self.served.not_after() {
            gauge(
                "tls_certificate_expiration_timestamp",
                "When the served certificate chain expires",
                Some(&Unit::Seconds),
                not_after.as_second(),
            )?;
        }
        let info = encoder.encode_descriptor("policy", "The policy in use", None, MetricType::Info)?;
        Info::new([("hash", policy.hash.clone())].to_vec()).encode(info)
    }
}

fn by_port(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: [(Port, usize); 2],
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (port, value) in values {
        ConstGauge::new(int(value)).encode(family.encode_family(&PortLabels { port })?)?;
    }
    Ok(())
}

fn int(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Gauges of something that has a limit.
pub(super) struct LimitedUsage {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) unit: Option<Unit>,
    pub(super) usage: Arc<dyn Usage>,
}

impl fmt::Debug for LimitedUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitedUsage").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Collector for LimitedUsage {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let unit = self.unit.as_ref();
        let used = encoder.encode_descriptor(self.name, self.help, unit, MetricType::Gauge)?;
        ConstGauge::new(int(self.usage.used())).encode(used)?;
        let name = format!("{}_limit", self.name);
        let help = format!("Limit of {}", self.name);
        let limit = encoder.encode_descriptor(&name, &help, unit, MetricType::Gauge)?;
        ConstGauge::new(int(self.usage.limit())).encode(limit)
    }
}
