//! What an UPDATE kept, and what it lost.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

use super::{EntryUnderJudgement, Judge, Kept};
use crate::auth::Auth;
use crate::document::{Document, Entry, Member};
use crate::finding::{EntryField, Fault, RegistryKey, Spot};
use crate::registry::Key;
use crate::rule::Rule;

/// What an entry can lose while it keeps its username and password.
const STRIPPED: [EntryField; 3] = [EntryField::IdentityToken, EntryField::RegistryToken, EntryField::Email];

/// The entries of the old document. Each is looked into at most once, however often the new document repeats its key, and
/// not at all where the new one has it as it was: most of what an UPDATE holds.
pub(super) struct OldEntries<'d, 'a> {
    document: &'d Document<'a>,
    /// In the order of the document.
    entries: Vec<OldEntry<'d>>,
    /// By key as written: which of `entries`, the last of each key.
    last: HashMap<Cow<'a, str>, usize>,
    /// Key and bytes of those that are not the last of their key.
    others: HashSet<(Cow<'a, str>, &'a str)>,
}

struct OldEntry<'d> {
    member: &'d Member,
    /// The new document has its key.
    found: bool,
    /// Which of [`STRIPPED`] it holds.
    held: OnceCell<[bool; STRIPPED.len()]>,
}

impl<'d, 'a> OldEntries<'d, 'a> {
    pub(super) fn new(document: &'d Document<'a>) -> Self {
        let entries: Vec<_> = document
            .entries()
            .map(|member| OldEntry { member, found: false, held: OnceCell::new() })
            .collect();
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

    /// Which of [`STRIPPED`] the last entry of this key holds.
    fn held(&self, key: &RegistryKey<'a>) -> Option<[bool; STRIPPED.len()]> {
        let entry = self.last.get(key.as_written()).and_then(|&at| self.entries.get(at))?;
        Some(*entry.held.get_or_init(|| {
            let fields = self.document.entry(entry.member);
            STRIPPED.map(|field| fields.text(field).is_some())
        }))
    }

    /// The keys of the entries with usable credentials whose key the new document does not have.
    fn lost(&self) -> impl Iterator<Item = RegistryKey<'a>> {
        self.entries
            .iter()
            .filter(|entry| !entry.found && is_usable(&self.document.entry(entry.member)))
            .map(|entry| RegistryKey::new(self.document.name(entry.member).decode()))
    }
}

/// Whether somebody could log in with the entry.
fn is_usable(fields: &Entry<'_, '_>) -> bool {
    let holds = |field| fields.text(field).is_some();
    let credentials = match fields.text(EntryField::Auth) {
        Some(auth) => Auth::decode(&auth.decode())
            .is_ok_and(|auth| auth.halves().is_some_and(|(user, pass)| !user.is_empty() && !pass.is_empty())),
        None => {
            !fields.wrong_type(EntryField::Auth) && holds(EntryField::Username) && holds(EntryField::Password)
        }
    };
    credentials || holds(EntryField::IdentityToken) || holds(EntryField::RegistryToken)
}

impl<'a> Judge<'_, 'a> {
    /// Registries with usable credentials that a person took out of a document that still holds an entry.
    pub(super) fn registries_dropped(
        &mut self,
        present: impl Iterator<Item = RegistryKey<'a>>,
        old: &OldEntries<'_, 'a>,
    ) {
        let looked_for = self.request.requester.is_person() && !self.is_off(Rule::RegistriesDropped);
        if !looked_for {
            return;
        }
        let mut lost = old.lost().peekable();
        if lost.peek().is_none() {
            return;
        }
        let identity = |key: &RegistryKey<'_>| Key::parse(key.as_written()).identity();
        let mut present: HashSet<String> = present.map(|key| identity(&key)).collect();
        for key in lost {
            if present.insert(identity(&key)) {
                self.found(Kept::Nothing, Fault::RegistriesDropped, 0, Spot::Entry(key));
            }
        }
    }

    /// A token or email that an entry had, and lost while it kept its username and password.
    pub(super) fn credentials_stripped(
        &mut self,
        entry: &EntryUnderJudgement<'_, 'a>,
        old: &OldEntries<'_, 'a>,
    ) {
        if entry.kept == Kept::KeyAndBytes {
            return;
        }
        let fields = &entry.fields;
        let holds = |field| fields.text(field).is_some();
        if fields.wrong_type(EntryField::Auth) || !holds(EntryField::Username) || !holds(EntryField::Password)
        {
            return;
        }
        let Some(held) = old.held(&entry.key) else { return };
        for (field, held) in STRIPPED.into_iter().zip(held) {
            if held && fields.text(field).is_none() {
                let spot = Spot::Field(entry.key.clone(), field);
                self.found(entry.kept, Fault::CredentialsStripped, entry.offset(), spot);
            }
        }
    }
}
