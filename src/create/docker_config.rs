//! Takes entries from a Docker config, such as `~/.docker/config.json`.

use base64::Engine as _;
use regcred_engine::document::{EntryField, TopField};
use regcred_engine::policy::Language;
use regcred_engine::registry::RegistryKey;
use regcred_engine::registry::is_same;
use regcred_engine::wording::Bilingual;
use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::document::{Entries, Entry, Login};
use crate::base64_engines::GO_PADDED_OR_NOT;
use crate::raw_json;

/// Editors on Windows write it at the start of a text. It is not valid in JSON, but the content after it is fine.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A Docker config. It holds credentials: there is no `Debug`.
pub struct DockerConfig<'f> {
    auths: Vec<(String, &'f RawValue)>,
    creds_store: Option<String>,
    cred_helpers: Vec<(String, String)>,
}

type RawMembers<'f> = raw_json::Members<String, &'f RawValue>;

/// The members of an object. `null` counts as an empty object.
fn members(value: &RawValue) -> Option<RawMembers<'_>> {
    if value.get() == "null" {
        Some(raw_json::Members(Vec::new()))
    } else {
        serde_json::from_str(value.get()).ok()
    }
}

/// Why no entries can be taken from a file. It contains no credential.
#[derive(Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is not a Docker config.
    NotADockerConfig {
        /// The line of the first error, counted from 1.
        line: usize,
        /// The column of the first error, counted from 1 in bytes.
        column: usize,
    },
    /// It has `auths` more than once.
    DuplicateAuths,
    /// It has no entries.
    Empty,
    /// It has no entry for the registry.
    NoEntry {
        /// The registry.
        registry: String,
        /// The registries that it has entries for.
        present: Vec<String>,
    },
    /// docker keeps the credentials in a credential helper.
    InHelper {
        /// The registry; `None` for all registries.
        registry: Option<String>,
        /// The helper's name in `credsStore` or `credHelpers`.
        helper: String,
    },
}

impl Unusable {
    /// Returns the message, without the name of the file.
    #[must_use]
    pub fn message(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Unusable::NotADockerConfig { line, column } => (
                format!(
                    "this is not a Docker config, which is a JSON object with auths (line {line}, column {column})"
                ),
                format!("这不是 Docker 配置：它应是含有 auths 的 JSON 对象（第 {line} 行第 {column} 列）"),
            ),
            Unusable::DuplicateAuths => (
                "it contains auths more than once (letter case is ignored), and programs read that differently; keep one"
                    .to_owned(),
                "其中有多处 auths（不区分大小写），各程序的读法不同；请只保留一处".to_owned(),
            ),
            Unusable::Empty => ("it contains no registry".to_owned(), "其中没有任何仓库".to_owned()),
            Unusable::NoEntry { registry, present } if present.is_empty() => (
                format!("it contains neither {registry} nor any other registry"),
                format!("其中没有 {registry}，也没有其他仓库"),
            ),
            Unusable::NoEntry { registry, present } => (
                format!("it does not contain {registry}; it contains: {}", present.join(", ")),
                format!("其中没有 {registry}；包含的仓库有：{}", present.join("、")),
            ),
            Unusable::InHelper { registry, helper } => {
                let of = registry.as_ref().map_or_else(
                    || ("its credentials".to_owned(), "凭据".to_owned()),
                    |registry| (format!("the credentials of {registry}"), format!("{registry} 的凭据")),
                );
                (
                    format!(
                        "it does not contain {}: docker keeps them in its credential helper {helper}. Use --registry, \
                         --username and --password-stdin, or select other registries with --registry",
                        of.0
                    ),
                    format!(
                        "其中没有{}：docker 把它们存放在凭据助手 {helper} 中。请使用 --registry、--username 和 \
                         --password-stdin，或用 --registry 选择其他仓库",
                        of.1
                    ),
                )
            }
        };
        Bilingual { english, chinese }.into_line(language)
    }
}

