//! What an UPDATE kept, and what it lost.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{EntryUnderJudgement, Judge, Kept};
use crate::auth::Auth;
use crate::document::{Document, Entry};
use crate::finding::{EntryField, Fault, RegistryKey, Spot};
use crate::registry::Key;
use crate::rule::Rule;

/// What an entry can lose while it keeps its username and password.
const STRIPPED: [EntryField; 3] = [EntryField::IdentityToken, EntryField::RegistryToken, EntryField::Email];

/// The entries of the old document. Each is looked into once, however often the new document repeats its key.
pub(super) struct OldEntries<'a> {
    /// In the order of the document.
    entries: Vec<OldEntry<'a>>,
    /// By key as written: which of `entries`, the last of each key.
    last: HashMap<Cow<'a, str>, usize>,
    /// Key and bytes of every one.
    exact: HashSet<(Cow<'a, str>, &'a str)>,
}

struct OldEntry<'a> {
    key: RegistryKey<'a>,
    /// Somebody could log in with it.
    usable: bool,
    /// Which of [`STRIPPED`] it holds.
    held: [bool; STRIPPED.len()],
}

impl<'a> OldEntries<'a> {
    pub(super) fn new(document: &Document<'a>) -> Self {
        let mut old = OldEntries { entries: Vec::new(), last: HashMap::new(), exact: HashSet::new() };
        for member in document.entries() {
            let key = document.name(member).decode();
            let fields = document.entry(member);
            old.exact.insert((key.clone(), document.raw_value(member)));
            old.last.insert(key.clone(), old.entries.len());
            old.entries.push(OldEntry {
                key: RegistryKey::new(key),
                usable: is_usable(&fields),
                held: STRIPPED.map(|field| fields.text(field).is_some()),
            });
        }
        old
    }

    pub(super) fn kept(&self, key: &RegistryKey<'a>, bytes: &'a str) -> Kept {
        let name = Cow::Borrowed(key.as_written());
        if self.exact.contains(&(name.clone(), bytes)) {
            Kept::KeyAndBytes
        } else if self.last.contains_key(&name) {
            Kept::Key
        } else {
            Kept::Nothing
        }
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
    pub(super) fn registries_dropped(&mut self, registries: &[RegistryKey<'a>], old: &OldEntries<'a>) {
        let looked_for = self.request.requester.is_person() && !self.is_off(Rule::RegistriesDropped);
        if !looked_for {
            return;
        }
        let identity = |key: &RegistryKey<'_>| Key::parse(key.as_written()).identity();
        let mut present: HashSet<String> = registries.iter().map(identity).collect();
        for entry in old.entries.iter().filter(|entry| entry.usable) {
            if present.insert(identity(&entry.key)) {
                self.found(None, Fault::RegistriesDropped, 0, Spot::Entry(entry.key.clone()));
            }
        }
    }

    /// A token or email that an entry had, and lost while it kept its username and password.
    pub(super) fn credentials_stripped(&mut self, entry: &EntryUnderJudgement<'_, 'a>, old: &OldEntries<'a>) {
        if entry.kept == Kept::KeyAndBytes {
            return;
        }
        let fields = &entry.fields;
        let holds = |field| fields.text(field).is_some();
        if fields.wrong_type(EntryField::Auth) || !holds(EntryField::Username) || !holds(EntryField::Password)
        {
            return;
        }
        let last = old.last.get(entry.key.as_written());
        let Some(old_entry) = last.and_then(|&at| old.entries.get(at)) else { return };
        for (field, held) in STRIPPED.into_iter().zip(old_entry.held) {
            if held && fields.text(field).is_none() {
                let spot = Spot::Field(entry.key.clone(), field);
                self.found(Some(entry), Fault::CredentialsStripped, entry.offset(), spot);
            }
        }
    }
}
