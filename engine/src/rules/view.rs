//! What the rules look at: a document and its entries, with what several rules need worked out once.

use std::cell::OnceCell;

use jiff::Timestamp;

use crate::auth::Auth;
use crate::consumers::is_never_found;
use crate::document::{Document, Entry, EntryField, Member};
use crate::registry::{HostList, Key, KeyFault, RegistryKey};

use super::collisions::Collisions;
use super::credentials::{AuthField, Credentials, is_usable};
use super::entry_ref::EntryRef;
use super::placeholder::{is_placeholder, is_unfilled_key};

/// A document that is judged.
pub(crate) struct DocumentView<'v, 'a> {
    pub(crate) document: &'v Document<'a>,
    /// The entries that are judged, in the order of the document.
    pub(crate) entries: &'v [EntryRef<'v, 'a>],
    /// The registries with usable credentials of the old document whose key is gone; only for an update by a person's
    /// account.
    pub(crate) lost: &'v [RegistryKey<'a>],
}

/// The operator's lists of registries.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'v> {
    pub(crate) allowed: Option<&'v HostList>,
    pub(crate) denied: &'v HostList,
}

/// What is the same for all entries of a document.
pub(crate) struct Shared<'v, 'a> {
    pub(crate) entries: &'v [EntryRef<'v, 'a>],
    pub(crate) lists: Lists<'v>,
    /// The credentials under the usual key of Docker Hub.
    pub(crate) docker_hub: Option<Credentials<'a>>,
    /// The time, to the second.
    pub(crate) now: Timestamp,
    /// Which entries name a registry that an earlier one names.
    pub(crate) collisions: Collisions,
    /// Whether an entry is usable; worked out when it is first asked.
    pub(crate) has_usable: OnceCell<bool>,
}

impl Shared<'_, '_> {
    /// Whether a consumer could log in with the credentials of an entry.
    pub(crate) fn has_usable_entry(&self, document: &Document<'_>) -> bool {
        let is_usable = |entry: &EntryRef<'_, '_>| is_usable(&document.entry(entry.member));
        *self.has_usable.get_or_init(|| self.entries.iter().any(is_usable))
    }
}

/// What an entry can lose in an update while it keeps its username and password.
pub(crate) const STRIPPED: [EntryField; 3] =
    [EntryField::IdentityToken, EntryField::RegistryToken, EntryField::Email];

/// Fields that people write for credentials, and no consumer reads.
const MISNAMED_FIELDS: [&str; 9] =
    ["token", "user", "pass", "passwd", "login", "secret", "identity_token", "access_token", "refresh_token"];

/// The key of an entry.
struct JudgedKey<'v> {
    parsed: Key<'v>,
    is_unfilled: bool,
    fault: Option<KeyFault>,
}

/// An entry that is judged: an object or null.
pub(crate) struct EntryView<'v, 'a> {
    pub(crate) document: &'v Document<'a>,
    pub(crate) member: &'v Member,
    pub(crate) registry: &'v RegistryKey<'a>,
    /// Worked out when it is first asked for.
    key: OnceCell<JudgedKey<'v>>,
    /// Whether the kubelet finds the key for no ordinary image; worked out when it is first asked.
    never_found: OnceCell<bool>,
    pub(crate) fields: Entry<'v, 'a>,
    /// `None` if the username, the password or `auth` is neither a string nor null.
    pub(crate) credentials: Option<Credentials<'a>>,
    /// Which of [`STRIPPED`] the old entry under the same key had, if this entry differs from it.
    pub(crate) held: [bool; STRIPPED.len()],
    /// The number among all entries of the document.
    pub(crate) index: u32,
    pub(crate) shared: &'v Shared<'v, 'a>,
}

impl<'v, 'a> EntryView<'v, 'a> {
    pub(crate) fn new(
        document: &'v Document<'a>,
        EntryRef { member, key: registry, index, .. }: &'v EntryRef<'v, 'a>,
        held: [bool; STRIPPED.len()],
        shared: &'v Shared<'v, 'a>,
    ) -> Self {
        let fields = document.entry(member);
        EntryView {
            never_found: OnceCell::new(),
            credentials: Credentials::read(&fields),
            document,
            member,
            registry,
            key: OnceCell::new(),
            fields,
            held,
            index: *index,
            shared,
        }
    }

