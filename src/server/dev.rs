//! `--dev`: a certificate for this machine, and a request to try.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp, ToSpan as _, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::crypto::CryptoProvider;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::tls::CertificateFiles;
use crate::files::{FileError, read_together};
use crate::policy_file::short_hash;

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Long enough that nobody meets the end of one by surprise, short enough that nobody keeps it for anything real.
const DAYS: i32 = 90;

/// What is left of a certificate's time when a new one is made at start.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The folder of the development certificate, relative to where the program was started.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from("certs/dev")
}

/// Makes `ca.crt`, `tls.crt` and `tls.key` in `folder`, or re-uses them while they are good.
pub(crate) fn certificate(
    folder: &Path,
    provider: &CryptoProvider,
    now: Timestamp,
) -> Result<CertificateFiles, FileError> {
    let files = CertificateFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
    let ca = folder.join("ca.crt");
    let lasts = files.load(provider, now).is_ok_and(|pair| pair.not_after.duration_since(now) > RENEW_BEFORE);
    if !(lasts && issued_by(&ca, &files.certificate)) {
        let made = Made::new(now)
            .map_err(|error| FileError::new(folder, format!("no certificate can be made: {error}")))?;
        fs::create_dir_all(folder)
            .map_err(|error| FileError::new(folder, format!("cannot be made: {error}")))?;
        write(&files.key, &made.key, 0o600)?;
        write(&files.certificate, &made.certificate, 0o644)?;
        write(&ca, &made.ca, 0o644)?;
    }
    Ok(files)
}

/// Whether the CA's file is the one that belongs to the certificate. Each CA made here has a name of its own, so the
/// names tell.
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

/// Written aside and renamed, so that a program that was stopped half-way leaves no half a file.
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
    write().map_err(|error| FileError::new(path, format!("cannot be written: {error}")))
}

struct Made {
    ca: String,
    certificate: String,
    key: String,
}

impl Made {
    /// A CA and one certificate by it. The CA's key is forgotten: nothing else can ever be signed in its name.
    fn new(now: Timestamp) -> Result<Self, rcgen::Error> {
        let ca_key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut ca = dated(CertificateParams::new(Vec::new())?, now);
        ca.distinguished_name.push(
            DnType::CommonName,
            format!("regcred development CA {}", short_hash(ca_key.public_key_raw())),
        );
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let ca_certificate = ca.self_signed(&ca_key)?;

        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let mut params = dated(CertificateParams::new(NAMES.map(str::to_owned))?, now);
        params.distinguished_name.push(DnType::CommonName, "regcred development server");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key))?;
        Ok(Made { ca: ca_certificate.pem(), certificate: certificate.pem(), key: key.serialize_pem() })
    }
}

/// From yesterday, for machines whose clock is a little behind.
fn dated(mut params: CertificateParams, now: Timestamp) -> CertificateParams {
    params.distinguished_name = rcgen::DistinguishedName::new();
    let day = |days: i32| {
        let today = now.to_zoned(TimeZone::UTC).date();
        let date = today.saturating_add(days.days());
        rcgen::date_time_ymd(i32::from(date.year()), date.month().unsigned_abs(), date.day().unsigned_abs())
    };
    params.not_before = day(-1);
    params.not_after = day(DAYS);
    params
}

/// What a newcomer can paste into another terminal: a pull Secret as Rancher makes it, without `auth`.
pub(crate) fn request_to_try(address: SocketAddr) -> String {
    let document = r#"{"auths":{"registry.example.com":{"username":"robot","password":"not-a-real-one"}}}"#;
    let review = serde_json::json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "00000000-0000-4000-8000-000000000001",
            "kind": {"group": "", "version": "v1", "kind": "Secret"},
            "resource": {"group": "", "version": "v1", "resource": "secrets"},
            "requestKind": {"group": "", "version": "v1", "kind": "Secret"},
            "requestResource": {"group": "", "version": "v1", "resource": "secrets"},
            "name": "my-registry",
            "namespace": "default",
            "operation": "CREATE",
            "userInfo": {"username": "you", "groups": ["system:authenticated"]},
            "object": {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "my-registry", "namespace": "default"},
                "type": "kubernetes.io/dockerconfigjson",
                "data": {".dockerconfigjson": STANDARD.encode(document)},
            },
            "oldObject": null,
            "dryRun": false,
            "options": {"apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions"},
        },
    });
    let host = if address.is_ipv4() { "127.0.0.1" } else { "[::1]" };
    let port = address.port();
    let ca = folder().join("ca.crt");
    let ca = ca.display();
    format!(
        r#"
Try it: this asks for a pull Secret as the Rancher UI makes it, {document}
Paste it into another terminal in the same folder:

curl -sS --cacert {ca} -H 'Content-Type: application/json' https://{host}:{port}/mutate -d '{review}'

The answer carries a base64 patch. To see the corrected Secret, paste this behind it, on the same line:

 | sed 's/.*"patch":"\([^"]*\)".*/\1/' | base64 -d | sed 's/.*"value":"\([^"]*\)".*/\1/' | base64 -d

"#
    )
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
    fn a_certificate_is_made_once_and_made_again_when_it_is_of_no_use() {
        let folder = scratch("dev").join("deeper");
        let now = "2026-11-23T12:00:00Z".parse().unwrap();
        let make = |now| certificate(&folder, &provider(), now).unwrap();
        let files = make(now);
        let first = contents(&folder);
        assert_eq!(fs::metadata(files.key).unwrap().permissions().mode() & 0o777, 0o600);

        make(now);
        assert_eq!(contents(&folder), first, "good ones are re-used");

        make(now + SignedDuration::from_hours(24 * 85));
        let renewed = contents(&folder);
        assert_ne!(renewed, first, "they are renewed before they end");
        // Back to `now`: what is dated in the future is of no use either.
        make(now);

        let good = contents(&folder);
        fs::write(folder.join("ca.crt"), &first[0]).unwrap();
        make(now);
        assert_ne!(contents(&folder)[1], good[1], "a CA that is not theirs");

        let good = contents(&folder);
        fs::write(folder.join("tls.key"), "x").unwrap();
        make(now);
        assert_ne!(contents(&folder), good, "a broken key");
        fs::remove_dir_all(folder.parent().unwrap()).unwrap();
    }
}
