//! `/mutate`: repairs, never denies.

use regcred_engine::finding::Finding;
use regcred_engine::judge::Judgement;
use regcred_engine::policy::Policy;
use regcred_engine::registry::RegistryKey;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::wording;

use super::request::Subject;
use super::response::Patch;
use super::{Answer, Decision, Reported, warnings};

/// Speaks for what is repaired, and for what the API server refuses afterwards, before `/validate` is ever asked.
pub(super) fn answer<'j>(subject: &'j Subject, policy: &Policy, judgement: &'j Judgement<'_>) -> Answer<'j> {
    let repair = judgement.repair.as_ref();
    let mended: Vec<_> = judgement.findings.iter().filter(|finding| finding.repairable).collect();
    let refused: Vec<_> = judgement.findings.iter().filter(|_| judgement.refused_by_api_server).collect();

    let mut said =
        if repair.is_some() && policy.announce_fixes { announcements(&mended, policy) } else { Vec::new() };
    let warned: Vec<_> = refused.iter().copied().filter(|finding| finding.action >= Action::Warn).collect();
    said.extend(warnings(&warned, policy.language));

    let fixed = repair.is_some();
    let mut reported = Reported::default();
    for finding in &mended {
        // What the patch mends is recorded and nothing else happens to it, whatever its rule's action.
        reported.add(finding, finding.action.min(Action::Audit), fixed);
    }
    for finding in &refused {
        // A denial is not for this webhook to make: here it is a warning.
        reported.add(finding, finding.action.min(Action::Warn), false);
    }
    Answer {
        decision: match repair {
            Some(_) => Decision::Patched,
            None if judgement.repair_held_back => Decision::WouldPatch,
            None if warned.is_empty() => Decision::Allowed,
            None => Decision::Warned,
        },
        reported,
        warnings: said,
        denial: None,
        repair: repair.map(|repair| Patch { subject, repair }),
    }
}

fn announcements(mended: &[&Finding<'_>], policy: &Policy) -> Vec<String> {
    let fixable = Rule::ALL.iter().copied().filter(|rule| rule.is_fixable());
    let keys_of = |rule: Rule| -> Vec<&RegistryKey<'_>> {
        mended
            .iter()
            .filter(|finding| finding.rule() == rule)
            .filter_map(|finding| finding.place.key())
            .collect()
    };
    fixable.flat_map(|rule| wording::fix_announcement(rule, &keys_of(rule), policy.language)).collect()
}
