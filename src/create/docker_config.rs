//! Choosing entries of a Docker config, such as `~/.docker/config.json`.

use base64::Engine as _;
use regcred_engine::document::{EntryField, TopField};
use regcred_engine::policy::Language;
use regcred_engine::registry::RegistryKey;
use regcred_engine::registry::is_same;
use regcred_engine::wording::Bilingual;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::document::{Entries, Entry, Login};
use crate::go_base64::PADDED_OR_NOT;

/// What editors on Windows put before a text; docker reads no such file, and the file is good all the same.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A Docker config. It holds credentials: there is no `Debug`.
pub struct DockerConfig<'f> {
    auths: Vec<(String, &'f RawValue)>,
    creds_store: Option<String>,
    cred_helpers: Vec<(String, String)>,
}

/// The members of an object as they stand: with names that are there twice.
#[derive(Deserialize)]
struct Members<'f>(#[serde(borrow, deserialize_with = "in_order")] Vec<(String, &'f RawValue)>);

impl<'f> Members<'f> {
    /// Those of a value; `null` counts as an object without any.
    fn of(value: &'f RawValue) -> Option<Self> {
        if value.get() == "null" { Some(Members(Vec::new())) } else { serde_json::from_str(value.get()).ok() }
    }
}

/// Why a file gives no entries. None of it holds a credential.
#[derive(Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is no Docker config.
    NotADockerConfig {
        /// Where that shows.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// It says twice which registries there are.
    Twice,
    /// There is nothing in it.
    Empty,
    /// The registry is not in it.
    NotThere {
        /// The registry.
        registry: String,
        /// Those that are.
        there: Vec<String>,
    },
    /// The registry's credentials are with a program of docker's.
    InHelper {
        /// The registry; `None` where all of them are.
        registry: Option<String>,
        /// The program's name, as docker knows it.
        helper: String,
    },
}

