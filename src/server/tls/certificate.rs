//! The serving certificate, checked when it is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::files::{FileError, read_together};
use crate::pki::Validity;

/// The files of the serving certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// PEM: the certificate of this server first, then its intermediates.
    pub certificate: PathBuf,
    /// PEM: the private key of the first certificate.
    pub key: PathBuf,
}

impl CertificateFiles {
    pub(crate) fn paths(&self) -> [&Path; 2] {
        [&self.certificate, &self.key]
    }

    /// Reads and checks both files.
    pub(crate) fn load(&self, provider: &CryptoProvider, now: Timestamp) -> Result<Certificate, FileError> {
        match read_together(&self.paths())?.as_slice() {
            [certificate, key] => self.check(certificate, key, provider, now),
            _ => Err(FileError::new(&self.certificate, "cannot read it")),
        }
    }

    /// Checks what every client requires: alternative names, a chain that is valid now, and a key that belongs to it.
    /// Only the client can judge the rest: which name, which root, the chain's signatures and permitted uses.
    pub(crate) fn check(
        &self,
        certificate: &[u8],
        key: &[u8],
        provider: &CryptoProvider,
        now: Timestamp,
    ) -> Result<Certificate, FileError> {
        let wrong = |message: &str| FileError::new(&self.certificate, message);
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| wrong("is not PEM: expected CERTIFICATE blocks, this server's own first"))?;
        if chain.is_empty() {
            return Err(wrong(
                "has no certificate: expected PEM CERTIFICATE blocks, this server's own first",
            ));
        }
        let validity = validity_of(&chain).map_err(|message| wrong(&message))?;
        if now < validity.not_before {
            return Err(wrong(&format!("is not valid before {}: check the clock", validity.not_before)));
        }
        if now >= validity.not_after {
            return Err(wrong(&format!("expired at {}: renew it", validity.not_after)));
        }
        // The parser's own error is dropped: it may quote the key.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            FileError::new(
                &self.key,
                "has no private key: expected one PEM block, not encrypted (PKCS#8, SEC1 or PKCS#1)",
            )
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => FileError::new(
                &self.key,
                format!("is not the key of the first certificate in {}", self.certificate.display()),
            ),
            _ => FileError::new(
                &self.key,
                "is not supported: expected an ECDSA (P-256, P-384, P-521), Ed25519 or RSA key",
            ),
        })?;
        let usable_name = key.end_entity_cert().is_ok_and(|leaf| has_usable_name(leaf));
        Ok(Certificate { key: Arc::new(key), not_after: validity.not_after, usable_name })
    }
}

/// Whether some client can connect by a name in this certificate: the API server, which calls a Service as
/// `SERVICE.NAMESPACE.svc`, or a person, who uses `localhost`.
fn has_usable_name(leaf: &CertificateDer<'_>) -> bool {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else { return false };
    let Ok(Some(names)) = leaf.subject_alternative_name() else { return false };
    names.value.general_names.iter().any(|name| {
        let GeneralName::DNSName(name) = name else { return false };
        let name = name.to_ascii_lowercase();
        let is_of_service = name.strip_suffix(".svc").is_some_and(|name| name.split('.').count() == 2);
        is_of_service || name == "localhost"
    })
}

/// The period in which every certificate of a chain is valid.
fn validity_of(chain: &[CertificateDer<'_>]) -> Result<Validity, String> {
    let mut all = Validity { not_before: Timestamp::MIN, not_after: Timestamp::MAX };
    for (index, der) in chain.iter().enumerate() {
        let number = index + 1;
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return Err(format!("certificate {number} is not valid X.509"));
        };
        let names = certificate.subject_alternative_name();
        if index == 0 && !matches!(names, Ok(Some(names)) if !names.value.general_names.is_empty()) {
            return Err(
                "has no subject alternative names: the API server requires them and ignores the common name"
                    .to_owned(),
            );
        }
        let validity = Validity::of(&certificate);
        all.not_before = all.not_before.max(validity.not_before);
        all.not_after = all.not_after.min(validity.not_after);
    }
    Ok(all)
}

/// A checked certificate with its key.
pub(crate) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// The earliest end in the chain. Clients refuse it from then on.
    pub(crate) not_after: Timestamp,
    /// See [`has_usable_name`].
    pub(super) usable_name: bool,
}

impl Certificate {
    /// Checks a certificate that does not come from files.
    pub(crate) fn supplied(
        certificate: &[u8],
        key: &[u8],
        provider: &CryptoProvider,
        now: Timestamp,
    ) -> Result<Self, String> {
        let names = CertificateFiles { certificate: "the certificate".into(), key: "its key".into() };
        names.check(certificate, key, provider, now).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::super::provider;
    use super::*;

    fn files() -> CertificateFiles {
        CertificateFiles { certificate: "tls.crt".into(), key: "tls.key".into() }
    }

    fn pair(names: &[&str], last_year: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    }

    fn check(certificate: &str, key: &str) -> Result<Timestamp, String> {
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        files()
            .check(certificate.as_bytes(), key.as_bytes(), &provider(), now)
            .map(|certificate| certificate.not_after)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn certificate_for_any_service_has_a_usable_name() {
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        for (names, usable) in [
            (&["example.com", "Regcred.regcred-system.svc"][..], true),
            (&["pull-secrets.security.svc"], true),
            (&["*.regcred-system.svc"], true),
            (&["localhost"], true),
            (&["regcred", "regcred.regcred-system.svc.cluster.local"], false),
            (&["regcred.svc"], false),
            (&["127.0.0.1"], false),
        ] {
            let (certificate, key) = pair(names, 2028);
            let certificate = files().check(certificate.as_bytes(), key.as_bytes(), &provider(), now);
            assert_eq!(certificate.unwrap().usable_name, usable, "{names:?}");
        }
    }

    #[test]
    fn chain_expires_with_its_first_certificate() {
        let (leaf, key) = pair(&["localhost"], 2028);
        let (intermediate, _) = pair(&["ca"], 2027);
        assert_eq!(check(&leaf, &key), Ok("2028-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(check(&(leaf + &intermediate), &key), Ok("2027-01-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn unusable_pair_is_refused_without_quoting_the_key() {
        let (certificate, key) = pair(&["localhost"], 2028);
        let (other, _) = pair(&["localhost"], 2028);
        let broken_key = key.replace("BEGIN PRIVATE", "BEGIN");
        for (certificate, key, says) in [
            (pair(&["localhost"], 2025).0, key.clone(), "tls.crt: expired at 2025-01-01T00:00:00Z"),
            (pair(&[], 2028).0, key.clone(), "tls.crt: has no subject alternative names"),
            (other, key.clone(), "tls.key: is not the key of the first certificate in tls.crt"),
            (String::new(), key.clone(), "tls.crt: has no certificate"),
            (key.clone(), certificate.clone(), "tls.crt: has no certificate"),
            (certificate.clone(), broken_key, "tls.key: has no private key"),
            (certificate.clone(), certificate.clone(), "tls.key: has no private key"),
        ] {
            let error = check(&certificate, &key).unwrap_err();
            assert!(error.starts_with(says), "{error}");
            assert!(!error.contains(key.lines().nth(1).unwrap()), "{error}");
        }
    }
}
