//! Writes the document of a pull Secret, byte for byte like `kubectl create secret docker-registry`.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// The credentials for one registry. There is no `Debug`, since it would show them.
pub struct Login {
    /// The username.
    pub username: Zeroizing<String>,
    /// The password.
    pub password: Zeroizing<String>,
    /// The email address; empty if there is none.
    pub email: String,
}

/// The value under a registry key. There is no `Debug`, since it would show credentials.
pub enum Entry {
    /// A login, which is written with its `auth`.
    Login(Login),
    /// Any other value, which is written unchanged.
    Verbatim(Box<RawValue>),
}

/// The entries of a document, in their order. There is no `Debug`, since it would show credentials.
#[derive(Default)]
pub struct Entries(Vec<(String, Entry)>);

impl Entries {
    /// Adds an entry at the end.
    pub fn push(&mut self, key: impl Into<String>, entry: Entry) {
        self.0.push((key.into(), entry));
    }

    /// Returns the document.
    #[must_use]
    pub fn document(&self) -> Zeroizing<Vec<u8>> {
        self.written(true)
    }

    /// Returns the document without the `auth` that this module computes.
    #[must_use]
    pub(super) fn without_auth(&self) -> Zeroizing<Vec<u8>> {
        self.written(false)
    }

    /// Whether [`Entries::document`] computes the `auth` of this key.
    pub(super) fn auth_is_written(&self, key: &str) -> bool {
        self.0.iter().any(|(known, entry)| known == key && matches!(entry, Entry::Login(_)))
    }

    fn written(&self, with_auth: bool) -> Zeroizing<Vec<u8>> {
        // A buffer that grows would leave copies of the credentials in memory. JSON needs at most six bytes for one, and
        // each text is written twice, the second time in base64.
        let room = self.0.iter().map(|(key, entry)| key.len() * 6 + entry.bytes() * 8 + 128).sum::<usize>();
        let mut document = Zeroizing::new(Vec::with_capacity(room + 128));
        let mut json = serde_json::Serializer::with_formatter(&mut *document, AsGo);
        // Strings under strings can always be written. If not, the empty document is refused by the judgement.
        let written = DocumentJson { auths: Auths { entries: &self.0, with_auth } }.serialize(&mut json);
        if written.is_err() {
            document.clear();
        }
        document
    }
}

impl Entry {
    /// The number of bytes of its texts.
    fn bytes(&self) -> usize {
        match self {
            Entry::Login(Login { username, password, email }) => {
                username.len() + password.len() + email.len()
            }
            Entry::Verbatim(value) => value.get().len(),
        }
    }
}

#[derive(Serialize)]
struct DocumentJson<'a> {
    auths: Auths<'a>,
}

struct Auths<'a> {
    entries: &'a [(String, Entry)],
    with_auth: bool,
}

/// A login in kubectl's order. Empty fields are left out.
#[derive(Serialize)]
struct LoginJson<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    username: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    password: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    email: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    auth: &'a str,
}

impl Serialize for Auths<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.entries.len()))?;
        for (key, entry) in self.entries {
            match entry {
                Entry::Login(login) => {
                    let auth = if self.with_auth { auth(login) } else { Zeroizing::default() };
                    let Login { username, password, email } = login;
                    map.serialize_entry(key, &LoginJson { username, password, email, auth: &auth })?;
                }
                Entry::Verbatim(value) => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

fn auth(login: &Login) -> Zeroizing<String> {
    let pair = Zeroizing::new([login.username.as_str(), ":", login.password.as_str()].concat());
    Zeroizing::new(STANDARD.encode(&*pair))
}

/// JSON as Go's encoder writes it: it also escapes the special characters of HTML and the line separators of JavaScript.
struct AsGo;

impl Formatter for AsGo {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let is_escaped = |c: char| matches!(c, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        for piece in fragment.split_inclusive(is_escaped) {
            let mut chars = piece.chars();
            match chars.next_back().filter(|last| is_escaped(*last)) {
                Some(last) => {
                    writer.write_all(chars.as_str().as_bytes())?;
                    write!(writer, "\\u{:04x}", u32::from(last))?;
                }
                None => writer.write_all(piece.as_bytes())?,
            }
        }
        Ok(())
    }
}
