//! AdmissionReview in, AdmissionResponse and audit record out: synchronous, without I/O.
//!
//! The path of one review: [`request`] reads it ([`review_json`], [`secret`]), the engine judges the Secret, [`mutate`] or
//! [`validate`] makes the [`answer`] of its webhook, [`response`] writes the answer, and [`record`] the audit record.

mod answer;
mod borrowed;
mod mutate;
mod outcome;
mod record;
mod request;
mod response;
mod review_json;
pub(crate) mod secret;
mod validate;

use std::time::Duration;

use jiff::Timestamp;
use regcred_engine::judge::{Request, judge, judge_repair, judge_shape};
use regcred_engine::policy::Policy;

use answer::Answer;
pub use outcome::{Counted, CountedFinding, Decision, Webhook};
use record::AuditRecord;
pub use request::{BadReview, Operation};
use request::{Requested, Review};

/// A policy in force, and the short hash by which audit records and metrics name it.
#[derive(Clone, Debug)]
pub struct ActivePolicy {
    /// The policy.
    pub policy: Policy,
    /// The first 12 hex digits of the SHA-256 of the file's bytes; `default` without a file.
    pub hash: String,
}

/// The result of one review.
pub struct Reviewed {
    /// The AdmissionReview to send back, as JSON, with status 200.
    pub response: Vec<u8>,
    /// The operation.
    pub operation: Operation,
    /// The decision.
    pub decision: Decision,
    /// The findings that this webhook reports and does not fix.
    pub counted: Counted,
    /// How many entries the patch in the response repairs.
    pub fixes: u64,
    record: AuditRecord,
}

impl Reviewed {
    /// Returns the audit record: one line of JSON with its line break. `duration` is how long the review took.
    #[must_use]
    pub fn audit_record(self, duration: Duration) -> Vec<u8> {
        self.record.into_line(duration)
    }
}

/// Answers one review. `now` is when the judgement begins.
///
/// # Errors
/// If the body is not an AdmissionReview v1 with a request and a uid, or an object that it declares as a Secret is none.
pub fn review(
    webhook: Webhook,
    body: &[u8],
    policy: &ActivePolicy,
    now: Timestamp,
) -> Result<Reviewed, BadReview> {
    let review = Review::parse(body)?;
    let subject = review.requested()?;
    let groups = review.groups();
    let requester = review.requester(&groups);
    let judgement = subject.as_ref().map(|subject| match subject {
        Requested::Shape(misshapen) => judge_shape(&policy.policy, &requester, now, misshapen),
        Requested::Document(secret) => {
            let request = Request { requester, now, secret: secret.secret(), old: secret.old_secret() };
            match webhook {
                Webhook::Mutate => judge_repair(&policy.policy, &request),
                Webhook::Validate => judge(&policy.policy, &request),
            }
        }
    });
    if let Some(Requested::Document(secret)) = &subject
        && secret.has_bad_old_document()
    {
        return Err(BadReview::NotASecret);
    }
    let mut answer = match subject.as_ref().zip(judgement.as_ref()) {
        Some((subject, judgement)) if !judgement.skipped => match webhook {
            Webhook::Mutate => mutate::answer(subject, &policy.policy, judgement),
            Webhook::Validate => validate::answer(&review, &policy.policy, judgement),
        },
        _ => Answer::skipped(),
    };
    let fixes = answer.patch.as_ref().map_or(0, |patch| patch.repair.entries());
    Ok(Reviewed {
        response: response::write(&review, &answer),
        operation: review.operation(),
        decision: answer.decision,
        counted: std::mem::take(&mut answer.reported.counted),
        fixes: fixes.try_into().unwrap_or(u64::MAX),
        record: AuditRecord::new(webhook, now, &review, answer, judgement.as_ref(), &policy.hash),
    })
}

#[cfg(test)]
mod tests;
