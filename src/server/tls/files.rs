//! The files of the TLS configuration.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use zeroize::Zeroizing;

use super::{CertificateFiles, Change, ClientCa};
use crate::files::FileError;

/// Files that are read, checked and replaced as one set, because they may be in one mounted volume.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    /// The serving certificate, if it comes from files.
    pub(crate) certificate: Option<CertificateFiles>,
    /// The client CAs, if clients must present a certificate.
    pub(crate) clients: Option<ClientCa>,
}

impl TlsFiles {
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let clients = self.clients.iter().map(|clients| clients.file.as_path());
        self.certificate.iter().flat_map(CertificateFiles::paths).chain(clients).collect()
    }

    /// Checks the contents of [`TlsFiles::paths`], in the same order.
    pub(crate) fn check(
        &self,
        contents: &[Zeroizing<Vec<u8>>],
        provider: &Arc<CryptoProvider>,
        now: Timestamp,
    ) -> Result<Change, FileError> {
        let mut contents = contents.iter();
        let mut next = || contents.next().map(|content| content.as_slice()).unwrap_or_default();
        let certificate =
            self.certificate.as_ref().map(|files| files.check(next(), next(), provider, now)).transpose()?;
        let clients =
            self.clients.as_ref().map(|clients| clients.check(next(), provider, now)).transpose()?;
        Ok(Change { certificate, clients })
    }
}
