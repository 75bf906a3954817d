//! The counts of a whole run. They grow with the number of namespaces and rules, not of Secrets.

use std::collections::BTreeMap;

use regcred_engine::rules::{Action, Rule};

use super::findings::{BriefFinding, OutcomeKind};
use super::{Judged, TroubleKind};

/// The counts of a whole run.
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
    notes: u64,
    skipped: u64,
    left_out: LeftOut,
}

/// What was left out of the folders that were checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Hidden folders.
    pub hidden_folders: u64,
    /// Files and folders that an ignore file names. What is inside such a folder is not counted.
    pub ignored: u64,
}

/// The number of findings of each kind. A repaired finding counts only as `fixed`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Findings that deny.
    pub deny: u64,
    /// Findings that warn.
    pub warn: u64,
    /// Findings that are only recorded.
    pub audit: u64,
    /// Those of the above that a repair would fix.
    pub repairable: u64,
    /// Those of the above whose repair was tried and refused.
    pub refused: u64,
    /// Findings that were repaired.
    pub fixed: u64,
}

impl Counts {
    fn add(&mut self, finding: BriefFinding) {
        if !finding.remains() {
            self.fixed += 1;
            return;
        }
        match finding.action {
            Action::Deny => self.deny += 1,
            Action::Warn => self.warn += 1,
            Action::Audit | Action::Off => self.audit += 1,
        }
        self.repairable += u64::from(finding.outcome == OutcomeKind::Repairable);
        self.refused += u64::from(finding.outcome == OutcomeKind::Refused);
    }
}

impl Summary {
    pub(super) fn judged(&mut self, judged: &Judged) {
        self.secrets += 1;
        let mut remains = false;
        let namespace = judged.subject.object().and_then(|object| object.namespace.as_deref());
        for finding in judged.findings.all() {
            remains |= finding.remains();
            self.total.add(finding);
            self.by_namespace.entry((namespace.map(str::to_owned), finding.rule)).or_default().add(finding);
        }
        self.with_findings += u64::from(remains);
    }

    pub(super) const fn policies_checked(&mut self, count: u64) {
        self.policies += count;
    }

    pub(super) const fn skip(&mut self, count: u64) {
        self.skipped += count;
    }

    pub(super) const fn leave_out(&mut self, left_out: LeftOut) {
        self.left_out = left_out;
    }

    pub(super) fn trouble(&mut self, kind: TroubleKind) {
        match kind {
            TroubleKind::Unreadable => self.unreadable += 1,
            TroubleKind::Policy => self.policy_faults += 1,
            TroubleKind::NotJudged => self.not_judged += 1,
            TroubleKind::CredentialsElsewhere | TroubleKind::NotPermitted => self.notes += 1,
        }
    }

    /// Returns how many Secrets and Docker configs were judged.
    #[must_use]
    pub const fn secrets(&self) -> u64 {
        self.secrets
    }

    /// Returns how many policy files were checked.
    #[must_use]
    pub const fn policies(&self) -> u64 {
        self.policies
    }

    /// Returns how many of the Secrets and Docker configs have findings that were not repaired.
    #[must_use]
    pub const fn secrets_with_findings(&self) -> u64 {
        self.with_findings
    }

    /// Returns the counts of all findings.
    #[must_use]
    pub const fn total(&self) -> Counts {
        self.total
    }

    /// Returns the counts by namespace and rule, in this order. The namespace is `None` if a file gives none.
    pub fn by_namespace(&self) -> impl Iterator<Item = (Option<&str>, Rule, Counts)> {
        self.by_namespace.iter().map(|((namespace, rule), counts)| (namespace.as_deref(), *rule, *counts))
    }

    /// Returns how many files and objects could not be read or written.
    #[must_use]
    pub const fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Returns the number of errors in policy files.
    #[must_use]
    pub const fn policy_faults(&self) -> u64 {
        self.policy_faults
    }

    /// Returns how many files and objects could not be judged, without an error.
    #[must_use]
    pub const fn not_judged(&self) -> u64 {
        self.not_judged
    }

    /// Returns how many notes there are about credentials that are kept elsewhere or filled in later.
    #[must_use]
    pub const fn notes(&self) -> u64 {
        self.notes
    }

    /// Documents that were skipped, since they do not parse and have nothing to do with pull Secrets.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// What was left out of folders.
    #[must_use]
    pub const fn left_out(&self) -> LeftOut {
        self.left_out
    }

    /// Returns the most severe action of the remaining findings. An error in a policy file counts as `deny`.
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
