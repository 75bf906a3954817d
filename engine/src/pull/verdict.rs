//! The cause: what an error proves, held against what the Pod's objects contain.

use super::cause::{Cause, Certainty};
use super::message::{Attempt, Runtime};
use super::proof::{ForbiddenWords, NotFoundWords, Proof, Sent};
use super::ring::{KeyringAnswer, Reason, Why};
use crate::consumers::ImageRef;
use crate::registry::Key;

/// A cause, and how certain it is. There is always one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) certainty: Certainty,
    first: Cause,
    more: Vec<Cause>,
}

impl Verdict {
    pub(super) const fn certain(cause: Cause) -> Self {
        Verdict { certainty: Certainty::Certain, first: cause, more: Vec::new() }
    }

    const fn likely(cause: Cause) -> Self {
        Verdict { certainty: Certainty::Likely, first: cause, more: Vec::new() }
    }

    /// The first is the one that is most likely, as far as one can tell.
    pub(super) fn open(first: Cause, more: impl IntoIterator<Item = Cause>) -> Self {
        let mut verdict = Verdict { certainty: Certainty::Open, first, more: Vec::new() };
        for cause in more {
            if cause != first && !verdict.more.contains(&cause) {
                verdict.more.push(cause);
            }
        }
        verdict
    }

    /// The cause; if it is open, the first alternative.
    pub(super) const fn cause(&self) -> Cause {
        self.first
    }

    /// The cause, and if it is open the other alternatives.
    pub(super) fn causes(&self) -> impl Iterator<Item = Cause> + '_ {
        [self.first].into_iter().chain(self.more.iter().copied())
    }

    /// The causes that cannot be told apart, if it is open.
    pub(super) fn alternatives(&self) -> Vec<Cause> {
        if self.certainty == Certainty::Open { self.causes().collect() } else { Vec::new() }
    }

    /// Not more certain than likely.
    fn at_most_likely(mut self) -> Self {
        self.certainty = self.certainty.max(Certainty::Likely);
        self
    }

    /// What this one says, or what the other one says.
    fn or(&self, other: &Verdict) -> Self {
        if self == other {
            return self.clone();
        }
        Verdict::open(self.first, self.causes().chain(other.causes()))
    }
}

/// The pull Secrets of the service account that the Pod does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountSecrets<'h> {
    /// There are none with credentials for the image.
    Nothing,
    /// This one could not be read.
    Unknown(&'h str),
    /// This one has credentials for the image.
    Fits(&'h str),
}

/// What credentials look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There is nothing to say against them.
    Plausible,
    /// A rule finds that they are hardly right, such as a password that ends in a line break.
    Suspicious,
    /// They say that they have expired.
    Expired,
}

/// What the objects say about one image.
pub(super) struct Evidence<'h> {
    pub(super) image: Option<&'h ImageRef>,
    /// The image is written without a registry.
    pub(super) is_short_name: bool,
    /// The Pod names a pull Secret, which may be missing.
    pub(super) names_secrets: bool,
    pub(super) found: Option<&'h KeyringAnswer<'h>>,
    pub(super) account: AccountSecrets<'h>,
    /// What the credentials that the kubelet would use look like.
    pub(super) look: Look,
    /// An event says that a pull Secret could not be retrieved.
    pub(super) is_missing_by_event: bool,
}

