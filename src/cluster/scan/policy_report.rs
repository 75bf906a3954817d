//! Findings as objects of the cluster, for dashboards: one report a namespace, in whichever of the two APIs for such
//! reports is installed.

use http::{Method, StatusCode};
use hyper::body::Bytes;
use regcred_engine::policy::Language;
use regcred_engine::rules::Action;
use regcred_engine::wording::Bilingual;
use serde_json::{Value, json};

use super::repair::FIELD_MANAGER;
use super::server::{Call, CallError, Server};
use crate::report::{Finding, Judged, Outcome};

/// What a report is called.
const NAME: &str = "regcred";

/// A report lists so many findings, in so many bytes, and says how many are left. The API server's store takes 1.5 MiB.
const MOST_RESULTS: usize = 1_000;
const MOST_BYTES: usize = 512 << 10;

/// An API for reports. Of what is written here both have the same fields.
#[derive(Clone, Copy)]
struct Api {
    group_version: &'static str,
    resource: &'static str,
    kind: &'static str,
    /// Whether a report as a whole names its source.
    has_source: bool,
}

/// The newer one first.
const APIS: [Api; 2] = [
    Api { group_version: "openreports.io/v1alpha1", resource: "reports", kind: "Report", has_source: true },
    Api {
        group_version: "wgpolicyk8s.io/v1alpha2",
        resource: "policyreports",
        kind: "PolicyReport",
        has_source: false,
    },
];

/// Reports in the making.
pub(super) struct PolicyReports<'s, 'r> {
    server: &'s Server<'r>,
    api: Api,
    language: Language,
    namespace: Tally,
}

/// What was found in the namespace that is being read.
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
    /// Looks for an API that is installed.
    pub(super) fn find(server: &'s Server<'r>, language: Language) -> Result<Option<Self>, CallError> {
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

    /// Forgets what was found in a namespace that could not be read to its end.
    pub(super) fn begin(&mut self) {
        self.namespace = Tally::default();
    }

    /// Takes in what was found in one Secret.
    pub(super) fn add(&mut self, judged: &Judged) {
        self.namespace.secrets += 1;
        let standing = judged.findings.iter().filter(|finding| finding.outcome != Outcome::Fixed);
        let mut clean = true;
        for finding in standing {
            clean = false;
            self.namespace.add(judged, finding);
        }
        self.namespace.pass += u64::from(clean);
    }

    /// Writes the report of a namespace, or takes away the one that is there where there is nothing to tell of.
    pub(super) fn write(&mut self, namespace: &str) -> Result<(), CallError> {
        let Api { group_version, resource, .. } = self.api;
        let path = format!("/apis/{group_version}/namespaces/{namespace}/{resource}/{NAME}");
        let tally = std::mem::take(&mut self.namespace);
        let call = if tally.secrets == 0 {
            Call { method: Method::DELETE, uri: path, content_type: None, body: Bytes::new() }
        } else {
            Call {
                method: Method::PATCH,
                uri: format!("{path}?fieldManager={FIELD_MANAGER}&force=true"),
                content_type: Some("application/apply-patch+yaml"),
                body: Bytes::from(self.object(tally).to_string()),
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
    fn add(&mut self, judged: &Judged, finding: &Finding) {
        let denies = finding.action == Action::Deny;
        if denies {
            self.fail += 1;
        } else {
            self.warn += 1;
        }
        let result = result(judged, finding);
        let bytes = result.to_string().len();
        if self.results.len() == MOST_RESULTS || self.bytes + bytes > MOST_BYTES {
            self.omitted += 1;
            return;
        }
        self.bytes += bytes;
        self.results.push(result);
    }
}

fn result(judged: &Judged, finding: &Finding) -> Value {
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
        "category": "image-pull-secrets",
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
