//! What the explanations of a run come to.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use regcred_engine::bilingual::Bilingual;
use regcred_engine::policy::Language;
use regcred_engine::pull::Cause;

use super::{Explained, ExplainedObject};
use crate::report::TroubleKind;

/// The counts of a run.
#[derive(Debug, Default)]
pub struct ExplainSummary {
    pods: u64,
    containers: u64,
    causes: BTreeMap<Cause, CauseCount>,
    notes: u64,
    errors: u64,
    /// Whether a cause was found, and not only that there may be one.
    has_cause: bool,
    /// What the last explanation was about: those of one Pod come in a row.
    last: Option<Last>,
}

/// A cause of a Pod. Pods of several files can have one name.
#[derive(Debug, PartialEq, Eq)]
struct Last {
    pods: u64,
    subject: ExplainedObject,
    cause: Cause,
}

/// How often a cause was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CauseCount {
    /// Pods and templates. One with several containers counts once for each run of the same cause.
    pub pods: u64,
    /// Containers.
    pub containers: u64,
}

impl ExplainSummary {
    pub(super) const fn pod(&mut self) {
        self.pods += 1;
    }

    pub(super) fn explained(&mut self, explained: &Explained) {
        self.containers += 1;
        if explained.cause == Cause::None {
            return;
        }
        self.has_cause |= explained.is_found();
        let count = self.causes.entry(explained.cause).or_default();
        count.containers += 1;
        let subject = explained.subject.clone();
        let of = subject.map(|subject| Last { pods: self.pods, subject, cause: explained.cause });
        if of.is_none() || of != self.last {
            count.pods += 1;
        }
        self.last = of;
    }

    pub(super) const fn trouble(&mut self, kind: TroubleKind) {
        if kind.is_note() {
            self.notes += 1;
        } else {
            self.errors += 1;
        }
    }

    /// Pods and templates that were checked.
    #[must_use]
    pub const fn pods(&self) -> u64 {
        self.pods
    }

    /// Containers that were explained, also those for which there is nothing to report.
    #[must_use]
    pub const fn containers(&self) -> u64 {
        self.containers
    }

    /// Whether a cause was found. That a pull that was not tried yet may find no credentials is none.
    #[must_use]
    pub const fn has_cause(&self) -> bool {
        self.has_cause
    }

    /// The causes that were found, those of most Pods first.
    #[must_use]
    pub fn causes(&self) -> Vec<(Cause, CauseCount)> {
        let mut causes: Vec<_> = self.causes.iter().map(|(cause, count)| (*cause, *count)).collect();
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(count.pods));
        causes
    }

    /// What could not be looked into.
    #[must_use]
    pub const fn notes(&self) -> u64 {
        self.notes
    }

    /// What could not be read.
    #[must_use]
    pub const fn errors(&self) -> u64 {
        self.errors
    }

    /// The totals in one line.
    pub(super) fn line(&self, language: Language) -> String {
        let plural = |count| if count == 1 { "" } else { "s" };
        let explained: u64 = self.causes.values().map(|count| count.containers).sum();
        let mut english = format!("{} Pod{} checked", self.pods, plural(self.pods));
        let mut chinese = format!("检查了 {} 个 Pod", self.pods);
        let counts = [
            (explained, format!("container{} explained", plural(explained)), "个容器已说明原因"),
            (self.notes, format!("note{}", plural(self.notes)), "条提示"),
            (self.errors, format!("error{}", plural(self.errors)), "个错误"),
        ];
        let mut marks = [": ", "："];
        for (count, unit, unit_zh) in counts.iter().filter(|(count, ..)| *count > 0) {
            let _ = write!(english, "{}{count} {unit}", marks[0]); // a String takes all
            let _ = write!(chinese, "{}{count} {unit_zh}", marks[1]);
            marks = [", ", "，"];
        }
        if marks[0] == ": " {
            english.push_str(", nothing to report");
            chinese.push_str("，没有发现问题");
        }
        Bilingual { english, chinese }.into_line(language)
    }
}
