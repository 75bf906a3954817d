//! What makes up a rule.

use std::fmt;

use crate::affected::Affected;
use crate::bilingual::{Bilingual, Words};
use crate::document::EntryField;
use crate::place::{Place, Spot};
use crate::repair::Edit;
use crate::secret::SecretType;
use crate::shape::{MeantKeySearch, Misshapen, Shape};

use super::entry_ref::name_offset;
use super::view::{DocumentView, EntryView};

/// What happens to a finding. The order is from mild to severe, so that a cap is `min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Not checked, and nothing repaired.
    Off,
    /// Recorded only.
    Audit,
    /// Admitted, with a warning.
    Warn,
    /// Refused.
    Deny,
}

impl Action {
    /// Every action, mildest first.
    pub const ALL: [Action; 4] = [Action::Off, Action::Audit, Action::Warn, Action::Deny];

    /// The word used in policies, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Action::Off => "off",
            Action::Audit => "audit",
            Action::Warn => "warn",
            Action::Deny => "deny",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a rule judges, which decides what else holds for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The document, or the credentials of an entry.
    Content,
    /// As `Content`, and it can repair what it finds.
    Fixable(Announcement),
    /// As `Content`, but the finding does not stop a repair.
    Harmless,
    /// The registry key alone. An old key is enough for the ratchet, and the finding does not stop a repair.
    Host,
    /// As `Content`, and a document with such a finding is never patched, whatever the rule's action.
    Unpatchable,
}

/// What is said after a repair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Announcement {
    /// What was done: no closing mark.
    pub(crate) clause: &'static str,
    /// What else there is to know, as a sentence.
    pub(crate) rest: Bilingual<&'static str>,
}

/// The fixed part of a rule.
pub(crate) struct Definition {
    /// The code, as written in policies, records, metrics and messages.
    pub(crate) code: &'static str,
    /// The action if no policy says otherwise.
    pub(crate) action: Action,
    pub(crate) kind: Kind,
    /// What is wrong, in a few words: the heading in the rule reference.
    pub(crate) title: Bilingual<&'static str>,
    /// When exactly the rule applies, for the rule reference.
    pub(crate) applies: Bilingual<&'static str>,
    /// A Secret to which the rule applies. What the reference says about consumers is computed for it.
    pub(crate) example: Example,
}

/// A Secret to which a rule applies. All of it is made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Example {
    /// The Secret's type.
    pub secret_type: SecretType,
    /// The document.
    pub document: &'static str,
    /// The document before the update, for a rule that judges updates. A person makes the update.
    pub old_document: Option<&'static str>,
    /// The policy file that the rule needs; otherwise the default applies.
    pub policy: Option<&'static str>,
    /// The size of the Secret's data under other keys, in bytes.
    pub other_data_bytes: usize,
    /// What else has the place of the type or of its data key, for a rule that judges these and not the document.
    pub misplaced: Option<Misplaced>,
}

/// What is wrong with the type or the data key of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// The Secret has this type.
    Type(&'static str),
    /// The document is under this data key.
    DataKey(&'static str),
}

impl Example {
    pub(crate) const fn new(document: &'static str) -> Example {
        Example {
            secret_type: SecretType::DockerConfigJson,
            document,
            old_document: None,
            policy: None,
            other_data_bytes: 0,
            misplaced: None,
        }
    }

    /// The name of the Secret's type.
    #[must_use]
    pub const fn type_name(&self) -> &'static str {
        match self.misplaced {
            Some(Misplaced::Type(name)) => name,
            _ => self.secret_type.name(),
        }
    }

    /// The data key under which the document is.
    #[must_use]
    pub const fn data_key(&self) -> &'static str {
        match self.misplaced {
            Some(Misplaced::DataKey(key)) => key,
            _ => self.secret_type.data_key(),
        }
    }

    /// The Secret, if its document is not judged.
    #[must_use]
    pub fn misshapen(&self) -> Option<Misshapen> {
        let is_document = |secret_type: SecretType| secret_type.data_key() == self.data_key();
        match Shape::of(self.type_name(), |secret_type| is_document(secret_type).then_some(())) {
            Shape::PullSecret(..) | Shape::Other => None,
            Shape::WrongType(meant) => Some(Misshapen::WrongType(meant)),
            Shape::MissingDataKey(secret_type) => {
                let mut search = MeantKeySearch::new(secret_type);
                search.consider(self.data_key(), || Some(self.document));
                Some(Misshapen::MissingDataKey { secret_type, meant: search.found(), was_missing: false })
            }
        }
    }
}

