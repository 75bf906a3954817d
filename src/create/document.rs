//! The document of a pull Secret, written in the bytes of `kubectl create secret docker-registry`.

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::ser::Formatter;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

/// What one registry is logged in to with. It is a credential: there is no `Debug`.
pub struct Login {
    /// The username.
    pub username: Zeroizing<String>,
    /// The password.
    pub password: Zeroizing<String>,
    /// The email address; empty where there is none.
    pub email: String,
}

/// What stands under a registry key. There is no `Debug`.
pub enum Entry {
    /// A login, which is written in full.
    Login(Login),
    /// Something else, which is left as it stands.
    AsItStands(Box<RawValue>),
}

/// The entries of a document, in their order. There is no `Debug`.
#[derive(Default)]
pub struct Entries(Vec<(String, Entry)>);

impl Entries {
    /// Adds an entry behind the others.
    pub fn push(&mut self, key: impl Into<String>, entry: Entry) {
        self.0.push((key.into(), entry));
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> Zeroizing<Vec<u8>> {
        self.written(true)
    }

    /// The document as far as it came from outside.
    #[must_use]
    pub(super) fn without_auth(&self) -> Zeroizing<Vec<u8>> {
        self.written(false)
    }

    /// Whether [`Entries::document`] writes the `auth` of this key.
    pub(super) fn auth_is_written(&self, key: &str) -> bool {
        self.0.iter().any(|(known, entry)| known == key && matches!(entry, Entry::Login(_)))
    }

    fn written(&self, with_auth: bool) -> Zeroizing<Vec<u8>> {
        // Room from the start: a buffer that grows leaves copies behind. A byte takes six at most, and each piece is
        // there twice, the second time as base64.
        let room = self.0.iter().map(|(key, entry)| key.len() * 6 + entry.bytes() * 8 + 128).sum::<usize>();
        let mut document = Zeroizing::new(Vec::with_capacity(room + 128));
        let mut json = serde_json::Serializer::with_formatter(&mut *document, AsGo);
        // Strings under strings can always be written; were it otherwise, no document would be, and the judgement says so.
        let written = DocumentJson { auths: Auths { entries: &self.0, with_auth } }.serialize(&mut json);
        if written.is_err() {
            document.clear();
        }
        document
    }
}

impl Entry {
    /// How long what it holds is.
    fn bytes(&self) -> usize {
        match self {
            Entry::Login(Login { username, password, email }) => {
                username.len() + password.len() + email.len()
            }
            Entry::AsItStands(value) => value.get().len(),
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

/// One login, as kubectl orders it; what is empty is left out.
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
                Entry::AsItStands(value) => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

fn auth(login: &Login) -> Zeroizing<String> {
    let pair = Zeroizing::new([login.username.as_str(), ":", login.password.as_str()].concat());
    Zeroizing::new(STANDARD.encode(&*pair))
}

/// JSON as Go's encoder writes it: in strings it also escapes what would mean something in HTML, and the line ends of
/// JavaScript.
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
