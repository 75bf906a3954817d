//! Writing the AdmissionReview that answers. There is one place that does, so that uid, version and kind are always
//! echoed, and a patch never goes without its type (docs/facts.md, "Responses").

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::PAD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Answer;
use super::request::Review;
use crate::wiped::Wiped;

/// A refusal.
pub(super) struct Denial {
    /// `Invalid` (422); otherwise `Forbidden` (403).
    pub(super) invalid: bool,
    pub(super) message: String,
    pub(super) causes: Vec<Cause>,
}

/// One finding of a refusal.
#[derive(Serialize)]
pub(super) struct Cause {
    pub(super) message: String,
    pub(super) field: String,
}

/// A repaired document. It holds credentials: there is no `Debug`.
pub(super) struct Patch {
    pub(super) data_key: &'static str,
    pub(super) document: Wiped,
    /// How many entries it repairs.
    pub(super) entries: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewJson<'a> {
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
    status: Option<StatusJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_annotations: Option<AnnotationsJson>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

#[derive(Serialize)]
struct StatusJson<'a> {
    code: u16,
    reason: &'static str,
    message: &'a str,
    details: DetailsJson<'a>,
}

#[derive(Serialize)]
struct DetailsJson<'a> {
    name: &'a str,
    kind: &'static str,
    causes: Vec<CauseJson<'a>>,
}

#[derive(Serialize)]
struct CauseJson<'a> {
    reason: &'static str,
    #[serde(flatten)]
    cause: &'a Cause,
}

#[derive(Serialize)]
struct AnnotationsJson {
    decision: &'static str,
    rules: String,
}

/// The response, as JSON.
pub(super) fn write(review: &Review<'_>, answer: &Answer) -> Vec<u8> {
    let patch = answer.repair.as_ref().map(json_patch);
    let response = ReviewJson {
        api_version: super::request::API_VERSION,
        kind: super::request::KIND,
        response: ResponseJson {
            uid: review.uid(),
            allowed: answer.denial.is_none(),
            status: answer.denial.as_ref().map(|denial| status(review, denial)),
            patch_type: patch.as_ref().map(|_| "JSONPatch"),
            patch,
            audit_annotations: annotations(answer),
            warnings: &answer.warnings,
        },
    };
    to_json(&response, response.response.patch.as_ref().map_or(0, |patch| patch.get().len()))
}

/// A patch is encoded twice, which took a sixth of all the time of a large repair; the processor's vector instructions take
/// next to none. What comes from outside is decoded without them: the library has `unsafe` code for them.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static BASE64: LazyLock<base64::engine::Simd> = LazyLock::new(|| base64::engine::Simd::standard(PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static BASE64: LazyLock<base64::engine::GeneralPurpose> =
    LazyLock::new(|| base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, PAD));

/// One operation in base64, as a JSON string. It is written by hand because a patch can be large, and base64 holds nothing
/// that a JSON writer would have to look for; neither is there anything to escape in the path (RFC 6901).
fn json_patch(patch: &Patch) -> Box<RawValue> {
    let head = format!(r#"[{{"op":"replace","path":"/data/{}","value":""#, patch.data_key);
    let mut operation = Wiped::from(head.into_bytes());
    append_base64(&mut operation, &patch.document, b"\"}]");
    let mut string = vec![b'"'];
    append_base64(&mut string, &operation, b"\"");
    let string = String::from_utf8(string).unwrap_or_default();
    // What is no JSON string would go out as `null`, which the API server refuses as a patch.
    RawValue::from_string(string).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

fn append_base64(text: &mut Vec<u8>, bytes: &[u8], behind: &[u8]) {
    let begin = text.len();
    let end = begin + base64::encoded_len(bytes.len(), true).unwrap_or_default();
    text.reserve_exact(end - begin + behind.len());
    text.resize(end, 0);
    if let Some(room) = text.get_mut(begin..) {
        // The room is exactly what it takes.
        let _ = BASE64.encode_slice(bytes, room);
    }
    text.extend_from_slice(behind);
}

fn status<'a>(review: &'a Review<'_>, denial: &'a Denial) -> StatusJson<'a> {
    let (code, reason) = if denial.invalid { (422, "Invalid") } else { (403, "Forbidden") };
    let causes = denial.causes.iter().map(|cause| CauseJson { reason: "FieldValueInvalid", cause });
    StatusJson {
        code,
        reason,
        message: &denial.message,
        details: DetailsJson { name: review.name(), kind: "Secret", causes: causes.collect() },
    }
}

/// For the API server's own audit log, where it keeps them at every level (docs/facts.md, "Audit
/// annotations").
fn annotations(answer: &Answer) -> Option<AnnotationsJson> {
    let codes: Vec<_> = answer.reported.rules.iter().map(|rule| rule.code()).collect();
    let decision = answer.decision.as_str();
    (!codes.is_empty()).then(|| AnnotationsJson { decision, rules: codes.join(",") })
}

/// A usual answer or record.
const USUAL: usize = 1 << 10;

/// Writes JSON that is about `large` bytes longer than a usual answer or record.
///
/// These types hold strings and numbers only, which can always be written; were it otherwise, the empty body would be
/// no answer, and the API server would act by its failurePolicy.
pub(super) fn to_json(value: &impl Serialize, large: usize) -> Vec<u8> {
    let mut json = Vec::with_capacity(USUAL + large);
    if serde_json::to_writer(&mut json, value).is_err() {
        json.clear();
    }
    json
}
