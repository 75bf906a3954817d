//! Reading a Secret of a review: its document is borrowed, the rest of its data only measured.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regcred_engine::secret::SecretType;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::request::BadReview;
use crate::wiped::Wiped;

/// The API server writes base64 in its canonical form, whatever its client sent (docs/facts.md, "Requests").
pub(crate) fn decode(document: &str) -> Result<Wiped, BadReview> {
    STANDARD.decode(document).map(Wiped::from).map_err(|_| BadReview::NotASecret)
}

/// A Secret as the API server writes it, as far as it is read.
#[derive(Deserialize)]
pub(crate) struct SecretJson<'a> {
    kind: Option<String>,
    metadata: Option<MetadataJson>,
    #[serde(rename = "type")]
    secret_type: Option<String>,
    immutable: Option<bool>,
    #[serde(borrow, default, deserialize_with = "data")]
    data: Data<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetadataJson {
    generate_name: Option<String>,
    deletion_timestamp: Option<String>,
}

impl<'a> SecretJson<'a> {
    pub(crate) fn parse(object: &'a RawValue) -> Result<Self, BadReview> {
        serde_json::from_str(object.get()).map_err(|_| BadReview::NotASecret)
    }

    /// Which pull Secret it is; `None` for every other kind and type.
    pub(crate) fn pull_secret_type(&self) -> Option<SecretType> {
        let is_secret = self.kind.as_deref().is_none_or(|kind| kind == "Secret");
        self.secret_type.as_deref().filter(|_| is_secret).and_then(SecretType::from_name)
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.metadata.as_ref().is_some_and(|metadata| metadata.deletion_timestamp.is_some())
    }

    /// The document as base64; `None` where the key is absent or null, as Rancher's form sends it without an address.
    pub(crate) fn document(&self, secret_type: SecretType) -> Option<&str> {
        match secret_type {
            SecretType::DockerConfigJson => self.data.docker_config_json.as_deref(),
            SecretType::DockerCfg => self.data.docker_cfg.as_deref(),
        }
    }

    pub(crate) fn is_immutable(&self) -> bool {
        self.immutable == Some(true)
    }

    /// The size of all of its data, decoded.
    pub(crate) fn data_bytes(&self) -> usize {
        self.data.decoded_bytes
    }

    pub(crate) fn generate_name(&self) -> Option<&str> {
        self.metadata.as_ref()?.generate_name.as_deref()
    }
}

/// A Secret's data: the documents, and how much there is.
#[derive(Default)]
struct Data<'a> {
    docker_config_json: Option<Cow<'a, str>>,
    docker_cfg: Option<Cow<'a, str>>,
    decoded_bytes: usize,
}

#[derive(Deserialize)]
struct Base64<'a>(#[serde(borrow)] Cow<'a, str>);

/// How much a padded base64 text decodes to.
pub(crate) fn decoded_bytes(text: &str) -> usize {
    let letters = text.trim_end_matches('=').len();
    letters / 4 * 3 + letters % 4 * 3 / 4
}

/// Reads `data`, which is absent or null where a Secret has none.
fn data<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Data<'a>, D::Error> {
    struct DataVisitor;

    impl<'de> Visitor<'de> for DataVisitor {
        type Value = Data<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a map of base64")
        }

        fn visit_none<E>(self) -> Result<Self::Value, E> {
            Ok(Data::default())
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Data::default())
        }

        fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_map(self)
        }

        fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
            let mut data = Data::default();
            while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                let value = map.next_value::<Option<Base64<'de>>>()?;
                data.decoded_bytes += value.as_ref().map_or(0, |Base64(text)| decoded_bytes(text));
                let value = value.map(|Base64(text)| text);
                if key == SecretType::DockerConfigJson.data_key() {
                    data.docker_config_json = value;
                } else if key == SecretType::DockerCfg.data_key() {
                    data.docker_cfg = value;
                }
            }
            Ok(data)
        }
    }

    deserializer.deserialize_option(DataVisitor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_data_is_counted_without_decoding() {
        for text in ["", "YQ==", "YWI=", "YWJj", "YWJjZA=="] {
            assert_eq!(decoded_bytes(text), STANDARD.decode(text).unwrap().len(), "{text}");
        }
    }

    #[test]
    fn data_may_be_absent_or_null_and_so_may_its_values() {
        for data in ["", r#","data":null"#, r#","data":{}"#, r#","data":{".dockerconfigjson":null}"#] {
            let secret = format!(r#"{{"type":"kubernetes.io/dockerconfigjson"{data}}}"#);
            let secret: SecretJson<'_> = serde_json::from_str(&secret).unwrap();
            assert!(secret.document(SecretType::DockerConfigJson).is_none());
        }
    }
}
