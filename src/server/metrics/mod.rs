//! The metrics of one server. What happens is counted where it happens; [`state`] reads the rest at each scrape.

mod labels;
#[cfg(target_os = "linux")]
mod process;
mod state;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

pub(crate) use labels::{ConfigurationProblem, HandshakeFailure, Port, RefusalReason, Shed};
use state::LimitedUsage;
pub(crate) use state::{MetricSources, Usage};

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
    pub(crate) log_lines_dropped: Counter,
    /// The certificate, its key and the client CAs, as far as they come from files.
    pub(crate) tls_reload: LastReload,
    /// The certificate that is supplied at runtime. It has the metrics of `tls_reload`.
    pub(crate) supply_reload: LastReload,
    pub(crate) policy_reload: LastReload,
    registry: Registry,
}

/// Registers a metric, and returns a handle to it. The encoder appends `_total` to the name of a counter.
fn register<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

impl Metrics {
    pub(crate) fn new(state: MetricSources) -> Self {
        let mut root = Registry::default();
        #[cfg(target_os = "linux")]
        root.sub_registry_with_prefix("process").register_collector(Box::new(process::ProcessCollector));

        let regcred = root.sub_registry_with_prefix("regcred");
        let duration = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let help = "Time from the request's header to its answer";
        regcred.register_with_unit("admission_duration", help, Unit::Seconds, duration.clone());
        let build = [("version", env!("CARGO_PKG_VERSION")), ("revision", env!("REGCRED_REVISION"))];
        regcred.register("build", "The version that runs, and its revision", Info::new(build.to_vec()));
        let tls_reload = LastReload::new(regcred, "tls", "certificate, its key and the client CAs");
        let mut metrics = Metrics {
            requests: register(
                regcred,
                "admission_requests",
                "Answered admission reviews",
                Family::default(),
            ),
            duration,
            findings: register(
                regcred,
                "findings",
                "Findings that were not repaired, each counted by the webhook that reports it",
                Family::default(),
            ),
            responses: register(regcred, "http_responses", "HTTP responses", Family::default()),
            refused: register(
                regcred,
                "http_refused",
                "Requests to the admission port that were refused without a decision",
                Family::default(),
            ),
            handshake_failures: register(
                regcred,
                "tls_handshake_failures",
                "Failed TLS handshakes",
                Family::default(),
            ),
            shed: register(
                regcred,
                "shed",
                "Requests and connections given up to keep the rest alive",
                Family::default(),
            ),
            configuration_problems: register(
                regcred,
                "webhook_configuration_problems",
                "Webhook configurations with a problem (self-managed)",
                Family::default(),
            ),
            fixes: register(regcred, "fixes", "Repaired registry entries", Counter::default()),
            panics: register(regcred, "panics", "Panics, each of which is a bug", Counter::default()),
            ca_bundle_corrections: register(
                regcred,
                "ca_bundle_corrections",
                "Corrected caBundles of webhook configurations (self-managed)",
                Counter::default(),
            ),
            log_lines_dropped: register(
                regcred,
                "log_lines_dropped",
                "Log lines dropped because standard error was not read",
                Counter::default(),
            ),
            supply_reload: tls_reload.second_source(),
            tls_reload,
            policy_reload: LastReload::new(regcred, "policy", "policy file"),
            registry: root,
        };
        let (in_flight, bodies) = (Arc::clone(&state.in_flight), Arc::clone(&state.bodies));
        metrics.watch(
            "admission_in_flight",
            "Admission reviews that are being read or judged",
            None,
            in_flight,
        );
        metrics.watch(
            "held_bodies",
            "Memory reserved for request bodies and answers",
            Some(Unit::Bytes),
            bodies,
        );
        metrics.registry().register_collector(Box::new(state));
        metrics.create_series();
        metrics
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

    /// Registers metrics whose names begin with `regcred_`.
    pub(crate) fn registry(&mut self) -> &mut Registry {
        self.registry.sub_registry_with_prefix("regcred")
    }

    /// Registers two gauges that are read at each scrape: what is in use, and its limit.
    pub(crate) fn watch(
        &mut self,
        name: &'static str,
        help: &'static str,
        unit: Option<Unit>,
        usage: Arc<dyn Usage>,
    ) {
        self.registry().register_collector(Box::new(LimitedUsage { name, help, unit, usage }));
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

    /// Sets in how many webhook configurations there is each problem: the list has one item for each.
    pub(crate) fn configuration_problems(&self, found: &[ConfigurationProblem]) {
        for &problem in ConfigurationProblem::ALL {
            let count = found.iter().filter(|found| **found == problem).count();
            let gauge = self.configuration_problems.get_or_create(&ProblemLabels { problem });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Everything in the `OpenMetrics` text format.
    pub(crate) fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::with_capacity(16 << 10);
        prometheus_client::encoding::text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Whether the newest version of a file is in use, and when the version in use was loaded. Prometheus reports its own
/// configuration the same way.
pub(crate) struct LastReload {
    reloads: Family<ReloadLabels, Counter>,
    successful: Gauge,
    success_timestamp: Gauge,
    /// How many sources have a newest version that is not in use.
    failing: Arc<Mutex<u32>>,
    /// Whether this source is one of them.
    fails: AtomicBool,
}

impl LastReload {
    fn new(registry: &mut Registry, name: &str, what: &str) -> Self {
        let success_timestamp = Gauge::default();
        registry.register_with_unit(
            format!("{name}_last_reload_success_timestamp"),
            format!("When the version of the {what} in use was loaded"),
            Unit::Seconds,
            success_timestamp.clone(),
        );
        let reload = LastReload {
            reloads: register(
                registry,
                &format!("{name}_reloads"),
                &format!("Attempts to use a new version of the {what}"),
                Family::default(),
            ),
            successful: register(
                registry,
                &format!("{name}_last_reload_successful"),
                &format!("Whether the newest version of the {what} is in use"),
                Gauge::default(),
            ),
            success_timestamp,
            failing: Arc::default(),
            fails: AtomicBool::default(),
        };
        for &result in ReloadResult::ALL {
            drop(reload.reloads.get_or_create(&ReloadLabels { result }));
        }
        reload
    }

    /// Another source with the same metrics. The newest version counts as in use only if it is for both sources.
    fn second_source(&self) -> Self {
        LastReload {
            reloads: self.reloads.clone(),
            successful: self.successful.clone(),
            success_timestamp: self.success_timestamp.clone(),
            failing: Arc::clone(&self.failing),
            fails: AtomicBool::default(),
        }
    }

    fn set_fails(&self, fails: bool) {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        *failing += u32::from(fails);
        *failing -= u32::from(self.fails.swap(fails, Ordering::Relaxed));
        self.successful.set(i64::from(*failing == 0));
    }

    /// The first version is in use.
    pub(crate) fn started(&self) {
        self.success_timestamp.set(Timestamp::now().as_second());
        self.set_fails(false);
    }

    /// A new version is in use.
    pub(crate) fn succeeded(&self) {
        self.reloads.get_or_create(&ReloadLabels { result: ReloadResult::Success }).inc();
        self.started();
    }

    /// An attempt failed: the newest version cannot be used, or is not known.
    pub(crate) fn failed(&self) {
        self.reloads.get_or_create(&ReloadLabels { result: ReloadResult::Error }).inc();
        self.set_fails(true);
    }

    /// The newest version is again the one in use.
    pub(crate) fn restored(&self) {
        self.set_fails(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_of_one_source_stays_visible() {
        let files = LastReload::new(&mut Registry::default(), "tls", "test");
        let supply = files.second_source();
        supply.succeeded();
        files.failed();
        supply.restored();
        assert_eq!(files.successful.get(), 0, "the client CAs still cannot be used");
        supply.failed();
        supply.failed();
        files.restored();
        assert_eq!(files.successful.get(), 0, "the API server still cannot be used");
        supply.restored();
        assert_eq!(files.successful.get(), 1);
    }
}