impl Unusable {
    /// Says so, without the name of the file.
    #[must_use]
    pub fn said(&self, language: Language) -> String {
        let (english, chinese) = match self {
            Unusable::NotADockerConfig { line, column } => (
                format!(
                    "this is no Docker config, which is a JSON object with auths (line {line}, column {column})"
                ),
                format!("这不是 Docker 配置：它应是含有 auths 的 JSON 对象（第 {line} 行第 {column} 列）"),
            ),
            Unusable::Twice => (
                "auths stands in it twice, in whatever case, and programs differ in what they make of that; leave one"
                    .to_owned(),
                "其中有两处 auths（不论大小写），各程序的读法不同；请只保留一处".to_owned(),
            ),
            Unusable::Empty => ("there is no registry in it".to_owned(), "其中没有任何仓库".to_owned()),
            Unusable::NotThere { registry, there } if there.is_empty() => (
                format!("{registry} is not in it, and no other registry either"),
                format!("其中没有 {registry}，也没有其他仓库"),
            ),
            Unusable::NotThere { registry, there } => (
                format!("{registry} is not in it; there are: {}", there.join(", ")),
                format!("其中没有 {registry}；有的是：{}", there.join("、")),
            ),
            Unusable::InHelper { registry, helper } => {
                let of = registry.as_ref().map_or_else(
                    || ("its credentials".to_owned(), "凭据".to_owned()),
                    |registry| (format!("the credentials of {registry}"), format!("{registry} 的凭据")),
                );
                (
                    format!(
                        "{} are not in it: docker keeps them with its credential helper {helper}. Use --registry, \
                         --username and --password-stdin, or choose other registries by --registry",
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
    /// Reads a file, names in any case, as docker does.
    ///
    /// # Errors
    /// When it is no Docker config.
    pub fn read(file: &'f [u8]) -> Result<Self, Unusable> {
        let file = file.strip_prefix(BYTE_ORDER_MARK).unwrap_or(file);
        // To the parser a list of the fields would do as well.
        if !file.trim_ascii_start().starts_with(b"{") {
            return Err(Unusable::NotADockerConfig { line: 1, column: 1 });
        }
        // Its own words may quote what it read.
        let Members(top) = serde_json::from_slice(file)
            .map_err(|error| Unusable::NotADockerConfig { line: error.line(), column: error.column() })?;
        let field = |field: TopField| {
            let of_field = top.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(field.name()));
            of_field.map(|(_, value)| *value)
        };
        if field(TopField::Auths).count() > 1 {
            return Err(Unusable::Twice);
        }
        let auths = match field(TopField::Auths).next() {
            Some(value) => Members::of(value).ok_or_else(|| not_at(file, value))?.0,
            None => Vec::new(),
        };
        // What is no name of a program names none.
        let creds_store = field(TopField::CredsStore).next_back();
        let cred_helpers = field(TopField::CredHelpers).next_back().and_then(Members::of);
        Ok(DockerConfig {
            auths,
            creds_store: creds_store.and_then(text),
            cred_helpers: cred_helpers
                .into_iter()
                .flat_map(|Members(helpers)| helpers)
                .filter_map(|(registry, helper)| Some((registry, text(helper)?)))
                .collect(),
        })
    }

    /// The entries of these registries, or of all where none is named.
    ///
    /// # Errors
    /// When one is not there, or its credentials are not.
    pub fn choose(&self, registries: &[String]) -> Result<Entries, Unusable> {
        let chosen =
            |key: &str| registries.is_empty() || registries.iter().any(|wanted| is_same(wanted, key));
        for registry in registries {
            if !self.auths.iter().any(|(key, _)| is_same(registry, key)) {
                return Err(match self.helper(registry) {
                    Some(helper) => in_helper(Some(registry), helper),
                    None => Unusable::NotThere { registry: shown(registry), there: self.keys() },
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

    /// The program that keeps a registry's credentials.
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

/// Says that a value of the file is not what it should be.
fn not_at(file: &[u8], value: &RawValue) -> Unusable {
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

/// A key may hold a password.
fn shown(key: &str) -> String {
    RegistryKey::new(key).to_string()
}

/// What logs in to a registry.
const CREDENTIALS: [EntryField; 5] = [
    EntryField::Username,
    EntryField::Password,
    EntryField::Auth,
    EntryField::IdentityToken,
    EntryField::RegistryToken,
];

/// Whether there is no credential in an entry: docker marks so that a registry is logged in to.
fn is_marker(value: &RawValue) -> bool {
    Members::of(value).is_some_and(|Members(fields)| {
        !fields.iter().any(|(name, value)| {
            let is_credential = CREDENTIALS.iter().any(|field| name.eq_ignore_ascii_case(field.name()));
            is_credential && !matches!(value.get(), "null" | "\"\"")
        })
    })
}

/// An entry as docker and kubectl write it, and nothing else.
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

/// A login, where an entry is nothing else; what is doubtful is left for the judgement.
fn entry(value: &RawValue) -> Entry {
    let object = value.get().starts_with('{').then(|| serde_json::from_str(value.get()).ok());
    let login = object.flatten().and_then(login);
    login.map_or_else(|| Entry::AsItStands(value.to_owned()), Entry::Login)
}

fn login(entry: EntryJson) -> Option<Login> {
    let EntryJson { username, password, email, auth } = entry;
    if auth.is_empty() {
        let complete = !username.is_empty() && !password.is_empty() && !username.contains(':');
        return complete.then_some(Login { username, password, email });
    }
    let pair = Zeroizing::new(PADDED_OR_NOT.decode(auth.as_bytes()).ok()?);
    let (name, word) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
    let agrees = |plain: &str, decoded: &str| plain.is_empty() || plain == decoded;
    let is_login = !name.is_empty() && !word.is_empty() && agrees(&username, name) && agrees(&password, word);
    is_login.then(|| Login {
        username: Zeroizing::new(name.to_owned()),
        password: Zeroizing::new(word.to_owned()),
        email,
    })
}

/// A map as it stands: with keys that are there twice, for the judgement to see.
fn in_order<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, &'de RawValue)>, D::Error> {
    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("registries")
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }

    deserializer.deserialize_map(Pairs)
}
