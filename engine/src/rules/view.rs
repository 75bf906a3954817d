//! What the rules look at: a document and its entries, with what several rules need worked out once.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::hash::BuildHasher;

use jiff::Timestamp;

use crate::auth::{Auth, NotBase64};
use crate::document::{Document, Entry, EntryField, JsonText, Member};
use crate::registry::{HostList, Key, KeyFault, RegistryKey};

use super::collisions::Collisions;
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

impl EntryRef<'_, '_> {
    /// Where the entry begins: the quotation mark of its key.
    pub(crate) fn offset(&self) -> usize {
        name_offset(self.member)
    }
}

/// An entry that is judged: an object or null.
pub(crate) struct EntryView<'v, 'a> {
    pub(crate) document: &'v Document<'a>,
    pub(crate) member: &'v Member,
    pub(crate) registry: &'v RegistryKey<'a>,
    pub(crate) key: Key<'v>,
    /// Whether the key is a plain host and port, in which there is nothing to find.
    pub(crate) key_is_plain: bool,
    /// A template left something unfilled in the key.
    pub(crate) is_key_unfilled: bool,
    /// Why the key names no registry; not checked if it is unfilled.
    pub(crate) key_fault: Option<KeyFault>,
    /// Whether the kubelet finds the key for no ordinary image; worked out when it is first asked.
    pub(crate) is_never_found: OnceCell<bool>,
    pub(crate) fields: Entry<'v, 'a>,
    /// `None` if the username, the password or `auth` is neither a string nor null.
    pub(crate) credentials: Option<Credentials<'a>>,
    /// Which of [`STRIPPED`] the old entry under the same key had, if this entry differs from it.
    pub(crate) held: [bool; STRIPPED.len()],
    /// The number among all entries of the document.
    pub(crate) index: u32,
    pub(crate) shared: &'v Shared<'v, 'a>,
}

/// The non-empty credentials of an entry.
pub(crate) struct Credentials<'a> {
    pub(crate) username: Option<Cow<'a, str>>,
    pub(crate) password: Option<Cow<'a, str>>,
    pub(crate) auth: AuthField,
    pub(crate) identity_token: Option<Cow<'a, str>>,
    pub(crate) registry_token: Option<Cow<'a, str>>,
}

/// The `auth` of an entry.
pub(crate) enum AuthField {
    /// Absent, null or empty.
    Missing,
    /// It cannot be decoded.
    NotBase64(NotBase64),
    /// It can.
    Decoded(Auth),
}

impl<'v, 'a> EntryView<'v, 'a> {
    pub(crate) fn new(
        document: &'v Document<'a>,
        EntryRef { member, key: registry, index, .. }: &'v EntryRef<'v, 'a>,
        held: [bool; STRIPPED.len()],
        shared: &'v Shared<'v, 'a>,
    ) -> Self {
        let fields = document.entry(member);
        let key = Key::parse(registry.as_written());
        let key_is_plain = key.is_plain();
        let is_key_unfilled = !key_is_plain && is_unfilled_key(registry.as_written());
        EntryView {
            key_is_plain,
            is_key_unfilled,
            key_fault: if key_is_plain || is_key_unfilled { None } else { key.fault() },
            is_never_found: OnceCell::new(),
            credentials: Credentials::read(&fields),
            document,
            member,
            registry,
            key,
            fields,
            held,
            index: *index,
            shared,
        }
    }

    /// The value of `auth`, decoded.
    pub(crate) fn decoded_auth(&self) -> Option<&Auth> {
        match &self.credentials.as_ref()?.auth {
            AuthField::Decoded(auth) => Some(auth),
            AuthField::Missing | AuthField::NotBase64(_) => None,
        }
    }

    /// Whether the usual key of Docker Hub has the same credentials, and a consumer could log in with them.
    pub(crate) fn is_usable_like_docker_hub(&self) -> bool {
        let credentials = self.credentials.as_ref().filter(|credentials| credentials.is_usable());
        credentials.zip(self.shared.docker_hub.as_ref()).is_some_and(|(one, other)| one.is_same(other))
    }

