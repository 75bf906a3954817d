//! CAs and the certificates that they issue, as a TLS client sees them.

use std::sync::Arc;
use std::time::Duration;

use rcgen::SanType;
use rcgen::string::Ia5String;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{ServerName, UnixTime};

use super::*;

const NAMES: [&str; 2] = ["regcred.regcred-system.svc", "regcred.regcred-system.svc.cluster.local"];

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

const LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

fn issue(authority: &Authority, now: Timestamp) -> Issued {
    authority.issue(&NAMES.map(str::to_owned), LIFE, now).unwrap()
}

/// The answer of a client that trusts this bundle and connects to this name.
fn verify(leaf: &Issued, bundle: &str, name: &'static str, now: Timestamp) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(root.unwrap()).unwrap();
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()))
        .build()
        .unwrap();
    let end = CertificateDer::from_pem_slice(leaf.certificate.as_bytes()).unwrap();
    let seconds = Duration::from_secs(now.as_second().try_into().unwrap());
    let name = ServerName::try_from(name).unwrap();
    verifier.verify_server_cert(&end, &[], &name, &[], UnixTime::since_unix_epoch(seconds)).map(drop)
}

#[test]
fn certificate_is_valid_for_its_names_only() {
    let (authority, other) = (Authority::new(now()).unwrap(), Authority::new(now()).unwrap());
    let leaf = issue(&authority, now());
    for name in NAMES {
        assert_eq!(verify(&leaf, &authority.certificate, name, now()), Ok(()));
    }
    for name in ["regcred", "regcred.other.svc", "a.regcred.regcred-system.svc", "kubernetes.default.svc"] {
        let said = verify(&leaf, &authority.certificate, name, now());
        assert!(
            matches!(said, Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. }))),
            "{name}: {said:?}"
        );
    }
    let said = verify(&leaf, &other.certificate, NAMES[0], now());
    assert_eq!(said, Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)));
    let both = other.certificate + &authority.certificate;
    assert_eq!(verify(&leaf, &both, NAMES[0], now()), Ok(()));
}

#[test]
fn certificate_is_backdated_by_an_hour() {
    let authority = Authority::new(now()).unwrap();
    let leaf = issue(&authority, now());
    let at = |offset| verify(&leaf, &authority.certificate, NAMES[0], now() + offset).is_ok();
    assert_eq!(
        [hours(-2), hours(-1), hours(0), hours(30 * 24 - 1), hours(30 * 24 + 1)].map(at),
        [false, true, true, true, false]
    );
}

#[test]
fn certificate_does_not_outlive_its_ca() {
    let authority = Authority::new(now()).unwrap();
    assert_eq!(authority.validity.not_after, now() + hours(365 * 24));
    let late = authority.validity.not_after - hours(24);
    let leaf = issue(&authority, late);
    assert_eq!(leaf.validity.not_after, authority.validity.not_after);
    assert_eq!(issue(&authority, now()).validity.not_after, now() + LIFE);
}

#[test]
fn renewal_is_due_after_two_thirds() {
    let validity = Validity { not_before: now(), not_after: now() + hours(30) };
    let second = SignedDuration::from_secs(1);
    for (offset, due, holds) in [
        (-second, true, false),
        (hours(0), false, true),
        (hours(20) - second, false, true),
        (hours(20), true, true),
        (hours(30) - second, true, true),
        (hours(30), true, false),
    ] {
        let at = now() + offset;
        assert_eq!((validity.is_due(at), validity.holds(at)), (due, holds), "{offset:?}");
    }
}

#[test]
fn parsed_ca_issues_as_before() {
    let authority = Authority::new(now()).unwrap();
    let read =
        Authority::parse(&authority.certificate, &authority.key_pem()).map_err(str::to_owned).ok().unwrap();
    assert_eq!((&read.certificate, read.validity), (&authority.certificate, authority.validity));
    assert_eq!(verify(&issue(&read, now()), &authority.certificate, NAMES[0], now()), Ok(()));
}

/// A CA certificate made by another program.
fn foreign(change: impl Fn(&mut CertificateParams, &KeyPair)) -> (String, String) {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = params(&key, Validity::from_now(now(), AUTHORITY_LIFE));
    change(&mut params, &key);
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

#[test]
fn foreign_ca_is_refused_without_quoting_it() {
    let (certificate, key) = foreign(|_, _| ());
    let (other, other_key) = foreign(|_, _| ());
    let (named, named_key) = foreign(|params, _| {
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "regcred CA canary");
    });
    let (no_ca, no_ca_key) = foreign(|params, _| {
        params.is_ca = IsCa::NoCa;
        params.subject_alt_names = vec![SanType::DnsName(Ia5String::try_from("canary").unwrap())];
    });
    let both = certificate.clone() + &other;
    let unended = certificate.trim_end().to_owned();
    assert!(Authority::parse(&certificate, &key).is_ok());
    let cases: [(&str, &str, &str); 9] = [
        ("canary", &key, "has no valid certificate"),
        ("", &key, "has no valid certificate"),
        (&certificate, "canary", "has no valid private key"),
        (&certificate, key.split_at(key.len() / 2).0, "has no valid private key"),
        (&certificate, &other_key, "has a private key that does not belong to its certificate"),
        (&both, &key, "has something other than one CA certificate"),
        // A certificate appended to it would begin in the middle of a line.
        (&unended, &key, "has something other than one CA certificate"),
        (&no_ca, &no_ca_key, "has something other than one CA certificate"),
        (&named, &named_key, "has a CA that regcred did not make"),
    ];
    for (certificate, key, why) in cases {
        assert_eq!(Authority::parse(certificate, key).err(), Some(why));
    }
}
