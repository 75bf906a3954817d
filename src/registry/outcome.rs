//! What is concluded about the credentials of an entry. docs/verify.md describes the outcomes; they are a contract.

use std::fmt;

use regcred_engine::wording::Bilingual;

/// What is known about credentials at a registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VerifyOutcome {
    /// They log in, and may pull the image if one was asked for.
    Valid,
    /// Pulls work without them.
    AnonymousSuffices,
    /// The registry refuses them, or is certain to.
    Refused,
    /// They log in, and may not pull the image.
    NoPullPermission,
    /// They log in, and the image does not exist or is hidden from them.
    NotFoundOrNoPermission,
    /// They say that they have expired.
    Expired,
    /// The registry or its token server does not answer.
    Unreachable,
    /// The certificate is not trusted here.
    UntrustedCertificate,
    /// The registry limits requests.
    RateLimited,
    /// The registry has locked out this client or user.
    LockedOut,
    /// What answers is not a registry.
    NotARegistry,
    /// It could not be found out; the message says why.
    Undecided,
}

impl VerifyOutcome {
    /// Every outcome.
    pub const ALL: [VerifyOutcome; 12] = [
        VerifyOutcome::Valid,
        VerifyOutcome::AnonymousSuffices,
        VerifyOutcome::Refused,
        VerifyOutcome::NoPullPermission,
        VerifyOutcome::NotFoundOrNoPermission,
        VerifyOutcome::Expired,
        VerifyOutcome::Unreachable,
        VerifyOutcome::UntrustedCertificate,
        VerifyOutcome::RateLimited,
        VerifyOutcome::LockedOut,
        VerifyOutcome::NotARegistry,
        VerifyOutcome::Undecided,
    ];

    /// The word used in JSON and in the metric.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            VerifyOutcome::Valid => "valid",
            VerifyOutcome::AnonymousSuffices => "anonymous-suffices",
            VerifyOutcome::Refused => "refused",
            VerifyOutcome::NoPullPermission => "no-pull-permission",
            VerifyOutcome::NotFoundOrNoPermission => "not-found-or-no-permission",
            VerifyOutcome::Expired => "expired",
            VerifyOutcome::Unreachable => "unreachable",
            VerifyOutcome::UntrustedCertificate => "untrusted-certificate",
            VerifyOutcome::RateLimited => "rate-limited",
            VerifyOutcome::LockedOut => "locked-out",
            VerifyOutcome::NotARegistry => "not-a-registry",
            VerifyOutcome::Undecided => "undecided",
        }
    }

    /// Whether pulls work, as far as they were tried.
    #[must_use]
    pub const fn is_valid(self) -> bool {
        matches!(self, VerifyOutcome::Valid | VerifyOutcome::AnonymousSuffices)
    }

    /// Whether nothing was found out about the credentials from here, so that the outcome alone is no failure of theirs.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, VerifyOutcome::Unreachable | VerifyOutcome::Undecided)
    }
}

impl fmt::Display for VerifyOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An outcome with its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conclusion {
    pub(super) outcome: VerifyOutcome,
    /// Whole sentences.
    pub(super) message: Bilingual<String>,
}

impl Conclusion {
    pub(super) fn new(
        outcome: VerifyOutcome,
        english: impl Into<String>,
        chinese: impl Into<String>,
    ) -> Self {
        Conclusion { outcome, message: Bilingual::new(english, chinese) }
    }

    pub(super) fn undecided(english: impl Into<String>, chinese: impl Into<String>) -> Self {
        Conclusion::new(VerifyOutcome::Undecided, english, chinese)
    }

    /// Adds a sentence.
    pub(super) fn and<T: AsRef<str>>(mut self, note: &Bilingual<T>) -> Self {
        self.message = Bilingual {
            english: format!("{} {}", self.message.english, note.english.as_ref()),
            chinese: format!("{}{}", self.message.chinese, note.chinese.as_ref()),
        };
        self
    }

    /// Adds a sentence if there is one.
    pub(super) fn and_if(self, note: Option<Bilingual<&'static str>>) -> Self {
        match note {
            Some(note) => self.and(&note),
            None => self,
        }
    }
}