/// A rule. Everything about it is in its implementation: what it checks, and what it says. The value is what the text
/// needs to know about one finding; it contains nothing from the document.
pub(crate) trait Check: Sized {
    const DEFINITION: Definition;

    /// Checks the document as a whole.
    fn document<'a>(_document: &DocumentView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        None
    }

    /// Checks one entry.
    fn entry<'a>(_entry: &EntryView<'_, 'a>) -> impl IntoIterator<Item = Found<'a, Self>> {
        None
    }

    /// What a finding says.
    fn message(&self, context: &Context<'_>) -> Message;
}

/// Something that a rule found.
pub(crate) struct Found<'a, R> {
    pub(crate) rule: R,
    /// As in [`Place`].
    pub(crate) offset: usize,
    pub(crate) spot: Spot<'a>,
    /// The change that fixes it.
    pub(crate) edit: Option<Edit>,
}

impl<'a, R> Found<'a, R> {
    pub(crate) const fn new(rule: R, offset: usize, spot: Spot<'a>) -> Self {
        Found { rule, offset, spot, edit: None }
    }

    /// About the document as a whole.
    pub(crate) const fn in_document(rule: R) -> Self {
        Found::new(rule, 0, Spot::Document)
    }

    /// About an entry.
    pub(crate) fn at(entry: &EntryView<'_, 'a>, rule: R) -> Self {
        Found::new(rule, name_offset(entry.member), Spot::Entry(entry.registry.clone()))
    }

    /// About a field of an entry, which may be absent.
    pub(crate) fn at_field(entry: &EntryView<'_, 'a>, field: EntryField, rule: R) -> Self {
        let member = entry.fields.member(field).unwrap_or(entry.member);
        Found::new(rule, name_offset(member), Spot::Field(entry.registry.clone(), field))
    }
}

/// What a text can refer to.
pub(crate) struct Context<'f> {
    pub(crate) place: &'f Place<'f>,
    pub(crate) repairable: bool,
    pub(crate) affected: &'f Affected,
}

/// What a finding says, besides who is affected, which is computed.
pub(crate) struct Message {
    /// What is wrong: no closing mark, in English ASCII and at most 60 characters.
    pub(crate) clause: Words,
    /// Whole sentences about what holds for every such document.
    pub(crate) note: Option<Words>,
    /// The one thing to do, as a sentence.
    pub(crate) remedy: Words,
    /// Whether the text says who is affected.
    pub(crate) says_affected: bool,
}

impl Message {
    pub(crate) fn new(clause: impl Into<Words>, remedy: impl Into<Words>) -> Self {
        Message { clause: clause.into(), note: None, remedy: remedy.into(), says_affected: true }
    }

    /// Adds sentences after who is affected.
    pub(crate) fn note(mut self, note: impl Into<Words>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// With these sentences in the place of who is affected, if there are any.
    pub(crate) fn only_note_if(self, note: Option<impl Into<Words>>) -> Self {
        match note {
            Some(note) => self.only_note(note),
            None => self,
        }
    }

    /// With these sentences in the place of who is affected.
    pub(crate) fn only_note(self, note: impl Into<Words>) -> Self {
        Message { says_affected: false, ..self.note(note) }
    }
}
