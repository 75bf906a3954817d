//! The causes, and how certain one is.

/// Why a pull fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Nothing: the container does not wait for an image or, for a template, the pull would find credentials.
    None,
    /// Neither the Pod nor its service account names a pull Secret.
    NoPullSecret,
    /// A pull Secret is named and does not exist.
    SecretMissing,
    /// A pull Secret is named and exists only in another namespace.
    SecretInOtherNamespace,
    /// The service account has a pull Secret that would fit, and the Pod does not use it.
    ServiceAccountSecretNotUsed,
    /// The pull Secret is of a type that the kubelet does not read.
    WrongSecretType,
    /// The kubelet cannot read a pull Secret, and so pulls nothing for the Pod.
    SecretMalformed,
    /// No entry of the pull Secrets has credentials for the image.
    NoMatchingEntry,
    /// The registry or its token server refused the credentials.
    CredentialsRefused,
    /// The credentials have expired.
    CredentialsExpired,
    /// The credentials are valid and may not pull this repository.
    NoPermission,
    /// The registry has no such tag, digest or repository.
    NotFound,
    /// What answered is not a container registry.
    NotARegistry,
    /// The registry limits how much may be pulled.
    RateLimited,
    /// The registry refuses logins after too many wrong passwords.
    LockedOut,
    /// The token server of the registry failed.
    TokenServerError,
    /// The registry failed.
    RegistryError,
    /// The store to which the registry redirects for the layers failed.
    BlobStore,
    /// The certificate of the registry is not trusted by the node.
    Certificate,
    /// The registry speaks HTTP where the node asks for HTTPS.
    PlainHttp,
    /// The name of the registry does not resolve.
    Dns,
    /// No connection to the registry.
    Connection,
    /// The proxy of the node's runtime does not answer.
    Proxy,
    /// A mirror answered in place of the registry.
    Mirror,
    /// The image does not exist for the node's architecture.
    Architecture,
    /// The image may not be pulled, and is not on the node or may not be used by this Pod.
    NeverPull,
    /// The image reference is invalid.
    InvalidImageName,
    /// The runtime knows no registry for a name without one.
    ShortName,
    /// The kubelet limits its own pulls.
    KubeletRateLimit,
    /// The manifest is of a kind that the runtime does not support.
    UnsupportedManifest,
    /// A signature policy of the runtime refused the image.
    SignaturePolicy,
    /// What is known does not tell.
    Undecided,
}

/// How certain a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Certainty {
    /// What the runtime printed, or the objects, prove it.
    Certain,
    /// The objects and what the runtime printed agree, and do not prove it.
    Likely,
    /// The alternatives cannot be told apart by what is visible.
    Open,
}

impl Certainty {
    /// The value in JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Certainty::Certain => "certain",
            Certainty::Likely => "likely",
            Certainty::Open => "open",
        }
    }
}

impl Cause {
    /// Every cause, in the order of their documentation.
    pub const ALL: [Cause; 32] = [
        Cause::None,
        Cause::NoPullSecret,
        Cause::SecretMissing,
        Cause::SecretInOtherNamespace,
        Cause::ServiceAccountSecretNotUsed,
        Cause::WrongSecretType,
        Cause::SecretMalformed,
        Cause::NoMatchingEntry,
        Cause::CredentialsRefused,
        Cause::CredentialsExpired,
        Cause::NoPermission,
        Cause::NotFound,
        Cause::NotARegistry,
        Cause::RateLimited,
        Cause::LockedOut,
        Cause::TokenServerError,
        Cause::RegistryError,
        Cause::BlobStore,
        Cause::Certificate,
        Cause::PlainHttp,
        Cause::Dns,
        Cause::Connection,
        Cause::Proxy,
        Cause::Mirror,
        Cause::Architecture,
        Cause::NeverPull,
        Cause::InvalidImageName,
        Cause::ShortName,
        Cause::KubeletRateLimit,
        Cause::UnsupportedManifest,
        Cause::SignaturePolicy,
        Cause::Undecided,
    ];

    /// The value in JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Cause::None => "none",
            Cause::NoPullSecret => "no-pull-secret",
            Cause::SecretMissing => "secret-missing",
            Cause::SecretInOtherNamespace => "secret-in-other-namespace",
            Cause::ServiceAccountSecretNotUsed => "service-account-secret-not-used",
            Cause::WrongSecretType => "wrong-secret-type",
            Cause::SecretMalformed => "secret-malformed",
            Cause::NoMatchingEntry => "no-matching-entry",
            Cause::CredentialsRefused => "credentials-refused",
            Cause::CredentialsExpired => "credentials-expired",
            Cause::NoPermission => "no-permission",
            Cause::NotFound => "not-found",
            Cause::NotARegistry => "not-a-registry",
            Cause::RateLimited => "rate-limited",
            Cause::LockedOut => "locked-out",
            Cause::TokenServerError => "token-server-error",
            Cause::RegistryError => "registry-error",
            Cause::BlobStore => "blob-store",
            Cause::Certificate => "certificate",
            Cause::PlainHttp => "plain-http",
            Cause::Dns => "dns",
            Cause::Connection => "connection",
            Cause::Proxy => "proxy",
            Cause::Mirror => "mirror",
            Cause::Architecture => "architecture",
            Cause::NeverPull => "never-pull",
            Cause::InvalidImageName => "invalid-image-name",
            Cause::ShortName => "short-name",
            Cause::KubeletRateLimit => "kubelet-rate-limit",
            Cause::UnsupportedManifest => "unsupported-manifest",
            Cause::SignaturePolicy => "signature-policy",
            Cause::Undecided => "undecided",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_cause_has_a_code_of_its_own() {
        let codes: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
        assert_eq!(codes.len(), Cause::ALL.len());
        let is_sorted = Cause::ALL.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(
            is_sorted
                && Cause::ALL.first() == Some(&Cause::None)
                && Cause::ALL.last() == Some(&Cause::Undecided)
        );
    }
}
