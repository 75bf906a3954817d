//! The audit record of one call (docs/audit.md).

use std::time::Duration;

use jiff::Timestamp;
use regcred_engine::finding::{Cap, Place, RegistryKey};
use regcred_engine::secret::SecretType;
use serde::{Serialize, Serializer};

use super::request::Review;
use super::response::to_json;
use super::{Answer, LISTED, ReportedFinding, Webhook};

/// An audit record as far as it is known before the answer is on its way: a JSON object that lacks its end.
pub(super) struct Record(Vec<u8>);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RecordJson<'a> {
    #[serde(serialize_with = "micros")]
    time: Timestamp,
    uid: &'a str,
    webhook: &'static str,
    operation: &'static str,
    dry_run: bool,
    namespace: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generate_name: Option<&'a str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    secret_type: Option<&'static str>,
    user: &'a str,
    decision: &'static str,
    #[serde(serialize_with = "listed")]
    findings: &'a [ReportedFinding<'a>],
    #[serde(skip_serializing_if = "is_zero")]
    findings_omitted: usize,
    #[serde(serialize_with = "hosts")]
    registries: &'a [RegistryKey<'a>],
    #[serde(skip_serializing_if = "is_zero")]
    registries_omitted: usize,
    policy: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingJson<'a> {
    code: &'static str,
    action: &'static str,
    rule_action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    capped_by: Option<&'static str>,
    #[serde(serialize_with = "shown")]
    path: &'a Place<'a>,
    fixed: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn micros<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.6}"))
}

fn listed<S: Serializer>(findings: &[ReportedFinding<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(findings.iter().map(FindingJson::from))
}

fn hosts<S: Serializer>(keys: &[RegistryKey<'_>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(keys.iter().map(RegistryKey::shown_host))
}

fn shown<S: Serializer>(place: &Place<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(place)
}

/// No more characters than such a text has in a cluster: a record must fit the queue, whatever was sent.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

impl Record {
    pub(super) fn new(
        webhook: Webhook,
        time: Timestamp,
        review: &Review<'_>,
        secret_type: Option<SecretType>,
        answer: &Answer<'_>,
        registries: &[RegistryKey<'_>],
        policy: &str,
    ) -> Self {
        let (name, generate_name) = match review.name() {
            "" => (None, Some(cut(review.generate_name().unwrap_or_default(), 253))),
            name => (Some(cut(name, 253)), None),
        };
        let record = RecordJson {
            time,
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
            findings: &answer.reported.listed,
            findings_omitted: answer.reported.omitted,
            registries: registries.get(..LISTED).unwrap_or(registries),
            registries_omitted: registries.len().saturating_sub(LISTED),
            policy,
        };
        let mut json = to_json(&record);
        json.pop();
        Record(json)
    }

    /// The record as a line, with how long the call took.
    pub(super) fn into_line(self, duration: Duration) -> Vec<u8> {
        let Record(mut line) = self;
        line.extend_from_slice(b",\"durationMicros\":");
        line.extend_from_slice(duration.as_micros().to_string().as_bytes());
        line.extend_from_slice(b"}\n");
        line
    }
}

impl<'a> From<&'a ReportedFinding<'a>> for FindingJson<'a> {
    fn from(finding: &'a ReportedFinding<'a>) -> Self {
        FindingJson {
            code: finding.rule.code(),
            action: finding.action.as_str(),
            rule_action: finding.rule_action.as_str(),
            capped_by: finding.capped_by.map(Cap::as_str),
            path: finding.place,
            fixed: finding.fixed,
        }
    }
}
