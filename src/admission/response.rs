//! Writing the AdmissionReview that answers. There is one place that does, so that uid, version and kind are always
//! echoed, and a patch never goes without its type (docs/facts.md, "Responses").

use std::io::{self, BufWriter, Write as _};

use base64::write::EncoderWriter;
use regcred_engine::repair::Repair;
use regcred_engine::rule::Rule;
use serde::Serialize;

use super::Answer;
use super::request::{Review, Subject};
use super::secret::{BASE64, Base64};

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

/// A repaired document.
pub(super) struct Patch<'j> {
    pub(super) subject: &'j Subject,
    pub(super) repair: &'j Repair,
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
    audit_annotations: Option<AnnotationsJson>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    patch_type: Option<&'static str>,
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
pub(super) fn write(review: &Review<'_>, answer: &Answer<'_>) -> Vec<u8> {
    let response = ReviewJson {
        api_version: super::request::API_VERSION,
        kind: super::request::KIND,
        response: ResponseJson {
            uid: review.uid(),
            allowed: answer.denial.is_none(),
            status: answer.denial.as_ref().map(|denial| status(review, denial)),
            audit_annotations: annotations(answer),
            warnings: &answer.warnings,
            patch_type: answer.repair.as_ref().map(|_| "JSONPatch"),
        },
    };
    let mut json = to_json(&response);
    if let Some(patch) = &answer.repair {
        patch.insert_into(&mut json);
    }
    json
}

impl Patch<'_> {
    /// How many entries it repairs.
    pub(super) fn entries(&self) -> u64 {
        u64::try_from(self.repair.entries()).unwrap_or(u64::MAX)
    }

    /// Puts itself in as the last member of `response`, which is the last of the review: one operation in base64.
    ///
    /// It is put in by hand because base64 holds nothing that a JSON writer would have to look for, and piece by piece
    /// because a document, its base64 and the base64 of that would be three times a megabyte.
    fn insert_into(&self, json: &mut Vec<u8>) {
        let Patch { subject, repair } = self;
        json.truncate(json.len().saturating_sub(ENDS.len()));
        json.extend_from_slice(b",\"patch\":\"");
        // There is nothing to escape in the path (RFC 6901).
        let head =
            format!(r#"[{{"op":"replace","path":"/data/{}","value":""#, subject.secret_type.data_key());
        let tail = b"\"}]";
        let document = base64_len(repair.size_after(subject.document.len()));
        json.reserve_exact(base64_len(head.len() + document + tail.len()) + ENDS.len() + 1);
        let write = |json: &mut Vec<u8>| -> io::Result<()> {
            let mut patch = encoder(json);
            patch.write_all(head.as_bytes())?;
            let mut document = encoder(&mut patch);
            for piece in repair.pieces(&subject.document) {
                document.write_all(piece)?;
            }
            document.into_inner()?.finish()?;
            patch.write_all(tail)?;
            patch.into_inner()?.finish()?;
            Ok(())
        };
        // A `Vec` takes everything. Were it otherwise, an empty body would be no answer.
        if write(json).is_err() {
            json.clear();
            return;
        }
        json.push(b'"');
        json.extend_from_slice(ENDS);
    }
}

/// What a review ends with: its own end, and before that the end of its last member.
const ENDS: &[u8] = b"}}";

/// An encoder takes some of what it is given, or at times nothing; the buffer before it takes all.
fn encoder<W: io::Write>(text: W) -> BufWriter<EncoderWriter<'static, Base64, W>> {
    BufWriter::with_capacity(PIECE, EncoderWriter::new(text, &*BASE64))
}

/// What is encoded at a time, about.
const PIECE: usize = 4 << 10;

fn base64_len(bytes: usize) -> usize {
    base64::encoded_len(bytes, true).unwrap_or_default()
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
fn annotations(answer: &Answer<'_>) -> Option<AnnotationsJson> {
    let found = |rule: &&Rule| *answer.reported.rules.get(**rule);
    let codes: Vec<_> = Rule::ALL.iter().filter(found).map(|rule| rule.code()).collect();
    let decision = answer.decision.as_str();
    (!codes.is_empty()).then(|| AnnotationsJson { decision, rules: codes.join(",") })
}

/// A usual answer.
const USUAL: usize = 1 << 10;

/// Writes JSON.
///
/// These types hold strings and numbers only, which can always be written; were it otherwise, the empty body would be
/// no answer, and the API server would act by its failurePolicy.
fn to_json(value: &impl Serialize) -> Vec<u8> {
    let mut json = Vec::with_capacity(USUAL);
    if serde_json::to_writer(&mut json, value).is_err() {
        json.clear();
    }
    json
}
