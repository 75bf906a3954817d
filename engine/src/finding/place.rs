//! Where a finding is, and how much of a registry key may be shown.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::registry::Key;
use crate::secret::SecretType;

/// A registry key as written in the document, escapes resolved. It can contain a password before an `@`, so it can only
/// be shown through [`fmt::Display`], which leaves that out; [`RegistryKey::as_written`] is for judging.
///
/// A copy costs the same however long the key is: every finding of an entry has one.
#[derive(Clone)]
pub struct RegistryKey<'a>(Arc<KeyText<'a>>);

struct KeyText<'a> {
    written: Cow<'a, str>,
    /// Where the part that may be shown begins: after the last `@`.
    shown_from: usize,
}

/// A key is cut at this many characters where it is shown.
const SHOWN_KEY_CHARS: usize = 253;

impl<'a> RegistryKey<'a> {
    /// Wraps a key.
    #[must_use]
    pub fn new(key: impl Into<Cow<'a, str>>) -> Self {
        let written = key.into();
        let shown_from = written.rfind('@').map_or(0, |at| at + 1);
        RegistryKey(Arc::new(KeyText { written, shown_from }))
    }

    /// The whole key. Never to be shown.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.0.written
    }

    /// The part of the key that may be shown: what follows the last `@`, with the characters of [`is_escaped`] escaped,
    /// cut at 253 characters.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        let visible = self.as_written().get(self.0.shown_from..).unwrap_or_default();
        if visible.len() <= SHOWN_KEY_CHARS && visible.bytes().all(is_plain) {
            return Cow::Borrowed(visible);
        }
        let mut shown = String::with_capacity(visible.len().min(SHOWN_KEY_CHARS));
        let mut room = SHOWN_KEY_CHARS;
        for c in visible.chars() {
            let escape = is_escaped(c);
            let width = if escape { c.escape_unicode().len() } else { 1 };
            let Some(left) = room.checked_sub(width) else {
                shown.push('…');
                break;
            };
            room = left;
            if escape {
                shown.extend(c.escape_unicode());
            } else {
                shown.push(c);
            }
        }
        Cow::Owned(shown)
    }

    /// The host, and the port if the key has one, of the part that may be shown: for audit records.
    #[must_use]
    pub fn shown_host(&self) -> Cow<'_, str> {
        match self.shown() {
            Cow::Borrowed(shown) => Key::parse(shown).into_host_and_port(),
            Cow::Owned(shown) => Cow::Owned(Key::parse(&shown).into_host_and_port().into_owned()),
        }
    }
}

impl PartialEq for RegistryKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_written() == other.as_written()
    }
}

impl Eq for RegistryKey<'_> {}

impl Hash for RegistryKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_written().hash(state);
    }
}

impl fmt::Display for RegistryKey<'_> {
    /// As [`RegistryKey::shown`] has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Printable ASCII other than `"`, which is escaped in a path.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"'
}

/// Whether a character is never shown as it is: control characters; those that change how a line reads without being
/// seen, which are line and paragraph separators and the marks that turn the direction of writing; and those that Unicode
/// keeps from being any, over which readers of XML and YAML refuse the whole of what they stand in.
#[must_use]
pub fn is_escaped(c: char) -> bool {
    let invisible =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let non_character = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control() || invisible || non_character
}

impl fmt::Debug for RegistryKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryKey({self})")
    }
}

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// Which of the two document shapes the path is in.
    pub secret_type: SecretType,
    /// Where in the document's bytes: the start of the name of the field or key that the finding is about. 0 for
    /// the document itself and for what is no longer in it.
    pub offset: usize,
    /// What the place is called.
    pub spot: Spot<'a>,
}

