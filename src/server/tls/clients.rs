//! Mutual TLS: which clients may connect.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
};
use rustls_pki_types::pem::{PemObject, SectionKind};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use zeroize::Zeroizing;

use crate::files::FileError;
use crate::pki::Validity;

/// Which clients may connect: those with a certificate by one of these CAs and with one of these names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCa {
    /// PEM: the certificates of the CAs.
    pub file: PathBuf,
    /// The certificate must have one of these names. Empty: any certificate by the CAs.
    pub names: Vec<String>,
}

impl ClientCa {
    /// Checks that every certificate is a CA's and that at least one of them is still valid.
    ///
    /// Expired ones are skipped, because an old CA is easily left in the file after a rotation, and must not prevent a
    /// restart.
    pub(super) fn check(
        &self,
        content: &[u8],
        provider: &Arc<CryptoProvider>,
        now: Timestamp,
    ) -> Result<Clients, FileError> {
        let wrong = |message: String| FileError::new(&self.file, message);
        let mut roots = RootCertStore::empty();
        let mut ends = Vec::new();
        let mut expired = Vec::new();
        for (index, der) in certificates(content).map_err(&wrong)?.into_iter().enumerate() {
            let number = index + 1;
            let end = end(&der, number).map_err(&wrong)?;
            if end <= now {
                expired.push((number, end));
                continue;
            }
            roots.add(der).map_err(|_| wrong(format!("certificate {number} cannot be used as a CA")))?;
            ends.push(end);
        }
        let Some(not_after) = ends.iter().max().copied() else {
            return Err(wrong(match expired.last() {
                None => "has no certificate: expected PEM CERTIFICATE blocks, those of the clients' CAs"
                    .to_owned(),
                Some((_, not_after)) => {
                    format!("has no valid CA, the last one expired at {not_after}: no client could connect")
                }
            }));
        };
        let authorities: Vec<_> = ends.into_iter().map(unix).zip(roots.roots.iter().cloned()).collect();
        let count = authorities.len();
        let by_all = verifier_by(roots, provider)
            .map_err(|_| wrong("cannot be used to verify client certificates".to_owned()))?;
        let names = self.names.clone();
        let verifier = ClientVerifier { by_all, authorities, provider: Arc::clone(provider), names };
        let file = self.file.clone();
        Ok(Clients { verifier: Arc::new(verifier), file, authorities: count, not_after, expired })
    }
}

/// rustls's verifier for certificates by these CAs.
fn verifier_by(
    roots: RootCertStore,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, VerifierBuilderError> {
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build()
}

/// The certificates in a PEM file. A private key in it is an error.
fn certificates(content: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut certificates = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(content) {
        // The parser's own error is dropped: it may quote what it read.
        let (kind, der) = section.map_err(|_| "is not PEM: expected CERTIFICATE blocks".to_owned())?;
        match kind {
            SectionKind::Certificate => certificates.push(der.into()),
            SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey => {
                drop(Zeroizing::new(der));
                return Err(
                    "has a private key: only the certificates of the clients' CAs belong here".to_owned()
                );
            }
            _ => {}
        }
    }
    Ok(certificates)
}

/// The end of a CA certificate.
fn end(authority: &CertificateDer<'_>, number: usize) -> Result<Timestamp, String> {
    let Ok((_, certificate)) = X509Certificate::from_der(authority) else {
        return Err(format!("certificate {number} is not valid X.509"));
    };
    if !certificate.is_ca() {
        return Err(format!(
            "certificate {number} is not a CA (basicConstraints CA:TRUE is missing): expected the CA that signs the \
             clients' certificates, not one of these"
        ));
    }
    Ok(Validity::of(&certificate).not_after)
}

/// The same time for the verifier, which knows none before 1970.
fn unix(time: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(time.as_second()).unwrap_or_default()))
}

/// The checked client CAs.
pub(crate) struct Clients {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    file: PathBuf,
    authorities: usize,
    not_after: Timestamp,
    /// Position in the file, counted from 1, and end of each expired CA.
    expired: Vec<(usize, Timestamp)>,
}