    fn judged_key(&self) -> &JudgedKey<'v> {
        self.key.get_or_init(|| {
            let parsed = Key::parse(self.registry.as_written());
            let is_unfilled = !parsed.is_plain() && is_unfilled_key(self.registry.as_written());
            let fault = if parsed.is_plain() || is_unfilled { None } else { parsed.fault() };
            JudgedKey { parsed, is_unfilled, fault }
        })
    }

    /// The key in its parts.
    pub(crate) fn key(&self) -> &Key<'v> {
        &self.judged_key().parsed
    }

    /// Whether a template left something unfilled in the key.
    pub(crate) fn is_key_unfilled(&self) -> bool {
        self.judged_key().is_unfilled
    }

    /// Why the key names no registry; not checked if it is unfilled.
    pub(crate) fn key_fault(&self) -> Option<KeyFault> {
        self.judged_key().fault
    }

    /// Whether the entry has no credential.
    pub(crate) fn is_empty(&self) -> bool {
        self.credentials.as_ref().is_some_and(|credentials| {
            credentials.lack_auth()
                && credentials.username.is_none()
                && credentials.password.is_none()
                && !credentials.has_token()
        })
    }

    /// Whether the entry has a field that no consumer reads.
    pub(crate) fn has_misnamed_field(&self) -> bool {
        self.document.members(self.member).iter().any(|member| {
            let name = self.document.name(member);
            MISNAMED_FIELDS.into_iter().any(|misnamed| name.folds_to(misnamed))
        })
    }

    /// Whether the key names a registry, and the kubelet finds it for no ordinary image.
    pub(crate) fn is_never_found(&self) -> bool {
        !self.key().is_plain()
            && !self.is_key_unfilled()
            && self.key_fault().is_none()
            && !self.key().is_other_docker_hub()
            && *self.never_found.get_or_init(|| is_never_found(self.registry.as_written()))
    }

    /// The value of `auth`, decoded.
    pub(crate) fn decoded_auth(&self) -> Option<&Auth> {
        match &self.credentials.as_ref()?.auth {
            AuthField::Decoded(auth) => Some(auth),
            AuthField::Missing | AuthField::NotBase64 => None,
        }
    }

    /// Whether the usual key of Docker Hub has the same credentials, and a consumer could log in with them.
    pub(crate) fn is_usable_like_docker_hub(&self) -> bool {
        let credentials = self.credentials.as_ref().filter(|credentials| credentials.is_usable());
        credentials.zip(self.shared.docker_hub.as_ref()).is_some_and(|(one, other)| one.is_same(other))
    }

    /// The pair that the kubelet reads, as text.
    pub(crate) fn read_pair(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref()?.read_texts()
    }

    /// The field from which the kubelet reads this half of its pair.
    pub(crate) fn field_of_half(&self, plain: EntryField) -> EntryField {
        match &self.credentials {
            Some(credentials) if !credentials.lack_auth() => EntryField::Auth,
            _ => plain,
        }
    }

    /// Whether a credential is a placeholder.
    pub(crate) fn has_placeholder(&self) -> bool {
        self.placeholders().next().is_some()
    }

    /// The fields of which the value, or a half of it, is a placeholder.
    pub(crate) fn placeholders(&self) -> impl Iterator<Item = EntryField> + '_ {
        let plain = self.plain_fields().filter(|(_, text)| is_placeholder(text)).map(|(field, _)| field);
        plain.chain(self.auth_is_placeholder().then_some(EntryField::Auth))
    }

    /// Whether a half of decoded `auth` is a placeholder, or the whole of what cannot be decoded.
    pub(crate) fn auth_is_placeholder(&self) -> bool {
        match self.credentials.as_ref().map(|credentials| &credentials.auth) {
            Some(AuthField::Decoded(auth)) => auth
                .text_halves()
                .is_some_and(|(username, password)| is_placeholder(username) || is_placeholder(password)),
            Some(AuthField::NotBase64) => {
                self.fields.text(EntryField::Auth).is_some_and(|auth| is_placeholder(&auth.decode()))
            }
            Some(AuthField::Missing) | None => false,
        }
    }

    /// The plain fields with the text of each that is not empty.
    pub(crate) fn plain_fields(&self) -> impl Iterator<Item = (EntryField, &str)> {
        let plain = self.credentials.iter().flat_map(|credentials| {
            [(EntryField::Username, &credentials.username), (EntryField::Password, &credentials.password)]
        });
        plain.filter_map(|(field, text)| Some((field, text.as_deref()?)))
    }
}
