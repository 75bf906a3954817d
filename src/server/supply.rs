//! Certificates that do not come from files.

use std::sync::Arc;

use jiff::Timestamp;

use super::Shared;
use super::metrics::Metrics;
use super::tls::{Certificate, Change};
use crate::pki::Issued;

/// A handle of a running server for the code that supplies its certificates. The server does not know where they come
/// from.
#[derive(Clone)]
pub struct Supply(pub(super) Arc<Shared>);

impl Supply {
    /// Serves a certificate from now on. Open connections keep the one that they have.
    ///
    /// # Errors
    /// When the certificate is not valid now.
    pub(crate) fn serve(&self, issued: &Issued) -> Result<(), String> {
        let Supply(shared) = self;
        let certificate = Certificate::supplied(
            issued.certificate.as_bytes(),
            issued.key.as_bytes(),
            &shared.provider,
            Timestamp::now(),
        )?;
        shared.served.swap(Change { certificate: Some(certificate), clients: None });
        shared.served.log();
        shared.metrics.supply_reload.succeeded();
        Ok(())
    }

    /// Notes whether the certificate in use is known to be the right one.
    pub(crate) fn checked(&self, successful: bool) {
        let reload = &self.0.metrics.supply_reload;
        if successful { reload.restored() } else { reload.failed() }
    }

    /// The metrics of the server.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
}
