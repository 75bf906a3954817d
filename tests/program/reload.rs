//! Policies and certificates that change while the program runs.

use std::fmt::Write as _;
use std::fs;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::support::certificate::{Authority, Pair};
use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::regcred::{Regcred, Serve};
use crate::support::review::{Review, document, good, secret};
use crate::support::volume::Volume;

const OFTEN: [&str; 2] = ["--reload-interval", "1s"];

fn policy(body: &str) -> String {
    format!("apiVersion: regcred/v1\nkind: Policy\n{body}\n")
}

/// A policy's hash, as records and metrics name it.
fn hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref()[..6].iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn in_force(regcred: &Regcred, text: &str) -> bool {
    regcred.metric(&format!("regcred_policy_info{{hash=\"{}\"}}", hash(text))) == Some(1.0)
}

#[track_caller]
fn wait_for(regcred: &Regcred, text: &str) {
    eventually("the new policy", || in_force(regcred, text).then_some(()));
}

/// A new version of the policy, put in place at once: no look at the file finds half of it.
fn edit(regcred: &Regcred, text: &str) {
    let aside = regcred.path("policy.yaml.new");
    fs::write(&aside, text).unwrap();
    fs::rename(aside, regcred.path("policy.yaml")).unwrap();
}

/// Whether a generic host is admitted, and the policy by which the record says that was decided.
fn admits_generic(regcred: &Regcred, uid: &str) -> (bool, String) {
    let review = Review::create(&secret(&document(&[("registry.aliyuncs.com", good("u", "p"))]))).uid(uid);
    let answer = regcred.post("/validate", &review.0).json();
    let record = regcred.audit_record(uid, "validate");
    (answer["response"]["allowed"].as_bool().unwrap(), record["policy"].as_str().unwrap().to_owned())
}

#[test]
fn edited_policy_applies_unless_broken() {
    let strict = policy("enforcement: enforce");
    let regcred = Serve::dev().policy(&strict).args(OFTEN).start();
    assert!(in_force(&regcred, &strict));
    assert_eq!(admits_generic(&regcred, "1"), (false, hash(&strict)));

    let mild = policy("enforcement: warn");
    edit(&regcred, &mild);
    wait_for(&regcred, &mild);
    assert_eq!(admits_generic(&regcred, "2"), (true, hash(&mild)));
    regcred.wait_for_metric("regcred_policy_reloads_total{result=\"success\"}", 1.0);
    assert_eq!(regcred.metric("regcred_policy_reloads_total{result=\"error\"}"), Some(0.0));

    edit(&regcred, &policy("enforcement: enforce\nlanguag: en"));
    regcred.wait_for_log("policy.yaml: line 4, column 1");
    regcred.wait_for_metric("regcred_policy_last_reload_successful", 0.0);
    assert_eq!(regcred.metric("regcred_policy_reloads_total{result=\"error\"}"), Some(1.0));
    assert_eq!(admits_generic(&regcred, "3"), (true, hash(&mild)), "the last good one stays");
    assert!(in_force(&regcred, &mild));
    assert_eq!(regcred.get("/readyz").status, 200);

    fs::remove_file(regcred.path("policy.yaml")).unwrap();
    regcred.wait_for_log("policy.yaml: cannot be read");
    regcred.wait_for_metric("regcred_policy_reloads_total{result=\"error\"}", 2.0);
    assert!(in_force(&regcred, &mild));

    edit(&regcred, &strict);
    wait_for(&regcred, &strict);
    assert_eq!(admits_generic(&regcred, "4"), (false, hash(&strict)));
    regcred.wait_for_metric("regcred_policy_reloads_total{result=\"success\"}", 2.0);
    regcred.wait_for_metric("regcred_policy_last_reload_successful", 1.0);
}

