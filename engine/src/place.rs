//! Places in a Secret and its document, where findings are.

use crate::document::{EntryField, TopField};
use crate::registry::RegistryKey;
use crate::secret::SecretType;
use crate::shape::MeantKey;

/// A place in a Secret or its document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The type of the Secret, and so the form of its document. For a Secret of the wrong type, the type that was meant.
    pub secret_type: SecretType,
    /// No document is larger than this can count.
    offset: u32,
    /// What the place is called.
    pub spot: Spot<'a>,
}

/// What a place is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Spot<'a> {
    /// The type of the Secret.
    Type,
    /// The data of the Secret, which has no document under its type's key, and the key under which it probably is.
    Data(Option<MeantKey>),
    /// The document as a whole.
    Document,
    /// The document as a whole, for something about this registry.
    Registry(RegistryKey<'a>),
    /// A field at the top.
    Top(TopField),
    /// An entry.
    Entry(RegistryKey<'a>),
    /// A field of an entry.
    Field(RegistryKey<'a>, EntryField),
}

impl<'a> Place<'a> {
    /// A place at this byte of a document.
    #[must_use]
    pub fn new(secret_type: SecretType, offset: usize, spot: Spot<'a>) -> Self {
        Place { secret_type, offset: u32::try_from(offset).unwrap_or(u32::MAX), spot }
    }

    /// Where in the document's bytes: the start of the name of the field or key that the finding is about. 0 for
    /// the document itself and for what is no longer in it.
    #[must_use]
    pub fn offset(&self) -> usize {
        usize::try_from(self.offset).unwrap_or(usize::MAX)
    }

    /// The registry key of the entry that the place is in.
    #[must_use]
    pub const fn key(&self) -> Option<&RegistryKey<'a>> {
        match &self.spot {
            Spot::Entry(key) | Spot::Field(key, _) => Some(key),
            Spot::Type | Spot::Data(_) | Spot::Document | Spot::Registry(_) | Spot::Top(_) => None,
        }
    }

    /// The field of an entry that the place is.
    #[must_use]
    pub const fn field(&self) -> Option<EntryField> {
        match &self.spot {
            Spot::Field(_, field) => Some(*field),
            Spot::Type
            | Spot::Data(_)
            | Spot::Document
            | Spot::Registry(_)
            | Spot::Top(_)
            | Spot::Entry(_) => None,
        }
    }

    /// Whether the place is in the document, or is the document. Otherwise, its path is that of a field of the Secret.
    #[must_use]
    pub const fn is_in_document(&self) -> bool {
        !matches!(self.spot, Spot::Type | Spot::Data(_))
    }

    /// The JSON path inside the Secret, such as `data[.dockerconfigjson].auths["r.example.com"].auth` or `type`.
    #[must_use]
    pub fn path_in_secret(&self) -> String {
        let path = self.path();
        if !self.is_in_document() {
            return path;
        }
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        format!("data[{}]{dot}{path}", self.secret_type.data_key())
    }

    /// The JSON path inside the document, such as `auths["r.example.com"].auth`; empty for the whole document. For a
    /// place outside the document, the field of the Secret: `type` or `data`.
    #[must_use]
    pub fn path(&self) -> String {
        let (key, field) = match &self.spot {
            Spot::Type => return "type".to_owned(),
            Spot::Data(_) => return "data".to_owned(),
            Spot::Document | Spot::Registry(_) => return String::new(),
            Spot::Top(field) => return field.name().to_owned(),
            Spot::Entry(key) => (key, None),
            Spot::Field(key, field) => (key, Some(*field)),
        };
        let wrapper = match self.secret_type {
            SecretType::DockerConfigJson => "auths",
            SecretType::DockerCfg => "",
        };
        let mut key = key.shown();
        if key.bytes().any(|byte| matches!(byte, b'\\' | b'"')) {
            key = key.replace('\\', "\\\\").replace('"', "\\\"").into();
        }
        let (dot, field) = field.map_or(("", ""), |field| (".", field.name()));
        [wrapper, "[\"", &key, "\"]", dot, field].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_hides_credentials_and_quotes_the_key() {
        for (key, path) in [
            ("r.example.com", r#"auths["r.example.com"].auth"#),
            ("u:p@r.example.com/a", r#"auths["r.example.com/a"].auth"#),
            (r#"a"]["b"#, r#"auths["a\"][\"b"].auth"#),
            (r#"a\"].b"#, r#"auths["a\\\"].b"].auth"#),
            (r"a\", r#"auths["a\\"].auth"#),
            ("a\nb", r#"auths["a\\u{a}b"].auth"#),
            (
                "a\u{fffd}\u{fffe}\u{ffff}\u{10ffff}",
                "auths[\"a\u{fffd}\\\\u{fffe}\\\\u{ffff}\\\\u{10ffff}\"].auth",
            ),
        ] {
            let spot = Spot::Field(RegistryKey::new(key), EntryField::Auth);
            let place = Place::new(SecretType::DockerConfigJson, 0, spot);
            assert_eq!(place.path(), path);
        }
    }
}
