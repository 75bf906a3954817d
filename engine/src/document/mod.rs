//! The document: what stands under `.dockerconfigjson` or `.dockercfg`, read once and without loss. The reader keeps
//! byte spans, so that a repair is a text edit and everything it does not touch stays as it was
//! (docs/architecture.md, "Decisions, and why").
//!
//! Names are found as Go's encoding/json finds them, in any case folding; duplicates are kept, not merged
//! (docs/facts.md, "JSON dialect").

mod json;
mod names;
mod text;

use std::ops::Range;

pub(crate) use json::{Fault as JsonFault, Member, Span};
pub(crate) use names::{Repetitions, UnknownNames};
pub(crate) use text::{Text, line_break_end};

use crate::finding::{EntryField, JsonType, TopField};
use crate::secret::SecretType;

/// A document that is JSON.
pub(crate) struct Document<'a> {
    source: &'a str,
    tree: json::Tree,
    secret_type: SecretType,
}

impl<'a> Document<'a> {
    /// Reads a document.
    pub(crate) fn read(bytes: &'a [u8], secret_type: SecretType) -> Result<Self, JsonFault> {
        let source = json::utf8(bytes)?;
        let tree = json::read(source)?;
        Ok(Document { source, tree, secret_type })
    }

    /// The type of the Secret that holds it.
    pub(crate) fn secret_type(&self) -> SecretType {
        self.secret_type
    }

    /// The type of the document as a value.
    pub(crate) fn kind(&self) -> JsonType {
        self.tree.root
    }

    /// The members at the top; none where the document is no object.
    pub(crate) fn top(&self) -> &[Member] {
        self.tree.top()
    }

    /// The members of a member that is an object at the top, or of an entry; none where it is no object.
    pub(crate) fn members(&self, parent: &Member) -> &[Member] {
        self.tree.members(parent)
    }

    /// The name of a member.
    pub(crate) fn name(&self, member: &Member) -> Text<'a> {
        Text::new(self.slice(&member.name()), member.name_escaped)
    }

    /// The value of a member that is a string.
    pub(crate) fn string(&self, member: &Member) -> Option<Text<'a>> {
        let inner = member.value().start + 1..member.value().end.saturating_sub(1);
        (member.kind == JsonType::String).then(|| Text::new(self.slice(&inner), member.value_escaped))
    }

    /// The bytes of a member's value as written.
    pub(crate) fn raw_value(&self, member: &Member) -> &'a str {
        self.slice(&member.value())
    }

    fn slice(&self, span: &Range<usize>) -> &'a str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    /// Which known field at the top this is; a dockercfg has none.
    pub(crate) fn top_field(&self, member: &Member) -> Option<TopField> {
        match self.secret_type {
            SecretType::DockerConfigJson => {
                let name = self.name(member);
                TopField::ALL.into_iter().find(|field| name.folds_to(field.name()))
            }
            SecretType::DockerCfg => None,
        }
    }

    /// Which known field of an entry this is.
    pub(crate) fn entry_field(&self, member: &Member) -> Option<EntryField> {
        let name = self.name(member);
        EntryField::ALL.into_iter().find(|field| name.folds_to(field.name()))
    }

    /// The members of the document that hold entries: every `auths`, as Go merges them; for dockercfg, the document.
    fn entry_lists(&self) -> impl Iterator<Item = &[Member]> {
        let flat = self.secret_type == SecretType::DockerCfg;
        let wrapped = self
            .top()
            .iter()
            .filter(|member| self.top_field(member) == Some(TopField::Auths))
            .map(|auths| self.members(auths));
        flat.then(|| self.top()).into_iter().chain(wrapped)
    }

    /// Every registry as written, in the order of the document: each member is a registry key and its entry.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &Member> {
        self.entry_lists().flatten()
    }

    /// An entry's fields.
    pub(crate) fn entry(&self, entry: &Member) -> Entry<'_, 'a> {
        let mut fields = [None; EntryField::ALL.len()];
        let mut reported = [false; EntryField::ALL.len()];
        let mut repeated = Vec::new();
        let mut unknown = UnknownNames::default();
        for member in self.members(entry) {
            let known = self.entry_field(member);
            let slot = known
                .map(|field| field as usize)
                .and_then(|at| Some((fields.get_mut(at)?, reported.get_mut(at)?)));
            let again = match slot {
                Some((last, reported)) => {
                    last.replace(member).is_some() && !std::mem::replace(reported, true)
                }
                None => unknown.is_first_repetition(self.name(member).decode()),
            };
            if again {
                repeated.push(RepeatedField { known, member });
            }
        }
        Entry { document: self, fields, repeated }
    }
}

/// An entry's known fields, the last of each, and what it holds twice.
pub(crate) struct Entry<'d, 'a> {
    document: &'d Document<'a>,
    fields: [Option<&'d Member>; EntryField::ALL.len()],
    /// Each known field that occurs again, at its second occurrence and in any case; of the other names only the first
    /// that occurs again.
    pub(crate) repeated: Vec<RepeatedField<'d>>,
}

/// A field whose name occurred before.
pub(crate) struct RepeatedField<'d> {
    /// Which one, where the name is known.
    pub(crate) known: Option<EntryField>,
    pub(crate) member: &'d Member,
}

impl<'d, 'a> Entry<'d, 'a> {
    /// The member that holds the field.
    pub(crate) fn member(&self, field: EntryField) -> Option<&'d Member> {
        self.fields.get(field as usize).copied().flatten()
    }

    /// The field's text; `None` where it is absent, null, empty or no string.
    pub(crate) fn text(&self, field: EntryField) -> Option<Text<'a>> {
        self.document.string(self.member(field)?).filter(|text| !text.is_empty())
    }

    /// Whether the field holds neither a string nor null.
    pub(crate) fn wrong_type(&self, field: EntryField) -> bool {
        self.member(field).is_some_and(|member| !matches!(member.kind, JsonType::String | JsonType::Null))
    }
}
