//! The repair: a text edit that puts the missing `auth`, or its missing padding, into a document and leaves every
//! other byte alone. The same input gives the same output, and a repaired document is not repaired again:
//! writers that compare bytes must come to rest (docs/facts.md, "No-op writes").

use std::ops::Range;

use crate::auth;
use crate::document::{Document, Member, Text, line_break_end};

/// What a repair would change in a document. It holds credentials: there is no `Debug`.
pub struct Repair {
    edits: Vec<Edit>,
}

/// One place to change.
pub(crate) struct Edit {
    range: Range<usize>,
    text: String,
    /// The entry that it is in, its key included.
    entry: Range<usize>,
}

impl Edit {
    /// Puts the pair's `auth` in: into the place of the null or `empty` one that there is, else behind the entry's last member.
    pub(crate) fn add_auth(
        document: &Document<'_>,
        entry: &Member,
        empty: Option<&Member>,
        username: Text<'_>,
        password: Text<'_>,
    ) -> Option<Edit> {
        let (range, begin) = if let Some(empty) = empty {
            (empty.value(), "\"")
        } else {
            let end = document.members(entry).last()?.value().end;
            (end..end, ",\"auth\":\"")
        };
        let (username, password) = (username.decode(), password.decode());
        let mut text = String::with_capacity(begin.len() + (username.len() + password.len()) * 4 / 3 + 8);
        text.push_str(begin);
        auth::encode(&username, &password, &mut text);
        text.push('"');
        Some(Edit { range, text, entry: span(entry) })
    }

    /// Takes line breaks off the end of an `auth` and adds its padding; its letters stay as they are written.
    pub(crate) fn pad_auth(
        document: &Document<'_>,
        entry: &Member,
        auth: &Member,
        missing: usize,
    ) -> Option<Edit> {
        let text = document.string(auth)?;
        let start = auth.value().start + 1 + line_break_end(text);
        let range = start..auth.value().end.checked_sub(1)?;
        Some(Edit { range, text: "=".repeat(missing), entry: span(entry) })
    }
}

/// Where a member stands: from the quotation mark of its name to the end of its value.
fn span(member: &Member) -> Range<usize> {
    member.name().start.saturating_sub(1)..member.value().end
}

impl Repair {
    /// `edits` in the order of the document.
    pub(crate) const fn new(edits: Vec<Edit>) -> Self {
        Repair { edits }
    }

    /// How many entries are repaired.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.edits.len()
    }

    /// Leaves out of the repair the entries for which this is so, and says where they are: from the quotation mark of their
    /// key to their end. `None` where nothing is left of the repair.
    #[must_use]
    pub fn without(
        mut self,
        mut is_left_out: impl FnMut(Range<usize>) -> bool,
    ) -> (Option<Self>, Vec<Range<usize>>) {
        let mut left_out = Vec::new();
        self.edits.retain(|edit| {
            let is_left_out = is_left_out(edit.entry.clone());
            left_out.extend(is_left_out.then(|| edit.entry.clone()));
            !is_left_out
        });
        ((!self.edits.is_empty()).then_some(self), left_out)
    }

    /// What is put into the place of what, in the order of the document: for whoever edits a text in which the document
    /// stands.
    pub fn edits(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        self.edits.iter().map(|edit| (edit.range.clone(), edit.text.as_str()))
    }

    /// How large something of `before` bytes is afterwards. It can become smaller: line breaks behind an `auth` go.
    pub(crate) fn size_after(&self, before: usize) -> usize {
        let added: usize = self.edits.iter().map(|edit| edit.text.len()).sum();
        let taken: usize = self.edits.iter().map(|edit| edit.range.len()).sum();
        before.saturating_add(added).saturating_sub(taken)
    }

    /// The repaired document. `document` is the one that was judged.
    #[must_use]
    pub fn apply(&self, document: &[u8]) -> Vec<u8> {
        let mut repaired = Vec::with_capacity(self.size_after(document.len()));
        let mut kept = 0;
        for edit in &self.edits {
            repaired.extend_from_slice(document.get(kept..edit.range.start).unwrap_or_default());
            repaired.extend_from_slice(edit.text.as_bytes());
            kept = edit.range.end;
        }
        repaired.extend_from_slice(document.get(kept..).unwrap_or_default());
        repaired
    }
}
