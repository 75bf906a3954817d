//! Writing the AdmissionReview that answers. Only this file writes one, so that uid, version and kind are always echoed, and
//! a patch always has its type (docs/facts.md, "Responses").

use base64::Engine as _;
use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::{Answer, Cause, Denial, Patch};
use super::request::{API_VERSION, KIND, Review};
use crate::base64_engines::{CANONICAL, encoded_len};
use crate::wiped::Wiped;

/// The bytes of most answers without their patch. A vector that begins empty grows step by step, and copies a large patch
/// each time.
const WITHOUT_PATCH: usize = 1 << 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnsweredReviewJson<'a> {
    api_version: &'static str,
    kind: &'static str,
    response: ResponseJson<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponseJson<'a> {
    uid: &'a str,
    allowed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<DenialJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_annotations: Option<AnnotationsJson>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Box<RawValue>>,
}

/// The `status` of a refusal.
#[derive(Serialize)]
struct DenialJson<'a> {
    code: u16,
    reason: &'static str,
    message: &'a str,
    details: DetailsJson<'a>,
}

#[derive(Serialize)]
struct DetailsJson<'a> {
    name: &'a str,
    kind: &'static str,
    causes: &'a [Cause],
}

/// For the API server's audit log, which holds them at every level (docs/facts.md, "Audit annotations").
#[derive(Serialize)]
struct AnnotationsJson {
    decision: &'static str,
    rules: String,
}

/// Returns the AdmissionReview that answers `review`, as JSON.
#[expect(clippy::expect_used, reason = "strings, numbers and lists can always be written to memory")]
pub(super) fn write(review: &Review<'_>, answer: &Answer<'_>) -> Vec<u8> {
    let codes = answer.reported.codes();
    let audit_annotations = (!codes.is_empty())
        .then(|| AnnotationsJson { decision: answer.decision.as_str(), rules: codes.join(",") });
    let response = ResponseJson {
        uid: review.uid(),
        allowed: answer.denial.is_none(),
        status: answer.denial.as_ref().map(|denial| status(review, denial)),
        audit_annotations,
        warnings: &answer.warnings,
        patch_type: answer.patch.as_ref().map(|_| "JSONPatch"),
        patch: answer.patch.as_ref().map(|patch| json_patch(patch).expect("base64 is a JSON string")),
    };
    let patch_length = response.patch.as_ref().map_or(0, |patch| patch.get().len());
    let review = AnsweredReviewJson { api_version: API_VERSION, kind: KIND, response };
    let mut bytes = Vec::with_capacity(WITHOUT_PATCH + patch_length);
    serde_json::to_writer(&mut bytes, &review).expect("no field can fail");
    bytes
}

fn status<'a>(review: &'a Review<'_>, denial: &'a Denial) -> DenialJson<'a> {
    let (code, reason) = if denial.invalid { (422, "Invalid") } else { (403, "Forbidden") };
    let details = DetailsJson { name: review.name(), kind: "Secret", causes: &denial.causes };
    DenialJson { code, reason, message: &denial.message, details }
}

/// Returns the JSON patch that replaces the document, in base64, as a JSON string.
///
/// The string is a raw value because serde would search it for characters to escape: 0.7 ms for a patch of 1.6 MB, 17 % of
/// that request. Each text is written once, into a buffer of its exact size: one that is copied to a larger one touches twice
/// the memory, and its old bytes are not wiped.
fn json_patch(patch: &Patch<'_>) -> serde_json::Result<Box<RawValue>> {
    let document = Wiped::from(patch.repair.apply(&patch.secret.document));
    let key = patch.secret.secret_type.data_key();
    // Neither the path nor base64 contains anything to escape (RFC 6901).
    let start = format!(r#"[{{"op":"replace","path":"/data/{key}","value":""#);
    let operation = Wiped::from(around_base64(&start, &document, r#""}]"#).into_bytes());
    RawValue::from_string(around_base64("\"", &operation, "\""))
}

/// Returns `bytes` in base64 between two texts.
fn around_base64(before: &str, bytes: &[u8], after: &str) -> String {
    let mut text = String::with_capacity(before.len() + encoded_len(bytes) + after.len());
    text.push_str(before);
    CANONICAL.encode_string(bytes, &mut text);
    text.push_str(after);
    text
}
