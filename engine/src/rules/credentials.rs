//! The credentials of an entry, and whether a consumer could log in with them.

use std::borrow::Cow;
use std::hash::BuildHasher;

use crate::auth::Auth;
use crate::document::{Entry, EntryField, JsonText};

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
    NotBase64,
    /// It can.
    Decoded(Auth),
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
                Some(auth) => Auth::decode(&auth).map_or(AuthField::NotBase64, AuthField::Decoded),
            },
            identity_token: text(EntryField::IdentityToken),
            registry_token: text(EntryField::RegistryToken),
        })
    }

    /// Whether a consumer could log in with them.
    pub(super) fn is_usable(&self) -> bool {
        let complete = match &self.auth {
            AuthField::Missing => self.username.is_some() && self.password.is_some(),
            AuthField::NotBase64 => false,
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
    fn read_pair(&self) -> Option<(&[u8], &[u8])> {
        match &self.auth {
            AuthField::Decoded(auth) => auth.halves(),
            AuthField::Missing | AuthField::NotBase64 => {
                self.read_texts().map(|(username, password)| (username.as_bytes(), password.as_bytes()))
            }
        }
    }

    /// The pair that the kubelet reads as text, in which anything that is not UTF-8 is replaced.
    pub(super) fn read_texts(&self) -> Option<(&str, &str)> {
        let (username, password) = (self.username.as_deref(), self.password.as_deref());
        match &self.auth {
            AuthField::Missing => (username.is_some() || password.is_some())
                .then(|| (username.unwrap_or_default(), password.unwrap_or_default())),
            AuthField::NotBase64 => None,
            AuthField::Decoded(auth) => auth.text_halves(),
        }
    }

    /// Whether both have the same credentials.
    pub(super) fn is_same(&self, other: &Self) -> bool {
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
