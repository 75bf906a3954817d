//! `/validate`: warns and denies, never patches.

use regcred_engine::finding::Finding;
use regcred_engine::judge::Judgement;
use regcred_engine::place::{Place, Spot};
use regcred_engine::policy::Policy;
use regcred_engine::rules::Action;
use regcred_engine::wording;

use super::answer::{Answer, Cause, Denial, ReportedFindings, warnings};
use super::outcome::Decision;
use super::request::{Operation, Review};

/// The name under which client-side apply manages fields.
const CLIENT_SIDE_APPLY: &str = "kubectl-client-side-apply";

/// Reports every finding.
pub(super) fn answer(review: &Review<'_>, policy: &Policy, judgement: &Judgement<'_>) -> Answer<'static> {
    let with_action = |action: Action| -> Vec<_> {
        judgement.findings.iter().filter(|finding| finding.action == action).collect()
    };
    let (denied, warned) = (with_action(Action::Deny), with_action(Action::Warn));
    let mut reported = ReportedFindings::default();
    for finding in &judgement.findings {
        reported.add(finding, finding.action, false);
    }
    Answer {
        decision: match (denied.is_empty(), warned.is_empty()) {
            (false, _) => Decision::Denied,
            (true, false) => Decision::Warned,
            (true, true) => Decision::Allowed,
        },
        reported,
        warnings: warnings(&warned, policy.language),
        denial: (!denied.is_empty()).then(|| denial(review, policy, &denied)),
        patch: None,
    }
}

/// Builds a refusal with a cause for each of the first [`wording::MAX_NAMED_FINDINGS`] findings; one more counts the rest.
fn denial(review: &Review<'_>, policy: &Policy, denied: &[&Finding<'_>]) -> Denial {
    let (named, left) = denied.split_at(denied.len().min(wording::MAX_NAMED_FINDINGS));
    let mut causes: Vec<_> = named
        .iter()
        .map(|finding| Cause::new(finding.place.path_in_secret(), wording::message(finding, policy.language)))
        .collect();
    if let Some(first) = left.first() {
        let document = Place::new(first.place.secret_type, 0, Spot::Document);
        causes.push(Cause::new(document.path_in_secret(), wording::more(left, policy.language)));
    }
    Denial { invalid: is_invalid(review), message: wording::denial(denied, policy.language), causes }
}

/// Whether the refusal is `Invalid` (422) instead of `Forbidden` (403).
///
/// A refused UPDATE is not Invalid: clients that force a change take Invalid for an immutable field, delete the Secret and
/// then fail to create it again, so that the old, working Secret would be lost. Client-side apply is the exception: for any
/// other reason kubectl prints the whole patch, credentials included (docs/facts.md, "Refusals").
fn is_invalid(review: &Review<'_>) -> bool {
    review.operation() != Operation::Update || review.field_manager() == Some(CLIENT_SIDE_APPLY)
}
