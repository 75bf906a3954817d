//! The metrics of one server. What happens is counted where it happens; [`state`] reads the rest at each scrape.

mod labels;
mod state;

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

pub use labels::ConfigurationProblem;
pub(crate) use labels::{HandshakeFailure, Port, RefusalReason, Shed};
pub(crate) use state::{State, Usage};

use crate::admission::{CountedFinding, Decision, Operation, Webhook};
use labels::{
    FindingLabels, HandshakeLabels, ProblemLabels, RefusalLabels, ReloadLabels, ReloadResult, RequestLabels,
    ResponseLabels, ShedLabels, WebhookLabels,
};

/// The content type of [`Metrics::encode`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds. Most reviews take microseconds; the API server gives up after the webhook's timeout, 5 s as shipped.
const BUCKETS: [f64; 14] =
    [0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 5.0];

/// Everything that is counted. What has no label is a public field.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    duration: Family<WebhookLabels, Histogram>,
    findings: Family<FindingLabels, Counter>,
    responses: Family<ResponseLabels, Counter>,
    refused: Family<RefusalLabels, Counter>,
    handshake_failures: Family<HandshakeLabels, Counter>,
    shed: Family<ShedLabels, Counter>,
    configuration_problems: Family<ProblemLabels, Gauge>,
    pub(crate) fixes: Counter,
    pub(crate) panics: Counter,
    pub(crate) ca_bundle_corrections: Counter,
    pub(crate) tls_reload: LastReload,
    pub(crate) policy_reload: LastReload,
    pub(crate) audit_records_lost: Counter,
}

impl Metrics {
    pub(crate) fn new(state: State) -> Self {
        let mut metrics = Metrics {
            registry: Registry::with_prefix("regcred"),
            requests: Family::default(),
            duration: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            findings: Family::default(),
            responses: Family::default(),
            refused: Family::default(),
            handshake_failures: Family::default(),
            shed: Family::default(),
            configuration_problems: Family::default(),
            fixes: Counter::default(),
            panics: Counter::default(),
            ca_bundle_corrections: Counter::default(),
            tls_reload: LastReload::default(),
            policy_reload: LastReload::default(),
            audit_records_lost: Counter::default(),
        };
        metrics.register_requests();
        metrics.register_transport();
        metrics.register_background();
        metrics.registry.register_collector(Box::new(state));
        metrics.create_series();
        metrics
    }

    /// The encoder appends `_total` to the name of a counter.
    fn register_requests(&mut self) {
        let registry = &mut self.registry;
        registry.register("admission_requests", "Answered admission reviews", self.requests.clone());
        registry.register_with_unit(
            "admission_duration",
            "Time from the request's header to its answer",
            Unit::Seconds,
            self.duration.clone(),
        );
        registry.register(
            "findings",
            "Findings that were not repaired, each counted by the webhook that reports it",
            self.findings.clone(),
        );
        registry.register("fixes", "Repaired registry entries", self.fixes.clone());
    }

    fn register_transport(&mut self) {
        let registry = &mut self.registry;
        registry.register("http_responses", "HTTP responses by status code", self.responses.clone());
        registry.register(
            "http_refused",
            "Requests to the admission port that were refused without a decision",
            self.refused.clone(),
        );
        registry.register(
            "tls_handshake_failures",
            "TLS handshakes that failed",
            self.handshake_failures.clone(),
        );
        registry.register(
            "shed",
            "Requests and connections given up to keep the rest alive",
            self.shed.clone(),
        );
    }

    fn register_background(&mut self) {
        let registry = &mut self.registry;
        registry.register("panics", "Panics, each of which is a bug", self.panics.clone());
        self.tls_reload.register(registry, "tls", "certificate, its key and the client CAs");
        self.policy_reload.register(registry, "policy", "policy file");
        registry.register(
            "ca_bundle_corrections",
            "Corrected caBundles of webhook configurations (self-managed)",
            self.ca_bundle_corrections.clone(),
        );
        registry.register(
            "webhook_configuration_problems",
            "Webhook configurations with a problem (self-managed)",
            self.configuration_problems.clone(),
        );
        registry.register(
            "audit_records_lost",
            "Audit records that could not be written",
            self.audit_records_lost.clone(),
        );
        registry.register(
            "build",
            "The running version",
            Info::new([("version", env!("CARGO_PKG_VERSION"))].to_vec()),
        );
    }

