//! Writing the AdmissionReview that answers. There is one place that does, so that uid, version and kind are always
//! echoed, and a patch never goes without its type (docs/facts.md, "Responses").

use base64::Engine as _;
use regcred_engine::repair::Repair;
use regcred_engine::rules::Rule;

use super::Answer;
use super::json::Json;
use super::request::{Review, Subject};
use super::secret::BASE64;
use crate::wiped::Wiped;

/// A refusal.
pub(super) struct Denial {
    /// `Invalid` (422); otherwise `Forbidden` (403).
    pub(super) invalid: bool,
    pub(super) message: String,
    pub(super) causes: Vec<Cause>,
}

/// One finding of a refusal.
pub(super) struct Cause {
    pub(super) message: String,
    pub(super) field: String,
}

/// A repaired document.
pub(super) struct Patch<'j> {
    pub(super) subject: &'j Subject,
    pub(super) repair: &'j Repair,
}

/// What a usual answer takes, without its patch.
const USUAL: usize = 768;

/// The response, as JSON.
pub(super) fn write(review: &Review<'_>, answer: &Answer<'_>) -> Vec<u8> {
    let patch = answer.repair.as_ref().map(|patch| (patch, patch.head()));
    let mut json = Json::with_capacity(USUAL + patch.as_ref().map_or(0, |(patch, head)| patch.size(head)));
    json.word("{\"apiVersion\":", super::request::API_VERSION);
    json.word(",\"kind\":", super::request::KIND);
    json.text(",\"response\":{\"uid\":", review.uid());
    json.raw(if answer.denial.is_none() { ",\"allowed\":true" } else { ",\"allowed\":false" });
    if let Some(denial) = &answer.denial {
        status(&mut json, review, denial);
    }
    annotations(&mut json, answer);
    if !answer.warnings.is_empty() {
        json.list(",\"warnings\":", &answer.warnings, |json, warning| json.text("", warning));
    }
    if let Some((patch, head)) = patch {
        json.raw(",\"patchType\":\"JSONPatch\",\"patch\":\"");
        patch.write(&head, &mut json.0);
        json.raw("\"");
    }
    json.raw("}}");
    json.0
}

/// What ends a patch.
const TAIL: &[u8] = b"\"}]";

/// What is encoded at a time, about.
const PIECE: usize = 6 << 10;

impl Patch<'_> {
    /// How many entries it repairs.
    pub(super) fn entries(&self) -> u64 {
        u64::try_from(self.repair.entries()).unwrap_or(u64::MAX)
    }

    /// What begins it. There is nothing to escape in the path (RFC 6901).
    fn head(&self) -> String {
        format!(r#"[{{"op":"replace","path":"/data/{}","value":""#, self.subject.secret_type.data_key())
    }

    /// How large the repaired document is.
    fn document_size(&self) -> usize {
        self.repair.size_after(self.subject.document.len())
    }

    /// How large it is in base64.
    fn size(&self, head: &str) -> usize {
        base64_size(head.len() + base64_size(self.document_size()) + TAIL.len())
    }

    /// Writes one operation in base64: piece by piece, because a document, its base64 and the base64 of that would be
    /// three times a megabyte.
    fn write(&self, head: &str, patch: &mut Vec<u8>) {
        let size = self.document_size().min(2 * PIECE);
        let mut document = Wiped::from(Vec::with_capacity(size));
        let mut operation = Wiped::from(Vec::with_capacity(head.len() + base64_size(size) + TAIL.len()));
        operation.extend_from_slice(head.as_bytes());
        for piece in self.repair.pieces(&self.subject.document).flat_map(|piece| piece.chunks(PIECE)) {
            document.extend_from_slice(piece);
            if document.len() >= PIECE {
                encode_threes(&mut document, &mut operation);
                encode_threes(&mut operation, patch);
            }
        }
        encode(&document, &mut operation);
        operation.extend_from_slice(TAIL);
        encode(&operation, patch);
    }
}

/// Takes off what can be encoded without padding, and encodes it.
fn encode_threes(bytes: &mut Wiped, text: &mut Vec<u8>) {
    let threes = bytes.len() / 3 * 3;
    encode(bytes.get(..threes).unwrap_or_default(), text);
    bytes.take_off(threes);
}

