//! Writes findings as reports into the cluster, for dashboards: one report per namespace, with the API that is installed.

use http::{Method, StatusCode};
use hyper::body::Bytes;
use regcred_engine::policy::Language;
use regcred_engine::rules::Action;
use regcred_engine::wording::Bilingual;
use serde_json::{Value, json};

use super::repair::FIELD_MANAGER;
use crate::cluster::api_server::{ApiServer, Call, CallError};
use crate::report::{BriefFinding, Judged, Outcome, ReportedFinding};

/// The name of a report.
const NAME: &str = "regcred";

/// At most this many findings are listed in a report; the rest are counted.
const MAX_RESULTS: usize = 1_000;
/// The listed findings have at most this many bytes. etcd accepts 1.5 MiB.
const MAX_RESULT_BYTES: usize = 512 << 10;

/// An API for reports. Both have the fields that are used here.
#[derive(Clone, Copy)]
struct ReportApi {
    group_version: &'static str,
    resource: &'static str,
    kind: &'static str,
    /// Whether the report itself has the field `source`.
    has_source: bool,
}

/// The newer one first.
const APIS: [ReportApi; 2] = [
    ReportApi {
        group_version: "openreports.io/v1alpha1",
        resource: "reports",
        kind: "Report",
        has_source: true,
    },
    ReportApi {
        group_version: "wgpolicyk8s.io/v1alpha2",
        resource: "policyreports",
        kind: "PolicyReport",
        has_source: false,
    },
];

/// Collects and writes reports.
pub(super) struct PolicyReports<'s, 'r> {
    server: &'s ApiServer<'r>,
    api: ReportApi,
    language: Language,
    namespace: Tally,
}

/// The findings in the current namespace.
#[derive(Default)]
struct Tally {
    secrets: u64,
    pass: u64,
    fail: u64,
    warn: u64,
    results: Vec<Value>,
    bytes: usize,
    omitted: u64,
}

impl<'s, 'r> PolicyReports<'s, 'r> {
    /// Finds an API that is installed.
    pub(super) fn find(server: &'s ApiServer<'r>, language: Language) -> Result<Option<Self>, CallError> {
        for api in APIS {
            match server.call(&Call::get(format!("/apis/{}", api.group_version))) {
                Ok(_) => {
                    return Ok(Some(PolicyReports { server, api, language, namespace: Tally::default() }));
                }
                Err(CallError::Refused(refusal)) if refusal.code == StatusCode::NOT_FOUND => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Starts a namespace, and drops the findings of one that could not be read completely.
    pub(super) fn begin(&mut self) {
        self.namespace = Tally::default();
    }

    /// Records the findings of a Secret.
    pub(super) fn add(&mut self, judged: &Judged) {
        self.namespace.secrets += 1;
        for finding in judged.findings.listed().iter().filter(|finding| finding.outcome != Outcome::Fixed) {
            self.namespace.add(judged, finding);
        }
        for finding in judged.findings.omitted().filter(BriefFinding::remains) {
            self.namespace.count(finding.action);
            self.namespace.omitted += 1;
        }
        self.namespace.pass += u64::from(!judged.findings.all().any(|finding| finding.remains()));
    }

    /// Writes the report of a namespace, or deletes it if the namespace has no pull Secrets.
    pub(super) fn write(&mut self, namespace: &str) -> Result<(), CallError> {
        let ReportApi { group_version, resource, .. } = self.api;
        let path = format!("/apis/{group_version}/namespaces/{namespace}/{resource}/{NAME}");
        let tally = std::mem::take(&mut self.namespace);
        let call = if tally.secrets == 0 {
            Call { method: Method::DELETE, ..Call::get(path) }
        } else {
            Call {
                method: Method::PATCH,
                content_type: Some("application/apply-patch+yaml"),
                body: Bytes::from(self.object(tally).to_string()),
                ..Call::get(format!("{path}?fieldManager={FIELD_MANAGER}&force=true"))
            }
        };
        match self.server.call(&call) {
            Err(CallError::Refused(refusal))
                if call.method == Method::DELETE && refusal.code == StatusCode::NOT_FOUND => {}
            other => drop(other?),
        }
        Ok(())
    }

    fn object(&self, mut tally: Tally) -> Value {
        if tally.omitted > 0 {
            let left = Bilingual::new(
                format!("and {} more findings in this namespace", tally.omitted),
                format!("该命名空间另有 {} 项问题", tally.omitted),
            );
            tally.results.push(json!({
                "source": NAME,
                "policy": NAME,
                "result": if tally.fail > 0 { "fail" } else { "warn" },
                "message": left.into_line(self.language),
            }));
        }
        let mut object = json!({
            "apiVersion": self.api.group_version,
            "kind": self.api.kind,
            "metadata": {"name": NAME, "labels": {"app.kubernetes.io/managed-by": NAME}},
            "summary": {"pass": tally.pass, "fail": tally.fail, "warn": tally.warn, "error": 0, "skip": 0},
            "results": tally.results,
        });
        if self.api.has_source
            && let Some(fields) = object.as_object_mut()
        {
            fields.insert("source".to_owned(), json!(NAME));
        }
        object
    }
}

impl Tally {
    const fn count(&mut self, action: Action) {
        match action {
            Action::Deny => self.fail += 1,
            Action::Warn | Action::Audit | Action::Off => self.warn += 1,
        }
    }

    fn add(&mut self, judged: &Judged, finding: &ReportedFinding) {
        self.count(finding.action);
        let result = result(judged, finding);
        let bytes = result.to_string().len();
        if self.results.len() == MAX_RESULTS || self.bytes + bytes > MAX_RESULT_BYTES {
            self.omitted += 1;
            return;
        }
        self.bytes += bytes;
        self.results.push(result);
    }
}

fn result(judged: &Judged, finding: &ReportedFinding) -> Value {
    let (outcome, severity) = match finding.action {
        Action::Deny => ("fail", "high"),
        Action::Warn => ("warn", "medium"),
        Action::Audit | Action::Off => ("warn", "info"),
    };
    let object = judged.subject.object();
    json!({
        "source": NAME,
        "policy": NAME,
        "rule": finding.rule.code(),
        "category": "image pull-secrets",
        "severity": severity,
        "result": outcome,
        "scored": finding.action == Action::Deny,
        "message": finding.message(),
        "resources": [{
            "apiVersion": "v1",
            "kind": "Secret",
            "namespace": object.and_then(|object| object.namespace.as_deref()),
            "name": object.and_then(|object| object.name.as_deref()),
        }],
        "properties": {
            "field": finding.field,
            "registry": finding.registry.as_deref().unwrap_or_default(),
            "repairable": (finding.outcome == Outcome::Repairable).to_string(),
        },
    })
}