    /// Series that alerts and dashboards watch exist from the start: `rate` does not see the first increase of a new one.
    fn create_series(&self) {
        for operation in [Operation::Create, Operation::Update] {
            let (webhook, decision) = (Webhook::Validate, Decision::Denied);
            drop(self.requests.get_or_create(&RequestLabels { webhook, operation, decision }));
        }
        for &reason in RefusalReason::ALL {
            drop(self.refused.get_or_create(&RefusalLabels { reason }));
        }
        for &reason in HandshakeFailure::ALL {
            drop(self.handshake_failures.get_or_create(&HandshakeLabels { reason }));
        }
        for &port in Port::ALL {
            for &reason in Shed::ALL {
                drop(self.shed.get_or_create(&ShedLabels { port, reason }));
            }
        }
    }

    /// Counts a decision.
    pub(crate) fn answered(
        &self,
        webhook: Webhook,
        operation: Operation,
        decision: Decision,
        duration: Duration,
    ) {
        self.requests.get_or_create(&RequestLabels { webhook, operation, decision }).inc();
        self.duration.get_or_create(&WebhookLabels { webhook }).observe(duration.as_secs_f64());
    }

    /// Counts findings of one kind.
    pub(crate) fn found(&self, finding: CountedFinding, count: u64) {
        let labels = FindingLabels {
            rule: finding.rule.code(),
            action: finding.action.as_str(),
            rule_action: finding.rule_action.as_str(),
        };
        self.findings.get_or_create(&labels).inc_by(count);
    }

    /// Counts an HTTP response, whatever it says.
    pub(crate) fn responded(&self, port: Port, code: u16) {
        self.responses.get_or_create(&ResponseLabels { port, code }).inc();
    }

    /// Counts a request to the admission port that gets no decision.
    pub(crate) fn refused(&self, reason: RefusalReason) {
        self.refused.get_or_create(&RefusalLabels { reason }).inc();
    }

    /// Counts a TLS handshake that failed.
    pub(crate) fn handshake_failed(&self, reason: HandshakeFailure) {
        self.handshake_failures.get_or_create(&HandshakeLabels { reason }).inc();
    }

    /// Counts a request or connection that was given up.
    pub(crate) fn shed(&self, port: Port, reason: Shed) {
        self.shed.get_or_create(&ShedLabels { port, reason }).inc();
    }

    /// Stores in how many webhook configurations this is wrong.
    pub(crate) fn configuration_problem(&self, problem: ConfigurationProblem, count: u8) {
        self.configuration_problems.get_or_create(&ProblemLabels { problem }).set(i64::from(count));
    }

    /// Everything in the `OpenMetrics` text format.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 << 10);
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Whether the newest version of a file is in use, and since when the version in use has been. Prometheus reports its
/// own configuration the same way.
#[derive(Debug, Default)]
pub(crate) struct LastReload {
    reloads: Family<ReloadLabels, Counter>,
    successful: Gauge,
    success_timestamp: Gauge,
}

impl LastReload {
    fn register(&self, registry: &mut Registry, name: &str, what: &str) {
        registry.register(
            format!("{name}_reloads"),
            format!("Attempts to use a new version of the {what}"),
            self.reloads.clone(),
        );
        registry.register(
            format!("{name}_last_reload_successful"),
            format!("Whether the newest version of the {what} is in use"),
            self.successful.clone(),
        );
        registry.register_with_unit(
            format!("{name}_last_reload_success_timestamp"),
            format!("When the version of the {what} in use was loaded"),
            Unit::Seconds,
            self.success_timestamp.clone(),
        );
        for &result in ReloadResult::ALL {
            drop(self.reloads.get_or_create(&ReloadLabels { result }));
        }
    }

    /// The first version is in use.
    pub(crate) fn started(&self) {
        self.success_timestamp.set(Timestamp::now().as_second());
        self.successful.set(1);
    }

    /// A new version is in use.
    pub(crate) fn succeeded(&self) {
        self.reloads.get_or_create(&ReloadLabels { result: ReloadResult::Success }).inc();
        self.started();
    }

    /// An attempt failed: the newest version cannot be used, or is not known.
    pub(crate) fn failed(&self) {
        self.reloads.get_or_create(&ReloadLabels { result: ReloadResult::Error }).inc();
        self.successful.set(0);
    }

    /// The newest version is again the one in use.
    pub(crate) fn restored(&self) {
        self.successful.set(1);
    }
}
