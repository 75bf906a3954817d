//! The audit record of one call (docs/audit.md).

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use regcred_engine::finding::RegistryKey;
use regcred_engine::secret::SecretType;

use super::request::Review;
use super::{Answer, LISTED, Reported, ReportedFinding, Webhook};

/// An audit record as far as it is known before the answer is on its way: a JSON object that lacks its end.
pub(super) struct Record(Vec<u8>);

/// A JSON object in the making.
///
/// It is written by hand: `serde_json` writes every quotation mark, colon and name by itself, and looks at each character of each
/// text, which for fifty registries took a quarter of all that was done about them.
struct Object(Vec<u8>);

impl Object {
    fn with_capacity(bytes: usize) -> Self {
        Object(Vec::with_capacity(bytes))
    }

    /// What is JSON already.
    fn raw(&mut self, json: &str) {
        self.0.extend_from_slice(json.as_bytes());
    }

    /// A string, behind the JSON that leads up to it.
    fn text(&mut self, before: &str, text: &str) {
        self.raw(before);
        let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        // All are looked at, many at a time.
        if text.bytes().fold(true, |plain, byte| plain & is_plain(byte)) {
            self.raw("\"");
            self.raw(text);
            self.raw("\"");
        } else {
            // A `Vec` takes everything, and a string can always be written.
            let _ = serde_json::to_writer(&mut self.0, text);
        }
    }

    /// A number other than zero, under its name.
    fn count(&mut self, before: &str, number: usize) {
        if number > 0 {
            self.raw(before);
            self.raw(&number.to_string());
        }
    }
}

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
        registries: &[RegistryKey<'_>],
        policy: &str,
    ) -> Self {
        let Reported { listed: findings, omitted, .. } = &answer.reported;
        let listed = registries.get(..LISTED).unwrap_or(registries);
        let mut record = Object::with_capacity(USUAL + EACH * findings.len().max(listed.len()));
        record.text("{\"time\":", &format!("{time:.6}"));
        record.text(",\"uid\":", cut(review.uid(), 128));
        record.text(",\"webhook\":", webhook.as_str());
        record.text(",\"operation\":", review.operation().as_str());
        record.raw(if review.dry_run() { ",\"dryRun\":true" } else { ",\"dryRun\":false" });
        record.text(",\"namespace\":", cut(review.namespace(), 253));
        match review.name() {
            "" => record.text(",\"generateName\":", cut(review.generate_name().unwrap_or_default(), 253)),
            name => record.text(",\"name\":", cut(name, 253)),
        }
        if let Some(secret_type) = secret_type {
            record.text(",\"type\":", secret_type.name());
        }
        record.text(",\"user\":", cut(review.user(), 1024));
        record.text(",\"decision\":", answer.decision.as_str());
        record.findings(findings);
        record.count(",\"findingsOmitted\":", *omitted);
        record.registries(listed);
        record.count(",\"registriesOmitted\":", registries.len() - listed.len());
        record.text(",\"policy\":", policy);
        let Object(record) = record;
        Record(record)
    }

    /// The record as a line, with how long the call took.
    pub(super) fn into_line(self, duration: Duration) -> Vec<u8> {
        let Record(record) = self;
        let mut record = Object(record);
        record.raw(",\"durationMicros\":");
        record.raw(&duration.as_micros().to_string());
        record.raw("}\n");
        record.0
    }
}

impl Object {
    fn findings(&mut self, findings: &[ReportedFinding<'_>]) {
        self.raw(",\"findings\":[");
        let mut path = String::new();
        for (index, finding) in findings.iter().enumerate() {
            self.text(if index == 0 { "{\"code\":" } else { ",{\"code\":" }, finding.rule.code());
            self.text(",\"action\":", finding.action.as_str());
            self.text(",\"ruleAction\":", finding.rule_action.as_str());
            if let Some(cap) = finding.capped_by {
                self.text(",\"cappedBy\":", cap.as_str());
            }
            path.clear();
            let _ = write!(path, "{}", finding.place); // a String takes everything
            self.text(",\"path\":", &path);
            self.raw(if finding.fixed { ",\"fixed\":true}" } else { ",\"fixed\":false}" });
        }
        self.raw("]");
    }

    fn registries(&mut self, keys: &[RegistryKey<'_>]) {
        self.raw(",\"registries\":[");
        for (index, key) in keys.iter().enumerate() {
            self.text(if index == 0 { "" } else { "," }, &key.shown_host());
        }
        self.raw("]");
    }
}
