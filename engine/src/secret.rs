//! The Secret as the engine sees it.

/// The two types of image pull Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretType {
    /// `kubernetes.io/dockerconfigjson`: registries under `auths`.
    DockerConfigJson,
    /// `kubernetes.io/dockercfg`: a flat map of registries.
    DockerCfg,
}

impl SecretType {
    /// Both types.
    pub const ALL: [SecretType; 2] = [SecretType::DockerConfigJson, SecretType::DockerCfg];

    /// The type with this name in a Secret's `type`; `None` for every other type.
    #[must_use]
    pub fn from_name(name: &str) -> Option<SecretType> {
        match name {
            "kubernetes.io/dockerconfigjson" => Some(SecretType::DockerConfigJson),
            "kubernetes.io/dockercfg" => Some(SecretType::DockerCfg),
            _ => None,
        }
    }

    /// The name in a Secret's `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            SecretType::DockerConfigJson => "kubernetes.io/dockerconfigjson",
            SecretType::DockerCfg => "kubernetes.io/dockercfg",
        }
    }

    /// The key of the document in a Secret's `data`.
    #[must_use]
    pub const fn data_key(self) -> &'static str {
        match self {
            SecretType::DockerConfigJson => ".dockerconfigjson",
            SecretType::DockerCfg => ".dockercfg",
        }
    }
}

/// A Secret's data may be no larger than this, all keys together, decoded: `MaxSecretSize` of Kubernetes' core/v1.
pub const MAX_SECRET_BYTES: usize = 1_048_576;

/// An image pull Secret, as far as it is judged.
#[derive(Clone, Copy)]
pub struct Secret<'a> {
    /// Its type.
    pub secret_type: SecretType,
    /// The bytes under [`SecretType::data_key`].
    pub document: &'a [u8],
    /// The size of all of its data, decoded, this document included, in bytes.
    pub data_bytes: usize,
}

/// What an UPDATE replaces.
#[derive(Clone, Copy)]
pub struct OldSecret<'a> {
    /// The old document; `None` where the old data had none.
    pub document: Option<OldDocument<'a>>,
    /// Whether the old object was `immutable: true`: then the API server refuses any change of its data.
    pub immutable: bool,
}

/// The document that an UPDATE replaces.
#[derive(Clone, Copy)]
pub enum OldDocument<'a> {
    /// The bytes of a document that may be the same as the new one.
    Bytes(&'a [u8]),
    /// What returns the bytes of a document that is not the same as the new one. It is asked only if a rule compares both.
    Changed(&'a dyn AsRef<[u8]>),
}

impl<'a> OldDocument<'a> {
    pub(crate) fn is_same(self, new: &[u8]) -> bool {
        matches!(self, OldDocument::Bytes(old) if old == new)
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        match self {
            OldDocument::Bytes(old) => old,
            OldDocument::Changed(old) => old.as_ref(),
        }
    }
}
