//! What an AdmissionResponse holds, and what it never does.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::client::Connection;
use crate::support::regcred::Serve;
use crate::support::review::{
    DOCKER_CFG, Review, cause_codes, code, document, good, is_more, pair, patch_of, secret, secret_of,
    warnings,
};

const GENERIC: &str = "registry.cn-hangzhou.aliyuncs.com";

fn ask(connection: &mut Connection, path: &str, review: &Review) -> Value {
    let response = connection.post(path, &review.0);
    assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
    let answer = response.json();
    holds_what_every_answer_holds(&answer, review);
    answer
}

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The parts of the contract that hold for every answer.
fn holds_what_every_answer_holds(answer: &Value, review: &Review) {
    assert_eq!(names(answer), BTreeSet::from(["apiVersion", "kind", "response"]));
    assert_eq!(
        (&answer["apiVersion"], &answer["kind"]),
        (&json!("admission.k8s.io/v1"), &json!("AdmissionReview"))
    );
    let response = &answer["response"];
    assert_eq!(response["uid"], review.0["request"]["uid"]);
    let known = ["uid", "allowed", "status", "patch", "patchType", "auditAnnotations", "warnings"];
    assert!(names(response).is_subset(&BTreeSet::from(known)), "{response}");
    assert_eq!(response.get("patch").is_some(), response.get("patchType").is_some());
    assert_eq!(response.get("status").is_some(), response["allowed"] == false);

    let warnings = warnings(answer);
    assert!(warnings.len() <= 15, "{} warnings", warnings.len());
    for warning in &warnings {
        assert!(warning.chars().count() <= 256, "too long: {warning}");
        assert!(!warning.chars().any(char::is_control), "a control character: {warning:?}");
        assert!(warning.starts_with(&format!("[regcred/{}]", code(warning))));
    }
    let annotations = &response["auditAnnotations"];
    if !annotations.is_null() {
        assert_eq!(names(annotations), BTreeSet::from(["decision", "rules"]));
        for code in annotations["rules"].as_str().unwrap().split(',') {
            assert!(
                !code.is_empty() && code.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-')),
                "{code}"
            );
        }
    }
    let status = &response["status"];
    if !status.is_null() {
        assert_eq!(names(status), BTreeSet::from(["code", "reason", "message", "details"]));
        assert_eq!(names(&status["details"]), BTreeSet::from(["name", "kind", "causes"]));
        assert_eq!(
            (&status["details"]["kind"], &status["details"]["name"]),
            (&json!("Secret"), &review.0["request"]["name"])
        );
        for cause in status["details"]["causes"].as_array().unwrap() {
            assert_eq!(names(cause), BTreeSet::from(["reason", "field", "message"]));
            assert_eq!(cause["reason"], "FieldValueInvalid");
            assert!(
                status["message"].as_str().unwrap().contains(cause["message"].as_str().unwrap()),
                "{cause}"
            );
        }
    }
}

#[test]
fn a_repair_is_one_patch_and_one_announcement() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    let review = Review::create(&secret(
        r#"{"auths": {"r.example.com": {"username": "robot", "password": "made-up"}}}"#,
    ));
    let answer = ask(&mut connection, "/mutate", &review);
    assert_eq!(
        answer["response"]["auditAnnotations"],
        json!({"decision": "patched", "rules": "missing-auth"})
    );
    let [warning] = warnings(&answer).try_into().unwrap();
    assert!(warning.starts_with("[regcred/missing-auth] r.example.com: auth added."), "{warning}");
    let patch = patch_of(&answer).unwrap();
    assert_eq!(patch.as_array().unwrap().len(), 1);
    let mutated = review.mutated(&answer);
    assert_eq!(
        String::from_utf8(mutated.document()).unwrap(),
        r#"{"auths": {"r.example.com": {"username": "robot", "password": "made-up","auth":"cm9ib3Q6bWFkZS11cA=="}}}"#
    );
    // What was repaired has nothing left to say or to do.
    for path in ["/mutate", "/validate"] {
        let expected = json!({"uid": review.0["request"]["uid"], "allowed": true});
        assert_eq!(ask(&mut connection, path, &mutated)["response"], expected);
    }
}

