//! What the reader keeps: the members of the first levels.

use std::ops::Range;

use super::super::fields::JsonType;

/// How deep members are kept: the top, the registries, the fields of an entry.
pub(super) const KEPT_LEVELS: usize = 3;

/// A member of an object. There can be 100 000 in a document, so it is kept small.
pub(crate) struct Member {
    pub(super) name: Span,
    pub(super) value: Span,
    /// Its own members: which of those of the next level.
    pub(super) children: Span,
    pub(super) level: u8,
    pub(crate) name_escaped: bool,
    pub(crate) value_escaped: bool,
    pub(crate) kind: JsonType,
}

impl Member {
    /// The name without its quotation marks.
    pub(crate) fn name(&self) -> Range<usize> {
        self.name.range()
    }

    /// The value, quotation marks included.
    pub(crate) fn value(&self) -> Range<usize> {
        self.value.range()
    }
}

/// A range of a document, of which [`read`](super::read) takes none that is larger than this can hold.
#[derive(Clone, Copy, Default)]
pub(crate) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(crate) fn new(range: Range<usize>) -> Self {
        // `read` takes no document with more bytes, and no document has more members than bytes.
        let narrow = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { start: narrow(range.start), end: narrow(range.end) }
    }

    pub(crate) fn range(self) -> Range<usize> {
        let wide = |at| usize::try_from(at).unwrap_or(usize::MAX);
        wide(self.start)..wide(self.end)
    }
}

/// The members of the first levels, those of one object next to each other.
pub(crate) struct Tree {
    pub(crate) root: JsonType,
    pub(super) levels: [Vec<Member>; KEPT_LEVELS],
}

impl Tree {
    pub(crate) fn top(&self) -> &[Member] {
        let [top, ..] = &self.levels;
        top
    }

    pub(crate) fn members(&self, parent: &Member) -> &[Member] {
        let next = self.levels.get(usize::from(parent.level) + 1);
        next.and_then(|members| members.get(parent.children.range())).unwrap_or_default()
    }
}
