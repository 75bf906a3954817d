//! What is counted. No registry, namespace or user is a label: a label's values are the variants of a type.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, EncodeMetric as _, LabelValueEncoder,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::limits::Budget;
use super::policy::PolicyInForce;
use super::tls::Served;
use crate::admission::{CountedFinding, Decision, Operation, Webhook};

/// The content type of [`Metrics::encode`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds. Most reviews take microseconds; the API server gives up after the webhook's timeout, 5 s as shipped.
const BUCKETS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 5.0];

/// Why something was refused to keep the rest alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shed {
    /// A request, because too many were in flight.
    Request,
    /// A request, because too much memory was held by others.
    Memory,
    /// A new connection, because every other one was at work.
    Connection,
    /// A silent connection, in favour of a new one.
    IdleConnection,
}

impl Shed {
    const ALL: [Shed; 4] = [Shed::Request, Shed::Memory, Shed::Connection, Shed::IdleConnection];

    fn label(self) -> ReasonLabels {
        let reason = match self {
            Shed::Request => "requests",
            Shed::Memory => "memory",
            Shed::Connection => "connections",
            Shed::IdleConnection => "idle-connections",
        };
        ReasonLabels { reason }
    }
}

/// What became of a new version of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reload {
    /// It is in force.
    Success,
    /// It cannot be used; the one before stays in force.
    Error,
}

impl Reload {
    const ALL: [Reload; 2] = [Reload::Success, Reload::Error];

    fn label(self) -> ResultLabels {
        let result = match self {
            Reload::Success => "success",
            Reload::Error => "error",
        };
        ResultLabels { result }
    }
}

/// What can be wrong with a webhook configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConfigurationProblem {
    /// It does not exist, or has no webhook of regcred.
    Missing,
    /// It cannot be read.
    Unreadable,
    /// Its `caBundle` is wrong and could not be corrected.
    CaBundle,
    /// It has no match condition on the Secret's type.
    TypeCondition,
}

impl ConfigurationProblem {
    pub(crate) const ALL: [ConfigurationProblem; 4] = [
        ConfigurationProblem::Missing,
        ConfigurationProblem::Unreadable,
        ConfigurationProblem::CaBundle,
        ConfigurationProblem::TypeCondition,
    ];

    fn label(self) -> ProblemLabels {
        let problem = match self {
            ConfigurationProblem::Missing => "missing",
            ConfigurationProblem::Unreadable => "unreadable",
            ConfigurationProblem::CaBundle => "ca-bundle",
            ConfigurationProblem::TypeCondition => "type-condition",
        };
        ProblemLabels { problem }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ProblemLabels {
    problem: &'static str,
}

/// Looked up at each request, by numbers: texts take longer to hash.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    webhook: Webhook,
    operation: Operation,
    decision: Decision,
}

impl EncodeLabelValue for Webhook {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.as_str())
    }
}

impl EncodeLabelValue for Operation {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.as_str())
    }
}

