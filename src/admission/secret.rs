//! The fields that regcred reads of a Secret, in an AdmissionReview or in an answer of the API server.

use std::fmt;

use base64::{DecodeError, Engine as _};
use regcred_engine::secret::{MAX_SECRET_BYTES, SecretType};
use regcred_engine::shape::{MeantKey, MeantKeySearch, Shape};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::borrowed::BorrowedStr;
use crate::base64_engines::{CANONICAL, decoded_len};
use crate::wiped::Wiped;

/// Decodes a value of `data`. The API server writes canonical base64, whatever its client sent (docs/facts.md,
/// "Requests").
pub(crate) fn decode(value: &str) -> Result<Wiped, DecodeError> {
    CANONICAL.decode(value).map(Wiped::from)
}

/// A Secret as the API server writes it. It holds credentials: there is no `Debug`.
#[derive(Deserialize)]
pub(crate) struct ApiSecret<'a> {
    #[serde(borrow)]
    kind: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    metadata: Option<ApiSecretMetadata<'a>>,
    #[serde(borrow, rename = "type")]
    secret_type: Option<BorrowedStr<'a>>,
    immutable: Option<bool>,
    #[serde(borrow)]
    data: Option<ApiSecretData<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ApiSecretMetadata<'a> {
    #[serde(borrow)]
    generate_name: Option<BorrowedStr<'a>>,
    #[serde(borrow)]
    deletion_timestamp: Option<BorrowedStr<'a>>,
}

/// The `data` of a Secret: the two documents, and only the size of all else. A map of all keys would take more than ten
/// times as much memory as a body of many short ones.
#[derive(Default)]
struct ApiSecretData<'a> {
    docker_config_json: Option<BorrowedStr<'a>>,
    docker_cfg: Option<BorrowedStr<'a>>,
    decoded_bytes: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for ApiSecretData<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = ApiSecretData<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ApiSecretData<'de>, A::Error> {
        let mut data = ApiSecretData::default();
        while let Some(key) = map.next_key::<BorrowedStr<'de>>()? {
            let value: Option<BorrowedStr<'de>> = map.next_value()?;
            data.decoded_bytes += value.as_deref().map_or(0, decoded_len);
            let document = if *key == *SecretType::DockerConfigJson.data_key() {
                &mut data.docker_config_json
            } else if *key == *SecretType::DockerCfg.data_key() {
                &mut data.docker_cfg
            } else {
                continue;
            };
            if document.is_some() {
                return Err(Error::custom("the same key twice in data"));
            }
            *document = value;
        }
        Ok(data)
    }
}

/// Searches the data of a Secret for the key under which its document probably is. The object is read a second time, because
/// the keys are of interest only where the document is missing. `None` also if the object cannot be read.
pub(crate) fn find_meant_key(object: &RawValue, secret_type: SecretType) -> Option<MeantKey> {
    #[derive(Deserialize)]
    struct DataJson<'a> {
        #[serde(borrow)]
        data: Option<&'a RawValue>,
    }
    let data = serde_json::from_str::<DataJson<'_>>(object.get()).ok()?.data?;
    let mut search = MeantKeySearch::new(secret_type);
    MeantKeySeed(&mut search).deserialize(&mut serde_json::Deserializer::from_str(data.get())).ok()?;
    search.found()
}

/// Passes the entries of `data` to a search one by one.
struct MeantKeySeed<'s>(&'s mut MeantKeySearch);

impl<'de> DeserializeSeed<'de> for MeantKeySeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for MeantKeySeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<BorrowedStr<'de>>()? {
            if let Some(value) = map.next_value::<Option<BorrowedStr<'de>>>()? {
                let is_small = decoded_len(&value) <= MAX_SECRET_BYTES;
                self.0.consider(&key, || is_small.then(|| decode(&value).ok()).flatten());
            }
        }
        Ok(())
    }
}

