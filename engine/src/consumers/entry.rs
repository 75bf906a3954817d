//! What a document contains, as Go's encoding/json sees it: the last string of a field counts, a later `null` leaves
//! it, a value of another type is an error wherever it is (docs/facts.md, "JSON dialect").

use std::borrow::Cow;

use crate::auth::Auth;
use crate::document::{Document, JsonText, Member};
use crate::document::{EntryField, JsonType, TopField};
use crate::secret::SecretType;

/// What a consumer reads from an entry. There is no `Debug`: these are credentials.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ReadCredentials<'a> {
    /// The username; empty if there is none.
    pub username: Cow<'a, [u8]>,
    /// The password; empty if there is none.
    pub password: Cow<'a, [u8]>,
    /// docker's identity token; empty if there is none.
    pub identity_token: Cow<'a, str>,
    /// docker's registry token; empty if there is none.
    pub registry_token: Cow<'a, str>,
}

impl ReadCredentials<'_> {
    /// Whether there are a username and a password, or a token.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        (!self.username.is_empty() && !self.password.is_empty())
            || !self.identity_token.is_empty()
            || !self.registry_token.is_empty()
    }
}

/// What a consumer makes of one entry.
pub enum EntryRead<'a> {
    /// It reads credentials, though perhaps not all that it takes to log in.
    Credentials(ReadCredentials<'a>),
    /// It reads nothing.
    Nothing,
    /// It fails where it would need the entry.
    RefusesEntry,
    /// It fails for the whole document.
    RefusesDocument,
}

/// The fields of one entry.
pub(super) struct Fields<'a> {
    kind: JsonType,
    texts: [Option<JsonText<'a>>; EntryField::ALL.len()],
    wrong: [bool; EntryField::ALL.len()],
    /// The text of `auth`, which may be empty, decoded.
    auth: Option<Auth>,
    /// The last member named exactly `auth`: its type, and its text if it is a string.
    pub(super) exact_auth: Option<(JsonType, Option<JsonText<'a>>)>,
}

impl<'a> Fields<'a> {
    pub(super) fn read(document: &Document<'a>, entry: &Member) -> Self {
        let mut fields = Fields {
            kind: entry.kind,
            texts: [None; EntryField::ALL.len()],
            wrong: [false; EntryField::ALL.len()],
            auth: None,
            exact_auth: None,
        };
        for member in document.members(entry) {
            let Some(field) = document.entry_field(member) else { continue };
            let text = document.string(member);
            if field == EntryField::Auth && document.name(member).chars().eq("auth".chars()) {
                fields.exact_auth = Some((member.kind, text));
            }
            let at = field as usize;
            if let (Some(slot), Some(wrong)) = (fields.texts.get_mut(at), fields.wrong.get_mut(at)) {
                *slot = text.or(*slot);
                *wrong |= !matches!(member.kind, JsonType::String | JsonType::Null);
            }
        }
        fields.auth = Auth::decode(&fields.text(EntryField::Auth));
        fields
    }

    /// Whether the entry is an object or `null` in which these fields are strings or `null`.
    pub(super) fn fit(&self, fields: &[EntryField]) -> bool {
        matches!(self.kind, JsonType::Object | JsonType::Null)
            && fields.iter().all(|&field| self.wrong.get(field as usize) != Some(&true))
    }

    /// Whether the entry is an object.
    pub(super) fn is_object(&self) -> bool {
        self.kind == JsonType::Object
    }

    /// A field's text, empty if there is none.
    pub(super) fn text(&self, field: EntryField) -> Cow<'a, str> {
        self.texts.get(field as usize).copied().flatten().map_or(Cow::Borrowed(""), JsonText::decode)
    }

    /// What the kubelet and the key chain read, tokens aside: `auth` if there is one, else the plain pair. Both
    /// refuse the document for an `auth` that they cannot read.
    pub(super) fn kubelet_pair(&self) -> Option<ReadCredentials<'a>> {
        if self.text(EntryField::Auth).is_empty() {
            return Some(ReadCredentials {
                username: bytes(self.text(EntryField::Username)),
                password: bytes(self.text(EntryField::Password)),
                ..ReadCredentials::default()
            });
        }
        pair(self.auth.as_ref()?)
    }

    /// `auth` decoded as Go's `StdEncoding` does it: padding is required.
    pub(super) fn padded_auth(&self) -> Option<&Auth> {
        self.auth.as_ref().filter(|auth| auth.missing_padding == 0)
    }
}

/// The two halves of a decoded `auth`; `None` without a colon.
pub(super) fn pair<'a>(auth: &Auth) -> Option<ReadCredentials<'a>> {
    let (username, password) = auth.halves()?;
    Some(ReadCredentials {
        username: Cow::Owned(username.to_vec()),
        password: Cow::Owned(password.to_vec()),
        ..ReadCredentials::default()
    })
}

/// Decodes base64 as Go's `StdEncoding` does: padding is required.
pub(super) fn decode_padded(auth: &str) -> Option<Auth> {
    Auth::decode(auth).filter(|auth| auth.missing_padding == 0)
}

