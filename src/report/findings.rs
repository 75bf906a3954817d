//! The findings of one Secret: the first are reported one by one, the others are counted.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use regcred_engine::policy::Language;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::wording;

use super::reported::{Outcome, ReportedFinding};

/// At most this many findings of a Secret are reported one by one; the rest are counted. A hostile document can cause 100,000.
pub const MAX_REPORTED_FINDINGS: usize = 1_000;

/// The findings of one Secret, in the order of the document. Collecting [`ReportedFinding`]s makes one.
#[derive(Debug, Default)]
pub struct Findings {
    /// At most [`MAX_REPORTED_FINDINGS`].
    listed: Vec<ReportedFinding>,
    omitted: Vec<BriefFinding>,
}

/// What is kept of a finding that is not listed: enough to count it, and to know it again after a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BriefFinding {
    pub(crate) rule: Rule,
    pub(crate) action: Action,
    pub(crate) outcome: OutcomeKind,
    /// The hash of the rule and the field.
    identity: u64,
}

/// An [`Outcome`] without its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutcomeKind {
    Remains,
    Repairable,
    Held,
    Refused,
    Fixed,
}

impl From<&Outcome> for OutcomeKind {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Remains => OutcomeKind::Remains,
            Outcome::Repairable => OutcomeKind::Repairable,
            Outcome::Held(_) => OutcomeKind::Held,
            Outcome::Refused(_) => OutcomeKind::Refused,
            Outcome::Fixed => OutcomeKind::Fixed,
        }
    }
}

impl BriefFinding {
    /// Whether it was not repaired.
    pub(crate) fn remains(&self) -> bool {
        self.outcome != OutcomeKind::Fixed
    }
}

impl From<&ReportedFinding> for BriefFinding {
    fn from(finding: &ReportedFinding) -> Self {
        // Without a random seed: the same finding after a repair has the same identity.
        let mut hasher = DefaultHasher::new();
        (finding.rule, &finding.field).hash(&mut hasher);
        BriefFinding {
            rule: finding.rule,
            action: finding.action,
            outcome: OutcomeKind::from(&finding.outcome),
            identity: hasher.finish(),
        }
    }
}

impl FromIterator<ReportedFinding> for Findings {
    fn from_iter<I: IntoIterator<Item = ReportedFinding>>(findings: I) -> Self {
        let mut findings = findings.into_iter();
        let listed = findings.by_ref().take(MAX_REPORTED_FINDINGS).collect();
        Findings { listed, omitted: findings.map(|finding| BriefFinding::from(&finding)).collect() }
    }
}

impl Findings {
    /// Returns the findings that are reported one by one.
    #[must_use]
    pub fn listed(&self) -> &[ReportedFinding] {
        &self.listed
    }

    /// Whether nothing was found.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.listed.is_empty() && self.omitted.is_empty()
    }

    /// Returns the findings that are not listed.
    pub(crate) fn omitted(&self) -> impl Iterator<Item = BriefFinding> {
        self.omitted.iter().copied()
    }

    /// Returns all findings, to count them.
    pub(crate) fn all(&self) -> impl Iterator<Item = BriefFinding> {
        self.listed.iter().map(BriefFinding::from).chain(self.omitted())
    }

    /// Sets the outcome and the remedy of repairable findings that are not repaired.
    pub(crate) fn leave(&mut self, outcome: &Outcome, remedy: &str) {
        for finding in self.listed.iter_mut().filter(|finding| finding.outcome == Outcome::Repairable) {
            finding.leave(outcome.clone(), remedy.to_owned());
        }
        for finding in &mut self.omitted {
            if finding.outcome == OutcomeKind::Repairable {
                finding.outcome = OutcomeKind::from(outcome);
            }
        }
    }

    /// Returns what says of a finding before a repair, with these findings after it, whether it was fixed.
    pub(crate) fn fixed(&self) -> impl Fn(&BriefFinding) -> bool + use<> {
        let remaining: HashSet<_> =
            self.all().filter(|found| found.rule.is_fixable()).map(|found| found.identity).collect();
        move |before| before.outcome == OutcomeKind::Repairable && !remaining.contains(&before.identity)
    }

    /// Returns the findings that a repair fixed, and after them those that remain, which have the first claim to be listed.
    #[must_use]
    pub fn repaired(self, remaining: Findings) -> Findings {
        let is_fixed = remaining.fixed();
        let mut fixed = self
            .listed
            .into_iter()
            .filter(|finding| is_fixed(&finding.into()))
            .map(|finding| ReportedFinding { outcome: Outcome::Fixed, ..finding });
        let mut listed: Vec<_> =
            fixed.by_ref().take(MAX_REPORTED_FINDINGS - remaining.listed.len()).collect();
        let mut omitted: Vec<_> = fixed.map(|finding| BriefFinding::from(&finding)).collect();
        let fixed = self.omitted.into_iter().filter(|finding| is_fixed(finding));
        omitted.extend(fixed.map(|finding| BriefFinding { outcome: OutcomeKind::Fixed, ..finding }));
        listed.extend(remaining.listed);
        omitted.extend(remaining.omitted);
        Findings { listed, omitted }
    }
}

/// What is reported of findings that are not listed.
pub(super) struct Omission {
    pub(super) count: usize,
    /// The rule of the first of the most severe.
    pub(super) rule: Rule,
    /// The most severe action.
    pub(super) action: Action,
}

impl Omission {
    /// `None` if there are no such findings.
    pub(super) fn of(findings: impl Iterator<Item = BriefFinding>) -> Option<Self> {
        findings.fold(None, |omission, BriefFinding { rule, action, .. }| match omission {
            None => Some(Omission { count: 1, rule, action }),
            Some(Omission { count, action: worst, .. }) if action > worst => {
                Some(Omission { count: count + 1, rule, action })
            }
            Some(omission) => Some(Omission { count: omission.count + 1, ..omission }),
        })
    }

    /// Says how many more findings the Secret has.
    pub(super) fn message(&self, language: Language) -> String {
        wording::omitted(self.count, language)
    }
}
