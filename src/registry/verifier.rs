//! The state of a run, and a request in it: counted, and not sent to a server that has had enough.

use std::collections::HashMap;
use std::hash::RandomState;
use std::time::Duration;

use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

use super::attempts::{Attempts, Spending};
use super::connect::{Dialer, read_certificates};
use super::exchange::{Ask, Reply, exchange};
use super::outcome::Conclusion;
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
