//! Where an entry is in a document, and how much of it is new.

use crate::document::Member;
use crate::registry::RegistryKey;

/// An entry and its key, of which the escapes are resolved once.
pub(crate) struct EntryRef<'v, 'a> {
    pub(crate) member: &'v Member,
    pub(crate) key: RegistryKey<'a>,
    /// The number among all entries of the document.
    pub(crate) index: u32,
    pub(crate) kept: Kept,
}

/// How much of an entry the old document had.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// Nothing.
    Nothing,
    /// Its key.
    Key,
    /// Its key and its bytes.
    KeyAndBytes,
}

impl EntryRef<'_, '_> {
    /// Where the entry begins: the quotation mark of its key.
    pub(crate) fn offset(&self) -> usize {
        name_offset(self.member)
    }
}

/// Where a member begins: the quotation mark of its name.
pub(crate) fn name_offset(member: &Member) -> usize {
    member.name().start - 1
}
