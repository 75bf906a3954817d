//! What a review comes to, in the terms of audit records and metrics.

use regcred_engine::rule::{Action, Rule};

/// One of the two webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Webhook {
    /// `/mutate`
    Mutate,
    /// `/validate`
    Validate,
}

impl Webhook {
    /// Returns the word used in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Webhook::Mutate => "mutate",
            Webhook::Validate => "validate",
        }
    }
}

/// The decision on a request, as in audit records and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Admitted without a warning or a change.
    Allowed,
    /// Repaired.
    Patched,
    /// Would be repaired without `enforcement: audit`.
    WouldPatch,
    /// Admitted with a warning.
    Warned,
    /// Refused.
    Denied,
    /// Not judged.
    Skipped,
}

impl Decision {
    /// Returns the word used in records and metrics.
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

/// What the metrics distinguish about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CountedFinding {
    /// The rule.
    pub rule: Rule,
    /// The action that was applied.
    pub action: Action,
    /// The rule's own action.
    pub rule_action: Action,
}

/// The number of findings of each kind. There are few kinds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counted(Vec<(CountedFinding, u64)>);

impl Counted {
    pub(super) fn add(&mut self, finding: CountedFinding) {
        match self.0.iter_mut().find(|(kind, _)| *kind == finding) {
            Some((_, count)) => *count += 1,
            None => self.0.push((finding, 1)),
        }
    }

    /// Returns each kind and its number of findings.
    pub fn iter(&self) -> impl Iterator<Item = (CountedFinding, u64)> {
        self.0.iter().copied()
    }
}