impl Evidence<'_> {
    /// For a text alone.
    pub(super) const NOTHING_KNOWN: Evidence<'static> = Evidence {
        image: None,
        is_short_name: false,
        names_secrets: true,
        found: None,
        account: AccountSecrets::Nothing,
        look: Look::Plausible,
        is_missing_by_event: false,
    };

    fn has_credentials(&self) -> bool {
        self.found.is_some_and(|found| !found.usable.is_empty())
    }

    fn reasons(&self) -> &[Reason<'_>] {
        self.found.map_or(&[], |found| &*found.reasons)
    }

    pub(super) fn is_malformed(&self) -> bool {
        self.reasons().iter().any(|reason| matches!(reason.why, Why::Malformed(_)))
    }

    /// Whether credentials may have been sent that could not be looked at.
    fn has_unknown(&self) -> bool {
        let is_unknown = |reason: &Reason<'_>| matches!(reason.why, Why::Unknown);
        self.names_secrets && (self.found.is_none() || self.reasons().iter().any(is_unknown))
    }

    /// The reason that is closest to credentials for the image.
    pub(super) fn closest(&self) -> Option<&Reason<'_>> {
        self.reasons().iter().min_by_key(|reason| reason.why.rank())
    }

    /// Whether it is plain that a Secret was meant for this image.
    fn is_meant(&self) -> bool {
        matches!(self.account, AccountSecrets::Fits(_))
            || self.closest().is_some_and(|reason| reason.why.rank() <= 3)
    }

    /// Why the kubelet has no credentials for the image, given that it sent none.
    fn why_none(&self) -> Verdict {
        if matches!(self.account, AccountSecrets::Fits(_)) {
            return Verdict::certain(Cause::ServiceAccountSecretNotUsed);
        }
        if !self.names_secrets {
            return match self.account {
                AccountSecrets::Unknown(_) => Verdict::likely(Cause::ServiceAccountSecretNotUsed),
                _ => Verdict::certain(Cause::NoPullSecret),
            };
        }
        let unread = [Cause::NoMatchingEntry, Cause::SecretMissing, Cause::WrongSecretType];
        let Some(closest) = self.closest() else {
            return Verdict::open(Cause::NoPullSecret, unread);
        };
        let cause = closest.why.cause();
        let known = self.reasons().iter().map(|reason| reason.why.cause());
        let known = known.filter(|cause| *cause != Cause::Undecided);
        if self.has_unknown() {
            return match cause {
                Cause::Undecided if self.is_missing_by_event => Verdict::likely(Cause::SecretMissing),
                Cause::Undecided => Verdict::open(Cause::NoMatchingEntry, unread.into_iter().chain(known)),
                cause => Verdict::open(cause, known.chain(unread)),
            };
        }
        let is_sole = known.clone().all(|other| other == cause)
            && self.account == AccountSecrets::Nothing
            && !matches!(closest.why, Why::WrongType { fits: false, .. });
        if is_sole { Verdict::certain(cause) } else { Verdict::likely(cause) }
    }

    /// One verdict if credentials were sent, and why there are none otherwise.
    fn if_sent(&self, sent: Verdict) -> Verdict {
        if self.has_credentials() {
            sent
        } else if self.has_unknown() {
            Verdict::open(sent.cause(), sent.causes().chain(self.why_none().causes()))
        } else {
            self.why_none().at_most_likely()
        }
    }

    fn refused(&self, otherwise: Verdict) -> Verdict {
        if self.look == Look::Expired { Verdict::likely(Cause::CredentialsExpired) } else { otherwise }
    }

    /// Whether a host is not the one that the image names.
    fn is_other_host(&self, host: &str) -> bool {
        let is_other = |image: &ImageRef| {
            let (host, own) = (Key::parse(host), Key::parse(image.host()));
            host.site() != own.site() && !image.domain().is_empty()
        };
        self.image.is_some_and(is_other)
    }

    fn is_official_image(&self) -> bool {
        self.image.is_some_and(|image| image.name().starts_with("docker.io/library/"))
    }
}

/// The verdict on a template: whether a pull would find credentials. A Pod without a list of its own gets that of its service
/// account, so that without it nothing is certain.
pub(super) fn of_template(evidence: &Evidence<'_>, account_is_known: bool) -> Verdict {
    if evidence.image.is_none() {
        return Verdict::certain(Cause::InvalidImageName);
    }
    if evidence.is_malformed() {
        return Verdict::certain(Cause::SecretMalformed);
    }
    if evidence.has_credentials() {
        let cause = if evidence.look == Look::Expired { Cause::CredentialsExpired } else { Cause::None };
        return Verdict::certain(cause);
    }
    if evidence.has_unknown() {
        return Verdict::open(
            Cause::Undecided,
            [Cause::None].into_iter().chain(evidence.why_none().causes()),
        );
    }
    let why = evidence.why_none();
    if evidence.names_secrets || account_is_known { why } else { why.at_most_likely() }
}

