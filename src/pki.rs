//! Certificate making: a CA and the serving certificates that it issues. Keys are ECDSA P-256.
//!
//! `serve --dev` and `serve --tls self-managed` both use it. What is read from files is checked in `server::tls`.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use x509_parser::pem::Pem;
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};
use zeroize::Zeroizing;

/// The lifetime of a CA. Renewing one is automatic, so there is no reason for a key that lasts ten years.
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How far a certificate is dated back, for clients with a slow clock.
const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// The period in which a certificate, or every certificate of a chain, is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) not_before: Timestamp,
    pub(crate) not_after: Timestamp,
}

impl Validity {
    fn from_now(now: Timestamp, life: SignedDuration) -> Self {
        let saturating = |duration| now.saturating_add(duration).unwrap_or(now);
        Validity { not_before: saturating(-BACKDATED), not_after: saturating(life) }
    }

    /// The validity of a parsed certificate.
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Self {
        let validity = certificate.validity();
        Validity { not_before: timestamp(validity.not_before), not_after: timestamp(validity.not_after) }
    }

    /// Whether it has begun and has not ended.
    pub(crate) fn holds(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// Whether two thirds of it are over, or the clock says that it has not begun. It compares wall clock times, because
    /// a timer stops while a machine is suspended.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        let life = self.not_after.duration_since(self.not_before);
        now < self.not_before || now.duration_since(self.not_before) >= life / 3 * 2
    }
}

/// A certificate's time. The last second of the year 9999, which means "no end" (RFC 5280, 4.1.2.5), is more than a
/// [`Timestamp`] can hold.
fn timestamp(time: ASN1Time) -> Timestamp {
    let seconds = time.timestamp();
    Timestamp::from_second(seconds).unwrap_or(if seconds < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A CA with its key.
pub(crate) struct Authority {
    /// PEM.
    pub(crate) certificate: String,
    pub(crate) validity: Validity,
    key: KeyPair,
}

/// A serving certificate with its key.
pub(crate) struct Issued {
    /// PEM.
    pub(crate) certificate: String,
    /// PEM.
    pub(crate) key: Zeroizing<String>,
    pub(crate) validity: Validity,
}

impl Authority {
    /// Makes a CA that is valid for a year.
    pub(crate) fn new(now: Timestamp) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let validity = Validity::from_now(now, AUTHORITY_LIFE);
        let certificate = params(&key, validity).self_signed(&key)?.pem();
        Ok(Authority { certificate, validity, key })
    }

    /// Reads a CA that [`Authority::new`] made. The errors do not quote what was read.
    pub(crate) fn parse(certificate: &str, key: &str) -> Result<Self, &'static str> {
        let key = KeyPair::from_pem(key).map_err(|_| "has no valid private key")?;
        let der =
            CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| "has no valid certificate")?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| "has no valid certificate")?;
        if certificates(certificate) != Some(1) || !parsed.is_ca() {
            return Err("has something other than one CA certificate");
        }
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err("has a private key that does not belong to its certificate");
        }
        let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        if name != Some(common_name(&key).as_str()) {
            return Err("has a CA that regcred did not make");
        }
        Ok(Authority { certificate: certificate.to_owned(), validity: Validity::of(&parsed), key })
    }

    /// The private key, PEM.
    pub(crate) fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// Issues a serving certificate for these DNS names and IP addresses. It never outlives the CA.
    pub(crate) fn issue(
        &self,
        names: &[String],
        life: SignedDuration,
        now: Timestamp,
    ) -> Result<Issued, rcgen::Error> {
        let mut validity = Validity::from_now(now, life);
        validity.not_after = validity.not_after.min(self.validity.not_after);
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name = distinguished_name("regcred");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        set_validity(&mut params, validity);
        let issuer = Issuer::new(self::params(&self.key, self.validity), &self.key);
        let certificate = params.signed_by(&key, &issuer)?.pem();
        Ok(Issued { certificate, key: Zeroizing::new(key.serialize_pem()), validity })
    }
}

/// The number of certificates in a PEM text that can be joined to another one; `None` if it contains anything else.
pub(crate) fn certificates(text: &str) -> Option<usize> {
    let mut count = 0;
    for pem in Pem::iter_from_buffer(text.as_bytes()) {
        pem.ok()?.parse_x509().ok()?;
        count += 1;
    }
    (count > 0 && text.ends_with('\n')).then_some(count)
}

/// The parameters of a CA. They depend on nothing but the key and the dates, so that a CA that was read from a Secret
/// issues exactly like the one that was made.
fn params(key: &KeyPair, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished_name(&common_name(key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, validity);
    params
}

/// A name that no other CA has, so that a client that trusts two of them knows which one to try.
fn common_name(key: &KeyPair) -> String {
    let hash = digest(&SHA256, key.public_key_raw());
    let short = hash.as_ref().iter().take(6).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("regcred CA {short:012x}")
}

fn distinguished_name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// rcgen uses the time type of another library.
fn set_validity(params: &mut CertificateParams, validity: Validity) {
    let since_1970 = |time: Timestamp| Duration::from_secs(time.as_second().unsigned_abs());
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(validity.not_before);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(validity.not_after);
}

#[cfg(test)]
mod tests;
