//! Certificates and policies that change while the API server writes.

use crate::support::certificate::Authority;

use super::report;
use super::stage::{Pace, Stage, files, policy};

#[test]
fn three_rotations_of_the_certificate_lose_nothing() {
    certificates_are_rotated("rotation", Pace::QUICK.in_bursts());
}

#[test]
fn edits_of_the_policy_lose_nothing() {
    policies_are_edited("policy", Pace::QUICK);
}

#[test]
#[ignore = "takes minutes: CONTRIBUTING.md"]
fn long_rotations_as_shipped_lose_nothing() {
    certificates_are_rotated("rotation-long", Pace::SHIPPED.in_bursts());
}

#[test]
#[ignore = "takes minutes: CONTRIBUTING.md"]
fn long_policy_edits_lose_nothing() {
    policies_are_edited("policy-long", Pace::SHIPPED);
}

const CERTIFICATE_SWAPPED: &str = r#"regcred_tls_reloads_total{result="success"}"#;
const CERTIFICATE_KEPT: &str = r#"regcred_tls_reloads_total{result="error"}"#;
const POLICY_SWAPPED: &str = r#"regcred_policy_reloads_total{result="success"}"#;
const POLICY_KEPT: &str = r#"regcred_policy_reloads_total{result="error"}"#;

fn certificates_are_rotated(name: &str, pace: Pace) {
    let mut stage = Stage::set(name, pace);
    let load = stage.load();
    let old = stage.authority.certificate.clone();

    // A renewal by the same CA.
    let renewed = stage.authority.issue();
    stage.noticed(CERTIFICATE_SWAPPED, |stage| stage.certificate.swap(&files(&renewed)));
    stage.writes_on_new_connections(&load, &old);

    // A pair that is none: the key of another certificate.
    let broken = [("tls.crt", renewed.certificate.as_str()), ("tls.key", &stage.authority.issue().key)];
    stage.noticed(CERTIFICATE_KEPT, |stage| stage.certificate.swap(&broken));
    stage.writes_on_new_connections(&load, &old);

    // Another CA: trusted first, then used, then trusted alone.
    let authority = Authority::new();
    let both = format!("{old}{}", authority.certificate);
    stage.writes_on_new_connections(&load, &both);
    let pair = authority.issue();
    stage.noticed(CERTIFICATE_SWAPPED, |stage| stage.certificate.swap(&files(&pair)));
    stage.writes_on_new_connections(&load, &both);
    stage.writes_on_new_connections(&load, &authority.certificate);

    let tally = load.stop();
    tally.is_clean();
    assert_eq!(stage.registration.failed_open(), 0);
    report(name, &tally.figures());
}

fn policies_are_edited(name: &str, pace: Pace) {
    let mut stage = Stage::set(name, pace);
    let load = stage.load();
    let edits = [
        (POLICY_SWAPPED, policy("language: zh")),
        (POLICY_KEPT, policy("langauge: en")),
        (POLICY_SWAPPED, policy("enforcement: warn")),
        (POLICY_KEPT, "{".to_owned()),
        (POLICY_SWAPPED, policy("allowedRegistries: [registry.example.com]")),
    ];
    for (counted, text) in edits {
        stage.noticed(counted, |stage| stage.policy.swap(&[("policy.yaml", &text)]));
        load.wait_for(pace.between);
    }
    let tally = load.stop();
    tally.is_clean();
    assert_eq!(stage.registration.failed_open(), 0);
    report(name, &tally.figures());
}
