//! The audit record of one call (docs/audit.md).

use std::time::Duration;

use regcred_engine::finding::{Cap, RegistryKey};
use regcred_engine::secret::SecretType;
use serde::Serialize;

use super::request::Review;
use super::response::to_json;
use super::{Answer, LISTED, ReportedFinding, Webhook};

/// An audit record. When and how long is filled in when it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record {
    time: String,
    uid: String,
    webhook: &'static str,
    operation: &'static str,
    dry_run: bool,
    namespace: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generate_name: Option<String>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    secret_type: Option<&'static str>,
    user: String,
    decision: &'static str,
    findings: Vec<FindingJson>,
    #[serde(skip_serializing_if = "is_zero")]
    findings_omitted: usize,
    registries: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    registries_omitted: usize,
    policy: String,
    duration_micros: u128,
}

/// The hosts of a document.
#[derive(Default)]
pub(super) struct Registries {
    listed: Vec<String>,
    omitted: usize,
}

impl Registries {
    pub(super) fn of(keys: &[RegistryKey<'_>]) -> Self {
        Registries {
            listed: keys.iter().take(LISTED).map(RegistryKey::shown_host).collect(),
            omitted: keys.len().saturating_sub(LISTED),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingJson {
    code: &'static str,
    action: &'static str,
    rule_action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    capped_by: Option<&'static str>,
    path: String,
    fixed: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// No more characters than such a text has in a cluster: a record must fit the queue, whatever was sent.
fn cut(text: &str, most: usize) -> String {
    text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)).unwrap_or(text).to_owned()
}

impl Record {
    pub(super) fn new(
        webhook: Webhook,
        review: &Review<'_>,
        secret_type: Option<SecretType>,
        answer: &Answer,
        registries: Registries,
        policy: &str,
    ) -> Self {
        let (name, generate_name) = match review.name() {
            "" => (None, Some(cut(review.generate_name().unwrap_or_default(), 253))),
            name => (Some(cut(name, 253)), None),
        };
        Record {
            time: String::new(),
            uid: cut(review.uid(), 128),
            webhook: webhook.as_str(),
            operation: review.operation().as_str(),
            dry_run: review.dry_run(),
            namespace: cut(review.namespace(), 253),
            name,
            generate_name,
            secret_type: secret_type.map(SecretType::name),
            user: cut(review.user(), 1024),
            decision: answer.decision.as_str(),
            findings: answer.reported.listed.iter().map(FindingJson::from).collect(),
            findings_omitted: answer.reported.omitted,
            registries: registries.listed,
            registries_omitted: registries.omitted,
            policy: policy.to_owned(),
            duration_micros: 0,
        }
    }

    pub(super) fn into_line(self, time: jiff::Timestamp, duration: Duration) -> Vec<u8> {
        let record = Record { time: format!("{time:.6}"), duration_micros: duration.as_micros(), ..self };
        let mut line = to_json(&record, 0);
        line.push(b'\n');
        line
    }
}

impl From<&ReportedFinding> for FindingJson {
    fn from(finding: &ReportedFinding) -> Self {
        FindingJson {
            code: finding.rule.code(),
            action: finding.action.as_str(),
            rule_action: finding.rule_action.as_str(),
            capped_by: finding.capped_by.map(Cap::as_str),
            path: finding.path.clone(),
            fixed: finding.fixed,
        }
    }
}
