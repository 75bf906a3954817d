//! `/validate`: warns and denies, never patches.

use regcred_engine::finding::Finding;
use regcred_engine::judge::Judgement;
use regcred_engine::policy::Policy;
use regcred_engine::rules::Action;
use regcred_engine::wording;

use super::request::{Operation, Review, Subject};
use super::response::{Cause, Denial};
use super::{Answer, Decision, Reported, warnings};

/// What client-side apply calls itself as a field manager.
const CLIENT_SIDE_APPLY: &str = "kubectl-client-side-apply";

/// Speaks for everything that stands.
pub(super) fn answer<'j>(
    review: &Review<'_>,
    subject: &Subject,
    policy: &Policy,
    judgement: &'j Judgement<'_>,
) -> Answer<'j> {
    let at = |action: Action| -> Vec<_> {
        judgement.findings.iter().filter(|finding| finding.action == action).collect()
    };
    let mut reported = Reported::default();
    for finding in &judgement.findings {
        reported.add(finding, finding.action, false);
    }
    let (denied, warned) = (at(Action::Deny), at(Action::Warn));
    Answer {
        decision: match (denied.is_empty(), warned.is_empty()) {
            (false, _) => Decision::Denied,
            (true, false) => Decision::Warned,
            (true, true) => Decision::Allowed,
        },
        reported,
        warnings: warnings(&warned, policy.language),
        denial: (!denied.is_empty()).then(|| denial(review, subject, policy, &denied)),
        repair: None,
    }
}

fn denial(review: &Review<'_>, subject: &Subject, policy: &Policy, denied: &[&Finding<'_>]) -> Denial {
    let field = format!("data[{}]", subject.secret_type.data_key());
    let (named, left) = denied.split_at(denied.len().min(wording::MAX_NAMED_FINDINGS));
    let named = named.iter().map(|finding| Cause {
        field: field_path(&field, &finding.place.path()),
        message: wording::message(finding, policy.language),
    });
    let more = (!left.is_empty())
        .then(|| Cause { field: field.clone(), message: wording::more(left, policy.language) });
    Denial {
        invalid: is_invalid(review),
        message: wording::denial(denied, policy.language),
        causes: named.chain(more).collect(),
    }
}

/// `data[.dockerconfigjson].auths["HOST"].auth`
fn field_path(field: &str, path: &str) -> String {
    let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    format!("{field}{dot}{path}")
}

/// Whether the refusal is `Invalid` (422) or `Forbidden` (403).
///
/// An UPDATE is not called Invalid: clients that force a change take that for an immutable field, delete the Secret,
/// and then fail to create it again, so that the old, working Secret would be gone. Client-side apply alone gets
/// Invalid all the same, since for anything else kubectl prints the whole patch, credentials included
/// (docs/facts.md, "Refusals").
fn is_invalid(review: &Review<'_>) -> bool {
    review.operation() != Operation::Update || review.field_manager() == Some(CLIENT_SIDE_APPLY)
}
