//! Where a finding is, and how much of a registry key may be shown.

use std::borrow::Cow;
use std::fmt;

use crate::registry::Key;
use crate::secret::SecretType;

/// A registry key as written in the document, escapes resolved. It may hold a password before an `@`, so it can only
/// be shown through [`fmt::Display`], which keeps that back; [`RegistryKey::as_written`] is for
/// judging.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RegistryKey<'a>(Cow<'a, str>);

/// A key is cut at this many characters where it is shown.
const SHOWN_KEY_CHARS: usize = 253;

impl<'a> RegistryKey<'a> {
    /// Wraps a key.
    #[must_use]
    pub fn new(key: impl Into<Cow<'a, str>>) -> Self {
        RegistryKey(key.into())
    }

    /// The whole key. Never to be shown.
    #[must_use]
    pub fn as_written(&self) -> &str {
        &self.0
    }

    /// What may be shown: without anything up to the last `@`, what [`is_escaped`] names escaped, cut at 253 characters.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        if self.0.len() <= SHOWN_KEY_CHARS && self.0.bytes().fold(true, |plain, byte| plain & is_plain(byte))
        {
            return Cow::Borrowed(&self.0);
        }
        let behind = self.0.rsplit_once('@').map_or(&*self.0, |(_, behind)| behind);
        let mut shown = String::with_capacity(behind.len().min(SHOWN_KEY_CHARS));
        let mut room = SHOWN_KEY_CHARS;
        for c in behind.chars() {
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

    /// The host, and the port where there is one, of what may be shown of the key: for audit records.
    #[must_use]
    pub fn shown_host(&self) -> Cow<'_, str> {
        let key = Key::parse(&self.0);
        if key.is_plain_host() && self.0.len() <= SHOWN_KEY_CHARS {
            return Cow::Borrowed(&self.0);
        }
        match self.shown() {
            Cow::Borrowed(shown) => Key::parse(shown).into_host_and_port(),
            Cow::Owned(shown) => Cow::Owned(Key::parse(&shown).into_host_and_port().into_owned()),
        }
    }
}

impl fmt::Display for RegistryKey<'_> {
    /// As [`RegistryKey::shown`] has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

/// Printable ASCII but `@` and `"`: what holds nothing else may be shown as it is.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'@' && byte != b'"'
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
