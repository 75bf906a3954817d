//! One finding as it is reported: in words, with its place in the file.

use std::borrow::Cow;
use std::ops::Range;

use regcred_engine::affected::Affected;
use regcred_engine::backstop::Effect;
use regcred_engine::finding::{Cap, Finding};
use regcred_engine::policy::Language;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::wording::{self, Bilingual, Statement};

/// A finding of the engine, as it is reported.
#[derive(Clone, Debug)]
pub struct ReportedFinding {
    /// The rule that applies.
    pub rule: Rule,
    /// The rule's action in the policy, before anything capped it.
    pub rule_action: Action,
    /// The action that applies.
    pub action: Action,
    /// What made `action` milder than `rule_action`.
    pub capped_by: Option<Cap>,
    /// The text.
    pub statement: Statement,
    /// The registry key that it is about, as far as it may be shown.
    pub registry: Option<String>,
    /// Where in the Secret: `data[.dockerconfigjson].auths["r.example.com"].auth`, or `type`.
    pub field: String,
    /// Where in the file; `None` for an object of the cluster.
    pub region: Option<Region>,
    /// What each consumer makes of the entry, or of the document.
    pub affected: Affected,
    /// What the repair did or would do.
    pub outcome: Outcome,
    /// What the admission policies of `regcred backstop` do about it when the Secret is created.
    pub backstop: Effect,
    /// The language of the text.
    pub language: Language,
}

/// The remedy of a finding that was repaired.
const REPAIRED: Bilingual<&str> = Bilingual { english: "It was repaired.", chinese: "已修复。" };

/// The remedy of a finding that the policy keeps from being repaired.
pub(crate) const UNDER_AUDIT: Bilingual<&str> = Bilingual {
    english: "regcred repairs this when the policy says enforcement: warn or enforce.",
    chinese: "将策略改为 enforcement: warn 或 enforce 后，regcred 可以修复此项。",
};

impl ReportedFinding {
    /// Converts a finding of the engine. `holder` is the field that contains the document, such as `data[.dockerconfigjson]`;
    /// it is empty for a bare Docker config. `by_repair` is the remedy if the finding is repairable.
    #[must_use]
    pub fn new(found: &Finding<'_>, holder: &str, by_repair: Bilingual<&str>, language: Language) -> Self {
        let path = found.place.path();
        let holder = if found.place.is_in_document() { holder } else { "" };
        let dot = if holder.is_empty() || path.is_empty() || path.starts_with('[') { "" } else { "." };
        let mut statement = wording::statement(found, language);
        if found.repairable {
            statement.remedy = by_repair.line(language);
        }
        ReportedFinding {
            rule: found.rule(),
            rule_action: found.rule_action,
            action: found.action,
            capped_by: found.capped_by,
            statement,
            registry: found.place.key().map(|key| key.shown().into_owned()),
            field: format!("{holder}{dot}{path}"),
            region: None,
            affected: found.affected,
            outcome: if found.repairable { Outcome::Repairable } else { Outcome::Remains },
            backstop: Effect::Nothing,
            language,
        }
    }

    /// Sets the outcome and the remedy of a finding that could be repaired, but is not.
    pub(crate) fn leave(&mut self, outcome: Outcome, remedy: String) {
        self.outcome = outcome;
        self.statement.remedy = remedy;
    }

    /// Returns the one thing to do.
    #[must_use]
    pub fn remedy(&self) -> Cow<'_, str> {
        match self.outcome {
            Outcome::Fixed => REPAIRED.line(self.language).into(),
            Outcome::Remains | Outcome::Repairable | Outcome::Held(_) | Outcome::Refused(_) => {
                (&self.statement.remedy).into()
            }
        }
    }

    /// Returns the whole text in one line.
    #[must_use]
    pub fn message(&self) -> String {
        let Statement { subject, clause, affected, .. } = &self.statement;
        let remedy = self.remedy();
        let (stop, space) = if clause.is_ascii() { (". ", " ") } else { ("。", "") };
        let space = if affected.is_empty() { "" } else { space };
        format!("{subject}: {clause}{stop}{affected}{space}{remedy}")
    }
}

/// What the repair did, or would do, about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: it remains.
    Remains,
    /// It can be repaired.
    Repairable,
    /// It could be repaired, but was not; the sentence says why.
    Held(String),
    /// Its repair was tried and refused; the sentence says by whom and why.
    Refused(String),
    /// It was repaired, so it no longer applies.
    Fixed,
}

/// A range of a file. Lines and columns are counted from 1, columns in characters; the end is exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The line that it ends on.
    pub end_line: usize,
    /// The column after its end.
    pub end_column: usize,
    /// The lines of the file, for people.
    pub excerpt: Option<Excerpt>,
}

/// Lines of a file in which everything that could be a credential is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of the first line.
    pub first_line: usize,
    /// The lines.
    pub text: String,
    /// The marked bytes of `text`.
    pub mark: Range<usize>,
}

impl Excerpt {
    /// The column of the mark, counted from 1 in characters.
    pub(super) fn column(&self) -> usize {
        1 + self.text.get(..self.mark.start).map_or(0, |text| text.chars().count())
    }
}
