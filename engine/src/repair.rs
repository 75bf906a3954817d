//! The repair: a text edit that adds the missing `auth`, or its missing padding, to a document and leaves every
//! other byte alone. The same input gives the same output, and a repaired document is not repaired again:
//! writers that compare bytes must come to rest (docs/facts.md, "No-op writes").

use std::ops::Range;

use crate::auth;
use crate::document::{Document, Member, Span, line_break_end};

/// One change to a document: `text` takes the place of `range`. It contains credentials: there is no `Debug`.
pub(crate) struct Edit {
    /// The entry that it is in, from the quotation mark of its key.
    entry: Span,
    range: Span,
    text: Box<str>,
}

impl Edit {
    /// Adds the `auth` of a pair: in place of the null or empty one if there is one, else after the entry's last
    /// member. `None` if the entry has no member.
    pub(crate) fn add_auth(
        document: &Document<'_>,
        entry: &Member,
        empty: Option<&Member>,
        username: &str,
        password: &str,
    ) -> Option<Self> {
        let (range, before) = if let Some(empty) = empty {
            (empty.value(), "\"")
        } else {
            let end = document.members(entry).last()?.value().end;
            (end..end, ",\"auth\":\"")
        };
        Some(Edit::new(entry, range, auth::encode_between(before, &[username, ":", password].concat(), "\"")))
    }

    /// Removes line breaks from the end of an `auth` and adds `=`; its letters stay as they are written.
    pub(crate) fn pad_auth(
        document: &Document<'_>,
        entry: &Member,
        auth: &Member,
        missing: usize,
    ) -> Option<Self> {
        let letters = line_break_end(document.string(auth)?);
        let value = auth.value();
        Some(Edit::new(entry, value.start + 1 + letters..value.end - 1, "=".repeat(missing)))
    }

    fn new(entry: &Member, range: Range<usize>, text: String) -> Self {
        let entry = entry.name().start - 1..entry.value().end;
        Edit { entry: Span::new(entry), range: Span::new(range), text: text.into_boxed_str() }
    }
}

/// What a repair would change in a document. It contains credentials: there is no `Debug`.
pub struct Repair {
    /// In the order of the document; there is at least one.
    edits: Vec<Edit>,
}

impl Repair {
    /// A repair of these changes; `None` if there are none.
    pub(crate) fn new(mut edits: Vec<Edit>) -> Option<Self> {
        edits.sort_unstable_by_key(|edit| edit.range.range().start);
        (!edits.is_empty()).then_some(Repair { edits })
    }

    /// How many entries are repaired.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.edits.len()
    }

    /// Leaves some entries out of the repair, and returns where those are: from the quotation mark of their key to
    /// their end. The repair is `None` if nothing is left of it.
    #[must_use]
    pub fn without(
        self,
        mut is_left_out: impl FnMut(Range<usize>) -> bool,
    ) -> (Option<Self>, Vec<Range<usize>>) {
        let (left_out, edits): (Vec<_>, Vec<_>) =
            self.edits.into_iter().partition(|edit| is_left_out(edit.entry.range()));
        (Repair::new(edits), left_out.into_iter().map(|edit| edit.entry.range()).collect())
    }

    /// Each range that is replaced, and what by, in the order of the document: for callers that edit a text which
    /// contains the document.
    pub fn edits(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        self.edits.iter().map(|edit| (edit.range.range(), &*edit.text))
    }

    /// The size afterwards of something of `before` bytes. It can become smaller: line breaks after an `auth` are
    /// removed.
    #[must_use]
    pub fn size_after(&self, before: usize) -> usize {
        size_after(before, &self.edits)
    }

    /// The repaired document, piece by piece. `document` is the one that was judged.
    pub fn pieces<'r>(&'r self, document: &'r [u8]) -> impl Iterator<Item = &'r [u8]> {
        let mut kept = 0;
        let edited = self.edits.iter().flat_map(move |edit| {
            let Range { start, end } = edit.range.range();
            let before = slice(document, kept..start);
            kept = end;
            [before, edit.text.as_bytes()]
        });
        let end = self.edits.last().map_or(0, |edit| edit.range.range().end);
        edited.chain([slice(document, end..document.len())])
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

/// The size afterwards of something of `before` bytes.
pub(crate) fn size_after<'e>(before: usize, edits: impl IntoIterator<Item = &'e Edit>) -> usize {
    edits.into_iter().fold(before, |size, edit| size + edit.text.len() - edit.range.range().len())
}

#[expect(
    clippy::indexing_slicing,
    reason = "a span that does not fit is a bug, and a panic is safer than a document that lacks a part"
)]
fn slice(document: &[u8], range: Range<usize>) -> &[u8] {
    &document[range]
}
