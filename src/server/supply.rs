//! Certificates that come from elsewhere than files.

use std::sync::Arc;

use jiff::Timestamp;

use super::Shared;
use super::metrics::ConfigurationProblem;
use super::tls::{Certificate, Change};

/// Where to bring the certificates of [`CertificateSource::Supplied`](super::CertificateSource::Supplied), and what
/// became of getting them.
#[derive(Clone)]
pub struct Supply(pub(super) Arc<Shared>);

impl Supply {
    /// Serves a certificate, PEM, with its key, if it can be served. Open connections keep the one that they have.
    ///
    /// # Errors
    /// When it is not valid now, or the key is not its own.
    pub fn serve(&self, certificate: &str, key: &str) -> Result<(), String> {
        let Supply(shared) = self;
        let certificate = Certificate::supplied(
            certificate.as_bytes(),
            key.as_bytes(),
            &shared.provider,
            Timestamp::now(),
        )?;
        shared.served.swap(Change { certificate: Some(certificate), clients: None });
        shared.served.log();
        shared.metrics.tls_reload.succeeded();
        Ok(())
    }

    /// Notes whether it is known that the certificate in use is the right one.
    pub fn checked(&self, successful: bool) {
        let reload = &self.0.metrics.tls_reload;
        if successful { reload.restored() } else { reload.failed() }
    }

    /// Counts that a client was told anew what to trust.
    pub fn bundle_corrected(&self) {
        self.0.metrics.ca_bundle_corrections.inc();
    }

    /// In how many webhook configurations something is wrong.
    pub fn configuration_problem(&self, problem: ConfigurationProblem, count: u8) {
        self.0.metrics.configuration_problem(problem, count);
    }

    /// Counts a panic of whoever supplies.
    pub fn panicked(&self) {
        self.0.metrics.panics.inc();
    }
}