    /// The pair that the kubelet reads, as text.
    pub(crate) fn read_pair(&self) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
        let (username, password) = self.credentials.as_ref()?.read_pair()?;
        Some((String::from_utf8_lossy(username), String::from_utf8_lossy(password)))
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
        let is_placeholder_of = |half: &[u8]| is_placeholder(&String::from_utf8_lossy(half));
        match self.credentials.as_ref().map(|credentials| &credentials.auth) {
            Some(AuthField::Decoded(auth)) => auth.halves().is_some_and(|(username, password)| {
                is_placeholder_of(username) || is_placeholder_of(password)
            }),
            Some(AuthField::NotBase64(_)) => {
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

impl<'a> Credentials<'a> {
    /// Reads the fields of an entry; `None` if the username, the password or `auth` is neither a string nor null.
    pub(crate) fn read(fields: &Entry<'_, 'a>) -> Option<Self> {
        let read = [EntryField::Username, EntryField::Password, EntryField::Auth];
        if read.into_iter().any(|field| fields.wrong_type(field)) {
            return None;
        }
        let text = |field| fields.text(field).map(JsonText::decode);
        Some(Credentials {
            username: text(EntryField::Username),
            password: text(EntryField::Password),
            auth: match text(EntryField::Auth) {
                None => AuthField::Missing,
                Some(auth) => Auth::decode(&auth).map_or_else(AuthField::NotBase64, AuthField::Decoded),
            },
            identity_token: text(EntryField::IdentityToken),
            registry_token: text(EntryField::RegistryToken),
        })
    }

    /// Whether a consumer could log in with them.
    fn is_usable(&self) -> bool {
        let complete = match &self.auth {
            AuthField::Missing => self.username.is_some() && self.password.is_some(),
            AuthField::NotBase64(_) => false,
            AuthField::Decoded(auth) => {
                auth.halves().is_some_and(|(username, password)| !username.is_empty() && !password.is_empty())
            }
        };
        complete || self.has_token()
    }

    /// Whether there is an identity token or a registry token.
    pub(crate) const fn has_token(&self) -> bool {
        self.identity_token.is_some() || self.registry_token.is_some()
    }

    /// Whether there is an identity token.
    pub(crate) const fn has_identity_token(&self) -> bool {
        self.identity_token.is_some()
    }

    /// The pair that the kubelet reads. A half can be empty.
    pub(crate) fn read_pair(&self) -> Option<(&[u8], &[u8])> {
        let (username, password) = (self.username.as_deref(), self.password.as_deref());
        match &self.auth {
            AuthField::Missing => (username.is_some() || password.is_some())
                .then(|| (username.unwrap_or_default().as_bytes(), password.unwrap_or_default().as_bytes())),
            AuthField::NotBase64(_) => None,
            AuthField::Decoded(auth) => auth.halves(),
        }
    }

    /// Whether both have the same credentials.
    fn is_same(&self, other: &Self) -> bool {
        self.read_pair() == other.read_pair()
            && self.identity_token == other.identity_token
            && self.registry_token == other.registry_token
    }

    /// Whether `auth` is absent, null or empty.
    pub(crate) const fn lack_auth(&self) -> bool {
        matches!(self.auth, AuthField::Missing)
    }

    /// The plain username and password, if both are there.
    pub(crate) fn plain_pair(&self) -> Option<(&str, &str)> {
        Some((self.username.as_deref()?, self.password.as_deref()?))
    }
}

/// The hash of what two entries are compared by, to tell whether they have different credentials; `None` if no consumer
/// could log in with them.
pub(crate) fn usable_hash(fields: &Entry<'_, '_>, hasher: &impl BuildHasher) -> Option<u64> {
    let token = |field| fields.text(field).map(JsonText::decode);
    let tokens = [token(EntryField::IdentityToken), token(EntryField::RegistryToken)];
    let credentials = Credentials::read(fields);
    let is_usable =
        credentials.as_ref().is_some_and(Credentials::is_usable) || tokens.iter().any(Option::is_some);
    let pair = credentials.as_ref().and_then(Credentials::read_pair);
    is_usable.then(|| hasher.hash_one((pair, &tokens)))
}

/// Whether an entry has credentials that a consumer could log in with.
pub(crate) fn is_usable(fields: &Entry<'_, '_>) -> bool {
    let token = [EntryField::IdentityToken, EntryField::RegistryToken];
    Credentials::read(fields).is_some_and(|credentials| credentials.is_usable())
        || token.into_iter().any(|field| fields.text(field).is_some())
}

/// Where a member begins: the quotation mark of its name.
pub(crate) fn name_offset(member: &Member) -> usize {
    member.name().start - 1
}
