//! `--dev`: a certificate for this machine.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rustls::crypto::CryptoProvider;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::tls::CertificateFiles;
use crate::files::{FileError, read_together};
use crate::pki::Authority;

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Long enough that it rarely expires while in use, short enough that nobody uses it for anything real.
const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// A certificate with less time than this left is replaced at start.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Makes `ca.crt`, `tls.crt` and `tls.key` in `folder`, or re-uses them while they are valid.
///
/// The CA's key is discarded, so nothing else can ever be signed by this CA.
pub(crate) fn certificate(
    folder: &Path,
    provider: &CryptoProvider,
    now: Timestamp,
) -> Result<CertificateFiles, FileError> {
    let files = CertificateFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
    let ca = folder.join("ca.crt");
    let lasts = files.load(provider, now).is_ok_and(|pair| pair.not_after.duration_since(now) > RENEW_BEFORE);
    if !(lasts && issued_by(&ca, &files.certificate)) {
        let (authority, issued) = Authority::new(now)
            .and_then(|authority| {
                let issued = authority.issue(&NAMES.map(str::to_owned), LIFE, now)?;
                Ok((authority, issued))
            })
            .map_err(|error| FileError::new(folder, format!("cannot make a certificate: {error}")))?;
        fs::create_dir_all(folder)
            .map_err(|error| FileError::new(folder, format!("cannot create this folder: {error}")))?;
        write(&files.key, &issued.key, 0o600)?;
        write(&files.certificate, &issued.certificate, 0o644)?;
        write(&ca, &authority.certificate, 0o644)?;
    }
    Ok(files)
}

/// Whether the CA in this file issued the certificate. Each CA has a name of its own, so comparing names is enough.
fn issued_by(ca: &Path, certificate: &Path) -> bool {
    let check = || {
        let files = read_together(&[ca, certificate]).ok()?;
        let [ca, certificate] = files.as_slice() else { return None };
        let ca = CertificateDer::from_pem_slice(ca).ok()?;
        let certificate = CertificateDer::from_pem_slice(certificate).ok()?;
        let (_, ca) = X509Certificate::from_der(&ca).ok()?;
        let (_, certificate) = X509Certificate::from_der(&certificate).ok()?;
        Some(ca.subject() == certificate.issuer())
    };
    check() == Some(true)
}

/// Writes another file and renames it, so that an interrupted program never leaves a partial file.
fn write(path: &Path, content: &str, mode: u32) -> Result<(), FileError> {
    let aside = path.with_extension("new");
    let write = || {
        drop(fs::remove_file(&aside));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&aside)?
            .write_all(content.as_bytes())?;
        fs::rename(&aside, path)
    };
    write().map_err(|error| FileError::new(path, format!("cannot write: {error}")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::tls::provider;
    use super::*;
    use crate::files::tests::scratch;

    fn contents(folder: &Path) -> Vec<Vec<u8>> {
        ["ca.crt", "tls.crt", "tls.key"].map(|name| fs::read(folder.join(name)).unwrap()).to_vec()
    }

    #[test]
    fn certificate_is_reused_until_it_is_unusable() {
        let folder = scratch("dev").join("deeper");
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let make = |now| certificate(&folder, &provider(), now).unwrap();
        let files = make(now);
        let first = contents(&folder);
        assert_eq!(fs::metadata(files.key).unwrap().permissions().mode() & 0o777, 0o600);

        make(now);
        assert_eq!(contents(&folder), first, "valid files are re-used");

        make(now + SignedDuration::from_hours(24 * 85));
        let renewed = contents(&folder);
        assert_ne!(renewed, first, "they are renewed before they expire");
        // Back to `now`: a certificate dated in the future is not usable either.
        make(now);

        let good = contents(&folder);
        fs::write(folder.join("ca.crt"), &first[0]).unwrap();
        make(now);
        assert_ne!(contents(&folder)[1], good[1], "the CA of another certificate");

        let good = contents(&folder);
        fs::write(folder.join("tls.key"), "x").unwrap();
        make(now);
        assert_ne!(contents(&folder), good, "a broken key");
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }
}
