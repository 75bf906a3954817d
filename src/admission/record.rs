//! The audit record of one call (docs/audit.md).

use std::time::Duration;

use jiff::Timestamp;
use regcred_engine::judge::Judgement;
use regcred_engine::secret::SecretType;

use super::json::Json;
use super::request::Review;
use super::{Answer, Reported, ReportedFinding, Webhook};

/// An audit record as far as it is known before the answer is on its way: a JSON object that lacks its end.
pub(super) struct Record(Json);

/// No more characters than such a text has in a cluster: a record must fit the queue, whatever was sent.
fn cut(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// What a usual record takes, and each finding and registry of it.
const USUAL: usize = 512;
const EACH: usize = 256;

impl Record {
    pub(super) fn new(
        webhook: Webhook,
        time: Timestamp,
        review: &Review<'_>,
        secret_type: Option<SecretType>,
        answer: &Answer<'_>,
        judgement: Option<&Judgement<'_>>,
        policy: &str,
    ) -> Self {
        let Reported { listed: findings, omitted, .. } = &answer.reported;
        let (registries, registries_omitted) = judgement
            .map(|judgement| (judgement.registries.as_slice(), judgement.registries_omitted))
            .unwrap_or_default();
        let mut record = Json::with_capacity(USUAL + EACH * findings.len().max(registries.len()));
        record.text("{\"time\":", &format!("{time:.6}"));
        record.text(",\"uid\":", cut(review.uid(), 128));
        record.word(",\"webhook\":", webhook.as_str());
        record.word(",\"operation\":", review.operation().as_str());
        record.raw(if review.dry_run() { ",\"dryRun\":true" } else { ",\"dryRun\":false" });
        record.text(",\"namespace\":", cut(review.namespace(), 253));
        match review.name() {
            "" => record.text(",\"generateName\":", cut(review.generate_name().unwrap_or_default(), 253)),
            name => record.text(",\"name\":", cut(name, 253)),
        }
        if let Some(secret_type) = secret_type {
            record.word(",\"type\":", secret_type.name());
        }
        record.text(",\"user\":", cut(review.user(), 1024));
        record.word(",\"decision\":", answer.decision.as_str());
        record.list(",\"findings\":", findings, finding);
        if *omitted > 0 {
            record.number(",\"findingsOmitted\":", *omitted as u128);
        }
        record.list(",\"registries\":", registries, |record, key| record.text("", &key.shown_host()));
        if registries_omitted > 0 {
            record.number(",\"registriesOmitted\":", registries_omitted as u128);
        }
        record.text(",\"policy\":", policy);
        Record(record)
    }

    /// The record as a line, with how long the call took.
    pub(super) fn into_line(self, duration: Duration) -> Vec<u8> {
        let Record(mut record) = self;
        record.number(",\"durationMicros\":", duration.as_micros());
        record.raw("}\n");
        record.0
    }
}

fn finding(record: &mut Json, finding: &ReportedFinding<'_>) {
    record.word("{\"code\":", finding.rule.code());
    record.word(",\"action\":", finding.action.as_str());
    record.word(",\"ruleAction\":", finding.rule_action.as_str());
    if let Some(cap) = finding.capped_by {
        record.word(",\"cappedBy\":", cap.as_str());
    }
    record.text(",\"path\":", &finding.place.path());
    record.raw(if finding.fixed { ",\"fixed\":true}" } else { ",\"fixed\":false}" });
}
