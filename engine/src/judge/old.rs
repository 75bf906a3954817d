//! What an UPDATE kept, and what it lost.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use crate::document::{Document, Member};
use crate::registry::RegistryKey;
use crate::rules::{Kept, STRIPPED, is_usable};

/// The entries of the old document. The fields of each are read at most once, however often the new document repeats its
/// key, and not at all if the new one has the entry as it was.
pub(super) struct OldEntries<'d, 'a> {
    document: &'d Document<'a>,
    /// In the order of the document.
    entries: Vec<OldEntry<'d>>,
    /// By key as written: the index of the last entry of each key.
    last: HashMap<Cow<'a, str>, usize>,
    /// Key and bytes of the entries that are not the last of their key.
    others: HashSet<(Cow<'a, str>, &'a str)>,
}

struct OldEntry<'d> {
    member: &'d Member,
    /// The new document has its key.
    found: bool,
    /// Which of [`STRIPPED`] it has.
    held: OnceCell<[bool; STRIPPED.len()]>,
}

impl<'d, 'a> OldEntries<'d, 'a> {
    pub(super) fn new(document: &'d Document<'a>) -> Self {
        let entry = |member| OldEntry { member, found: false, held: OnceCell::new() };
        let entries: Vec<_> = document.entries().map(entry).collect();
        let mut last: HashMap<_, usize> = HashMap::with_capacity(entries.len());
        let mut others = HashSet::new();
        for (at, entry) in entries.iter().enumerate() {
            let key = document.name(entry.member).decode();
            if let Some(earlier) = last.insert(key.clone(), at).and_then(|earlier| entries.get(earlier)) {
                others.insert((key, document.raw_value(earlier.member)));
            }
        }
        OldEntries { document, entries, last, others }
    }

    /// How much there was of an entry of the new document.
    pub(super) fn keep(&mut self, key: &RegistryKey<'a>, bytes: &'a str) -> Kept {
        let last = self.last.get(key.as_written()).and_then(|&at| self.entries.get_mut(at));
        let Some(last) = last else { return Kept::Nothing };
        last.found = true;
        let name = Cow::Borrowed(key.as_written());
        if self.document.raw_value(last.member) == bytes || self.others.contains(&(name, bytes)) {
            Kept::KeyAndBytes
        } else {
            Kept::Key
        }
    }

    /// Which of [`STRIPPED`] the last entry of this key has.
    pub(super) fn held(&self, key: &RegistryKey<'a>) -> [bool; STRIPPED.len()] {
        let entry = self.last.get(key.as_written()).and_then(|&at| self.entries.get(at));
        entry.map_or([false; STRIPPED.len()], |entry| {
            *entry.held.get_or_init(|| {
                let fields = self.document.entry(entry.member);
                STRIPPED.map(|field| fields.text(field).is_some())
            })
        })
    }

    /// The keys of the entries with usable credentials whose key the new document does not have.
    pub(super) fn lost(&self) -> Vec<RegistryKey<'a>> {
        self.entries
            .iter()
            .filter(|entry| !entry.found && is_usable(&self.document.entry(entry.member)))
            .map(|entry| RegistryKey::new(self.document.name(entry.member).decode()))
            .collect()
    }
}
