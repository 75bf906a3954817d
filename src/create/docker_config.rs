//! Choosing entries of a Docker config, such as `~/.docker/config.json`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regcred_engine::finding::RegistryKey;
use regcred_engine::policy::Language;
use regcred_engine::registry::is_same;
use regcred_engine::wording::Bilingual;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::document::{Entries, Entry, Login};

/// With and without padding: what is written has it.
const PADDED_OR_NOT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A Docker config. It holds credentials: there is no `Debug`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DockerConfig<'f> {
    #[serde(borrow, default, deserialize_with = "in_order")]
    auths: Vec<(String, &'f RawValue)>,
    #[serde(default)]
    creds_store: Option<String>,
    #[serde(default)]
    cred_helpers: Option<BTreeMap<String, String>>,
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
        /// The registry.
        registry: String,
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
            Unusable::Empty => ("there is no registry in it".to_owned(), "其中没有任何仓库".to_owned()),
            Unusable::NotThere { registry, there } if there.is_empty() => (
                format!("{registry} is not in it, and no other registry either"),
                format!("其中没有 {registry}，也没有其他仓库"),
            ),
            Unusable::NotThere { registry, there } => (
                format!("{registry} is not in it; there are: {}", there.join(", ")),
                format!("其中没有 {registry}；有的是：{}", there.join("、")),
            ),
            Unusable::InHelper { registry, helper } => (
                format!(
                    "the credentials of {registry} are not in it: docker keeps them with its credential helper {helper}. \
                     Use --registry, --username and --password-stdin, or choose other registries by --registry"
                ),
                format!(
                    "其中没有 {registry} 的凭据：docker 把它们存放在凭据助手 {helper} 中。请使用 --registry、--username 和 \
                     --password-stdin，或用 --registry 选择其他仓库"
                ),
            ),
        };
        Bilingual { english, chinese }.into_line(language)
    }
}

impl<'f> DockerConfig<'f> {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is no Docker config.
    pub fn read(file: &'f [u8]) -> Result<Self, Unusable> {
        // To the parser a list of the fields would do as well.
        if !file.trim_ascii_start().starts_with(b"{") {
            return Err(Unusable::NotADockerConfig { line: 1, column: 1 });
        }
        // Its own words may quote what it read.
        serde_json::from_slice(file)
            .map_err(|error| Unusable::NotADockerConfig { line: error.line(), column: error.column() })
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
                    Some(helper) => in_helper(registry, helper),
                    None => Unusable::NotThere { registry: shown(registry), there: self.keys() },
                });
            }
        }
        let mut entries = Entries::default();
        for (key, value) in self.auths.iter().filter(|(key, _)| chosen(key)) {
            if let Some(helper) = self.helper(key).filter(|_| is_marker(value)) {
                return Err(in_helper(key, helper));
            }
            entries.push(key, entry(value));
        }
        if self.auths.is_empty() {
            let helpers = self.cred_helpers.iter().flatten().next();
            return Err(helpers.map_or(Unusable::Empty, |(key, helper)| in_helper(key, helper)));
        }
        Ok(entries)
    }

    /// The program that keeps a registry's credentials.
    fn helper(&self, registry: &str) -> Option<&str> {
        let of_registry = self.cred_helpers.iter().flatten().find(|(key, _)| is_same(key, registry));
        let helper = of_registry.map(|(_, helper)| helper).or(self.creds_store.as_ref())?;
        (!helper.is_empty()).then_some(helper)
    }

    fn keys(&self) -> Vec<String> {
        self.auths.iter().map(|(key, _)| shown(key)).collect()
    }
}

fn in_helper(registry: &str, helper: &str) -> Unusable {
    Unusable::InHelper { registry: shown(registry), helper: helper.escape_debug().to_string() }
}

/// A key may hold a password.
fn shown(key: &str) -> String {
    RegistryKey::new(key).to_string()
}

/// Whether there is no credential in an entry: docker marks so that a registry is logged in to.
fn is_marker(value: &RawValue) -> bool {
    serde_json::from_str::<BTreeMap<String, &RawValue>>(value.get()).is_ok_and(|fields| {
        !fields.keys().any(|name| {
            ["username", "password", "auth", "identitytoken", "registrytoken"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
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