#[test]
fn a_dockercfg_is_patched_under_its_own_key() {
    let regcred = Serve::dev().start();
    let review =
        Review::create(&secret_of(DOCKER_CFG, br#"{"r.example.com":{"username":"u","password":"p"}}"#));
    let answer = ask(&mut regcred.client().connect(), "/mutate", &review);
    assert_eq!(patch_of(&answer).unwrap()[0]["path"], "/data/.dockercfg");
    assert_eq!(
        review.mutated(&answer).document(),
        br#"{"r.example.com":{"username":"u","password":"p","auth":"dTpw"}}"#
    );
}

#[test]
fn mutate_never_denies_and_validate_never_patches() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    for entries in
        [json!({GENERIC: {"username": "u", "password": "p"}}), json!({"r.example.com": {}}), json!([])]
    {
        let review = Review::create(&secret(&json!({"auths": entries}).to_string()));
        assert_eq!(ask(&mut connection, "/mutate", &review)["response"]["allowed"], true);
        let answer = ask(&mut connection, "/validate", &review);
        assert_eq!((&answer["response"]["allowed"], patch_of(&answer)), (&json!(false), None));
    }
}

#[test]
fn only_create_and_client_apply_get_invalid() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    let good = secret(&document(&[("r.example.com", good("u", "p"))]));
    let bad = secret(&document(&[("r.example.com", json!({"auth": "no base64!"}))]));
    let create = Review::create(&bad);
    let update = Review::update(&good, &bad);
    for (review, code, reason) in [
        (create.clone(), 422, "Invalid"),
        (create.field_manager("kubectl-client-side-apply"), 422, "Invalid"),
        (update.clone(), 403, "Forbidden"),
        (update.clone().field_manager("kubectl-client-side-apply-2"), 403, "Forbidden"),
        (update.clone().with("options", Value::Null), 403, "Forbidden"),
        (update.field_manager("kubectl-client-side-apply"), 422, "Invalid"),
    ] {
        let answer = ask(&mut connection, "/validate", &review);
        let status = &answer["response"]["status"];
        assert_eq!((&status["code"], &status["reason"]), (&json!(code), &json!(reason)));
        let cause = &status["details"]["causes"][0];
        assert_eq!(cause["field"], r#"data[.dockerconfigjson].auths["r.example.com"].auth"#);
        assert!(
            cause["message"].as_str().unwrap().starts_with("[regcred/auth-not-base64] r.example.com: "),
            "{cause}"
        );
        assert_eq!(
            answer["response"]["auditAnnotations"],
            json!({"decision": "denied", "rules": "auth-not-base64"})
        );
    }
}

#[test]
fn denial_names_ten_findings_and_the_remainder() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    for (count, causes) in [(1, 1), (10, 10), (11, 11), (40, 11)] {
        let hosts: Vec<String> = (0..count).map(|number| format!("r{number:02}.example.com")).collect();
        let entries: Vec<_> = hosts.iter().map(|host| (host.as_str(), json!({"auth": "%"}))).collect();
        let answer = ask(&mut connection, "/validate", &Review::create(&secret(&document(&entries))));
        let status = &answer["response"]["status"];
        assert_eq!(cause_codes(&answer), vec!["auth-not-base64"; count.min(10)]);
        let said = status["details"]["causes"].as_array().unwrap();
        assert_eq!(said.len(), causes);
        for (cause, host) in said.iter().zip(&hosts).take(10) {
            assert_eq!(cause["field"], format!("data[.dockerconfigjson].auths[\"{host}\"].auth"));
        }
        if let Some(more) = said.get(10) {
            let left = format!("[regcred/auth-not-base64] and {} more finding", count - 10);
            assert!(more["message"].as_str().unwrap().starts_with(&left), "{more}");
        }
    }
}