/// What a place is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot<'a> {
    /// The document as a whole.
    Document,
    /// A field at the top.
    Top(TopField),
    /// An entry.
    Entry(RegistryKey<'a>),
    /// A field of an entry.
    Field(RegistryKey<'a>, EntryField),
}

impl<'a> Place<'a> {
    /// The registry key of the entry that the place is in.
    #[must_use]
    pub const fn key(&self) -> Option<&RegistryKey<'a>> {
        match &self.spot {
            Spot::Entry(key) | Spot::Field(key, _) => Some(key),
            Spot::Document | Spot::Top(_) => None,
        }
    }

    /// The JSON path inside the document, such as `auths["r.example.com"].auth`; empty for the whole document.
    #[must_use]
    pub fn path(&self) -> String {
        let (key, field) = match &self.spot {
            Spot::Document => return String::new(),
            Spot::Top(field) => return field.name().to_owned(),
            Spot::Entry(key) => (key, None),
            Spot::Field(key, field) => (key, Some(*field)),
        };
        let wrapper = match self.secret_type {
            SecretType::DockerConfigJson => "auths",
            SecretType::DockerCfg => "",
        };
        // The quotation marks of the key are escaped. Of what is shown as it is, there are none.
        let shown = match key.shown() {
            Cow::Owned(shown) => Cow::Owned(shown.replace('"', "\\\"")),
            Cow::Borrowed(shown) => Cow::Borrowed(shown),
        };
        let (dot, field) = field.map_or(("", ""), |field| (".", field.name()));
        [wrapper, "[\"", &shown, "\"]", dot, field].concat()
    }
}

/// A known field at the top of a dockerconfigjson document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopField {
    /// The registries.
    Auths,
    /// Headers that the kubelet and docker send.
    HttpHeaders,
    /// docker's store for all registries.
    CredsStore,
    /// docker's stores for single registries.
    CredHelpers,
}

impl TopField {
    /// Every known field.
    pub const ALL: [TopField; 4] =
        [TopField::Auths, TopField::HttpHeaders, TopField::CredsStore, TopField::CredHelpers];

    /// The usual spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            TopField::Auths => "auths",
            TopField::HttpHeaders => "HttpHeaders",
            TopField::CredsStore => "credsStore",
            TopField::CredHelpers => "credHelpers",
        }
    }
}

/// A known field of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryField {
    /// The plain username.
    Username,
    /// The plain password.
    Password,
    /// The email: a name only, but part of the kubelet's record.
    Email,
    /// base64 of `username:password`.
    Auth,
    /// docker's identity token.
    IdentityToken,
    /// docker's registry token.
    RegistryToken,
    /// docker's own note of the server.
    ServerAddress,
}

impl EntryField {
    /// Every known field.
    pub const ALL: [EntryField; 7] = [
        EntryField::Username,
        EntryField::Password,
        EntryField::Email,
        EntryField::Auth,
        EntryField::IdentityToken,
        EntryField::RegistryToken,
        EntryField::ServerAddress,
    ];

    /// The usual spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            EntryField::Username => "username",
            EntryField::Password => "password",
            EntryField::Email => "email",
            EntryField::Auth => "auth",
            EntryField::IdentityToken => "identitytoken",
            EntryField::RegistryToken => "registrytoken",
            EntryField::ServerAddress => "serveraddress",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_shows_a_key_without_what_may_be_a_password_and_quotes_it() {
        for (key, path) in [
            ("r.example.com", r#"auths["r.example.com"].auth"#),
            ("u:p@r.example.com/a", r#"auths["r.example.com/a"].auth"#),
            (r#"a"]["b"#, r#"auths["a\"][\"b"].auth"#),
            ("a\nb", r#"auths["a\u{a}b"].auth"#),
            ("a\u{fffd}\u{fffe}\u{ffff}\u{10ffff}", "auths[\"a\u{fffd}\\u{fffe}\\u{ffff}\\u{10ffff}\"].auth"),
            ("\u{fdcf}\u{fdd0}\u{fdef}\u{fdf0}", "auths[\"\u{fdcf}\\u{fdd0}\\u{fdef}\u{fdf0}\"].auth"),
        ] {
            let place = Place {
                secret_type: SecretType::DockerConfigJson,
                offset: 0,
                spot: Spot::Field(RegistryKey::new(key), EntryField::Auth),
            };
            assert_eq!(place.path(), path);
        }
    }
}
