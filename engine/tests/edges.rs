//! Edges between rules that no case of tests/cases shows: found by comparing the engine with a second reading of the
//! rules, written apart from it.

#![allow(clippy::unwrap_used, reason = "a test that meets something unexpected is to fail")]

use std::collections::BTreeSet;

use jiff::Timestamp;
use regcred_engine::judge::{Request, judge};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::registry::HostPattern;
use regcred_engine::secret::{MAX_SECRET_BYTES, OldSecret, Secret, SecretType};

/// The codes that stand, and whether there is a repair, in a Secret with `other` bytes of data beside the document.
fn judged(
    policy: &Policy,
    document: &str,
    old: Option<&str>,
    other: usize,
) -> (BTreeSet<&'static str>, bool) {
    let request = Request {
        requester: Requester { namespace: "default", user: "u-abcde", groups: &[] },
        now: Timestamp::constant(1_795_392_000, 0), // 2026-11-23
        secret: Secret {
            secret_type: SecretType::DockerConfigJson,
            document: document.as_bytes(),
            data_bytes: document.len() + other,
        },
        old: old.map(|old| OldSecret { document: Some(old.as_bytes()), immutable: false }),
    };
    let judgement = judge(policy, &request);
    let codes = judgement.findings.iter().map(|finding| finding.rule().code()).collect();
    (codes, judgement.repair.is_some())
}

fn codes(document: &str, old: Option<&str>) -> BTreeSet<&'static str> {
    judged(&Policy::default(), document, old, 0).0
}

fn key(key: &str) -> String {
    format!(r#"{{"auths":{{"{key}":{{"auth":"dTpw"}}}}}}"#)
}

#[test]
fn a_question_mark_is_a_query_and_a_glob() {
    for written in ["*.cn-hangzhou.aliyuncs.com?x=1", "*.*.*.*?x", "registr?.cn-hangzhou.aliyuncs.com"] {
        let found = codes(&key(written), None);
        assert!(
            found.contains("generic-registry-host") && found.contains("registry-key-invalid"),
            "{written}"
        );
    }
    let denied = [HostPattern::parse("old.example.com").unwrap()];
    let policy = Policy { denied_registries: denied.into_iter().collect(), ..Policy::default() };
    let (found, _) = judged(&policy, &key("*.example.com?x"), None, 0);
    assert!(found.contains("registry-denied"));
}

#[test]
fn brackets_hide_no_port() {
    let found = codes(&key("registry.cn-hangzhou.aliyuncs.com:[1]"), None);
    assert_eq!(found, ["generic-registry-host", "registry-key-invalid"].into());
}

#[test]
fn a_repair_may_make_the_document_smaller() {
    let document = r#"{"auths":{"r.example.com":{"auth":"dXM6cA\n\n\n"}}}"#;
    let over_by_four = MAX_SECRET_BYTES + 4 - document.len();
    assert_eq!(judged(&Policy::default(), document, None, over_by_four), (["auth-unpadded"].into(), true));
    let (found, repaired) = judged(&Policy::default(), document, None, over_by_four + 1);
    assert!(found.contains("too-large-to-fix") && !repaired);
}

#[test]
fn an_old_entry_with_an_auth_of_another_type_was_not_usable() {
    let kept = r#""a.example.com":{"auth":"dTpw"}"#;
    let old = format!(r#"{{"auths":{{{kept},"r.example.com":{{"username":"u","password":"p","auth":1}}}}}}"#);
    assert!(codes(&format!(r#"{{"auths":{{{kept}}}}}"#), Some(&old)).is_empty());
}

#[test]
fn an_auth_of_nothing_but_a_colon_leaves_the_token_alone() {
    let document = r#"{"auths":{"r.example.com":{"auth":"Og==","identitytoken":"t"}}}"#;
    assert_eq!(codes(document, None), ["auth-empty-half", "token-only"].into());
}

#[test]
fn an_entry_that_is_kept_to_the_byte_has_lost_nothing() {
    let pair = r#""r.example.com":{"username":"u","password":"p","auth":"dTpw"}"#;
    let with_email = r#""r.example.com":{"username":"u","password":"p","auth":"dTpw","email":"e"}"#;
    let old = format!(r#"{{"auths":{{{pair},{with_email}}}}}"#);
    let new = format!(r#"{{"auths":{{{pair},{with_email},"a.example.com":{{"auth":"dTpw"}}}}}}"#);
    assert!(!codes(&new, Some(&old)).contains("credentials-stripped"));
}