impl Clients {
    /// Logs how many CAs are trusted, and which ones have expired.
    pub(super) fn log(&self) {
        tracing::info!(
            authorities = self.authorities,
            not_after = %self.not_after,
            "requiring client certificates"
        );
        for (number, not_after) in &self.expired {
            tracing::warn!(
                "{}: certificate {number} expired at {not_after} and is ignored: remove it",
                self.file.display()
            );
        }
    }
}

/// Verifies the certificate, then that its CA has not expired, then its name.
#[derive(Debug)]
struct ClientVerifier {
    /// A verifier with all CAs, used until the first of them expires.
    by_all: Arc<dyn ClientCertVerifier>,
    /// Each CA with the end of its validity.
    authorities: Vec<(UnixTime, TrustAnchor<'static>)>,
    provider: Arc<CryptoProvider>,
    names: Vec<String>,
}

impl ClientVerifier {
    /// A verifier with the CAs that are still valid. rustls does not check the dates of a trust anchor.
    fn by_valid(&self, now: UnixTime) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let valid = || self.authorities.iter().filter(|(end, _)| *end > now);
        if valid().count() == self.authorities.len() {
            return Ok(Arc::clone(&self.by_all));
        }
        let roots = valid().map(|(_, authority)| authority.clone()).collect();
        // The only possible error is that no CA is left.
        verifier_by(roots, &self.provider).map_err(|_| Error::InvalidCertificate(CertificateError::Expired))
    }

