//! Edges between rules that no case of tests/cases shows: found by comparing the engine with a second reading of the
//! rules, written apart from it.

#![allow(clippy::unwrap_used, reason = "a test that meets something unexpected is to fail")]

use std::cell::Cell;
use std::collections::BTreeSet;

use jiff::Timestamp;
use regcred_engine::judge::{Request, judge, judge_repair};
use regcred_engine::policy::{Language, Policy, Requester};
use regcred_engine::registry::HostPattern;
use regcred_engine::rules::Rule;
use regcred_engine::secret::{MAX_SECRET_BYTES, OldDocument, OldSecret, Secret, SecretType};
use regcred_engine::wording;

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
        old: old
            .map(|old| OldSecret { document: Some(OldDocument::Bytes(old.as_bytes())), immutable: false }),
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

/// An old document that notes whether it is read.
#[derive(Default)]
struct OldWithNote(Cell<bool>);

impl AsRef<[u8]> for OldWithNote {
    fn as_ref(&self) -> &[u8] {
        self.0.set(true);
        b"{}"
    }
}

#[test]
fn usual_repair_does_not_read_old_document() {
    let old = OldWithNote::default();
    let document = br#"{"auths":{"r.example.com":{"username":"robot","password":"made-up"}}}"#;
    let request = Request {
        requester: Requester { namespace: "default", user: "u-abcde", groups: &[] },
        now: Timestamp::constant(1_795_392_000, 0), // 2026-11-23
        secret: Secret { secret_type: SecretType::DockerConfigJson, document, data_bytes: document.len() },
        old: Some(OldSecret { document: Some(OldDocument::Changed(&old)), immutable: false }),
    };
    assert!(judge_repair(&Policy::default(), &request).repair.is_some());
    assert!(!old.0.get());
    assert!(judge(&Policy::default(), &request).repair.is_some());
    assert!(old.0.get());
}

