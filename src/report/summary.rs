//! What a whole run came to. It grows with the namespaces and rules, not with the Secrets.

use std::collections::BTreeMap;

use regcred_engine::rules::{Action, Rule};

use super::{Finding, Judged, Outcome, TroubleKind};

/// What a whole run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    secrets: u64,
    policies: u64,
    with_findings: u64,
    total: Counts,
    by_namespace: BTreeMap<(Option<String>, Rule), Counts>,
    unreadable: u64,
    policy_faults: u64,
    not_judged: u64,
}

/// How many findings there are of each kind. Those that were mended are among no other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Findings that deny.
    pub deny: u64,
    /// Findings that warn.
    pub warn: u64,
    /// Findings that are only told of.
    pub audit: u64,
    /// Those of the above that a repair would mend.
    pub repairable: u64,
    /// Those of the above whose repair was tried and refused.
    pub refused: u64,
    /// Findings that were mended.
    pub fixed: u64,
}

impl Counts {
    fn add(&mut self, finding: &Finding) {
        if finding.outcome == Outcome::Fixed {
            self.fixed += 1;
            return;
        }
        match finding.action {
            Action::Deny => self.deny += 1,
            Action::Warn => self.warn += 1,
            Action::Audit | Action::Off => self.audit += 1,
        }
        self.repairable += u64::from(finding.outcome == Outcome::Repairable);
        self.refused += u64::from(matches!(finding.outcome, Outcome::Refused(_)));
    }
}

impl Summary {
    pub(super) fn judged(&mut self, judged: &Judged) {
        self.secrets += 1;
        let mut stands = false;
        let namespace = judged.subject.object().and_then(|object| object.namespace.as_deref());
        for finding in &judged.findings {
            stands |= finding.outcome != Outcome::Fixed;
            self.total.add(finding);
            self.by_namespace.entry((namespace.map(str::to_owned), finding.rule)).or_default().add(finding);
        }
        self.with_findings += u64::from(stands);
    }

    pub(super) const fn policies_checked(&mut self, count: u64) {
        self.policies += count;
    }

    pub(super) fn trouble(&mut self, kind: TroubleKind) {
        match kind {
            TroubleKind::Unreadable => self.unreadable += 1,
            TroubleKind::Policy => self.policy_faults += 1,
            TroubleKind::NotJudged => self.not_judged += 1,
        }
    }

    /// How many Secrets and Docker configs were judged.
    #[must_use]
    pub const fn secrets(&self) -> u64 {
        self.secrets
    }

    /// How many policy files were checked.
    #[must_use]
    pub const fn policies(&self) -> u64 {
        self.policies
    }

    /// In how many of the Secrets and Docker configs something stands.
    #[must_use]
    pub const fn secrets_with_findings(&self) -> u64 {
        self.with_findings
    }

    /// All findings.
    #[must_use]
    pub const fn total(&self) -> Counts {
        self.total
    }

    /// The findings of each namespace and rule, in this order. What a file gives no namespace has `None`.
    pub fn by_namespace(&self) -> impl Iterator<Item = (Option<&str>, Rule, Counts)> {
        self.by_namespace.iter().map(|((namespace, rule), counts)| (namespace.as_deref(), *rule, *counts))
    }

    /// What could not be read or written.
    #[must_use]
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Faults of policy files.
    #[must_use]
    pub const fn policy_faults(&self) -> u64 {
        self.policy_faults
    }

    /// What could not be judged and is no error.
    #[must_use]
    pub const fn not_judged(&self) -> u64 {
        self.not_judged
    }

    /// The most severe action that stands; a broken policy file counts as denying.
    #[must_use]
    pub const fn worst(&self) -> Option<Action> {
        match self.total {
            _ if self.policy_faults > 0 => Some(Action::Deny),
            Counts { deny: 1.., .. } => Some(Action::Deny),
            Counts { warn: 1.., .. } => Some(Action::Warn),
            Counts { audit: 1.., .. } => Some(Action::Audit),
            _ => None,
        }
    }
}
