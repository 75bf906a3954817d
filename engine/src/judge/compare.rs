//! What an UPDATE kept, and what it lost.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::{EntryUnderJudgement, Judge, Kept};
use crate::auth::Auth;
use crate::document::{Document, Member};
use crate::finding::{EntryField, Fault, RegistryKey, Spot};
use crate::registry::Key;
use crate::rule::Rule;

/// The entries of the old document.
pub(super) struct OldEntries<'d, 'a> {
    document: &'d Document<'a>,
    /// By key as written, the last of each.
    last: HashMap<Cow<'a, str>, &'d Member>,
    /// Key and bytes of every one.
    exact: HashSet<(Cow<'a, str>, &'a str)>,
}

impl<'d, 'a> OldEntries<'d, 'a> {
    pub(super) fn new(document: &'d Document<'a>) -> Self {
        let keyed = || document.entries().map(|member| (document.name(member).decode(), member));
        OldEntries {
            document,
            last: keyed().collect(),
            exact: keyed().map(|(key, member)| (key, document.raw_value(member))).collect(),
        }
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

    /// Whether somebody could log in with the entry.
    fn is_usable(&self, entry: &Member) -> bool {
        let fields = self.document.entry(entry);
        let holds = |field| fields.text(field).is_some();
        let credentials = match fields.text(EntryField::Auth) {
            Some(auth) => Auth::decode(&auth.decode()).is_ok_and(|auth| {
                auth.halves().is_some_and(|(user, pass)| !user.is_empty() && !pass.is_empty())
            }),
            None => holds(EntryField::Username) && holds(EntryField::Password),
        };
        credentials || holds(EntryField::IdentityToken) || holds(EntryField::RegistryToken)
    }
}

impl<'a> Judge<'_, 'a> {
    /// Registries with usable credentials that a person took out, while others stay.
    pub(super) fn registries_dropped(&mut self, registries: &[RegistryKey<'a>], old: &OldEntries<'_, 'a>) {
        let looked_for = self.request.requester.is_person() && !self.is_off(Rule::RegistriesDropped);
        if !looked_for || registries.is_empty() {
            return;
        }
        let identity = |key: &RegistryKey<'_>| Key::parse(key.as_written()).identity();
        let mut present: HashSet<String> = registries.iter().map(identity).collect();
        for member in old.document.entries().filter(|member| old.is_usable(member)) {
            let key = RegistryKey::new(old.document.name(member).decode());
            if present.insert(identity(&key)) {
                self.found(None, Fault::RegistriesDropped, 0, Spot::Entry(key));
            }
        }
    }

    /// A token or email that an entry had, and lost while it kept its username and password.
    pub(super) fn credentials_stripped(
        &mut self,
        entry: &EntryUnderJudgement<'_, 'a>,
        old: &OldEntries<'_, 'a>,
    ) {
        let fields = &entry.fields;
        let holds = |field| fields.text(field).is_some();
        if fields.wrong_type(EntryField::Auth) || !holds(EntryField::Username) || !holds(EntryField::Password)
        {
            return;
        }
        let Some(old_entry) = old.last.get(entry.key.as_written()) else { return };
        let old_fields = old.document.entry(old_entry);
        for field in [EntryField::IdentityToken, EntryField::RegistryToken, EntryField::Email] {
            if old_fields.text(field).is_some() && fields.text(field).is_none() {
                let spot = Spot::Field(entry.key.clone(), field);
                self.found(Some(entry), Fault::CredentialsStripped, entry.offset(), spot);
            }
        }
    }
}