impl<'f> DockerConfig<'f> {
    /// Reads a file. Like docker, it ignores the letter case of names.
    ///
    /// # Errors
    /// If the file is not a Docker config.
    pub fn read(file: &'f [u8]) -> Result<Self, Unusable> {
        let file = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
        // serde would also accept an array.
        if !file.trim_ascii_start().starts_with(b"{") {
            return Err(Unusable::NotADockerConfig { line: 1, column: 1 });
        }
        // The parser's message is not passed on, because it can quote its input.
        let raw_json::Members::<String, &RawValue>(top) = serde_json::from_slice(file)
            .map_err(|error| Unusable::NotADockerConfig { line: error.line(), column: error.column() })?;
        let field = |field: TopField| {
            let of_field = top.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(field.name()));
            of_field.map(|(_, value)| *value)
        };
        if field(TopField::Auths).count() > 1 {
            return Err(Unusable::DuplicateAuths);
        }
        let auths = match field(TopField::Auths).next() {
            Some(value) => members(value).ok_or_else(|| wrong_type(file, value))?.0,
            None => Vec::new(),
        };
        // A helper's name that is not a string is ignored.
        let creds_store = field(TopField::CredsStore).next_back();
        let cred_helpers = field(TopField::CredHelpers).next_back().and_then(members);
        Ok(DockerConfig {
            auths,
            creds_store: creds_store.and_then(text),
            cred_helpers: cred_helpers
                .into_iter()
                .flat_map(|helpers| helpers.0)
                .filter_map(|(registry, helper)| Some((registry, text(helper)?)))
                .collect(),
        })
    }

    /// Returns the entries of these registries, or all entries if the list is empty.
    ///
    /// # Errors
    /// If a registry has no entry, or its credentials are in a helper.
    pub fn choose(&self, registries: &[String]) -> Result<Entries, Unusable> {
        let chosen =
            |key: &str| registries.is_empty() || registries.iter().any(|wanted| is_same(wanted, key));
        for registry in registries {
            if !self.auths.iter().any(|(key, _)| is_same(registry, key)) {
                return Err(match self.helper(registry) {
                    Some(helper) => in_helper(Some(registry), helper),
                    None => Unusable::NoEntry { registry: shown(registry), present: self.keys() },
                });
            }
        }
        let mut entries = Entries::default();
        for (key, value) in self.auths.iter().filter(|(key, _)| chosen(key)) {
            if let Some(helper) = self.helper(key).filter(|_| is_marker(value)) {
                return Err(in_helper(Some(key), helper));
            }
            entries.push(key, entry(value));
        }
        if self.auths.is_empty() {
            let helper = self.cred_helpers.first().map(|(key, helper)| in_helper(Some(key), helper));
            let store = || self.creds_store.as_ref().map(|store| in_helper(None, store));
            return Err(helper.or_else(store).unwrap_or(Unusable::Empty));
        }
        Ok(entries)
    }

    /// Returns the helper that keeps a registry's credentials.
    fn helper(&self, registry: &str) -> Option<&str> {
        let of_registry = self.cred_helpers.iter().find(|(key, _)| is_same(key, registry));
        of_registry.map(|(_, helper)| helper).or(self.creds_store.as_ref()).map(String::as_str)
    }

    fn keys(&self) -> Vec<String> {
        self.auths.iter().map(|(key, _)| shown(key)).collect()
    }
}

/// A text that is not empty.
fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok().filter(|text: &String| !text.is_empty())
}

/// The error for a value of the wrong type.
fn wrong_type(file: &[u8], value: &RawValue) -> Unusable {
    // The value borrows from the file.
    let start = (value.get().as_ptr() as usize).saturating_sub(file.as_ptr() as usize);
    let before = file.get(..start).unwrap_or_default();
    let lines = before.split(|byte| *byte == b'\n');
    let column = 1 + lines.clone().next_back().map_or(0, <[u8]>::len);
    Unusable::NotADockerConfig { line: lines.count(), column }
}

fn in_helper(registry: Option<&str>, helper: &str) -> Unusable {
    Unusable::InHelper { registry: registry.map(shown), helper: helper.escape_debug().to_string() }
}

/// A key can contain a password, which is left out.
fn shown(key: &str) -> String {
    RegistryKey::new(key).to_string()
}

/// The fields that can log in to a registry.
const CREDENTIALS: [EntryField; 5] = [
    EntryField::Username,
    EntryField::Password,
    EntryField::Auth,
    EntryField::IdentityToken,
    EntryField::RegistryToken,
];

/// Whether an entry has no credentials. docker writes such an entry for a registry whose credentials are in a helper.
fn is_marker(value: &RawValue) -> bool {
    members(value).is_some_and(|fields| {
        !fields.0.iter().any(|(name, value)| {
            let is_credential = CREDENTIALS.iter().any(|field| name.eq_ignore_ascii_case(field.name()));
            is_credential && !matches!(value.get(), "null" | "\"\"")
        })
    })
}

/// An entry with only the fields that docker and kubectl write.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryJson {
    #[serde(default)]
    username: Zeroizing<String>,
    #[serde(default)]
    password: Zeroizing<String>,
    #[serde(default)]
    email: String,
    #[serde(default)]
    auth: Zeroizing<String>,
}

/// Returns a login if the entry is nothing more. Any other entry is kept verbatim for the judgement.
fn entry(value: &RawValue) -> Entry {
    let object = value.get().starts_with('{').then(|| serde_json::from_str(value.get()).ok());
    let login = object.flatten().and_then(login);
    login.map_or_else(|| Entry::Verbatim(value.to_owned()), Entry::Login)
}

fn login(entry: EntryJson) -> Option<Login> {
    let EntryJson { username, password, email, auth } = entry;
    if auth.is_empty() {
        let complete = !username.is_empty() && !password.is_empty() && !username.contains(':');
        return complete.then_some(Login { username, password, email });
    }
    let pair = Zeroizing::new(GO_PADDED_OR_NOT.decode(auth.as_bytes()).ok()?);
    let (name, word) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    let agrees = |plain: &str, decoded: &str| plain.is_empty() || plain == decoded;
    let is_login = !name.is_empty() && !word.is_empty() && agrees(&username, name) && agrees(&password, word);
    is_login.then(|| Login {
        username: Zeroizing::new(name.to_owned()),
        password: Zeroizing::new(word.to_owned()),
        email,
    })
}
