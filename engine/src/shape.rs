//! The shape of a Secret: what its type and the names in its data make of it, before any document is read.

use crate::document::{Document, JsonType, TopField};
use crate::secret::{MAX_SECRET_BYTES, SecretType};

/// What the type and the data of a Secret make of it. `V` is a value of the data, as the caller holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape<V> {
    /// A pull Secret, and the value under its data key.
    PullSecret(SecretType, V),
    /// A pull Secret without a value under its data key.
    MissingDataKey(SecretType),
    /// A Secret of another type, with a value under the data key of this type.
    WrongType(SecretType),
    /// No concern of ours.
    Other,
}

impl<V> Shape<V> {
    /// Determines the shape of a Secret. `value` returns the value under the data key of a type; `None` if it is absent or
    /// null.
    pub fn of(type_name: &str, mut value: impl FnMut(SecretType) -> Option<V>) -> Self {
        let Some(secret_type) = SecretType::from_name(type_name) else {
            let mut with_value = SecretType::ALL.into_iter().filter(|meant| value(*meant).is_some());
            return with_value.next().map_or(Shape::Other, Shape::WrongType);
        };
        match value(secret_type) {
            Some(document) => Shape::PullSecret(secret_type, document),
            None => Shape::MissingDataKey(secret_type),
        }
    }
}

/// A Secret without a document that can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misshapen {
    /// Its type is neither of the two, but it has a value under the data key of this one. Not for an UPDATE: the type of
    /// an existing Secret cannot be changed.
    WrongType(SecretType),
    /// It has no value under the data key of its type.
    MissingDataKey {
        /// The type.
        secret_type: SecretType,
        /// Where the document probably is.
        meant: Option<MeantKey>,
        /// An UPDATE of a Secret that had no value there either.
        was_missing: bool,
    },
}

/// The data key under which the document probably is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeantKey {
    name: String,
    /// The type whose format its value has.
    format: SecretType,
}

impl MeantKey {
    /// The name: at most [`MAX_SHOWN_CHARS`] letters, digits, `-`, `_` and `.`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type whose format its value has.
    #[must_use]
    pub const fn format(&self) -> SecretType {
        self.format
    }
}

/// The search for the data key under which the document of a Secret probably is: `config.json`, `dockerconfigjson`, the
/// key of the other type, or else the only key whose value is a Docker config.
pub struct MeantKeySearch {
    secret_type: SecretType,
    /// By its name, with the rank of the name.
    by_name: Option<(usize, MeantKey)>,
    by_value: ByValue,
}

enum ByValue {
    None,
    One(MeantKey),
    Several,
}

impl MeantKeySearch {
    /// Starts a search in the data of a Secret of this type.
    #[must_use]
    pub const fn new(secret_type: SecretType) -> Self {
        MeantKeySearch { secret_type, by_name: None, by_value: ByValue::None }
    }

    /// Considers a data key with a value other than null. `value` returns the decoded value, if it can be decoded; it is
    /// called only if the name says nothing.
    pub fn consider<B: AsRef<[u8]>>(&mut self, name: &str, value: impl FnOnce() -> Option<B>) {
        let other = match self.secret_type {
            SecretType::DockerConfigJson => SecretType::DockerCfg,
            SecretType::DockerCfg => SecretType::DockerConfigJson,
        };
        let known = [
            ("config.json", SecretType::DockerConfigJson),
            ("dockerconfigjson", SecretType::DockerConfigJson),
            (other.data_key(), other),
        ];
        if let Some((rank, (_, format))) = known.into_iter().enumerate().find(|(_, (key, _))| *key == name) {
            if self.by_name.as_ref().is_none_or(|(best, _)| rank < *best) {
                self.by_name = Some((rank, MeantKey { name: name.to_owned(), format }));
            }
            return;
        }
        if self.by_name.is_some() || matches!(self.by_value, ByValue::Several) {
            return;
        }
        let Some(format) = value().and_then(|value| format_of(value.as_ref())) else { return };
        self.by_value = match self.by_value {
            ByValue::None => ByValue::One(MeantKey { name: name.to_owned(), format }),
            ByValue::One(_) | ByValue::Several => ByValue::Several,
        };
    }

    /// Returns what was found, if its name can be shown.
    #[must_use]
    pub fn found(self) -> Option<MeantKey> {
        let by_value = match self.by_value {
            ByValue::One(key) => Some(key),
            ByValue::None | ByValue::Several => None,
        };
        self.by_name.map(|(_, key)| key).or(by_value).filter(|key| can_be_shown(&key.name))
    }
}

