//! The questions that are asked about credentials, one after the other:
//!
//! 1. what the credential itself says, without the network ([`said`](super::said)),
//! 2. a login without scope ([`login`](super::login)): is the password right,
//! 3. a HEAD of the manifest with scope ([`pull`](super::pull)): may it be pulled,
//! 4. the same without credentials: does it need them at all.
//!
//! None of them suffices alone: Harbor answers wrong credentials with an empty token if a scope is asked for, and GitHub's
//! registry logs in tokens that may not pull.

use std::collections::HashMap;
use std::hash::RandomState;
use std::time::Duration;

use jiff::Timestamp;
use regcred_engine::registry::Endpoint;
use regcred_engine::wording::Bilingual;
use rustls_pki_types::CertificateDer;

use super::attempts::{Attempts, Spending};
use super::connect::{Dialer, read_certificates};
use super::entry::{LoginEntry, MAX_IMAGES};
use super::exchange::{Ask, Reply, exchange};
use super::image::PullImage;
use super::outcome::{Conclusion, VerifyOutcome};
use super::said::{Said, said};
use super::site::{NamedHosts, Site};
use super::state::RegistryState;
use super::words;

/// How to verify.
#[derive(Debug)]
pub struct VerifyOptions {
    /// The hosts that the user named.
    pub named: NamedHosts,
    /// The content of a PEM file with further certificate authorities.
    pub ca: Option<Vec<u8>>,
    /// For each of: connecting, the TLS handshake, the headers and the body of a response.
    pub timeout: Duration,
    /// The failing attempts at one registry after which it gets no more credentials.
    pub max_failures: u32,
    /// The time, for credentials that say when they end.
    pub now: Timestamp,
}

/// Why nothing can be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifierError {
    /// The file of certificate authorities has no valid certificate.
    InvalidCa,
}

/// What is known about one entry, and one image of it.
#[derive(Clone, Debug)]
pub struct Verification {
    /// The registry key, as far as it may be shown.
    pub registry: Option<String>,
    /// The image that was asked for.
    pub image: Option<String>,
    /// The outcome.
    pub outcome: VerifyOutcome,
    /// Whole sentences.
    pub message: Bilingual<String>,
    /// The requests with credentials that were sent for it.
    pub attempts: u32,
    /// When the credential ends, if it says so.
    pub expires: Option<Timestamp>,
}

/// Verifies credentials, and remembers what each registry answered: the same question is not asked twice in a run.
pub struct Verifier {
    pub(super) dialer: Dialer,
    pub(super) options: VerifyOptions,
    pub(super) hasher: RandomState,
    pub(super) registries: HashMap<Site, RegistryState>,
    attempts: Attempts,
}