impl EncodeLabelValue for Decision {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(self.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FindingLabels {
    rule: &'static str,
    action: &'static str,
    rule_action: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

/// All counters of one server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    findings: Family<FindingLabels, Counter>,
    fixes: Counter,
    duration: Histogram,
    shed: Family<ReasonLabels, Counter>,
    panics: Counter,
    tls_reloads: Family<ResultLabels, Counter>,
    handshake_failures: Counter,
    ca_bundle_corrections: Counter,
    configuration_problems: Family<ProblemLabels, Gauge>,
    policy_reloads: Family<ResultLabels, Counter>,
    audit_lost: Counter,
}

impl Metrics {
    pub(crate) fn new(state: State) -> Self {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("regcred"),
            requests: Family::default(),
            findings: Family::default(),
            fixes: Counter::default(),
            duration: Histogram::new(BUCKETS),
            shed: Family::default(),
            panics: Counter::default(),
            tls_reloads: Family::default(),
            handshake_failures: Counter::default(),
            ca_bundle_corrections: Counter::default(),
            configuration_problems: Family::default(),
            policy_reloads: Family::default(),
            audit_lost: Counter::default(),
        };
        metrics.register(state);
        // Series that alerts watch exist from the start: the first increase of a new one is invisible to `rate`.
        for shed in Shed::ALL {
            drop(metrics.shed.get_or_create(&shed.label()));
        }
        for operation in [Operation::Create, Operation::Update] {
            let (webhook, decision) = (Webhook::Validate, Decision::Denied);
            drop(metrics.requests.get_or_create(&RequestLabels { webhook, operation, decision }));
        }
        for reload in Reload::ALL {
            drop(metrics.tls_reloads.get_or_create(&reload.label()));
            drop(metrics.policy_reloads.get_or_create(&reload.label()));
        }
        metrics
    }

    /// Counters get their `_total` when they are written out.
    fn register(&mut self, state: State) {
        let registry = &mut self.registry;
        registry.register("admission_requests", "Answered admission reviews", self.requests.clone());
        registry.register(
            "findings",
            "Findings, each by the webhook that speaks for it",
            self.findings.clone(),
        );
        registry.register("fixes", "Registry entries repaired", self.fixes.clone());
        registry.register_with_unit(
            "admission_duration",
            "From the request's header to its answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register(
            "shed",
            "Requests and connections refused to keep the rest alive",
            self.shed.clone(),
        );
        registry.register(
            "panics",
            "Panics: requests answered with 500, files not looked at, audit records not written",
            self.panics.clone(),
        );
        registry.register("tls_reloads", "New versions of the serving certificate", self.tls_reloads.clone());
        registry.register(
            "tls_handshake_failures",
            "TLS handshakes that failed",
            self.handshake_failures.clone(),
        );
        registry.register(
            "ca_bundle_corrections",
            "Webhook configurations that did not trust what is served, and were told to",
            self.ca_bundle_corrections.clone(),
        );
        registry.register(
            "webhook_configuration_problems",
            "Webhook configurations in which something is wrong, as found by the last look at them",
            self.configuration_problems.clone(),
        );
        registry.register("policy_reloads", "New versions of the policy file", self.policy_reloads.clone());
        registry.register(
            "audit_records_lost",
            "Audit records that could not be written",
            self.audit_lost.clone(),
        );
        registry.register(
            "build",
            "The running version",
            Info::new([("version", env!("CARGO_PKG_VERSION"))].to_vec()),
        );
        registry.register_collector(Box::new(state));
    }

    pub(crate) fn answered(
        &self,
        webhook: Webhook,
        operation: Operation,
        decision: Decision,
        duration: Duration,
    ) {
        self.requests.get_or_create(&RequestLabels { webhook, operation, decision }).inc();
        self.duration.observe(duration.as_secs_f64());
    }

    pub(crate) fn found(&self, finding: CountedFinding, count: u64) {
        let labels = FindingLabels {
            rule: finding.rule.code(),
            action: finding.action.as_str(),
            rule_action: finding.rule_action.as_str(),
        };
        self.findings.get_or_create(&labels).inc_by(count);
    }

    pub(crate) fn fixed(&self, entries: u64) {
        self.fixes.inc_by(entries);
    }

    pub(crate) fn shed(&self, shed: Shed) {
        self.shed.get_or_create(&shed.label()).inc();
    }

    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }

    /// The counter of panics, for the audit log, which counts by itself.
    pub(crate) fn panics(&self) -> Counter {
        self.panics.clone()
    }

    pub(crate) fn handshake_failed(&self) {
        self.handshake_failures.inc();
    }

    pub(crate) fn tls_reloaded(&self, reload: Reload) {
        self.tls_reloads.get_or_create(&reload.label()).inc();
    }

    pub(crate) fn ca_bundle_corrected(&self) {
        self.ca_bundle_corrections.inc();
    }

    /// Sets in how many webhook configurations there is each problem: the list has one item for each.
    pub(crate) fn configuration_problems(&self, found: &[ConfigurationProblem]) {
        for problem in ConfigurationProblem::ALL {
            let count = found.iter().filter(|found| **found == problem).count();
            let gauge = self.configuration_problems.get_or_create(&problem.label());
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn policy_reloaded(&self, reload: Reload) {
        self.policy_reloads.get_or_create(&reload.label()).inc();
    }

    /// The counter of lost audit records, for the audit log, which counts by itself.
    pub(crate) fn audit_lost(&self) -> Counter {
        self.audit_lost.clone()
    }

    /// Everything in the `OpenMetrics` text format.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(8 << 10);
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// What is looked up when someone asks: it is the state of other parts, or changes with the clock.
pub(crate) struct State {
    pub(crate) in_flight: Arc<Budget>,
    pub(crate) served: Arc<Served>,
    pub(crate) policy: Arc<PolicyInForce>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: i64| {
            let metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
            ConstGauge::new(value).encode(metric)
        };
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let policy = self.policy.load();
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        gauge(
            "admission_in_flight",
            "Admission reviews being read or judged",
            None,
            count(self.in_flight.used()),
        )?;
        gauge(
            "policy_exemptions_expired",
            "Exemptions of the policy whose last day has passed.",
            None,
            count(policy.policy.expired_exemptions(today)),
        )?;
        if let Some(not_after) = self.served.not_after() {
            gauge(
                "tls_certificate_not_after",
                "The end of the served certificate chain, in seconds since 1970.",
                Some(&Unit::Seconds),
                not_after.as_second(),
            )?;
        }
        let info = encoder.encode_descriptor("policy", "The policy in force.", None, MetricType::Info)?;
        Info::new([("hash", policy.hash.clone())].to_vec()).encode(info)
    }
}
