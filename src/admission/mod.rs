//! AdmissionReview in, AdmissionResponse and audit record out: synchronous, no I/O.

use jiff::civil::Date;
use regcred_engine::policy::Policy;
use regcred_engine::rule::{Action, Rule};

/// Which of the two webhooks is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Webhook {
    /// `/mutate`
    Mutate,
    /// `/validate`
    Validate,
}

/// A policy in force, and the short hash that audit records and metrics name it by.
#[derive(Clone, Debug)]
pub struct ActivePolicy {
    /// The policy.
    pub policy: Policy,
    /// The first 12 hex digits of the SHA-256 of the file's bytes; `default` without a file.
    pub hash: String,
}

/// What was asked of the API server. PATCH and server-side apply arrive as one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A new object.
    Create,
    /// A changed object.
    Update,
    /// DELETE, CONNECT or what the configuration should not have sent.
    Other,
}

/// What was decided, as in audit records and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Nothing to say.
    Allowed,
    /// Repaired.
    Patched,
    /// Would be repaired, were it not for `enforcement: audit`.
    WouldPatch,
    /// Admitted with a warning.
    Warned,
    /// Refused.
    Denied,
    /// Not judged.
    Skipped,
}

/// What the metrics count of one finding.
#[derive(Clone, Copy, Debug)]
pub struct CountedFinding {
    /// The rule.
    pub rule: Rule,
    /// The action applied.
    pub action: Action,
    /// The rule's own action.
    pub rule_action: Action,
}

/// The answer to one review.
pub struct Reviewed {
    /// The AdmissionReview to send back, as JSON, with status 200.
    pub response: Vec<u8>,
    /// The operation.
    pub operation: Operation,
    /// The decision.
    pub decision: Decision,
    /// The findings to count: those that this webhook speaks for.
    pub counted: Vec<CountedFinding>,
    /// How many entries were repaired by the patch in the response.
    pub fixes: u64,
    /// The audit record as one line of JSON without `time` and `durationMicros`.
    record: Vec<u8>,
}

impl Reviewed {
    /// The audit record: one line of JSON with its line break.
    pub fn audit_record(self, time: jiff::Timestamp, duration: std::time::Duration) -> Vec<u8> {
        let _ = (time, duration);
        self.record
    }
}

/// Why a body is no review that can be answered: HTTP 400 with this one line. It never quotes the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReview {
    /// Not JSON.
    NotJson,
}

impl std::fmt::Display for BadReview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body is not JSON")
    }
}

/// Answers one review. `today` is the date in UTC.
///
/// # Errors
/// When the body is no AdmissionReview v1 with a request and a uid.
pub fn review(webhook: Webhook, body: &[u8], policy: &ActivePolicy, today: Date) -> Result<Reviewed, BadReview> {
    let _ = (webhook, body, policy, today);
    Err(BadReview::NotJson)
}
