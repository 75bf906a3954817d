//! Writing the AdmissionReview that answers. Only this file writes one, so that uid, version and kind are always echoed, and
//! a patch always has its type (docs/facts.md, "Responses").

use std::io::{self, BufWriter, Write};

use base64::write::EncoderWriter;
use serde::Serialize;

use super::answer::{Answer, Cause, Denial, Patch};
use super::request::{API_VERSION, KIND, Review};
use crate::base64_engines::{CANONICAL, Canonical, encoded_len};

/// The bytes of most answers without the document in their patch. A vector that begins empty grows step by step, and copies a
/// large patch each time.
const WITHOUT_DOCUMENT: usize = 2 << 10;

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
    patch: Option<&'static str>,
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

/// How an answer ends whose patch is empty.
const END: &[u8] = br#""}}"#;

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
        patch: answer.patch.as_ref().map(|_| ""),
    };
    let review = AnsweredReviewJson { api_version: API_VERSION, kind: KIND, response };
    let document = answer.patch.as_ref().map_or(0, Patch::document_len);
    let mut bytes = Vec::with_capacity(WITHOUT_DOCUMENT + encoded_len(encoded_len(document)));
    serde_json::to_writer(&mut bytes, &review).expect("no field can fail");
    if let Some(patch) = &answer.patch {
        bytes.truncate(bytes.len() - END.len());
        patch.write_base64(&mut bytes).expect("memory can be written to");
        bytes.extend_from_slice(END);
    }
    bytes
}

fn status<'a>(review: &'a Review<'_>, denial: &'a Denial) -> DenialJson<'a> {
    let (code, reason) = if denial.invalid { (422, "Invalid") } else { (403, "Forbidden") };
    let details = DetailsJson { name: review.name(), kind: "Secret", causes: &denial.causes };
    DenialJson { code, reason, message: &denial.message, details }
}

impl Patch<'_> {
    /// The size of the repaired document in bytes.
    fn document_len(&self) -> usize {
        self.repair.size_after(self.secret.document.len())
    }

    /// Writes the JSON patch that replaces the document, in base64.
    ///
    /// It is encoded in pieces: the repaired document, its base64 and the patch, each in a buffer of its own, would take 3.7 MB
    /// for a document of 0.6 MiB, and each page of them is a page fault. serde would also search the text for characters to escape.
    fn write_base64(&self, answer: &mut Vec<u8>) -> io::Result<()> {
        let mut patch = base64_writer(answer);
        let key = self.secret.secret_type.data_key();
        // Neither the path nor base64 contains anything to escape (RFC 6901).
        write!(patch, r#"[{{"op":"replace","path":"/data/{key}","value":""#)?;
        let mut value = base64_writer(&mut patch);
        for piece in self.repair.pieces(&self.secret.document) {
            value.write_all(piece)?;
        }
        value.into_inner()?.finish()?;
        patch.write_all(br#""}]"#)?;
        patch.into_inner()?.finish()?;
        Ok(())
    }
}

/// Writes base64 of what is written to it. The encoder takes at most 768 bytes at a time, and is slow for a few.
fn base64_writer<W: Write>(to: W) -> BufWriter<EncoderWriter<'static, Canonical, W>> {
    BufWriter::new(EncoderWriter::new(to, &*CANONICAL))
}
