//! The files that TLS is set up from.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use zeroize::Zeroizing;

use super::{CertificateFiles, Change, ClientCa};
use crate::files::FileError;

/// Files that are read, checked and swapped as one set, since they may lie in one mounted volume.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    /// The serving certificate, where it comes from files.
    pub(crate) certificate: Option<CertificateFiles>,
    /// Who may connect, where not everybody may.
    pub(crate) clients: Option<ClientCa>,
}

impl TlsFiles {
    pub(crate) fn paths(&self) -> Vec<&Path> {
        let clients = self.clients.iter().map(|clients| clients.file.as_path());
        self.certificate.iter().flat_map(CertificateFiles::paths).chain(clients).collect()
    }

    /// Checks what was read from [`TlsFiles::paths`], in their order.
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
