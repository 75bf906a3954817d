//! A CA of this installation, and the serving certificates that it issues. Keys are ECDSA P-256.

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
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

/// How long a CA lives. Renewing it is done by the same code and as quietly as renewing a certificate, so there is no
/// reason for a key that lasts ten years.
const AUTHORITY_LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// How long a certificate lives. A replica that cannot reach the API server cannot renew its own: it has a third of
/// this for being cut off. And the CA before the last is trusted for this long after a rotation.
pub(super) const LEAF_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Clocks that are behind by less than this do not matter.
const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// From when to when a certificate holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

impl Validity {
    fn from_now(now: Timestamp, life: SignedDuration) -> Self {
        let saturating = |duration| now.saturating_add(duration).unwrap_or(now);
        Validity { not_before: saturating(-BACKDATED), not_after: saturating(life) }
    }

    /// Whether it has begun and not ended.
    pub(super) fn holds(&self, now: Timestamp) -> bool {
        self.not_before <= now && now < self.not_after
    }

    /// Whether two thirds of it are over. By the wall clock and not by a timer, which would sleep through a suspended
    /// machine; and also where the clock says that it has not begun.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let life = self.not_after.duration_since(self.not_before);
        now < self.not_before || now.duration_since(self.not_before) >= life / 3 * 2
    }
}

/// A CA with its key.
pub(super) struct Authority {
    /// PEM.
    pub(super) certificate: String,
    pub(super) validity: Validity,
    key: KeyPair,
}

/// A serving certificate with its key, PEM.
pub(super) struct Leaf {
    pub(super) certificate: String,
    pub(super) key: Zeroizing<String>,
    pub(super) validity: Validity,
}

impl Authority {
    pub(super) fn new(now: Timestamp) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let validity = Validity::from_now(now, AUTHORITY_LIFE);
        let certificate = params(&key, validity).self_signed(&key)?.pem();
        Ok(Authority { certificate, validity, key })
    }

    /// Reads one that was made by [`Authority::new`]. The reasons do not quote what was read.
    pub(super) fn parse(certificate: &str, key: &str) -> Result<Self, &'static str> {
        let key = KeyPair::from_pem(key).map_err(|_| "holds no private key")?;
        let der =
            CertificateDer::from_pem_slice(certificate.as_bytes()).map_err(|_| "holds no certificate")?;
        let (_, parsed) = X509Certificate::from_der(&der).map_err(|_| "holds no certificate")?;
        if certificates(certificate) != Some(1) || !parsed.is_ca() {
            return Err("holds what is not one CA's certificate");
        }
        if parsed.public_key().raw != key.subject_public_key_info() {
            return Err("holds a key that is not its certificate's");
        }
        let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        if name != Some(common_name(&key).as_str()) {
            return Err("holds a CA that this program has not made");
        }
        let time =
            |seconds| Timestamp::from_second(seconds).map_err(|_| "holds a certificate with bad dates");
        let validity = Validity {
            not_before: time(parsed.validity().not_before.timestamp())?,
            not_after: time(parsed.validity().not_after.timestamp())?,
        };
        Ok(Authority { certificate: certificate.to_owned(), validity, key })
    }

    pub(super) fn key_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// Issues a certificate, which does not outlive the CA.
    pub(super) fn issue(&self, names: &[String], now: Timestamp) -> Result<Leaf, rcgen::Error> {
        let mut validity = Validity::from_now(now, LEAF_LIFE);
        validity.not_after = validity.not_after.min(self.validity.not_after);
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name = DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CommonName, "regcred");
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        leaf.use_authority_key_identifier_extension = true;
        dated(&mut leaf, validity);
        let issuer = Issuer::new(params(&self.key, self.validity), &self.key);
        let certificate = leaf.signed_by(&key, &issuer)?.pem();
        Ok(Leaf { certificate, key: Zeroizing::new(key.serialize_pem()), validity })
    }
}

/// How many certificates a text is, whole lines and nothing else among them, so that texts can be joined; `None` for
/// any other text.
pub(super) fn certificates(text: &str) -> Option<usize> {
    let mut count = 0;
    for pem in Pem::iter_from_buffer(text.as_bytes()) {
        pem.ok()?.parse_x509().ok()?;
        count += 1;
    }
    (count > 0 && text.ends_with('\n')).then_some(count)
}

/// What a CA with this key says of itself: a function of the key, so that it can be told from the key again.
fn params(key: &KeyPair, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name(key));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    dated(&mut params, validity);
    params
}

/// Each CA has a name of its own, so that a client which trusts two of them knows which to try.
fn common_name(key: &KeyPair) -> String {
    let hash = digest(&SHA256, key.public_key_raw());
    let short = hash.as_ref().iter().take(6).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("regcred CA {short:012x}")
}

/// rcgen speaks another library's time.
fn dated(params: &mut CertificateParams, validity: Validity) {
    let since_1970 = |time: Timestamp| Duration::from_secs(time.as_second().unsigned_abs());
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(validity.not_before);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(validity.not_after);
}

#[cfg(test)]
mod tests;
