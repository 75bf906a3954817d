//! Writes the Secret as YAML or JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use regcred_engine::secret::SecretType;
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use zeroize::Zeroizing;

use crate::yaml_words::{is_bool, is_null};

/// The maximum length of a DNS subdomain. Names and the prefixes of labels are subdomains.
const MAX_SUBDOMAIN_CHARS: usize = 253;

/// The maximum length of a DNS label, such as a namespace, and of the parts of a Kubernetes label.
const MAX_LABEL_CHARS: usize = 63;

/// The format of a Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SecretFormat {
    /// YAML
    Yaml,
    /// JSON
    Json,
}

/// A Secret's name.
#[derive(Clone, Debug)]
pub struct Name(String);

impl Name {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_subdomain(text) { Ok(Name(text.to_owned())) } else { Err(SUBDOMAIN) }
    }
}

/// A namespace's name.
#[derive(Clone, Debug)]
pub struct Namespace(String);

impl Namespace {
    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= MAX_LABEL_CHARS && is_subdomain_part(text) {
            Ok(Namespace(text.to_owned()))
        } else {
            Err(
                "a namespace has at most 63 lowercase letters, digits and hyphens, and begins and ends with a letter or digit",
            )
        }
    }
}

const SUBDOMAIN: &str = "a name has at most 253 lowercase letters, digits, hyphens and dots, and each part between dots \
                         begins and ends with a letter or digit";

/// A label.
#[derive(Clone, Debug)]
pub struct Label {
    key: String,
    value: String,
}

impl FromStr for Label {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("a label is KEY=VALUE")?;
        let (prefix, name) = key.rsplit_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
        if !is_label_part(name) || prefix.is_some_and(|prefix| !is_subdomain(prefix)) {
            return Err(
                "a label's key has at most 63 letters, digits, hyphens, underscores and dots, begins and ends with a \
                        letter or digit, and can have a domain and a slash in front",
            );
        }
        if !value.is_empty() && !is_label_part(value) {
            return Err(
                "a label's value has at most 63 letters, digits, hyphens, underscores and dots, and begins and ends \
                        with a letter or digit",
            );
        }
        Ok(Label { key: key.to_owned(), value: value.to_owned() })
    }
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= MAX_SUBDOMAIN_CHARS && text.split('.').all(is_subdomain_part)
}

fn is_subdomain_part(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.bytes().all(inside) && has_alphanumeric_ends(text)
}

fn is_label_part(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= MAX_LABEL_CHARS && text.bytes().all(inside) && has_alphanumeric_ends(text)
}

/// Whether the text begins and ends with a letter or digit.
fn has_alphanumeric_ends(text: &str) -> bool {
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

/// The metadata of a Secret.
#[derive(Serialize)]
pub struct Metadata<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'a str, &'a str>,
}

/// A Secret in kubectl's order. There is no `Debug`, since it would show credentials.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecretObject<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: &'a Metadata<'a>,
    data: BTreeMap<&'static str, &'a str>,
    r#type: &'static str,
}

impl<'a> Metadata<'a> {
    /// Builds the metadata. If a label's key is repeated, the last value counts, as in kubectl.
    #[must_use]
    pub fn new(name: &'a Name, namespace: Option<&'a Namespace>, labels: &'a [Label]) -> Self {
        Metadata {
            name: &name.0,
            namespace: namespace.map(Namespace::as_str),
            labels: labels.iter().map(|label| (label.key.as_str(), label.value.as_str())).collect(),
        }
    }

    /// Returns the Secret with this document.
    ///
    /// # Errors
    /// Strings can always be written, so none is expected.
    pub fn secret(&self, document: &[u8], format: SecretFormat) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        let document = Zeroizing::new(STANDARD.encode(document));
        match format {
            SecretFormat::Yaml => Ok(self.yaml(&document)),
            SecretFormat::Json => self.json(&document),
        }
    }

    /// The capacity of the output buffer. A buffer that grows would leave copies of the credentials in memory.
    fn capacity(&self, document: &str) -> usize {
        let labels = self.labels.iter().map(|(key, value)| key.len() + value.len() + 32).sum::<usize>();
        document.len() + self.name.len() + labels + 1024
    }

    fn json(&self, document: &str) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(Vec::with_capacity(self.capacity(document)));
        let formatter = PrettyFormatter::with_indent(b"    ");
        let mut json = serde_json::Serializer::with_formatter(&mut *text, formatter);
        let secret = SecretObject {
            kind: "Secret",
            api_version: "v1",
            metadata: self,
            data: BTreeMap::from([(SecretType::DockerConfigJson.data_key(), document)]),
            r#type: SecretType::DockerConfigJson.name(),
        };
        secret.serialize(&mut json)?;
        text.push(b'\n');
        Ok(text)
    }

    fn yaml(&self, document: &str) -> Zeroizing<Vec<u8>> {
        let mut text = String::with_capacity(self.capacity(document));
        let (key, secret_type) =
            (SecretType::DockerConfigJson.data_key(), SecretType::DockerConfigJson.name());
        let _ = write!(text, "apiVersion: v1\ndata:\n  {key}: {document}\nkind: Secret\nmetadata:\n"); // a String takes all
        if !self.labels.is_empty() {
            text.push_str("  labels:\n");
            for (key, value) in &self.labels {
                let _ = writeln!(text, "    {}: {}", scalar(key), scalar(value)); // a String takes everything
            }
        }
        let _ = writeln!(text, "  name: {}", scalar(self.name)); // a String takes everything
        if let Some(namespace) = self.namespace {
            let _ = writeln!(text, "  namespace: {}", scalar(namespace)); // a String takes everything
        }
        let _ = writeln!(text, "type: {secret_type}"); // a String takes everything
        Zeroizing::new(text.into_bytes())
    }
}

/// Writes a name or label as a YAML scalar, in quotation marks if it would be read as another type, such as a number.
fn scalar(text: &str) -> String {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_bool(text) && !is_null(text) {
        text.to_owned()
    } else {
        format!("\"{text}\"")
    }
}