    /// Whether the common name, which Kubernetes uses as a user name, or a DNS name is allowed. An empty list allows
    /// every name, as with the API server's `--requestheader-allowed-names`.
    fn allows(&self, certificate: &CertificateDer<'_>) -> bool {
        if self.names.is_empty() {
            return true;
        }
        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else { return false };
        let common = |name: &String| {
            certificate.subject().iter_common_name().any(|common| common.as_str() == Ok(name))
        };
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let alternative = alternative.map_or(&[][..], |extension| &extension.value.general_names);
        let dns = |name: &String| {
            alternative
                .iter()
                .any(|other| matches!(other, GeneralName::DNSName(dns) if dns.eq_ignore_ascii_case(name)))
        };
        self.names.iter().any(|name| common(name) || dns(name))
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.by_all.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.by_valid(now)?.verify_client_cert(end_entity, intermediates, now)?;
        if self.allows(end_entity) {
            Ok(verified)
        } else {
            // The client receives the alert `access_denied`.
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_all.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.by_all.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.by_all.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

    use super::super::provider;
    use super::*;

    /// A CA that can issue certificates.
    struct Made {
        pem: String,
        issuer: Issuer<'static, KeyPair>,
    }

    fn params(common_name: &str, last_year: i32) -> CertificateParams {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(last_year, 1, 1);
        params
    }

    fn authority(name: &str, last_year: i32) -> Made {
        let key = KeyPair::generate().unwrap();
        let mut params = params(name, last_year);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Made { pem: params.self_signed(&key).unwrap().pem(), issuer: Issuer::new(params, key) }
    }

    fn now() -> Timestamp {
        "2026-11-23T00:00:00Z".parse().unwrap()
    }

    fn clients(pem: &str, names: &[&str]) -> Result<Clients, String> {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let clients = ClientCa { file: "ca.crt".into(), names };
        clients.check(pem.as_bytes(), &provider(), now()).map_err(|error| error.to_string())
    }

    #[test]
    fn unusable_client_ca_file_is_an_error() {
        let (good, old) = (authority("good", 2028).pem, authority("old", 2025).pem);
        let key = KeyPair::generate().unwrap();
        let leaf = params("client", 2028).self_signed(&key).unwrap().pem();
        let key = key.serialize_pem();
        for (pem, says) in [
            (String::new(), "has no certificate"),
            ("ca.crt\n".to_owned(), "has no certificate"),
            (key.clone(), "has a private key"),
            (good.clone() + &key, "has a private key"),
            (key.replace("PRIVATE", "RSA PRIVATE"), "has a private key"),
            (leaf.clone(), "certificate 1 is not a CA"),
            (good.clone() + &leaf, "certificate 2 is not a CA"),
            (old.clone(), "has no valid CA, the last one expired at 2025-01-01T00:00:00Z"),
            (good.replace("CERT", "CART"), "has no certificate"),
            (good.replace("\n-----END", "*\n-----END"), "is not PEM"),
            (
                "-----BEGIN CERTIFICATE-----\nTm8h\n-----END CERTIFICATE-----\n".to_owned(),
                "certificate 1 is not valid X.509",
            ),
        ] {
            let error = clients(&pem, &[]).err().unwrap_or_else(|| panic!("accepted: {says}"));
            assert!(error.starts_with(&format!("ca.crt: {says}")), "{error}");
            assert!(!error.contains(key.lines().nth(1).unwrap()), "{error}");
        }
    }

    #[test]
    fn bundle_expires_with_its_last_ca() {
        let (good, longer) = (authority("good", 2027), authority("longer", 2029));
        let both = clients(&(good.pem + &longer.pem), &[]).unwrap();
        assert_eq!((both.authorities, both.not_after), (2, "2029-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(both.expired, []);
    }

    /// Whether a certificate by this CA is accepted.
    fn lets_in(
        clients: &Clients,
        by: &Made,
        common_name: &str,
        dns: &[&str],
    ) -> Result<(), CertificateError> {
        lets_in_at(now(), clients, by, common_name, dns)
    }

    fn lets_in_at(
        at: Timestamp,
        clients: &Clients,
        by: &Made,
        common_name: &str,
        dns: &[&str],
    ) -> Result<(), CertificateError> {
        let mut params = params(common_name, 2030);
        params.subject_alt_names = dns
            .iter()
            .map(|&name| rcgen::SanType::DnsName(name.try_into().unwrap()))
            .chain([rcgen::SanType::Rfc822Name("mail".try_into().unwrap())])
            .collect();
        let leaf = params.signed_by(&KeyPair::generate().unwrap(), &by.issuer).unwrap();
        match clients.verifier.verify_client_cert(leaf.der(), &[], unix(at)) {
            Ok(_) => Ok(()),
            Err(Error::InvalidCertificate(error)) => Err(error),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn ca_that_expires_at_runtime_is_refused() {
        let (short, long) = (authority("short", 2027), authority("long", 2028));
        let clients = clients(&(short.pem.clone() + &long.pem), &[]).unwrap();
        for (at, by_short, by_long) in [
            ("2026-12-31T23:59:59Z", Ok(()), Ok(())),
            ("2027-01-01T00:00:00Z", Err(CertificateError::UnknownIssuer), Ok(())),
            ("2028-01-01T00:00:00Z", Err(CertificateError::Expired), Err(CertificateError::Expired)),
        ] {
            let at = at.parse().unwrap();
            assert_eq!(lets_in_at(at, &clients, &short, "client", &[]), by_short, "{at}");
            assert_eq!(lets_in_at(at, &clients, &long, "client", &[]), by_long, "{at}");
        }
    }

    #[test]
    fn name_counts_only_with_a_trusted_ca() {
        let (good, other, old) = (authority("a", 2028), authority("b", 2028), authority("old", 2025));
        let bundle = good.pem.clone() + &old.pem;
        for (names, common_name, dns, ends) in [
            (&[][..], "anybody", &[][..], true),
            (&["api"], "api", &[], true),
            (&["api"], "Api", &[], false),
            (&["api"], "api2", &[], false),
            (&["api"], "other", &["x.example.com", "API"], true),
            (&["x", "api"], "api", &[], true),
            (&["x", "y"], "api", &["z"], false),
            // An email address and the CA name do not count.
            (&["mail"], "api", &[], false),
            (&["a"], "api", &[], false),
        ] {
            let clients = clients(&bundle, names).unwrap();
            let expected = if ends { Ok(()) } else { Err(CertificateError::ApplicationVerificationFailure) };
            assert_eq!(
                lets_in(&clients, &good, common_name, dns),
                expected,
                "{names:?} {common_name} {dns:?}"
            );
            for stranger in [&other, &old] {
                let error = lets_in(&clients, stranger, common_name, dns);
                assert_eq!(error, Err(CertificateError::UnknownIssuer), "{names:?} {common_name} {dns:?}");
            }
        }
    }
}
