//! The Secret around the document, as YAML and as JSON.

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

/// The longest DNS subdomain, which names and the prefixes of labels are.
const LONGEST_SUBDOMAIN: usize = 253;

/// The longest DNS label, which namespaces are; the parts of a label are no longer either.
const LONGEST_LABEL: usize = 63;

/// In which form a Secret is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// YAML
    Yaml,
    /// JSON
    Json,
}

/// A Secret's name.
#[derive(Clone, Debug)]
pub struct Name(String);

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
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Namespace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() <= LONGEST_LABEL && is_subdomain_part(text) {
            Ok(Namespace(text.to_owned()))
        } else {
            Err(
                "a namespace has at most 63 small letters, digits and hyphens, at both ends a letter or digit",
            )
        }
    }
}

const SUBDOMAIN: &str = "a name has at most 253 small letters, digits, hyphens and dots, at both ends of each part between dots \
                         a letter or digit";

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
                "a label's key has at most 63 letters, digits, hyphens, underscores and dots, at both ends a \
                        letter or digit, and before a slash perhaps a domain",
            );
        }
        if !value.is_empty() && !is_label_part(value) {
            return Err(
                "a label's value has at most 63 letters, digits, hyphens, underscores and dots, at both ends a \
                        letter or digit",
            );
        }
        Ok(Label { key: key.to_owned(), value: value.to_owned() })
    }
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= LONGEST_SUBDOMAIN && text.split('.').all(is_subdomain_part)
}

fn is_subdomain_part(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.bytes().all(inside) && is_closed(text)
}

fn is_label_part(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.len() <= LONGEST_LABEL && text.bytes().all(inside) && is_closed(text)
}

/// Whether there is a letter or digit at both ends.
fn is_closed(text: &str) -> bool {
    let ends = [text.bytes().next(), text.bytes().next_back()];
    ends.iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

/// What a Secret is called.
#[derive(Serialize)]
pub struct Metadata<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'a str, &'a str>,
}

/// A Secret, in kubectl's order. There is no `Debug`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SecretJson<'a> {
    kind: &'static str,
    api_version: &'static str,
    metadata: &'a Metadata<'a>,
    data: BTreeMap<&'static str, &'a str>,
    r#type: &'static str,
}

impl<'a> Metadata<'a> {
    /// Puts the parts together. Of labels with one key the last one counts, as in kubectl.
    #[must_use]
    pub fn new(name: &'a Name, namespace: Option<&'a Namespace>, labels: &'a [Label]) -> Self {
        Metadata {
            name: &name.0,
            namespace: namespace.map(Namespace::as_str),
            labels: labels.iter().map(|label| (label.key.as_str(), label.value.as_str())).collect(),
        }
    }

    /// The Secret with this document.
    ///
    /// # Errors
    /// None that is known: what is written are strings.
    pub fn secret(&self, document: &[u8], form: Form) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        let document = Zeroizing::new(STANDARD.encode(document));
        match form {
            Form::Yaml => Ok(self.yaml(&document)),
            Form::Json => self.json(&document),
        }
    }

    /// Room for all of it from the start: a buffer that grows leaves copies behind.
    fn room(&self, document: &str) -> usize {
        let labels = self.labels.iter().map(|(key, value)| key.len() + value.len() + 32).sum::<usize>();
        document.len() + self.name.len() + labels + 1024
    }

    fn json(&self, document: &str) -> serde_json::Result<Zeroizing<Vec<u8>>> {
        let mut text = Zeroizing::new(Vec::with_capacity(self.room(document)));
        let formatter = PrettyFormatter::with_indent(b"    ");
        let mut json = serde_json::Serializer::with_formatter(&mut *text, formatter);
        let secret = SecretJson {
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
        let mut text = String::with_capacity(self.room(document));
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

/// A name or label in YAML: in quotation marks where it would be read as something else, such as a number.
fn scalar(text: &str) -> String {
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_bool(text) && !is_null(text) {
        text.to_owned()
    } else {
        format!("\"{text}\"")
    }
}
