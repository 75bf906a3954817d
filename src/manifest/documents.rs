//! The documents of a file, for callers that do more with them than judge them.

use regcred_engine::secret::SecretType;

use super::Manifest;
use super::pull_secret::Origin;
use crate::report::Object;

/// A document in a file: of a pull Secret, or the file itself. There is no `Debug`.
pub struct ManifestDocument<'m> {
    /// The Secret; `None` for a Docker config.
    pub object: Option<&'m Object>,
    /// The type of the Secret.
    pub secret_type: SecretType,
    /// The bytes.
    pub bytes: &'m [u8],
}

impl Manifest<'_> {
    /// Returns the documents in the file, without those of templates for Secrets.
    pub fn documents(&self) -> impl Iterator<Item = ManifestDocument<'_>> {
        let secrets = self.contents.secrets.iter();
        secrets.filter(|secret| !matches!(secret.origin, Origin::Template(_))).map(|secret| {
            ManifestDocument {
                object: secret.object.as_ref(),
                secret_type: secret.secret_type,
                bytes: &secret.document,
            }
        })
    }
}
