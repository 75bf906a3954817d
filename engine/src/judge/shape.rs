//! The judgement of a Secret that has no document to judge.

use jiff::Timestamp;
use jiff::tz::Offset;

use super::Judgement;
use crate::affected::Affected;
use crate::finding::Finding;
use crate::place::{Place, Spot};
use crate::policy::{Policy, Requester};
use crate::rules::{Action, Fault, MissingDataKey, Rule, WrongSecretType};
use crate::shape::Misshapen;

/// Judges a Secret by its shape, in the place of its document.
#[must_use]
pub fn judge_shape(
    policy: &Policy,
    requester: &Requester<'_>,
    now: Timestamp,
    secret: &Misshapen,
) -> Judgement<'static> {
    let settings = policy.settings(requester, Offset::UTC.to_datetime(now).date());
    if Rule::ALL.iter().all(|rule| settings.get(*rule).action == Action::Off) {
        return Judgement { skipped: true, ..Judgement::default() };
    }
    let (fault, secret_type, spot, was_so) = match secret {
        Misshapen::WrongType(meant) => (Fault::WrongSecretType(WrongSecretType), *meant, Spot::Type, false),
        Misshapen::MissingDataKey { secret_type, meant, was_missing } => {
            (Fault::MissingDataKey(MissingDataKey), *secret_type, Spot::Data(meant.clone()), *was_missing)
        }
    };
    let setting = *settings.get(fault.rule());
    let ratchet = if was_so { Action::Warn } else { Action::Deny };
    let (action, capped_by) = policy.applied(setting, ratchet);
    let finding = Finding {
        fault,
        place: Place::new(secret_type, 0, spot),
        rule_action: setting.rule_action,
        action,
        capped_by,
        repairable: false,
        affected: Affected::default(),
        entry: None,
    };
    Judgement {
        findings: Some(finding).filter(|_| setting.action != Action::Off).into_iter().collect(),
        refused_by_api_server: matches!(secret, Misshapen::MissingDataKey { .. }),
        ..Judgement::default()
    }
}
