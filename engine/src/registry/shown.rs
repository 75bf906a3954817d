//! How much of a registry key may be shown.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::key::Key;
use crate::escape::escaped;

/// A registry key as written in the document, escapes resolved. It can contain a password before an `@`, so it can only
/// be shown through [`fmt::Display`], which leaves that out; [`RegistryKey::as_written`] is for judging.
///
/// A copy costs the same however long the key is: every finding of an entry has one.
#[derive(Clone)]
pub struct RegistryKey<'a> {
    written: Written<'a>,
    /// Where the part that may be shown begins: after the last `@`.
    shown_from: usize,
}

#[derive(Clone)]
enum Written<'a> {
    /// In the document.
    Plain(&'a str),
    /// Its escapes are resolved.
    Unescaped(Arc<str>),
}

/// A key is cut at this many characters where it is shown.
const SHOWN_KEY_CHARS: usize = 253;

impl<'a> RegistryKey<'a> {
    /// Wraps a key.
    #[must_use]
    pub fn new(key: impl Into<Cow<'a, str>>) -> Self {
        let written = key.into();
        let shown_from = written.rfind('@').map_or(0, |at| at + 1);
        let written = match written {
            Cow::Borrowed(key) => Written::Plain(key),
            Cow::Owned(key) => Written::Unescaped(key.into()),
        };
        RegistryKey { written, shown_from }
    }

    /// The whole key. Never to be shown.
    #[must_use]
    pub fn as_written(&self) -> &str {
        match &self.written {
            Written::Plain(key) => key,
            Written::Unescaped(key) => key,
        }
    }

    /// The part of the key that may be shown: what follows the last `@`, with the characters of [`is_escaped`](crate::escape::is_escaped) escaped,
    /// cut at 253 characters.
    #[must_use]
    pub fn shown(&self) -> Cow<'_, str> {
        let visible = self.as_written().get(self.shown_from..).unwrap_or_default();
        if visible.len() <= SHOWN_KEY_CHARS && visible.bytes().all(is_plain) {
            return Cow::Borrowed(visible);
        }
        Cow::Owned(escaped(visible, SHOWN_KEY_CHARS))
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

/// Printable ASCII.
const fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

impl fmt::Debug for RegistryKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegistryKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_and_credentials_are_not_shown() {
        for (key, shown) in [
            ("bot:12/34@r.example.com", "r.example.com"),
            ("r\u{61c}\u{ad}\u{e0041}.example.com", "r\\u{61c}\\u{ad}\\u{e0041}.example.com"),
            ("\u{fdcf}\u{fdd0}\u{fdef}\u{fdf0}", "\u{fdcf}\\u{fdd0}\\u{fdef}\u{fdf0}"),
        ] {
            assert_eq!(RegistryKey::new(key).shown(), shown);
        }
    }

    #[test]
    fn a_long_key_is_cut() {
        let shown = RegistryKey::new("r".repeat(300)).shown().into_owned();
        assert_eq!((shown.chars().count(), shown.ends_with('…')), (SHOWN_KEY_CHARS + 1, true));
    }
}