/// The longest name of a data key that leaves room for the remedy in a warning.
const MAX_SHOWN_CHARS: usize = 46;

/// Whether a name is short, and one that the API server allows in the data of a Secret: `IsConfigMapKey` of Kubernetes'
/// `util/validation`.
fn can_be_shown(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (1..=MAX_SHOWN_CHARS).contains(&name.len()) && name.bytes().all(is_allowed)
}

/// The type whose format a value has, if it is a Docker config: an object with an object `auths`, or one of entries.
fn format_of(value: &[u8]) -> Option<SecretType> {
    if value.len() > MAX_SECRET_BYTES || value.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    let document = Document::read(value, SecretType::DockerConfigJson).ok()?;
    let has_auths = document.top_fields(TopField::Auths).any(|auths| auths.kind == JsonType::Object);
    let is_entry =
        |member| document.members(member).iter().any(|field| document.entry_field(field).is_some());
    if has_auths {
        Some(SecretType::DockerConfigJson)
    } else {
        let top = document.top();
        (!top.is_empty() && top.iter().all(is_entry)).then_some(SecretType::DockerCfg)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &[u8] = br#"{"auths":{"r.example.com":{"auth":"dTpw"}}}"#;
    const FLAT: &[u8] = br#"{"r.example.com":{"auth":"dTpw"}}"#;

    fn shape(type_name: &str, with: &[SecretType]) -> Shape<()> {
        Shape::of(type_name, |secret_type| with.contains(&secret_type).then_some(()))
    }

    fn search(secret_type: SecretType, data: &[(&'static str, &[u8])]) -> Option<(String, SecretType)> {
        let mut search = MeantKeySearch::new(secret_type);
        for (name, value) in data {
            search.consider(name, || Some(value));
        }
        search.found().map(|key| (key.name().to_owned(), key.format()))
    }

    #[test]
    fn the_type_decides_which_data_key_counts() {
        use SecretType::{DockerCfg, DockerConfigJson};
        let json = DockerConfigJson.name();
        assert_eq!(shape(json, &SecretType::ALL), Shape::PullSecret(DockerConfigJson, ()));
        assert_eq!(shape(json, &[DockerCfg]), Shape::MissingDataKey(DockerConfigJson));
        assert_eq!(shape(DockerCfg.name(), &[DockerCfg]), Shape::PullSecret(DockerCfg, ()));
        assert_eq!(shape("Opaque", &[DockerCfg]), Shape::WrongType(DockerCfg));
        assert_eq!(shape("", &SecretType::ALL), Shape::WrongType(DockerConfigJson));
        assert_eq!(shape("Opaque", &[]), Shape::Other);
    }

    #[test]
    fn a_known_name_is_preferred_to_a_value() {
        use SecretType::{DockerCfg, DockerConfigJson};
        let found = |name: &str, format| Some((name.to_owned(), format));
        for (data, expected) in [
            (&[("a", b"x".as_slice()), ("b", CONFIG)][..], found("b", DockerConfigJson)),
            (&[("a", FLAT)], found("a", DockerCfg)),
            (&[("a", CONFIG), ("b", FLAT)], None),
            (&[("a", CONFIG), ("config.json", b"")], found("config.json", DockerConfigJson)),
            (&[(".dockercfg", b""), ("config.json", b"")], found("config.json", DockerConfigJson)),
            (&[(".dockercfg", b""), ("a", CONFIG)], found(".dockercfg", DockerCfg)),
            (&[("username", b"robot"), ("password", b"{}")], None),
            (&[("a", br#"{"auths":{},"auths":7"#)], None),
            (&[("r.example.com:5000", CONFIG)], None),
        ] {
            assert_eq!(search(DockerConfigJson, data), expected, "{data:?}");
        }
        let data: &[(&str, &[u8])] = &[(".dockercfg", b""), (".dockerconfigjson", b"")];
        assert_eq!(search(DockerCfg, data), found(".dockerconfigjson", DockerConfigJson));
    }

    #[test]
    fn value_is_not_decoded_after_known_name() {
        let mut search = MeantKeySearch::new(SecretType::DockerConfigJson);
        search.consider::<&[u8]>("config.json", || panic!("a value is read"));
        search.consider::<&[u8]>("other", || panic!("a value is read"));
        assert_eq!(search.found().map(|key| key.name().to_owned()).as_deref(), Some("config.json"));
    }
}