/// The verdict on a pull that failed with these errors; there are none if no text tells a cause.
pub(super) fn of_attempts(attempts: &[Attempt<'_>], evidence: &Evidence<'_>) -> Verdict {
    if attempts.iter().all(|attempt| attempt.proof == Proof::Unrecognised) && evidence.is_malformed() {
        return Verdict::likely(Cause::SecretMalformed);
    }
    let verdicts = attempts.iter().map(|attempt| of_attempt(attempt, evidence));
    // The one that concerns the credentials comes first: it is the one that a Secret can cure.
    let order = |verdict: &Verdict| match verdict.cause() {
        Cause::CredentialsExpired => 0,
        Cause::CredentialsRefused => 1,
        _ => 2,
    };
    let mut verdicts: Vec<_> = verdicts.collect();
    verdicts.sort_by_key(order);
    verdicts.into_iter().reduce(|one, other| one.or(&other)).unwrap_or_else(|| of_silence(evidence))
}

/// The verdict where only the objects can tell.
fn of_silence(evidence: &Evidence<'_>) -> Verdict {
    if evidence.has_credentials() || evidence.found.is_none() {
        return Verdict::open(Cause::Undecided, []);
    }
    let why_none = evidence.why_none();
    if !evidence.names_secrets && !evidence.is_meant() {
        return Verdict::open(Cause::Undecided, why_none.causes());
    }
    if evidence.is_missing_by_event {
        return why_none.at_most_likely();
    }
    Verdict::open(why_none.cause(), why_none.causes().chain([Cause::Undecided]))
}

fn of_attempt(attempt: &Attempt<'_>, evidence: &Evidence<'_>) -> Verdict {
    let verdict = of_proof(attempt.proof, evidence);
    let has_failed_mirrors = attempt.runtime == Runtime::Crio { mirrors_failed: true };
    let verdict = if has_failed_mirrors { verdict.at_most_likely() } else { verdict };
    if attempt.service.is_some_and(|service| evidence.is_other_host(service)) {
        return match attempt.proof {
            Proof::TokenRefused(_) => Verdict::open(verdict.cause(), verdict.causes().chain([Cause::Mirror])),
            _ => verdict.at_most_likely(),
        };
    }
    let is_other = attempt.configured_host.is_some_and(|host| evidence.is_other_host(host));
    if (!attempt.names_a_mirror && !is_other) || matches!(attempt.proof, Proof::BlobStore { .. }) {
        return verdict;
    }
    if evidence.is_short_name && attempt.runtime != Runtime::Other {
        // The kubelet looks for credentials of Docker Hub, and CRI-O asks the registries that it is told to search.
        return Verdict::open(Cause::ShortName, verdict.causes().chain([Cause::NotFound]));
    }
    // If all fail, containerd shows the first mirror's error, whatever the registry itself said.
    let of_registry = if evidence.has_credentials() {
        vec![Cause::CredentialsRefused, Cause::NoPermission]
    } else {
        evidence.why_none().causes().collect()
    };
    let all = verdict.causes().chain(of_registry).chain([Cause::NotFound]);
    Verdict::open(Cause::Mirror, all)
}

fn of_proof(proof: Proof, evidence: &Evidence<'_>) -> Verdict {
    match proof {
        Proof::Malformed => Verdict::certain(Cause::SecretMalformed),
        Proof::SecretsNotRetrieved => Verdict::likely(Cause::SecretMissing),
        Proof::NothingSent => of_nothing_sent(evidence),
        Proof::TokenRefused(_)
        | Proof::TokenForbidden(_)
        | Proof::TokenServer { .. }
        | Proof::TokenRateLimited => of_token_server(proof, evidence),
        Proof::Unauthorized { by_crio } => {
            // CRI-O proceeds without a token if it was given an empty one.
            let no_token = by_crio.then_some(Cause::TokenServerError);
            let refused = if evidence.look == Look::Suspicious {
                Verdict::likely(Cause::CredentialsRefused)
            } else {
                Verdict::open(Cause::CredentialsRefused, [Cause::NoPermission].into_iter().chain(no_token))
            };
            evidence.if_sent(evidence.refused(refused))
        }
        Proof::NoAccess => of_no_access(evidence),
        Proof::Forbidden(words) => evidence.if_sent(match words {
            ForbiddenWords::Expired => Verdict::likely(Cause::CredentialsExpired),
            ForbiddenWords::Denied => evidence.refused(Verdict::likely(Cause::NoPermission)),
            ForbiddenWords::None => evidence.refused(Verdict::open(
                Cause::NoPermission,
                [Cause::CredentialsRefused, Cause::CredentialsExpired],
            )),
        }),
        Proof::NotFound(NotFoundWords::Status) => Verdict::likely(Cause::NotFound),
        Proof::NotFound(NotFoundWords::ManifestUnknown) => Verdict::certain(Cause::NotFound),
        Proof::Registry(500..) => Verdict::certain(Cause::RegistryError),
        Proof::Registry(_) => Verdict::likely(Cause::RegistryError),
        Proof::BlobStore { is_answer: false } => Verdict::likely(Cause::BlobStore),
        Proof::NotARegistry => Verdict::likely(Cause::NotARegistry),
        Proof::Unrecognised => Verdict::open(Cause::Undecided, []),
        _ => Verdict::certain(of_itself(proof)),
    }
}

/// What needs no look at the objects.
const fn of_itself(proof: Proof) -> Cause {
    match proof {
        Proof::RateLimited => Cause::RateLimited,
        Proof::LockedOut => Cause::LockedOut,
        Proof::BlobStore { .. } => Cause::BlobStore,
        Proof::Certificate => Cause::Certificate,
        Proof::PlainHttp => Cause::PlainHttp,
        Proof::Dns => Cause::Dns,
        Proof::Connection => Cause::Connection,
        Proof::Proxy => Cause::Proxy,
        Proof::Architecture => Cause::Architecture,
        Proof::UnsupportedManifest => Cause::UnsupportedManifest,
        Proof::SignaturePolicy => Cause::SignaturePolicy,
        Proof::ShortName => Cause::ShortName,
        Proof::NeverPull => Cause::NeverPull,
        Proof::InvalidName => Cause::InvalidImageName,
        Proof::KubeletLimit => Cause::KubeletRateLimit,
        _ => Cause::Undecided,
    }
}

fn of_nothing_sent(evidence: &Evidence<'_>) -> Verdict {
    if !evidence.has_credentials() {
        return evidence.why_none();
    }
    // The objects have changed since: with these, credentials would have been sent.
    if evidence.is_missing_by_event {
        return Verdict::likely(Cause::SecretMissing);
    }
    Verdict::open(Cause::NoMatchingEntry, [Cause::SecretMissing, Cause::WrongSecretType])
}

fn of_token_server(proof: Proof, evidence: &Evidence<'_>) -> Verdict {
    match proof {
        Proof::TokenRefused(Sent::Yes) if evidence.look == Look::Expired => {
            Verdict::certain(Cause::CredentialsExpired)
        }
        Proof::TokenRefused(Sent::Yes) if evidence.has_credentials() || evidence.has_unknown() => {
            Verdict::certain(Cause::CredentialsRefused)
        }
        // The node has credentials of its own, or the objects have changed since.
        Proof::TokenRefused(Sent::Yes) => Verdict::likely(Cause::CredentialsRefused),
        Proof::TokenRefused(_) => {
            evidence.if_sent(evidence.refused(Verdict::likely(Cause::CredentialsRefused)))
        }
        Proof::TokenForbidden(sent) => {
            let server = [Cause::TokenServerError, Cause::LockedOut];
            if sent == Sent::Yes || (sent == Sent::Unknown && evidence.has_credentials()) {
                let more = server.into_iter().chain([Cause::NoPermission]);
                return Verdict::open(Cause::CredentialsRefused, more);
            }
            let none = evidence.why_none();
            Verdict::open(none.cause(), none.causes().chain(server))
        }
        Proof::TokenRateLimited if evidence.has_credentials() || evidence.has_unknown() => {
            Verdict::likely(Cause::RateLimited)
        }
        Proof::TokenRateLimited => Verdict::certain(Cause::RateLimited),
        Proof::TokenServer { is_sure: false } => Verdict::likely(Cause::TokenServerError),
        _ => Verdict::certain(Cause::TokenServerError),
    }
}

/// A token without the right to pull: for anonymous callers, for a user without permission, and for a repository that
/// does not exist.
fn of_no_access(evidence: &Evidence<'_>) -> Verdict {
    let verdict = evidence.if_sent(evidence.refused(Verdict::likely(Cause::NoPermission)));
    if evidence.has_credentials() || evidence.has_unknown() || evidence.is_meant() {
        return verdict;
    }
    if evidence.is_official_image() {
        // Everybody may pull these.
        return Verdict::likely(Cause::NotFound);
    }
    Verdict::open(verdict.cause(), verdict.causes().chain([Cause::NotFound]))
}
