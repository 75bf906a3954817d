//! The audit record of one call (docs/audit.md).

use std::time::Duration;

use jiff::Timestamp;
use regcred_engine::judge::Judgement;
use regcred_engine::secret::SecretType;
use serde::Serialize;

use super::answer::{Answer, ListedFinding};
use super::outcome::Webhook;
use super::request::Review;

/// An audit record. Its only unknown is how long the call takes.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditRecord {
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
    findings: Vec<ListedFinding>,
    #[serde(skip_serializing_if = "is_zero")]
    findings_omitted: usize,
    registries: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    registries_omitted: usize,
    policy: String,
    duration_micros: u128,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// A record must fit the queue, so each text is cut at the length that Kubernetes allows it.
const MAX_UID_CHARS: usize = 128;
const MAX_NAME_CHARS: usize = 253;
const MAX_USER_CHARS: usize = 1024;

/// Returns the first `max` characters.
fn first_chars(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

impl AuditRecord {
    pub(super) fn new(
        webhook: Webhook,
        time: Timestamp,
        review: &Review<'_>,
        answer: Answer<'_>,
        judgement: Option<&Judgement<'_>>,
        policy_hash: &str,
    ) -> Self {
        let (name, generate_name) = match review.name() {
            "" => (None, Some(first_chars(review.generate_name(), MAX_NAME_CHARS))),
            name => (Some(first_chars(name, MAX_NAME_CHARS)), None),
        };
        let registries = judgement.map(|judgement| judgement.registries.as_slice()).unwrap_or_default();
        AuditRecord {
            time: format!("{time:.6}"),
            uid: first_chars(review.uid(), MAX_UID_CHARS),
            webhook: webhook.as_str(),
            operation: review.operation().as_str(),
            dry_run: review.dry_run(),
            namespace: first_chars(review.namespace(), MAX_NAME_CHARS),
            name,
            generate_name,
            secret_type: review.secret_type().map(SecretType::name),
            user: first_chars(review.user(), MAX_USER_CHARS),
            decision: answer.decision.as_str(),
            findings: answer.reported.listed,
            findings_omitted: answer.reported.omitted,
            registries: registries.iter().map(|key| key.shown_host().into_owned()).collect(),
            registries_omitted: judgement.map_or(0, |judgement| judgement.registries_omitted),
            policy: policy_hash.to_owned(),
            duration_micros: 0,
        }
    }

    /// Returns the record as one line. `duration` is how long the call took.
    #[expect(clippy::expect_used, reason = "strings, numbers and lists can always be written to memory")]
    pub(super) fn into_line(self, duration: Duration) -> Vec<u8> {
        let record = AuditRecord { duration_micros: duration.as_micros(), ..self };
        let mut line = serde_json::to_vec(&record).expect("no field can fail");
        line.push(b'\n');
        line
    }
}