impl<'a> ApiSecret<'a> {
    /// Reads an object. The error quotes the object: it is not to be passed on.
    pub(crate) fn parse(object: &'a RawValue) -> serde_json::Result<Self> {
        serde_json::from_str(object.get())
    }

    /// Returns what type and data make of it, with the document in base64. An object of any other kind is of no concern,
    /// and `null` under a data key counts as absent: the Rancher UI sends it for a form without a registry address.
    pub(crate) fn shape(&self) -> Shape<&str> {
        if self.kind.as_deref().is_some_and(|kind| kind != "Secret") {
            return Shape::Other;
        }
        Shape::of(self.secret_type.as_deref().unwrap_or_default(), |secret_type| self.document(secret_type))
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.deletion_timestamp.is_some())
    }

    /// Returns the document of this type in base64; `None` if its data key is absent or null.
    pub(crate) fn document(&self, secret_type: SecretType) -> Option<&str> {
        let data = self.data.as_ref()?;
        match secret_type {
            SecretType::DockerConfigJson => data.docker_config_json.as_deref(),
            SecretType::DockerCfg => data.docker_cfg.as_deref(),
        }
    }

    pub(crate) fn is_immutable(&self) -> bool {
        self.immutable == Some(true)
    }

    /// Returns the decoded size of all values of `data`, in bytes.
    pub(crate) fn data_bytes(&self) -> usize {
        self.data.as_ref().map_or(0, |data| data.decoded_bytes)
    }

    pub(crate) fn generate_name(&self) -> Option<&str> {
        self.metadata.as_ref()?.generate_name.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The document of a Secret with these fields; an error if it cannot be read.
    fn parse(fields: &str) -> Result<Option<String>, ()> {
        let secret = format!(r#"{{"type":"kubernetes.io/dockerconfigjson"{fields}}}"#);
        let secret: &RawValue = serde_json::from_str(&secret).unwrap();
        let secret = ApiSecret::parse(secret).map_err(|_| ())?;
        Ok(secret.document(SecretType::DockerConfigJson).map(str::to_owned))
    }

    #[test]
    fn data_and_its_values_may_be_null() {
        for fields in ["", r#","data":null"#, r#","data":{}"#, r#","data":{".dockerconfigjson":null}"#] {
            assert_eq!(parse(fields), Ok(None), "{fields}");
        }
    }

    #[test]
    fn the_meant_key_is_found_in_the_data() {
        let config = CANONICAL.encode(br#"{"auths":{"r.example.com":{}}}"#);
        let large = CANONICAL.encode([br#"{"auths":{}}"#, &*vec![b' '; MAX_SECRET_BYTES]].concat());
        let found = |data: &str| {
            let object: &RawValue = serde_json::from_str(data).unwrap();
            find_meant_key(object, SecretType::DockerConfigJson).map(|key| key.name().to_owned())
        };
        for (data, expected) in [
            ("{}".to_owned(), None),
            (r#"{"data":null}"#.to_owned(), None),
            (r#"{"data":{"config.json":null,"username":"cm9ib3Q="}}"#.to_owned(), None),
            (r#"{"data":{"username":"cm9ib3Q=","config.json":""}}"#.to_owned(), Some("config.json")),
            (format!(r#"{{"data":{{"a":"!","pull-secret":"{config}"}}}}"#), Some("pull-secret")),
            (format!(r#"{{"data":{{"a":"{config}","b":"{config}"}}}}"#), None),
            (format!(r#"{{"data":{{"large":"{large}"}}}}"#), None),
        ] {
            assert_eq!(found(&data).as_deref(), expected, "{data:.80}");
        }
    }

    #[test]
    fn a_repeated_document_is_refused() {
        let document = r#"".dockerconfigjson":"e30=""#;
        assert_eq!(parse(&format!(r#","data":{{{document}}}"#)), Ok(Some("e30=".to_owned())));
        assert_eq!(parse(&format!(r#","data":{{{document},{document}}}"#)), Err(()));
        assert_eq!(parse(&format!(r#","data":{{{document}}},"data":{{}}"#)), Err(()));
    }
}
