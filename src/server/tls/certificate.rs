//! The serving certificate, checked when it is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{ASN1Time, FromDer, GeneralName, X509Certificate};

use crate::files::{FileError, read_together};

/// What a usual certificate of this server names: what the API server asks for, as shipped; a wildcard for it; and what
/// people ask for who try it.
const NAMES: [&str; 3] = ["regcred.regcred-system.svc", "*.regcred-system.svc", "localhost"];

/// Where the certificate comes from.
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

    /// Reads and checks the pair.
    pub(crate) fn load(&self, provider: &CryptoProvider, now: Timestamp) -> Result<Certificate, FileError> {
        match read_together(&self.paths())?.as_slice() {
            [certificate, key] => self.check(certificate, key, provider, now),
            _ => Err(FileError::new(&self.certificate, "cannot be read")),
        }
    }

    /// Checks what every client asks for and can be told without knowing the client: that there are alternative names,
    /// that all of the chain is valid now, and that the key belongs to it. Whether the names, the signatures of the
    /// chain, its root and its permitted uses are what a client wants is left to the client.
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
                "holds no certificate: expected PEM CERTIFICATE blocks, this server's own first",
            ));
        }
        let validity = Validity::of(&chain).map_err(|message| wrong(&message))?;
        if now < validity.not_before {
            return Err(wrong(&format!("is not valid before {}: check the clock", validity.not_before)));
        }
        if now >= validity.not_after {
            return Err(wrong(&format!("expired at {}: renew it", validity.not_after)));
        }
        // The reasons of these errors are left out: a parser's text may quote what it has read, here a key.
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| {
            FileError::new(
                &self.key,
                "holds no private key: expected one PEM block, not encrypted (PKCS#8, SEC1 or PKCS#1)",
            )
        })?;
        let key = CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => FileError::new(
                &self.key,
                format!("is not the key of the first certificate in {}", self.certificate.display()),
            ),
            _ => FileError::new(
                &self.key,
                "cannot be used: expected an ECDSA (P-256, P-384, P-521), Ed25519 or RSA key",
            ),
        })?;
        let named = key.end_entity_cert().is_ok_and(|leaf| names_this_server(leaf));
        Ok(Certificate { key: Arc::new(key), not_after: validity.not_after, named })
    }
}

/// Whether it holds a name by which it is usual to ask for this server.
fn names_this_server(leaf: &CertificateDer<'_>) -> bool {
    let Ok((_, leaf)) = X509Certificate::from_der(leaf) else { return false };
    let Ok(Some(names)) = leaf.subject_alternative_name() else { return false };
    names.value.general_names.iter().any(|name| {
        matches!(name, GeneralName::DNSName(name) if NAMES.iter().any(|usual| usual.eq_ignore_ascii_case(name)))
    })
}

/// When all certificates of a chain are valid.
struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

impl Validity {
    fn of(chain: &[CertificateDer<'_>]) -> Result<Self, String> {
        let mut all = Validity { not_before: Timestamp::MIN, not_after: Timestamp::MAX };
        for (index, der) in chain.iter().enumerate() {
            let number = index + 1;
            let Ok((_, certificate)) = X509Certificate::from_der(der) else {
                return Err(format!("holds as number {number} what is no X.509 certificate"));
            };
            let names = certificate.subject_alternative_name();
            if index == 0 && !matches!(names, Ok(Some(names)) if !names.value.general_names.is_empty()) {
                return Err(
                    "has no subject alternative names: the API server goes by them and ignores the common name".to_owned()
                );
            }
            let validity = certificate.validity();
            all.not_before = all.not_before.max(time(validity.not_before));
            all.not_after = all.not_after.min(time(validity.not_after));
        }
        Ok(all)
    }
}

/// A certificate's time. The last second of the year 9999, which stands for no end at all, is more than a timestamp
/// can hold.
pub(super) fn time(time: ASN1Time) -> Timestamp {
    let seconds = time.timestamp();
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A checked certificate with its key.
pub(crate) struct Certificate {
    pub(super) key: Arc<CertifiedKey>,
    /// The earliest end in the chain: from then on clients refuse it.
    pub(crate) not_after: Timestamp,
    /// Whether it holds a name by which it is usual to ask for this server.
    pub(super) named: bool,
}

impl Certificate {
    /// Checks what comes from no file. What its names should be, whoever supplies it knows.
    pub(crate) fn supplied(
        certificate: &[u8],
        key: &[u8],
        provider: &CryptoProvider,
        now: Timestamp,
    ) -> Result<Self, String> {
        let named = CertificateFiles { certificate: "the certificate".into(), key: "its key".into() };
        let checked = named.check(certificate, key, provider, now).map_err(|error| error.to_string())?;
        Ok(Certificate { named: true, ..checked })
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
    fn a_certificate_that_does_not_name_the_service_is_noticed() {
        let now = "2026-11-23T00:00:00Z".parse().unwrap();
        for (names, named) in [
            (&["example.com", "Regcred.regcred-system.svc"][..], true),
            (&["*.regcred-system.svc"], true),
            (&["localhost"], true),
            (&["regcred", "regcred.regcred-system.svc.cluster.local"], false),
            (&["127.0.0.1"], false),
        ] {
            let (certificate, key) = pair(names, 2028);
            let certificate = files().check(certificate.as_bytes(), key.as_bytes(), &provider(), now);
            assert_eq!(certificate.unwrap().named, named, "{names:?}");
        }
    }

    #[test]
    fn a_chain_ends_with_the_first_of_its_certificates_to_end() {
        let (leaf, key) = pair(&["localhost"], 2028);
        let (intermediate, _) = pair(&["ca"], 2027);
        assert_eq!(check(&leaf, &key), Ok("2028-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(check(&(leaf + &intermediate), &key), Ok("2027-01-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_clients_would_refuse_is_not_loaded_and_no_error_quotes_the_key() {
        let (certificate, key) = pair(&["localhost"], 2028);
        let (other, _) = pair(&["localhost"], 2028);
        let broken_key = key.replace("BEGIN PRIVATE", "BEGIN");
        for (certificate, key, says) in [
            (pair(&["localhost"], 2025).0, key.clone(), "tls.crt: expired at 2025-01-01T00:00:00Z"),
            (pair(&[], 2028).0, key.clone(), "tls.crt: has no subject alternative names"),
            (other, key.clone(), "tls.key: is not the key of the first certificate in tls.crt"),
            (String::new(), key.clone(), "tls.crt: holds no certificate"),
            (key.clone(), certificate.clone(), "tls.crt: holds no certificate"),
            (certificate.clone(), broken_key, "tls.key: holds no private key"),
            (certificate.clone(), certificate.clone(), "tls.key: holds no private key"),
        ] {
            let error = check(&certificate, &key).unwrap_err();
            assert!(error.starts_with(says), "{error}");
            assert!(!error.contains(key.lines().nth(1).unwrap()), "{error}");
        }
    }
}