/// docker and podman take NULs off both ends of a password.
pub(super) fn trim_nuls(mut credentials: ReadCredentials<'_>) -> ReadCredentials<'_> {
    let password = &credentials.password;
    let start = password.iter().position(|&byte| byte != 0).unwrap_or(password.len());
    let end = password.iter().rposition(|&byte| byte != 0).map_or(start, |last| last + 1);
    if end - start < password.len() {
        credentials.password = Cow::Owned(password.get(start..end).unwrap_or_default().to_vec());
    }
    credentials
}

/// Adds the tokens that docker and the key chain read.
pub(super) fn with_tokens<'a>(credentials: ReadCredentials<'a>, fields: &Fields<'a>) -> ReadCredentials<'a> {
    ReadCredentials {
        identity_token: fields.text(EntryField::IdentityToken),
        registry_token: fields.text(EntryField::RegistryToken),
        ..credentials
    }
}

fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

impl<'a> From<ReadCredentials<'a>> for EntryRead<'a> {
    fn from(credentials: ReadCredentials<'a>) -> Self {
        if credentials == ReadCredentials::default() {
            EntryRead::Nothing
        } else {
            EntryRead::Credentials(credentials)
        }
    }
}

/// Where the entries of a document are that a consumer ends up with: key and entry, sorted by key, each key once.
/// Entries are numbered in the order of [`Document::entries`].
pub(super) type LiveEntries<'a> = Vec<(Cow<'a, str>, u32)>;

/// The entries that Go's maps end up with: every `auths` is merged, a `null` empties it, the last of a key counts.
pub(super) fn live_entries<'a>(document: &Document<'a>) -> LiveEntries<'a> {
    let mut live = Vec::new();
    let mut number = 0;
    let mut add = |live: &mut LiveEntries<'a>, entries: &[Member]| {
        for entry in entries {
            live.push((document.name(entry).decode(), number));
            number += 1;
        }
    };
    match document.secret_type() {
        SecretType::DockerCfg => add(&mut live, document.top()),
        SecretType::DockerConfigJson => {
            for auths in document.top().iter().filter(|member| is_auths(document, member)) {
                if auths.kind == JsonType::Null {
                    live.clear();
                }
                add(&mut live, document.members(auths));
            }
        }
    }
    last_of_each(live)
}

/// The entries of the last member named exactly `auths`, in a reader that keeps only that one.
pub(super) fn entries_of_last_auths<'a>(document: &Document<'a>) -> LiveEntries<'a> {
    let mut live = Vec::new();
    let mut number = 0;
    for member in document.top().iter().filter(|member| is_auths(document, member)) {
        let exact = document.name(member).chars().eq("auths".chars());
        if exact {
            live.clear();
        }
        for entry in document.members(member) {
            if exact {
                live.push((document.name(entry).decode(), number));
            }
            number += 1;
        }
    }
    last_of_each(live)
}

/// Leaves only these entries, and numbers them in their order. `some` is sorted.
pub(super) fn keep(live: &mut LiveEntries<'_>, some: &[u32]) {
    live.retain_mut(|(_, entry)| match some.binary_search(entry) {
        Ok(place) => {
            *entry = u32::try_from(place).unwrap_or(u32::MAX);
            true
        }
        Err(_) => false,
    });
}

fn is_auths(document: &Document<'_>, member: &Member) -> bool {
    document.top_field(member) == Some(TopField::Auths)
}

fn last_of_each(mut live: LiveEntries<'_>) -> LiveEntries<'_> {
    live.sort_unstable_by(|(one, number), (other, later)| one.cmp(other).then(later.cmp(number)));
    live.dedup_by(|(later, _), (earlier, _)| later == earlier);
    live
}

/// Whether every value of a member is a string or `null`, or, of an object, is an object in which that holds
/// `levels` further down.
pub(super) fn is_map_of_strings(document: &Document<'_>, member: &Member, levels: u8) -> bool {
    match member.kind {
        JsonType::Null => true,
        JsonType::Object => document.members(member).iter().all(|value| match levels {
            0 => matches!(value.kind, JsonType::String | JsonType::Null),
            _ => is_map_of_strings(document, value, levels - 1),
        }),
        _ => false,
    }
}

/// The last string of each name in all members of this kind, as Go fills one `map[string]string` from them; `null`
/// for a name counts as an empty string, `null` in place of the map empties it.
pub(super) fn string_map<'a>(document: &Document<'a>, field: TopField) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let mut map = Vec::new();
    for member in document.top().iter().filter(|member| document.top_field(member) == Some(field)) {
        if member.kind == JsonType::Null {
            map.clear();
        }
        for value in document.members(member) {
            let text = document.string(value).map_or(Cow::Borrowed(""), JsonText::decode);
            map.push((document.name(value).decode(), text));
        }
    }
    // A stable sort of the reversed list: the last of each name comes first.
    map.reverse();
    map.sort_by(|(one, _), (other, _)| one.cmp(other));
    map.dedup_by(|(later, _), (earlier, _)| later == earlier);
    map
}
