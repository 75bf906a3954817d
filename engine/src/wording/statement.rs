//! What one finding says.

use crate::affected;
use crate::bilingual::{Bilingual, Language, Words};
use crate::finding::Finding;
use crate::place::Spot;
use crate::registry::RegistryKey;
use crate::rules::Context;

use super::line::{MAX_SHOWN_HOST_CHARS, ascii, cut_middle};

/// What a finding says, complete in itself and in one line: `[regcred/CODE] REGISTRY: ` and then what is wrong, who is
/// affected, and the one thing to do.
#[must_use]
pub fn message(finding: &Finding<'_>, language: Language) -> String {
    let name = Subject::of(finding).named(language);
    format!("[regcred/{}] {name}: {}", finding.rule(), Parts::of(finding).sentences().into_line(language))
}

/// What a finding says, in its parts. [`message`] is all of it in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The registry, the document, or the Secret.
    pub subject: String,
    /// What is wrong, without a closing mark.
    pub clause: String,
    /// Who is affected, and what else holds for every such document. Can be empty.
    pub affected: String,
    /// The one thing to do.
    pub remedy: String,
}

/// What a finding says, in its parts.
#[must_use]
pub fn statement(finding: &Finding<'_>, language: Language) -> Statement {
    let Parts { clause, affected, remedy } = Parts::of(finding);
    Statement {
        subject: Subject::of(finding).named(language),
        clause: clause.line(language),
        affected: affected.line(language),
        remedy: remedy.line(language),
    }
}

/// What a finding says in both languages.
pub(super) struct Parts {
    pub(super) clause: Words,
    /// Empty if there is nothing to say.
    pub(super) affected: Bilingual<String>,
    pub(super) remedy: Words,
}

impl Parts {
    pub(super) fn of(finding: &Finding<'_>) -> Self {
        let Finding { place, affected, .. } = finding;
        let message = finding.fault.message(&Context { place, repairable: finding.repairable, affected });
        let computed = affected::sentence(affected, place).filter(|_| message.says_affected);
        let (computed, note) = (computed.as_ref(), message.note.as_ref());
        let english = [computed.map(|words| &*words.english), note.map(|words| &*words.english)];
        let chinese = [computed.map(|words| &*words.chinese), note.map(|words| &*words.chinese)];
        Parts {
            clause: message.clause,
            affected: Bilingual {
                english: english.into_iter().flatten().collect::<Vec<_>>().join(" "),
                chinese: chinese.into_iter().flatten().collect(),
            },
            remedy: message.remedy,
        }
    }

    /// As whole sentences.
    fn sentences(&self) -> Bilingual<String> {
        let space = if self.affected.english.is_empty() { "" } else { " " };
        let Parts { clause, affected, remedy } = self;
        Bilingual {
            english: format!("{}. {}{space}{}", clause.english, affected.english, remedy.english),
            chinese: format!("{}。{}{}", clause.chinese, affected.chinese, remedy.chinese),
        }
    }
}

/// Whom a finding is about.
pub(super) enum Subject<'f, 'a> {
    Secret,
    Document,
    Registry(&'f RegistryKey<'a>),
}

impl<'f, 'a> Subject<'f, 'a> {
    pub(super) fn of(finding: &'f Finding<'a>) -> Self {
        match &finding.place.spot {
            Spot::Registry(key) | Spot::Entry(key) | Spot::Field(key, _) => Subject::Registry(key),
            Spot::Document | Spot::Top(_) => Subject::Document,
            Spot::Type | Spot::Data(_) => Subject::Secret,
        }
    }

    fn named(&self, language: Language) -> String {
        match (self, language) {
            (Subject::Secret, Language::Chinese) => "该 Secret".to_owned(),
            (Subject::Document, Language::Chinese) => "整份文档".to_owned(),
            _ => self.shown(),
        }
    }

    fn shown(&self) -> String {
        match self {
            Subject::Secret => "the Secret".to_owned(),
            Subject::Document => "the document".to_owned(),
            Subject::Registry(key) => match key.to_string() {
                shown if shown.is_empty() => "\"\"".to_owned(),
                shown => shown,
            },
        }
    }

    /// As a warning shows it: what browsers would garble is escaped, and the middle of what is long is left out.
    pub(super) fn shown_short(&self) -> String {
        cut_middle(ascii(self.shown()), MAX_SHOWN_HOST_CHARS)
    }
}