fn encode(bytes: &[u8], text: &mut Vec<u8>) {
    let begin = text.len();
    text.resize(begin + base64_size(bytes.len()), 0);
    if let Some(room) = text.get_mut(begin..) {
        // The room is exactly what it takes.
        let _ = BASE64.encode_slice(bytes, room);
    }
}

fn base64_size(bytes: usize) -> usize {
    base64::encoded_len(bytes, true).unwrap_or_default()
}

fn status(json: &mut Json, review: &Review<'_>, denial: &Denial) {
    let (code, reason) = if denial.invalid { ("422", "Invalid") } else { ("403", "Forbidden") };
    json.raw(",\"status\":{\"code\":");
    json.raw(code);
    json.word(",\"reason\":", reason);
    json.text(",\"message\":", &denial.message);
    json.text(",\"details\":{\"name\":", review.name());
    json.raw(",\"kind\":\"Secret\"");
    json.list(",\"causes\":", &denial.causes, |json, cause| {
        json.raw("{\"reason\":\"FieldValueInvalid\"");
        json.text(",\"message\":", &cause.message);
        json.text(",\"field\":", &cause.field);
        json.raw("}");
    });
    json.raw("}}");
}

/// For the API server's own audit log, where it keeps them at every level (docs/facts.md, "Audit
/// annotations").
fn annotations(json: &mut Json, answer: &Answer<'_>) {
    let found = |rule: &&Rule| *answer.reported.rules.get(**rule);
    let mut codes = Rule::ALL.iter().filter(found).map(|rule| rule.code());
    let Some(first) = codes.next() else { return };
    json.word(",\"auditAnnotations\":{\"decision\":", answer.decision.as_str());
    json.raw(",\"rules\":\"");
    json.raw(first);
    for code in codes {
        json.raw(",");
        json.raw(code);
    }
    json.raw("\"}");
}

#[cfg(test)]
mod tests {
    use base64::prelude::BASE64_STANDARD;
    use regcred_engine::judge::{Request, judge_without_consumers};
    use regcred_engine::policy::{Policy, Requester};

    use super::*;
    use crate::admission::request::Review;

    #[test]
    fn a_patch_is_the_whole_repaired_document_whatever_its_size() {
        // One, and as many as fill some pieces.
        for registries in [1, 2, 3, 100, 101, 102, 500] {
            let entry =
                |index| format!(r#""r{index}.example.com":{{"username":"robot","password":"made-up"}}"#);
            let entries: Vec<_> = (0..registries).map(entry).collect();
            let filler = "x".repeat(PIECE * (registries % 3));
            let document = format!(r#"{{"auths":{{{}}},"filler":"{filler}"}}"#, entries.join(","));
            let body = format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE","object":{{"kind":"Secret","type":"kubernetes.io/dockerconfigjson","data":{{".dockerconfigjson":"{}"}}}}}}}}"#,
                BASE64_STANDARD.encode(&document)
            );
            let review = Review::parse(body.as_bytes()).unwrap();
            let subject = review.object().unwrap().subject.unwrap();
            let request = Request {
                requester: Requester { namespace: "", user: "", groups: &[] },
                now: jiff::Timestamp::constant(1_795_392_000, 0), // 2026-11-23
                secret: subject.secret(),
                old: None,
            };
            let repair = judge_without_consumers(&Policy::default(), &request).repair.unwrap();
            let patch = Patch { subject: &subject, repair: &repair };
            let mut text = Vec::new();
            patch.write(&patch.head(), &mut text);
            assert_eq!(text.len(), patch.size(&patch.head()));

            let operation = BASE64_STANDARD.decode(text).unwrap();
            let operation: serde_json::Value = serde_json::from_slice(&operation).unwrap();
            assert_eq!(operation[0]["path"], "/data/.dockerconfigjson");
            let value = BASE64_STANDARD.decode(operation[0]["value"].as_str().unwrap()).unwrap();
            assert!(value == repair.apply(document.as_bytes()), "{registries} registries");
        }
    }
}
