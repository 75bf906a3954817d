//! The document: the value under `.dockerconfigjson` or `.dockercfg`, read once and without loss. The reader keeps
//! byte spans, so that a repair is a text edit, and everything it does not touch stays as it was
//! (docs/architecture.md, "Decisions, and why").
//!
//! Names are found as Go's encoding/json finds them, in any case folding; duplicates are kept, not merged
//! (docs/facts.md, "JSON dialect").

mod fields;
mod json;
mod names;
mod text;

use std::ops::Range;

pub use fields::{EntryField, JsonType, TopField};
pub use json::InvalidJson;
pub(crate) use json::{Member, Span, SyntaxError};
pub(crate) use names::{Repetitions, UnknownNames};
pub(crate) use text::{JsonText, line_break_end};

use crate::secret::SecretType;

/// A document that is JSON.
pub(crate) struct Document<'a> {
    source: &'a str,
    tree: json::Tree,
    secret_type: SecretType,
}

impl<'a> Document<'a> {
    /// Reads a document.
    pub(crate) fn read(bytes: &'a [u8], secret_type: SecretType) -> Result<Self, SyntaxError> {
        let source = json::utf8(bytes)?;
        let tree = json::read(source)?;
        Ok(Document { source, tree, secret_type })
    }

    /// Whether Go's reader, and so the API server, accepts bytes that [`Document::read`] refuses.
    pub(crate) fn is_accepted_by_go(bytes: &[u8]) -> bool {
        json::go_accepts(bytes)
    }

    /// The type of the Secret that holds it.
    pub(crate) fn secret_type(&self) -> SecretType {
        self.secret_type
    }

    /// Whether the document is an object, or null, which counts as an empty one.
    pub(crate) fn is_object(&self) -> bool {
        matches!(self.kind(), JsonType::Object | JsonType::Null)
    }

    /// The type of the document as a value.
    pub(crate) fn kind(&self) -> JsonType {
        self.tree.root
    }

    /// The members at the top; none if the document is not an object.
    pub(crate) fn top(&self) -> &[Member] {
        self.tree.top()
    }

    /// The members of a member that is an object at the top, or of an entry; none if it is not an object.
    pub(crate) fn members(&self, parent: &Member) -> &[Member] {
        self.tree.members(parent)
    }

    /// The name of a member.
    pub(crate) fn name(&self, member: &Member) -> JsonText<'a> {
        JsonText::new(self.slice(member.name()), member.name_escaped)
    }

    /// The value of a member that is a string.
    pub(crate) fn string(&self, member: &Member) -> Option<JsonText<'a>> {
        let inner = || member.value().start + 1..member.value().end - 1;
        (member.kind == JsonType::String).then(|| JsonText::new(self.slice(inner()), member.value_escaped))
    }

    /// The bytes of a member's value as written.
    pub(crate) fn raw_value(&self, member: &Member) -> &'a str {
        self.slice(member.value())
    }

    /// A span that does not fit is a bug. It panics, since credentials would read as absent otherwise, and without the
    /// message of an index, which quotes the text.
    #[expect(clippy::expect_used, reason = "the spans are those of this document")]
    fn slice(&self, span: Range<usize>) -> &'a str {
        self.source.get(span).expect("a span of the document")
    }

    /// Whether the top level has fields, and is not a map of registries.
    pub(crate) fn has_top_fields(&self) -> bool {
        self.secret_type == SecretType::DockerConfigJson
    }

    /// Which known field at the top this is.
    pub(crate) fn top_field(&self, member: &Member) -> Option<TopField> {
        let name = self.name(member);
        let mut known = TopField::ALL.into_iter().filter(|_| self.has_top_fields());
        known.find(|field| name.folds_to(field.name()))
    }

    /// Every member at the top that is this field.
    pub(crate) fn top_fields(&self, field: TopField) -> impl Iterator<Item = &Member> {
        self.top().iter().filter(move |member| self.top_field(member) == Some(field))
    }

    /// The member at the top whose value counts for this field, as for those of [`Document::entry`].
    pub(crate) fn top_value(&self, field: TopField) -> Option<&Member> {
        let has_value = |member: &&Member| member.kind != JsonType::Null;
        self.top_fields(field).filter(has_value).last().or_else(|| self.top_fields(field).last())
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
                Some((value, reported)) => {
                    let is_repeated = value.is_some();
                    if !is_repeated || member.kind != JsonType::Null {
                        *value = Some(member);
                    }
                    is_repeated && !std::mem::replace(reported, true)
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

/// An entry's known fields and the names that it has twice. Of a field that is written more than once, the last value
/// counts, and a later null does not replace an earlier value, as in Go.
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

    /// The field's text; `None` if it is absent, null, empty or not a string.
    pub(crate) fn text(&self, field: EntryField) -> Option<JsonText<'a>> {
        self.document.string(self.member(field)?).filter(|text| !text.is_empty())
    }

    /// Whether the field is neither a string nor null.
    pub(crate) fn wrong_type(&self, field: EntryField) -> bool {
        self.member(field).is_some_and(|member| !matches!(member.kind, JsonType::String | JsonType::Null))
    }
}
