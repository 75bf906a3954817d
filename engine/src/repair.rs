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
        Some(Edit { range, text })
    }

    /// Takes line breaks off the end of an `auth` and adds its padding; its letters stay as they are written.
    pub(crate) fn pad_auth(document: &Document<'_>, auth: &Member, missing: usize) -> Option<Edit> {
        let text = document.string(auth)?;
        let start = auth.value().start + 1 + line_break_end(text);
        Some(Edit { range: start..auth.value().end.checked_sub(1)?, text: "=".repeat(missing) })
    }
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

    /// What is put into the place of what, in the order of the document: for whoever edits a text in which the document
    /// stands.
    pub fn edits(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        self.edits.iter().map(|edit| (edit.range.clone(), edit.text.as_str()))
    }

    /// How large something of `before` bytes is afterwards. It can become smaller: line breaks behind an `auth` go.
    #[must_use]
    pub fn size_after(&self, before: usize) -> usize {
        let added: usize = self.edits.iter().map(|edit| edit.text.len()).sum();
        let taken: usize = self.edits.iter().map(|edit| edit.range.len()).sum();
        before.saturating_add(added).saturating_sub(taken)
    }

    /// The repaired document, piece by piece. `document` is the one that was judged.
    pub fn pieces<'r>(&'r self, document: &'r [u8]) -> impl Iterator<Item = &'r [u8]> {
        let mut kept = 0;
        let edited = self.edits.iter().flat_map(move |edit| {
            let before = document.get(kept..edit.range.start).unwrap_or_default();
            kept = edit.range.end;
            [before, edit.text.as_bytes()]
        });
        let end = self.edits.last().map_or(0, |edit| edit.range.end);
        edited.chain([document.get(end..).unwrap_or_default()])
    }

    /// The repaired document. `document` is the one that was judged.
    #[must_use]
    pub fn apply(&self, document: &[u8]) -> Vec<u8> {
        let mut repaired = Vec::with_capacity(self.size_after(document.len()));
        for piece in self.pieces(document) {
            repaired.extend_from_slice(piece);
        }
        repaired
    }
}