#[test]
fn warnings_stay_few_and_short_in_every_language() {
    // Long keys, line breaks, marks that turn the direction of writing, and letters that browsers would garble.
    let awkward = ["\u{7}\r\n\u{202e}\u{85}镜像", &"x".repeat(400)].concat();
    let hosts: Vec<String> = (0..40).map(|number| format!("R{number}.{awkward}.example.com")).collect();
    let entries: Vec<_> = hosts.iter().map(|host| (host.as_str(), pair(" u", "p"))).collect();
    let many = Review::create(&secret(&document(&entries)));
    let few = Review::create(&secret(&document(&[("R.EXAMPLE.COM", pair("u", "p"))])));
    let broken = Review::create(&secret("{"));
    for language in ["en", "zh", "both"] {
        let policy =
            format!("apiVersion: regcred/v1\nkind: Policy\nlanguage: {language}\nenforcement: warn\n");
        let regcred = Serve::dev().policy(&policy).start();
        let mut connection = regcred.client().connect();
        for path in ["/mutate", "/validate"] {
            assert!(ask(&mut connection, path, &many)["response"]["allowed"] == true);
            assert!(
                !warnings(&ask(&mut connection, path, &broken)).is_empty(),
                "the API server's own text says nothing"
            );
        }
        let said = warnings(&ask(&mut connection, "/validate", &many));
        assert_eq!(said.len(), 15);
        assert!(is_more(&said[14]) && !said[..14].iter().any(|warning| is_more(warning)), "{said:?}");

        // The code, the host and a few English words come first in every language.
        let mutated = few.mutated(&ask(&mut connection, "/mutate", &few));
        let said = warnings(&ask(&mut connection, "/validate", &mutated));
        assert_eq!(said.len(), if language == "both" { 2 } else { 1 });
        for warning in &said {
            assert_eq!(code(warning), "registry-key-never-matches");
            let clause =
                warning.strip_prefix("[regcred/registry-key-never-matches] R.EXAMPLE.COM: ").unwrap();
            assert!(clause.chars().take(20).all(|c| c.is_ascii()), "{warning}");
        }
        let is_chinese = |text: &String| text.contains('。');
        let expected: &[bool] = match language {
            "en" => &[false],
            "zh" => &[true],
            _ => &[false, true],
        };
        assert_eq!(said.iter().map(is_chinese).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn announcements_can_be_turned_off() {
    let regcred = Serve::dev().policy("apiVersion: regcred/v1\nkind: Policy\nannounceFixes: false\n").start();
    let review = Review::create(&secret(&document(&[("r.example.com", pair("u", "p"))])));
    let answer = ask(&mut regcred.client().connect(), "/mutate", &review);
    assert!(patch_of(&answer).is_some() && warnings(&answer).is_empty());
}

#[test]
fn under_audit_nothing_is_patched_and_nothing_said() {
    let regcred = Serve::dev().policy("apiVersion: regcred/v1\nkind: Policy\nenforcement: audit\n").start();
    let mut connection = regcred.client().connect();
    let review = Review::create(&secret(&document(&[(GENERIC, pair("u", "p"))])));
    for (path, decision, codes) in [
        ("/mutate", "wouldPatch", &["missing-auth"][..]),
        ("/validate", "allowed", &["generic-registry-host", "missing-auth"]),
    ] {
        let review = review.clone().uid(path);
        let answer = ask(&mut connection, path, &review);
        let rules = codes.join(",");
        let expected =
            json!({"uid": path, "allowed": true, "auditAnnotations": {"decision": decision, "rules": rules}});
        assert_eq!(answer["response"], expected);
        let record = regcred.audit_record(path, &path[1..]);
        assert_eq!(record["decision"], decision);
        for finding in record["findings"].as_array().unwrap() {
            let kept_apart =
                (&finding["action"], &finding["ruleAction"], &finding["cappedBy"], &finding["fixed"]);
            assert_eq!(kept_apart, (&json!("audit"), &json!("deny"), &json!("enforcement"), &json!(false)));
        }
    }
}