#[test]
fn question_mark_is_query_and_glob() {
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
fn old_auth_of_another_type_was_not_usable() {
    let kept = r#""a.example.com":{"auth":"dTpw"}"#;
    let old = format!(r#"{{"auths":{{{kept},"r.example.com":{{"username":"u","password":"p","auth":1}}}}}}"#);
    assert!(codes(&format!(r#"{{"auths":{{{kept}}}}}"#), Some(&old)).is_empty());
}

#[test]
fn auth_of_only_colon_leaves_token() {
    let document = r#"{"auths":{"r.example.com":{"auth":"Og==","identitytoken":"t"}}}"#;
    assert_eq!(codes(document, None), ["auth-empty-half", "token-only"].into());
}

#[test]
fn entry_kept_byte_by_byte_lost_nothing() {
    let pair = r#""r.example.com":{"username":"u","password":"p","auth":"dTpw"}"#;
    let with_email = r#""r.example.com":{"username":"u","password":"p","auth":"dTpw","email":"e"}"#;
    let old = format!(r#"{{"auths":{{{pair},{with_email}}}}}"#);
    let new = format!(r#"{{"auths":{{{pair},{with_email},"a.example.com":{{"auth":"dTpw"}}}}}}"#);
    assert!(!codes(&new, Some(&old)).contains("credentials-stripped"));
}

#[test]
fn each_key_gets_its_own_rule() {
    for (written, expected) in [
        ("docker.io:", "registry-key-docker-hub"),
        ("auth.docker.io", "registry-key-docker-hub"),
        ("registr[y].example.com", "registry-key-invalid"),
        ("https:/r.example.com", "registry-key-invalid"),
        ("'r.example.com'", "registry-key-invalid"),
        ("ftp://R.example.com", "registry-key-invalid"),
        ("[::1]", "registry-key-never-matches"),
        ("r.example.com/./x", "registry-key-never-matches"),
        ("host$x.example.com", "registry-key-never-matches"),
        ("my_host:5000", "registry-key-never-matches"),
        ("r.example.com:", "registry-key-partial"),
        ("r.example.com/", "registry-key-partial"),
        ("r.example.com/v2/", "registry-key-partial"),
        ("r.example.com/%74eam", "registry-key-partial"),
        ("*.example.com", "registry-key-wildcard"),
    ] {
        assert_eq!(codes(&key(written), None), [expected].into(), "{written}");
    }
    for written in ["r.example.com:5000/team", "https://r.example.com/v2/", "localhost:5000", "[::1]:5000"] {
        assert_eq!(codes(&key(written), None), [].into(), "{written}");
    }
}

/// An `allow` list of one rule has no effect on another: what is not valid is not checked for images.
#[test]
fn allowed_invalid_key_is_not_reported_otherwise() {
    let mut policy = Policy::default();
    policy.rules.get_mut(Rule::RegistryKeyInvalid).allow =
        HostPattern::parse("r.example.com").into_iter().collect();
    assert_eq!(judged(&policy, &key("ftp://R.example.com"), None, 0).0, [].into());
}

/// Spellings of Docker Hub, and which consumers use them for its images.
#[test]
fn docker_hub_spellings_are_described_by_the_models() {
    for (written, users) in [
        ("index.docker.io/v1/", "The kubelet and the key chain use "),
        ("index.docker.io", "The kubelet, podman and the key chain use "),
        ("docker.io", "The kubelet and podman use "),
        ("docker.io:", "The kubelet uses "),
        ("https://index.docker.io/v1", "podman uses "),
        ("hub.docker.com", "No consumer uses "),
        ("index.docker.io/foo", "The key chain uses "),
        ("https://index.docker.io/v1/foo", "podman and the key chain use "),
        ("docker.io/foo", "The kubelet and podman use "),
    ] {
        let said = affected(written, Rule::RegistryKeyDockerHub);
        assert!(said.starts_with(&format!("{users}these credentials for images ")), "{written}: {said}");
        assert_eq!(said.contains("images such as docker.io/foo/x"), written.ends_with("/foo"), "{said}");
    }
}

fn affected(written: &str, rule: Rule) -> String {
    let document = key(written);
    let request = Request {
        requester: Requester { namespace: "default", user: "u-abcde", groups: &[] },
        now: Timestamp::constant(1_795_392_000, 0), // 2026-11-23
        secret: Secret {
            secret_type: SecretType::DockerConfigJson,
            document: document.as_bytes(),
            data_bytes: document.len(),
        },
        old: None,
    };
    let judgement = judge(&Policy::default(), &request);
    let finding = judgement.findings.iter().find(|finding| finding.rule() == rule).unwrap();
    wording::statement(finding, Language::English).affected
}

/// docker ignores the path of a key, so that it uses credentials of a key without ordinary images.
#[test]
fn consumers_that_go_by_the_host_are_named() {
    for (written, expected) in [
        (
            "https://r.example.com/v1",
            "docker, podman and Argo CD Image Updater use these credentials for images of its host; the kubelet and the key chain \
             find no credentials here.",
        ),
        ("harbor", "No consumer finds credentials here."),
    ] {
        assert_eq!(affected(written, Rule::RegistryKeyNeverMatches), expected, "{written}");
    }
}

#[test]
fn settings_of_docker_alone_are_a_docker_config() {
    for (document, code) in [
        (r#"{"experimental":"enabled"}"#, "no-registries"),
        (r#"{"PSFORMAT":"x","other":1}"#, "no-registries"),
        (r#"{"proxie\u017f":{}}"#, "no-registries"),
        (r#"{"Format ":"x"}"#, "not-a-docker-config"),
        (r#"{"auth":7}"#, "missing-auths-wrapper"),
        ("{}", "no-registries"),
    ] {
        assert_eq!(codes(document, None), [code].into(), "{document}");
    }
}

#[test]
fn entry_with_other_fields_is_no_leftover() {
    let with = |entry: &str| {
        codes(&format!(r#"{{"auths":{{"r.example.com":{{"auth":"dTpw"}},"end":{entry}}}}}"#), None)
    };
    let both: BTreeSet<_> = ["no-credentials", "registry-key-never-matches"].into();
    assert_eq!(with("null"), ["empty-leftover"].into());
    assert_eq!(with(r#"{"note":{}}"#), ["empty-leftover"].into());
    assert_eq!(with(r#"{"Access_Token":""}"#), both);
    assert_eq!(with(r#"{"s.example.com":{}}"#), both);
    assert_eq!(with(r#"{"other":{"auth":""}}"#), both);
    assert_eq!(codes(r#"{"auths":{"end":{}}}"#, None), both);
}

#[test]
fn credential_end_is_read_by_its_kind() {
    let at = |entry: &str| codes(&format!(r#"{{"auths":{{"r.example.com":{entry}}}}}"#), None);
    // {"exp":1}, {"exp":-1}, {"exp":"1"}, {"exp":1e0}
    for (claims, expired) in [
        ("eyJleHAiOjF9", true),
        ("eyJleHAiOi0xfQ", false),
        ("eyJleHAiOiIxIn0", false),
        ("eyJleHAiOjFlMH0", true),
    ] {
        for (token, is_token) in [
            (format!("e30.{claims}."), true),
            (format!(" e30.{claims}.x-_x "), true),
            (format!("e30.{claims}"), false),
            (format!(".{claims}."), false),
            (format!("e30.{claims}.x+x"), false),
            (format!("e30.{claims}=.x"), false),
            (format!("e30.{claims}.x.x"), false),
        ] {
            let found = at(&format!(r#"{{"auth":"dTpw","identitytoken":"{token}"}}"#));
            assert_eq!(found.contains("credential-expired"), expired && is_token, "{token}");
        }
    }
    // A token of AWS is no JSON Web Token.
    let found =
        at(r#"{"username":"AWS","password":"e30.eyJleHAiOjF9.","auth":"QVdTOmUzMC5leUpsZUhBaU9qRjku"}"#);
    assert_eq!(found, ["credential-short-lived"].into());
}
