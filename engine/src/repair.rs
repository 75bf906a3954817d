//! The repair: a text edit that puts the missing `auth`, or its missing padding, into a document and leaves every
//! other byte alone. The same input gives the same output, and a repaired document is not repaired again:
//! writers that compare bytes must come to rest (docs/facts.md, "No-op writes").

use std::ops::Range;

use crate::auth;
use crate::document::{Document, Member, Span, Text, line_break_end};

/// What a repair would change in a document. It holds credentials: there is no `Debug`.
#[derive(Default)]
pub struct Repair {
    /// In the order of the document.
    edits: Vec<Edit>,
    /// What all edits put in, one after the other.
    text: Vec<u8>,
    /// Room for the pair that is encoded.
    pair: Vec<u8>,
}

/// What a usual edit puts in, in bytes.
const USUAL: usize = 48;

/// One place to change: what stands in `range` gives way to a part of [`Repair::text`]. There can be thousands, so it is
/// kept small.
struct Edit {
    /// The entry that it is in, its key included.
    entry: Span,
    range: Span,
    text: Span,
}

impl Repair {
    /// Puts the pair's `auth` in: into the place of the null or `empty` one that there is, else behind the entry's last
    /// member. `None` where there is no such place.
    pub(crate) fn add_auth(
        &mut self,
        document: &Document<'_>,
        entry: &Member,
        empty: Option<&Member>,
        username: Text<'_>,
        password: Text<'_>,
    ) -> Option<()> {
        let (range, begin) = if let Some(empty) = empty {
            (empty.value(), &b"\""[..])
        } else {
            let end = document.members(entry).last()?.value().end;
            (end..end, &b",\"auth\":\""[..])
        };
        let (username, password) = (username.decode(), password.decode());
        self.pair.clear();
        self.pair.reserve(username.len() + 1 + password.len());
        for part in [&*username, ":", &*password] {
            self.pair.extend_from_slice(part.as_bytes());
        }
        let start = self.text.len();
        self.text.extend_from_slice(begin);
        auth::encode(&self.pair, &mut self.text);
        self.text.push(b'"');
        self.edit(entry, range, start);
        Some(())
    }

    /// Takes line breaks off the end of an `auth` and adds its padding; its letters stay as they are written. `None` where it is no
    /// string.
    pub(crate) fn pad_auth(
        &mut self,
        document: &Document<'_>,
        entry: &Member,
        auth: &Member,
        missing: usize,
    ) -> Option<()> {
        let text = document.string(auth)?;
        let start = auth.value().start + 1 + line_break_end(text);
        let range = start..auth.value().end.checked_sub(1)?;
        let start = self.text.len();
        self.text.resize(start + missing, b'=');
        self.edit(entry, range, start);
        Some(())
    }

    /// Puts in what stands behind `start` in the text of all edits.
    fn edit(&mut self, entry: &Member, range: Range<usize>, start: usize) {
        let (entry, text) = (entry.name().start.saturating_sub(1)..entry.value().end, start..self.text.len());
        self.edits.push(Edit { entry: Span::new(entry), range: Span::new(range), text: Span::new(text) });
    }

    /// Makes room for so many edits.
    pub(crate) fn reserve(&mut self, entries: usize) {
        self.edits.reserve(entries);
        self.text.reserve(entries * USUAL);
    }

    /// Takes back all but the first edits.
    pub(crate) fn truncate(&mut self, entries: usize) {
        self.edits.truncate(entries);
        self.text.truncate(self.edits.last().map_or(0, |edit| edit.text.range().end));
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
            let is_left_out = is_left_out(edit.entry.range());
            left_out.extend(is_left_out.then(|| edit.entry.range()));
            !is_left_out
        });
        ((!self.edits.is_empty()).then_some(self), left_out)
    }

    /// What is put into the place of what, in the order of the document: for whoever edits a text in which the document
    /// stands.
    pub fn edits(&self) -> impl Iterator<Item = (Range<usize>, &str)> {
        // It is JSON and base64.
        let text = |edit: &Edit| std::str::from_utf8(self.put_in(edit)).unwrap_or_default();
        self.edits.iter().map(move |edit| (edit.range.range(), text(edit)))
    }

    fn put_in(&self, edit: &Edit) -> &[u8] {
        self.text.get(edit.text.range()).unwrap_or_default()
    }

    /// How large something of `before` bytes is afterwards. It can become smaller: line breaks behind an `auth` go.
    #[must_use]
    pub fn size_after(&self, before: usize) -> usize {
        let size_of = |span: fn(&Edit) -> Span| -> usize {
            self.edits.iter().map(|edit| span(edit).range().len()).sum()
        };
        before.saturating_add(size_of(|edit| edit.text)).saturating_sub(size_of(|edit| edit.range))
    }

    /// The repaired document, piece by piece. `document` is the one that was judged.
    pub fn pieces<'r>(&'r self, document: &'r [u8]) -> impl Iterator<Item = &'r [u8]> {
        let mut kept = 0;
        let edited = self.edits.iter().flat_map(move |edit| {
            let range = edit.range.range();
            let before = document.get(kept..range.start).unwrap_or_default();
            kept = range.end;
            [before, self.put_in(edit)]
        });
        let end = self.edits.last().map_or(0, |edit| edit.range.range().end);
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
