//! AdmissionReview in, AdmissionResponse and audit record out: synchronous, no I/O.
//!
//! The way of one review: [`request`] reads it ([`review_json`]) and [`secret`] its objects, the engine judges, [`mutate`] or
//! [`validate`] says what this webhook says of the judgement, [`response`] writes it down, and [`record`] keeps it.

mod fields;
mod json;
mod mutate;
mod record;
mod request;
mod response;
mod review_json;
pub(crate) mod secret;
mod validate;

use std::time::Duration;

use jiff::Timestamp;
use regcred_engine::finding::{Cap, Finding};
use regcred_engine::judge::{Judgement, Request, judge, judge_without_consumers};
use regcred_engine::place::Place;
use regcred_engine::policy::{Language, Policy};
use regcred_engine::rules::{Action, PerRule, Rule};
use regcred_engine::wording;

use record::Record;
pub use request::{BadReview, Operation};
use request::{Object, Review, Subject};
use response::{Denial, Patch};

/// Which of the two webhooks is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Webhook {
    /// `/mutate`
    Mutate,
    /// `/validate`
    Validate,
}

impl Webhook {
    /// The word used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Webhook::Mutate => "mutate",
            Webhook::Validate => "validate",
        }
    }
}

/// A policy in force, and the short hash that audit records and metrics name it by.
#[derive(Clone, Debug)]
pub struct ActivePolicy {
    /// The policy.
    pub policy: Policy,
    /// The first 12 hex digits of the SHA-256 of the file's bytes; `default` without a file.
    pub hash: String,
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

impl Decision {
    /// The word used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Decision::Allowed => "allowed",
            Decision::Patched => "patched",
            Decision::WouldPatch => "wouldPatch",
            Decision::Warned => "warned",
            Decision::Denied => "denied",
            Decision::Skipped => "skipped",
        }
    }
}

/// What the metrics count of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// The findings to count, and how many of each: those that this webhook reports and did not mend.
    pub counted: Counted,
    /// How many entries the patch in the response repairs.
    pub fixes: u64,
    record: Record,
}

impl Reviewed {
    /// The audit record: one line of JSON with its line break. `duration` is what the review took.
    #[must_use]
    pub fn audit_record(self, duration: Duration) -> Vec<u8> {
        self.record.into_line(duration)
    }
}

/// How many findings there are of each kind. There are few kinds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counted(Vec<(CountedFinding, u64)>);

impl Counted {
    fn add(&mut self, finding: CountedFinding) {
        match self.0.iter_mut().find(|(kind, _)| *kind == finding) {
            Some((_, count)) => *count += 1,
            None => self.0.push((finding, 1)),
        }
    }

    /// Each kind, and how many there are.
    pub fn iter(&self) -> impl Iterator<Item = (CountedFinding, u64)> {
        self.0.iter().copied()
    }
}

/// What a webhook says of a judgement.
struct Answer<'j> {
    decision: Decision,
    reported: Reported<'j>,
    warnings: Vec<String>,
    denial: Option<Denial>,
    repair: Option<Patch<'j>>,
}

impl Answer<'_> {
    fn silent(decision: Decision) -> Self {
        Answer { decision, reported: Reported::default(), warnings: Vec::new(), denial: None, repair: None }
    }
}

/// So many findings are listed in a record; the rest is counted. A hostile document can hold 100 000.
const LISTED: usize = 100;

/// The findings that a webhook reports.
#[derive(Default)]
struct Reported<'j> {
    /// The first [`LISTED`].
    listed: Vec<ReportedFinding<'j>>,
    /// How many there are beside those.
    omitted: usize,
    /// All that were not mended.
    counted: Counted,
    /// The rules of all.
    rules: PerRule<bool>,
}

/// A finding as records have it.
struct ReportedFinding<'j> {
    rule: Rule,
    action: Action,
    rule_action: Action,
    capped_by: Option<Cap>,
    place: &'j Place<'j>,
    fixed: bool,
}

impl<'j> Reported<'j> {
    /// Takes a finding in. `action` is what this webhook does about it; `fixed` says that its patch mends it.
    fn add(&mut self, finding: &'j Finding<'_>, action: Action, fixed: bool) {
        let (rule, rule_action) = (finding.rule(), finding.rule_action);
        *self.rules.get_mut(rule) = true;
        if !fixed {
            self.counted.add(CountedFinding { rule, action, rule_action });
        }
        if self.listed.len() == LISTED {
            self.omitted += 1;
            return;
        }
        let (capped_by, place) = (finding.capped_by, &finding.place);
        self.listed.push(ReportedFinding { rule, action, rule_action, capped_by, place, fixed });
    }
}

/// Answers one review. `now` is when the judgement begins.
///
/// # Errors
/// When the body is no AdmissionReview v1 with a request and a uid, or says to hold a Secret that is none.
pub fn review(
    webhook: Webhook,
    body: &[u8],
    policy: &ActivePolicy,
    now: Timestamp,
) -> Result<Reviewed, BadReview> {
    let review = Review::parse(body)?;
    let Object { secret_type, subject } = review.object()?;
    let groups = subject.as_ref().map(|_| review.groups()).unwrap_or_default();
    let judgement = subject.as_ref().map(|subject| {
        let request = Request {
            requester: review.requester(&groups),
            now,
            secret: subject.secret(),
            old: subject.old_secret(),
        };
        match webhook {
            Webhook::Mutate => judge_without_consumers(&policy.policy, &request),
            Webhook::Validate => judge(&policy.policy, &request),
        }
    });
    let answer = match subject.as_ref().zip(judgement.as_ref()) {
        None => Answer::silent(Decision::Skipped),
        Some((subject, judgement)) => answer(webhook, &review, subject, &policy.policy, judgement),
    };
    Ok(Reviewed {
        response: response::write(&review, &answer),
        operation: review.operation(),
        decision: answer.decision,
        fixes: answer.repair.as_ref().map_or(0, Patch::entries),
        record: Record::new(webhook, now, &review, secret_type, &answer, judgement.as_ref(), &policy.hash),
        counted: answer.reported.counted,
    })
}

fn answer<'j>(
    webhook: Webhook,
    review: &Review<'_>,
    subject: &'j Subject,
    policy: &Policy,
    judgement: &'j Judgement<'_>,
) -> Answer<'j> {
    match webhook {
        _ if judgement.skipped => Answer::silent(Decision::Skipped),
        Webhook::Mutate => mutate::answer(subject, policy, judgement),
        Webhook::Validate => validate::answer(review, subject, policy, judgement),
    }
}

/// Warnings that the API server passes on: it shares 4096 characters among all webhooks of a request and cuts what is
/// over (docs/facts.md, "Warnings").
const MOST_WARNINGS: usize = 15;

/// One or two warnings for each finding, and where they do not fit, a last one that says how many findings are left.
fn warnings(findings: &[&Finding<'_>], language: Language) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, finding) in findings.iter().enumerate() {
        let next = wording::warnings(finding, language);
        let left = findings.get(index..).unwrap_or_default();
        let room = MOST_WARNINGS - warnings.len();
        if next.len() > room || (next.len() == room && left.len() > 1) {
            warnings.push(wording::more(left, language));
            break;
        }
        warnings.extend(next);
    }
    warnings
}