#[test]
fn every_swap_of_a_mounted_policy_is_seen() {
    let serve = Serve::dev().args(OFTEN);
    let versions =
        ["enforcement: enforce", "enforcement: warn", "enforcement: audit", "language: zh"].map(policy);
    let mut volume = Volume::new(serve.path("etc"), &[("policy.yaml", &versions[0])]);
    let regcred = serve.arg("--policy").arg(volume.path("policy.yaml")).start();
    assert!(in_force(&regcred, &versions[0]));
    for version in &versions[1..] {
        volume.swap(&[("policy.yaml", version)]);
        wait_for(&regcred, version);
    }
    assert_eq!(regcred.metric("regcred_policy_reloads_total{result=\"success\"}"), Some(3.0));
    assert_eq!(regcred.metric("regcred_policy_reloads_total{result=\"error\"}"), Some(0.0));
}

#[test]
fn invalid_policy_prevents_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.yaml");
    fs::write(&path, policy("rules: {missing-auht: warn}")).unwrap();
    let mut command = crate::support::regcred::command();
    command
        .args(["serve", "--dev", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--policy"])
        .arg(&path);
    let output = command.current_dir(&folder).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(said.starts_with(&format!("regcred: {}: line 3, column 9: ", path.display())), "{said}");
    assert!(said.contains("missing-auht") && !said.contains("listening"), "{said}");
}

fn files(pair: &Pair) -> [(&str, &str); 2] {
    [("tls.crt", &pair.certificate), ("tls.key", &pair.key)]
}

fn served(connection: &Connection) -> Vec<u8> {
    connection.tls().peer_certificates().unwrap()[0].to_vec()
}

fn der(pair: &Pair) -> Vec<u8> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap().to_vec()
}

#[track_caller]
fn is_answered(connection: &mut Connection) {
    let review = Review::create(&secret(&document(&[("r.example.com", good("u", "p"))])));
    assert_eq!(connection.post("/validate", &review.0).json()["response"]["allowed"], true);
}

#[test]
fn rotated_certificate_keeps_old_connections() {
    let serve = Serve::new().args(OFTEN);
    let authority = Authority::new();
    authority.write(&serve.path("ca.crt"));
    let pairs: Vec<Pair> = (0..3).map(|_| authority.issue()).collect();
    let mut volume = Volume::new(serve.path("tls"), &files(&pairs[0]));
    let ca = serve.path("ca.crt");
    let regcred = serve.certificate(&volume.path("tls.crt"), &volume.path("tls.key"), &ca).start();

    let mut oldest = regcred.client().connect();
    assert_eq!(served(&oldest), der(&pairs[0]));
    is_answered(&mut oldest);
    for pair in &pairs[1..] {
        volume.swap(&files(pair));
        eventually("the new certificate", || {
            (served(&regcred.client().connect()) == der(pair)).then_some(())
        });
        is_answered(&mut regcred.client().connect());
        is_answered(&mut oldest);
    }
    assert_eq!(served(&oldest), der(&pairs[0]));
    assert_eq!(regcred.metric("regcred_tls_reloads_total{result=\"success\"}"), Some(2.0));
    assert_eq!(regcred.metric("regcred_tls_reloads_total{result=\"error\"}"), Some(0.0));

    // A key that belongs to another certificate.
    volume.swap(&[("tls.crt", &pairs[0].certificate), ("tls.key", &pairs[1].key)]);
    regcred.wait_for_log("is not the key of the first certificate in");
    regcred.wait_for_metric("regcred_tls_last_reload_successful", 0.0);
    assert_eq!(regcred.metric("regcred_tls_reloads_total{result=\"error\"}"), Some(1.0));
    assert_eq!(served(&regcred.client().connect()), der(&pairs[2]), "the last good one stays");
    assert_eq!(regcred.get("/readyz").status, 200);
    is_answered(&mut oldest);
    for pair in &pairs {
        let key = pair.key.lines().nth(1).unwrap();
        assert!(!regcred.log().contains(key), "a key in the log");
    }
}
