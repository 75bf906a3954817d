//! Reading a Secret of a review: its document is borrowed, the rest of its data only measured.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::PAD;
use regcred_engine::secret::SecretType;
use serde::de::{DeserializeSeed as _, IgnoredAny, MapAccess};
use serde_json::value::RawValue;

use super::fields::{Fields, Filled, text};
use super::request::BadReview;
use crate::wiped::Wiped;

/// By the processor's vector instructions: a document can be a megabyte, and its base64 was a fifth of all that was done
/// about one. They are `unsafe` code of a library that is used everywhere, tests and fuzzes it against its plain one, and
/// reads and writes slices of a length that it has checked (docs/threat-model.md, "Supply chain").
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
type Base64 = base64::engine::Simd;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) static BASE64: LazyLock<Base64> = LazyLock::new(|| Base64::standard(PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Base64 = base64::engine::GeneralPurpose;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) static BASE64: LazyLock<Base64> = LazyLock::new(|| Base64::new(&base64::alphabet::STANDARD, PAD));

/// The API server writes base64 in its canonical form, whatever its client sent (docs/facts.md, "Requests").
pub(crate) fn decode(document: &str) -> Result<Wiped, BadReview> {
    BASE64.decode(document).map(Wiped::from).map_err(|_| BadReview::NotASecret)
}

/// A Secret as the API server writes it, as far as it is read. It holds credentials: there is no `Debug`.
#[derive(Default)]
pub(crate) struct SecretJson<'a> {
    kind: Option<Cow<'a, str>>,
    metadata: MetadataJson<'a>,
    secret_type: Option<Cow<'a, str>>,
    immutable: Option<bool>,
    data: DataJson<'a>,
}

#[derive(Default)]
struct MetadataJson<'a> {
    generate_name: Option<Cow<'a, str>>,
    deletion_timestamp: Option<Cow<'a, str>>,
}

/// A Secret's data: the documents, and how much there is.
#[derive(Default)]
struct DataJson<'a> {
    docker_config_json: Option<Cow<'a, str>>,
    docker_cfg: Option<Cow<'a, str>>,
    decoded_bytes: usize,
}

impl<'de> Fields<'de> for SecretJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "kind" => self.kind = text(map)?,
            "metadata" => drop(map.next_value_seed(Filled(&mut self.metadata))?),
            "type" => self.secret_type = text(map)?,
            "immutable" => self.immutable = map.next_value()?,
            "data" => drop(map.next_value_seed(Filled(&mut self.data))?),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for MetadataJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        match name {
            "generateName" => self.generate_name = text(map)?,
            "deletionTimestamp" => self.deletion_timestamp = text(map)?,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

impl<'de> Fields<'de> for DataJson<'de> {
    fn take<M: MapAccess<'de>>(&mut self, name: &str, map: &mut M) -> Result<(), M::Error> {
        let value = text(map)?;
        self.decoded_bytes += value.as_deref().map_or(0, decoded_bytes);
        if name == SecretType::DockerConfigJson.data_key() {
            self.docker_config_json = value;
        } else if name == SecretType::DockerCfg.data_key() {
            self.docker_cfg = value;
        }
        Ok(())
    }
}

impl<'a> SecretJson<'a> {
    pub(crate) fn parse(object: &'a RawValue) -> Result<Self, BadReview> {
        let mut secret = SecretJson::default();
        let mut json = serde_json::Deserializer::from_str(object.get());
        Filled(&mut secret).deserialize(&mut json).map_err(|_| BadReview::NotASecret)?;
        Ok(secret)
    }

    /// Which pull Secret it is; `None` for every other kind and type.
    pub(crate) fn pull_secret_type(&self) -> Option<SecretType> {
        let is_secret = self.kind.as_deref().is_none_or(|kind| kind == "Secret");
        self.secret_type.as_deref().filter(|_| is_secret).and_then(SecretType::from_name)
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
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
        self.metadata.generate_name.as_deref()
    }
}

/// How much a padded base64 text decodes to.
pub(crate) fn decoded_bytes(text: &str) -> usize {
    let letters = text.trim_end_matches('=').len();
    letters / 4 * 3 + letters % 4 * 3 / 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_data_is_counted_without_decoding() {
        for text in ["", "YQ==", "YWI=", "YWJj", "YWJjZA=="] {
            assert_eq!(decoded_bytes(text), BASE64.decode(text).unwrap().len(), "{text}");
        }
    }

    #[test]
    fn data_may_be_absent_or_null_and_so_may_its_values() {
        for data in ["", r#","data":null"#, r#","data":{}"#, r#","data":{".dockerconfigjson":null}"#] {
            let secret = format!(r#"{{"type":"kubernetes.io/dockerconfigjson"{data}}}"#);
            let secret: &RawValue = serde_json::from_str(&secret).unwrap();
            let secret = SecretJson::parse(secret).ok().unwrap();
            assert!(secret.document(SecretType::DockerConfigJson).is_none());
        }
    }
}