impl Verifier {
    /// Creates a verifier that has asked nothing yet.
    ///
    /// # Errors
    /// When the certificate authorities cannot be used.
    pub fn new(options: VerifyOptions) -> Result<Self, VerifierError> {
        let ca: Vec<CertificateDer<'static>> = match &options.ca {
            Some(pem) => read_certificates(pem).ok_or(VerifierError::InvalidCa)?,
            None => Vec::new(),
        };
        let dialer = Dialer::new(&ca, options.timeout).map_err(|_| VerifierError::InvalidCa)?;
        let hasher = RandomState::new();
        Ok(Verifier { dialer, options, hasher, registries: HashMap::new(), attempts: Attempts::default() })
    }

    /// The requests with credentials so far, and those that failed.
    #[must_use]
    pub const fn attempts(&self) -> Attempts {
        self.attempts
    }

    /// Returns the proxies of the environment through which registries were asked.
    pub fn proxies(&self) -> impl Iterator<Item = String> + '_ {
        self.registries.keys().filter_map(|site| self.dialer.proxy_for(site))
    }

    /// Verifies an entry: for each of its images, or by a login alone.
    pub async fn verify_entry(&mut self, entry: &LoginEntry) -> Vec<Verification> {
        let Said { expires, conclusion, notes } = said(entry, self.options.now);
        if let Some(conclusion) = conclusion {
            return vec![verification(entry, None, conclusion, 0, expires)];
        }
        let images = entry.images.iter().map(Some);
        let images: Vec<_> = if entry.images.is_empty() { vec![None] } else { images.collect() };
        let mut verifications = Vec::with_capacity(images.len());
        for image in images {
            let before = self.attempts.made;
            let conclusion = notes.iter().fold(self.conclude(entry, image).await, Conclusion::and);
            verifications.push(verification(entry, image, conclusion, self.attempts.made - before, expires));
        }
        if entry.omitted_images > 0 {
            verifications.push(verification(entry, None, omitted(entry.omitted_images), 0, expires));
        }
        verifications
    }

    async fn conclude(&mut self, entry: &LoginEntry, image: Option<&PullImage>) -> Conclusion {
        let host = match image.and_then(PullImage::registry) {
            Some(host) => host,
            None => match Endpoint::of(entry.key.as_written()) {
                Endpoint::Host(host) if host.is_ascii() => host,
                Endpoint::DependsOnImage => return needs_image(),
                Endpoint::HasCredentials => return has_credentials(),
                Endpoint::Host(_) | Endpoint::Invalid(_) => return names_no_registry(),
            },
        };
        let site = Site::of_registry(&host, &self.options.named);
        let contact = match self.contact(&site).await {
            Ok(contact) => contact,
            Err(conclusion) => return conclusion,
        };
        match image {
            Some(image) => self.pull(&site, &contact, &entry.credential, image).await,
            None => self.login_only(&site, &contact, &entry.credential).await,
        }
    }

    /// The state of a registry.
    pub(super) fn registry(&mut self, site: &Site) -> &mut RegistryState {
        self.registries.entry(site.clone()).or_default()
    }

    /// Sends a request, and waits once if the server asks for it, for at most the time-out. `spending` is set if the request
    /// carries credentials: it is then counted, and not sent to a registry that has had enough of them.
    pub(super) async fn ask(
        &mut self,
        to: &Site,
        ask: &Ask,
        spending: Option<&Spending<'_>>,
    ) -> Result<Reply, Conclusion> {
        let limit = self.options.timeout;
        let reply = self.ask_once(to, ask, spending).await?;
        match reply.retry_after() {
            Some(wait)
                if matches!(reply.status.as_u16(), 429 | 503)
                    && wait <= limit
                    && !reply.says_locked_out() =>
            {
                tokio::time::sleep(wait).await;
                self.ask_once(to, ask, spending).await
            }
            _ => Ok(reply),
        }
    }

    async fn ask_once(
        &mut self,
        to: &Site,
        ask: &Ask,
        spending: Option<&Spending<'_>>,
    ) -> Result<Reply, Conclusion> {
        let max = self.options.max_failures;
        let registry = self.registry(spending.map_or(to, |spending| spending.registry));
        if let Some(stopped) = &registry.stopped {
            return Err(stopped.clone());
        }
        if spending.is_some() {
            registry.may_spend(max)?;
        }
        let mut is_sent = false;
        let sent = || is_sent = true;
        let reply = exchange(&self.dialer, to, ask, self.options.timeout, sent).await;
        if let Some(spending) = spending
            && is_sent
        {
            self.attempts.made += 1;
            if reply.as_ref().is_ok_and(Reply::fails_login) {
                self.attempts.failed += 1;
                self.registry(spending.registry).failures += 1;
            }
        }
        reply.map_err(|error| {
            let conclusion = words::no_response(to, &error);
            if error.is_time_out() {
                // Whoever writes Secrets could hold up a run with slow hosts.
                self.registry(to).stopped = Some(conclusion.clone());
            }
            conclusion
        })
    }
}

fn verification(
    entry: &LoginEntry,
    image: Option<&PullImage>,
    conclusion: Conclusion,
    attempts: u32,
    expires: Option<Timestamp>,
) -> Verification {
    Verification {
        registry: Some(entry.key.shown().into_owned()),
        image: image.map(ToString::to_string),
        outcome: conclusion.outcome,
        message: conclusion.message,
        attempts,
        expires,
    }
}

fn omitted(images: usize) -> Conclusion {
    Conclusion::undecided(
        format!("{images} more images use this entry: at most {MAX_IMAGES} of an entry are asked for."),
        format!("另有 {images} 个镜像使用该条目：每个条目最多询问 {MAX_IMAGES} 个。"),
    )
}

fn needs_image() -> Conclusion {
    Conclusion::undecided(
        "This key stands for no single host: use --image with an image that it is for.",
        "该键不对应单个主机：请用 --image 指定它所对应的镜像。",
    )
}

fn has_credentials() -> Conclusion {
    Conclusion::undecided(
        "The key contains credentials, which belong in the entry; `regcred check` says what to do.",
        "该键中含有凭据，凭据应写在条目里；处理方法见 `regcred check`。",
    )
}

fn names_no_registry() -> Conclusion {
    Conclusion::undecided(
        "This key names no registry; `regcred check` says why.",
        "该键不是镜像仓库地址；原因见 `regcred check`。",
    )
}
