//! `/mutate`: repairs, never denies.

use regcred_engine::finding::Finding;
use regcred_engine::judge::Judgement;
use regcred_engine::policy::Policy;
use regcred_engine::registry::RegistryKey;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::wording;

use super::answer::{Answer, Patch, ReportedFindings, warnings};
use super::outcome::Decision;
use super::request::Requested;

/// Reports what is repaired, and what the API server refuses before it asks `/validate`.
pub(super) fn answer<'j>(
    requested: &'j Requested<'_>,
    policy: &Policy,
    judgement: &'j Judgement<'_>,
) -> Answer<'j> {
    let repairable: Vec<_> = judgement.findings.iter().filter(|finding| finding.repairable).collect();
    let refused: Vec<_> = judgement.findings.iter().filter(|_| judgement.refused_by_api_server).collect();
    let warned: Vec<_> = refused.iter().copied().filter(|finding| finding.action >= Action::Warn).collect();
    let patch = match requested {
        Requested::Document(secret) => judgement.repair.as_ref().map(|repair| Patch { secret, repair }),
        Requested::Shape(_) => None,
    };
    let fixed = patch.is_some();

    let mut messages = Vec::new();
    if fixed && policy.announce_fixes {
        messages.extend(announcements(&repairable, policy));
    }
    messages.extend(warnings(&warned, policy.language));

    let mut reported = ReportedFindings::default();
    for finding in &repairable {
        // A fixed finding is only recorded, whatever the action of its rule.
        reported.add(finding, finding.action.min(Action::Audit), fixed);
    }
    for finding in &refused {
        // This webhook does not deny: it warns.
        reported.add(finding, finding.action.min(Action::Warn), false);
    }
    Answer {
        decision: match (fixed, judgement.repair_held_back) {
            (true, _) => Decision::Patched,
            (false, true) => Decision::WouldPatch,
            (false, false) if warned.is_empty() => Decision::Allowed,
            (false, false) => Decision::Warned,
        },
        reported,
        warnings: messages,
        denial: None,
        patch,
    }
}

/// Returns one or two warnings for each rule whose findings were fixed.
fn announcements(fixed: &[&Finding<'_>], policy: &Policy) -> Vec<String> {
    let fixable = Rule::ALL.iter().copied().filter(|rule| rule.is_fixable());
    let keys_of = |rule: Rule| -> Vec<&RegistryKey<'_>> {
        let findings = fixed.iter().filter(|finding| finding.rule() == rule);
        findings.filter_map(|finding| finding.place.key()).collect()
    };
    fixable.flat_map(|rule| wording::fix_announcement(rule, &keys_of(rule), policy.language)).collect()
}
