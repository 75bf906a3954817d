//! `regcred scan --fix` over a real API server.

use std::sync::mpsc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::cluster::{Namespace, pull_secret};
use crate::support::eventually;
use crate::support::proxy::Then;

use super::super::{PASSWORD, enforced_with_old, shows_password};
use super::{HOST, auths, bad, bare, cluster, of, standing, whole};

/// What is left of an object when what the API server itself keeps of a change is taken away.
fn without_traces(mut secret: Value) -> Value {
    secret["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    secret
}

fn version(namespace: &Namespace<'_>, name: &str) -> String {
    namespace.secret(name)["metadata"]["resourceVersion"].as_str().unwrap().to_owned()
}

/// A merge patch by somebody else.
#[track_caller]
fn change(namespace: &str, name: &str, patch: &Value) {
    let uri = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
    let mut connection = cluster().api().connect().unwrap();
    let answer = connection.request("PATCH", &uri, "application/merge-patch+json", &patch.to_string());
    assert_eq!(answer.unwrap().status, 200);
}

#[test]
fn stored_secrets_are_repaired_by_fix_only() {
    standing(cluster(), "repair-remedy", &[pull_secret("acr", &auths(&[&bare(HOST)]))]);
    for options in [&[][..], &["--fix", "--dry-run"]] {
        let finding = cluster().scan(&of(&["repair-remedy"], options)).run().lines("Finding").remove(0);
        assert_eq!(finding["remedy"], "Use --fix to repair it.");
    }
}

#[test]
fn repair_changes_only_document_once() {
    let mut secret = pull_secret("acr", &auths(&[&bare(HOST), &bare("registry.cn-hangzhou.aliyuncs.com")]));
    secret["metadata"]["labels"] = json!({"team": "a"});
    secret["metadata"]["annotations"] = json!({"note": "kept"});
    secret["data"]["username"] = json!("dQ==");
    let mut flat = pull_secret("flat", "");
    flat["type"] = json!("kubernetes.io/dockercfg");
    flat["data"] = json!({".dockercfg": BASE64_STANDARD.encode(format!("{{{}}}", bare(HOST)))});
    let namespace = standing(cluster(), "repair-once", &[secret, flat]);
    let before = namespace.secret("acr");

    let scanned = cluster().scan(&of(&["repair-once"], &["--fix"])).run();

    // What cannot be repaired goes on to stand.
    assert_eq!(scanned.code, Some(1), "{scanned:?}");
    let summary = scanned.summary();
    assert_eq!(
        (&summary["fixed"], &summary["deny"], &summary["repairable"]),
        (&json!(3), &json!(1), &json!(0))
    );
    let findings = scanned.lines("Finding");
    assert!(
        findings
            .iter()
            .all(|finding| (finding["fixed"] == true) == (finding["remedy"] == "It was repaired."))
    );
    let stored = namespace.secret("acr");
    let mut expected = before.clone();
    let document = auths(&[&whole(HOST), &whole("registry.cn-hangzhou.aliyuncs.com")]);
    expected["data"][".dockerconfigjson"] = json!(BASE64_STANDARD.encode(document));
    assert_eq!(without_traces(stored.clone()), without_traces(expected));
    let path = "/api/v1/namespaces/repair-once/secrets/acr";
    let object = cluster().api().request("GET", path, "").json();
    let managers = object["metadata"]["managedFields"].as_array().unwrap();
    let ours = managers.iter().find(|entry| entry["manager"] == "regcred-scan").unwrap();
    assert_eq!(ours["fieldsV1"], json!({"f:data": {"f:.dockerconfigjson": {}}}));
    let flat = namespace.secret("flat")["data"][".dockercfg"].clone();
    assert_eq!(flat, json!(BASE64_STANDARD.encode(format!("{{{}}}", whole(HOST)))));

    let again = cluster().scan(&of(&["repair-once"], &["--fix"])).run();
    assert_eq!((&again.summary()["fixed"], &again.summary()["deny"]), (&json!(0), &json!(1)));
    assert_eq!(namespace.secret("acr"), stored, "not written again");
}

#[test]
fn dry_run_of_fix_stores_nothing() {
    let namespace = standing(cluster(), "repair-dry", &bad(1));
    let before = namespace.secret("acr-000");
    let proxy = cluster().proxy(|_| Then::Pass);

    let scanned = cluster().scan_through(&proxy, &["-n", "repair-dry", "--fix", "--dry-run"]).run();

    assert_eq!(scanned.code, Some(1));
    let shown = format!("+ data[.dockerconfigjson].auths[\"{HOST}\"].auth \"********\"");
    assert!(scanned.stdout.contains(&shown), "{}", scanned.stdout);
    assert!(scanned.stdout.contains("dry run, accepted by the API server"), "{}", scanned.stdout);
    assert!(!shows_password(&scanned.stdout));
    assert!(
        proxy.seen().iter().any(|passing| passing.method == "PATCH" && passing.uri.contains("dryRun=All"))
    );
    assert_eq!(namespace.secret("acr-000"), before);
}

#[test]
fn immutable_and_owned_are_skipped() {
    let document = auths(&[&bare(HOST)]);
    let mut immutable = pull_secret("immutable", &document);
    immutable["immutable"] = json!(true);
    let mut helm = pull_secret("helm", &document);
    helm["metadata"]["annotations"] = json!({"meta.helm.sh/release-name": "shop"});
    let mut owned = pull_secret("owned", &document);
    owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "name": "acr", "uid": "3842b873-6f0d-4065-a234-edf112188f92", "controller": true}]);
    let namespace = standing(cluster(), "repair-owned", &[immutable, helm, owned]);

    // Who only looks is told the same.
    for fix in [&[][..], &["--fix"]] {
        let scanned = cluster().scan(&of(&["repair-owned"], fix)).run();
        assert_eq!(scanned.code, Some(1));
        let summary = scanned.summary();
        assert_eq!((&summary["fixed"], &summary["repairable"]), (&json!(0), &json!(0)));
        let of_name = |name: &str| {
            let mut findings = scanned.lines("Finding").into_iter();
            findings.find(|finding| finding["secret"]["name"] == name).unwrap()
        };
        for (name, why, remedy) in [
            (
                "immutable",
                "the Secret is immutable",
                "Delete the Secret and create it again with the repaired document.",
            ),
            (
                "helm",
                "a controller manages it",
                "Fix it in its source. --fix --include-owned repairs it here",
            ),
            (
                "owned",
                "a controller manages it",
                "Fix it in its source. --fix --include-owned repairs it here",
            ),
        ] {
            let finding = of_name(name);
            assert_eq!((&finding["repairable"], &finding["notFixed"]), (&json!(false), &json!(why)));
            for field in ["remedy", "message"] {
                let said = finding[field].as_str().unwrap();
                assert!(said.contains(remedy) && !said.contains("by itself"), "{name}: {said}");
            }
        }
        let note = |name: &str| of_name(name)["notes"][0].as_str().unwrap().to_owned();
        assert!(note("helm").starts_with("managed by the Helm release shop: fix it"));
        assert!(note("owned").starts_with("managed by SealedSecret acr"));
        assert_eq!(namespace.document("helm"), document);
    }

    let scanned = cluster().scan(&of(&["repair-owned"], &["--fix", "--include-owned"])).run();
    assert_eq!((scanned.code, &scanned.summary()["fixed"]), (Some(1), &json!(2)));
    for name in ["helm", "owned"] {
        assert_eq!(namespace.document(name), auths(&[&whole(HOST)]), "{name}");
    }
    assert_eq!(namespace.document("immutable"), document);
}

#[test]
fn variables_repair_nothing_and_choose_nothing() {
    let namespace = standing(cluster(), "repair-env", &bad(1));
    standing(cluster(), "repair-env-2", &bad(1));
    let others = [("REGCRED_FIX", "1"), ("REGCRED_SCAN_FIX", "1"), ("REGCRED_NAMESPACE", "default")];
    let scan = |arguments: &[&str]| {
        let scan = cluster().scan(&of(&[], arguments));
        others.iter().fold(scan, |scan, (name, value)| scan.env(name, value))
    };
    let looked = scan(&["-n", "repair-env"]).run();
    assert_eq!((looked.code, &looked.summary()["repairable"]), (Some(1), &json!(1)), "{looked:?}");
    assert_eq!(namespace.document("acr-000"), auths(&[&bare(HOST)]));
    let everywhere = scan(&["-A"]).run();
    assert!(!everywhere.lines("Finding").is_empty(), "{everywhere:?}");
    assert_eq!(namespace.document("acr-000"), auths(&[&bare(HOST)]));
}

#[test]
fn what_is_being_deleted_is_passed_over() {
    let mut secret = pull_secret("going", &auths(&[&bare(HOST)]));
    secret["metadata"]["finalizers"] = json!(["example.com/held"]);
    let namespace = standing(cluster(), "repair-deleted", &[secret]);
    let path = "/api/v1/namespaces/repair-deleted/secrets/going";
    assert_eq!(cluster().api().request("DELETE", path, "").status, 200);
    assert!(namespace.secret("going")["metadata"]["deletionTimestamp"].is_string());

    let scanned = cluster().scan(&of(&["repair-deleted"], &["--fix"])).run();

    assert_eq!((scanned.code, scanned.stdout.lines().count()), (Some(0), 1), "{scanned:?}");
    assert_eq!((&scanned.summary()["secrets"], &scanned.summary()["notJudged"]), (&json!(0), &json!(0)));
    assert_eq!(namespace.document("going"), auths(&[&bare(HOST)]));
    let released = json!({"metadata": {"finalizers": null}});
    change("repair-deleted", "going", &released);
}

#[test]
fn audit_repairs_nothing_and_announces_nothing() {
    let namespace = standing(cluster(), "repair-audit", &bad(1));
    let policy = "apiVersion: regcred/v1\nkind: Policy\nenforcement: audit\n";
    for fix in [&[][..], &["--fix"]] {
        let scanned = cluster().scan(&of(&["repair-audit"], fix)).policy(policy).run();
        let finding = &scanned.lines("Finding")[0];
        assert_eq!((scanned.code, &finding["repairable"]), (Some(0), &json!(false)), "{scanned:?}");
        assert_eq!(
            finding["remedy"],
            "regcred repairs this when the policy says enforcement: warn or enforce."
        );
        assert_eq!(namespace.document("acr-000"), auths(&[&bare(HOST)]));
    }
}

#[test]
fn concurrent_change_during_repair_is_kept() {
    let namespace = standing(cluster(), "repair-race", &bad(3));
    let theirs = BASE64_STANDARD.encode(auths(&[&bare(HOST), &bare("theirs.example.com")]));
    let mut patches = 0;
    let proxy = cluster().proxy(move |passing| {
        if passing.method == "PATCH" {
            patches += 1;
            match patches {
                1 => change(
                    "repair-race",
                    "acr-000",
                    &json!({"data": {".dockerconfigjson": theirs}, "metadata": {"labels": {"a": "b"}}}),
                ),
                // The repaired one itself was the first to be repeated.
                3 => change("repair-race", "acr-001", &json!({"data": {"other": "YQ=="}})),
                5 => {
                    let path = "/api/v1/namespaces/repair-race/secrets/acr-002";
                    assert_eq!(cluster().api().request("DELETE", path, "").status, 200);
                }
                _ => {}
            }
        }
        Then::Pass
    });

    let scanned = cluster().scan_through(&proxy, &of(&["repair-race"], &["--fix"])).run();

    assert_eq!((scanned.code, &scanned.summary()["fixed"]), (Some(0), &json!(3)), "{scanned:?}");
    let first = namespace.secret("acr-000");
    assert_eq!(namespace.document("acr-000"), auths(&[&whole(HOST), &whole("theirs.example.com")]));
    assert_eq!(first["metadata"]["labels"], json!({"a": "b"}));
    assert_eq!(namespace.document("acr-001"), auths(&[&whole(HOST)]));
    assert_eq!(namespace.secret("acr-001")["data"]["other"], "YQ==");
    assert_eq!(namespace.secrets(), ["acr-000", "acr-001"], "what was deleted is not made again");
}

#[test]
fn repair_without_answer_is_reported() {
    let namespace = standing(cluster(), "repair-lost", &bad(3));
    let mut patches = 0;
    let proxy = cluster().proxy(move |passing| {
        if passing.method != "PATCH" {
            return Then::Pass;
        }
        patches += 1;
        match patches {
            1 => Then::Lose,
            // The lost one was repeated.
            3 => Then::Cut,
            _ => Then::Pass,
        }
    });

    let scanned = cluster().scan_through(&proxy, &of(&["repair-lost"], &["--fix"])).run();

    let summary = scanned.summary();
    assert_eq!(
        (scanned.code, &summary["secrets"], &summary["fixed"]),
        (Some(0), &json!(3), &json!(3)),
        "{scanned:?}"
    );
    for name in ["acr-000", "acr-001", "acr-002"] {
        assert_eq!(namespace.document(name), auths(&[&whole(HOST)]), "{name}");
    }
}

#[test]
fn permanent_conflict_is_skipped_after_retries() {
    let namespace = standing(cluster(), "repair-restless", &bad(1));
    let mut count = 0;
    let proxy = cluster().proxy(move |passing| {
        if passing.method == "PATCH" {
            count += 1;
            let labels = json!({"metadata": {"labels": {"count": count.to_string()}}});
            change("repair-restless", "acr-000", &labels);
        }
        Then::Pass
    });
    let scanned = cluster().scan_through(&proxy, &of(&["repair-restless"], &["--fix"])).run();
    assert_eq!(scanned.code, Some(1), "{scanned:?}");
    let finding = &scanned.lines("Finding")[0];
    assert_eq!(
        (&finding["notFixed"], &finding["remedy"]),
        (&json!("another client changed it during each of 5 attempts"), &json!("Retry."))
    );
    assert_eq!(namespace.document("acr-000"), auths(&[&bare(HOST)]));
}

#[test]
fn refused_repair_is_named_others_continue() {
    let namespace = standing(cluster(), "repair-refused", &bad(3));
    let policy = json!({"apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "repair-refused"},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "repair-refused"}},
                    "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["secrets"],
                                       "operations": ["UPDATE"]}],
                },
                "validations": [{"expression": "object.metadata.name != 'acr-001'", "message": "not this one"}],
            },
        },
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": "repair-refused"},
            "spec": {"policyName": "repair-refused", "validationActions": ["Deny"]},
        },
    ]});
    cluster().accepts(&["create", "-f", "-"], &policy.to_string());
    eventually("a refusal by the policy", || {
        let label = ["label", "secret", "acr-001", "probe=a", "--dry-run=server"];
        (!namespace.kubectl(&label, "").success).then_some(())
    });

    let scanned = cluster().scan(&of(&["repair-refused"], &["--fix", "--fail-on", "never"])).run();

    let summary = scanned.summary();
    assert_eq!((scanned.code, &summary["fixed"], &summary["refused"]), (Some(1), &json!(2), &json!(1)));
    assert_eq!(summary["rules"][0]["refused"], 1);
    let mut findings = scanned.lines("Finding").into_iter();
    let refused = findings.find(|finding| finding["secret"]["name"] == "acr-001").unwrap();
    let why = refused["notFixed"].as_str().unwrap();
    assert!(why.starts_with("the API server refused the repair: ") && why.contains("not this one"), "{why}");
    assert_eq!(refused["remedy"], "Resolve the reason for the refusal and retry.");

    for (language, line, heads) in [
        (
            "en",
            "3 image pull Secrets checked: 1 deny, 1 repair refused\n",
            "NAMESPACE       RULE          deny  warn  audit  repairable  refused  fixed",
        ),
        (
            "zh",
            "检查了 3 个镜像拉取 Secret：1 项拒绝，1 项修复被拒绝\n",
            "命名空间        规则          拒绝  警告  记录  可修复  修复被拒  已修复",
        ),
    ] {
        let text = cluster().scan(&["-n", "repair-refused", "--fix", "--lang", language]).run();
        assert!(text.code == Some(1) && text.stdout.contains(line), "{text:?}");
        let table: Vec<_> = text.stdout.lines().rev().take(2).collect();
        assert_eq!(table[1], heads);
        let row: Vec<_> = table[0].split_whitespace().collect();
        assert_eq!(row, ["repair-refused", "missing-auth", "1", "0", "0", "0", "1", "0"]);
    }
}

#[test]
fn repair_passes_through_webhook_of_cluster() {
    // An entry that only warns of a host beside one that is refused for a new Secret.
    let old =
        pull_secret("acr", &auths(&[&bare(HOST), &bare(super::super::GENERIC), r#""no.example.com":{}"#]));
    let namespace = enforced_with_old("repair-webhook", &[old]);

    let scanned = cluster().scan(&of(&["repair-webhook"], &["--fix"])).run();

    assert_eq!(scanned.code, Some(1));
    assert_eq!(scanned.summary()["fixed"], 2, "{scanned:?}");
    assert_eq!(
        namespace.document("acr"),
        auths(&[&whole(HOST), &whole(super::super::GENERIC), r#""no.example.com":{}"#])
    );
}

/// Repairs 60 Secrets, and ends the program while the 20th is being repaired.
fn interrupted(name: &'static str, signal: Signal) -> (Namespace<'static>, super::Scanned) {
    let namespace = standing(cluster(), name, &bad(60));
    let (reached, wait) = mpsc::channel();
    let (signalled, go_on) = mpsc::channel::<()>();
    let mut patches = 0;
    let proxy = cluster().proxy(move |passing| {
        if passing.method == "PATCH" {
            patches += 1;
            if patches == 20 {
                reached.send(()).unwrap();
                go_on.recv_timeout(PATIENCE).unwrap();
            }
        }
        Then::Pass
    });
    let scanned = cluster().scan_through(&proxy, &of(&[name], &["--fix"])).watched(|child| {
        wait.recv_timeout(PATIENCE).unwrap();
        kill_process(Pid::from_child(child), signal).unwrap();
        if signal == Signal::KILL {
            child.wait().unwrap();
        }
        signalled.send(()).unwrap();
    });
    (namespace, scanned)
}

/// After another run every Secret is repaired, and none of those that were is written again.
#[track_caller]
fn is_finished_by_another_run(namespace: &Namespace<'_>, repaired: usize) {
    let name = |number| format!("acr-{number:03}");
    let before: Vec<_> = (0..repaired).map(|number| version(namespace, &name(number))).collect();
    let scanned = cluster().scan(&of(&[&namespace.name], &["--fix"])).run();
    assert_eq!((scanned.code, &scanned.summary()["fixed"]), (Some(0), &json!(60 - repaired)), "{scanned:?}");
    let after: Vec<_> = (0..repaired).map(|number| version(namespace, &name(number))).collect();
    assert_eq!(before, after);
    for number in 0..60 {
        assert_eq!(namespace.document(&name(number)), auths(&[&whole(HOST)]));
    }
}

#[test]
fn next_run_finishes_interrupted_repair() {
    let (namespace, scanned) = interrupted("repair-sigint", Signal::INT);
    assert_eq!(scanned.code, Some(130), "{scanned:?}");
    assert_eq!(scanned.summary()["fixed"], 20, "the one that was under way was waited for");
    assert!(scanned.errors()[0].starts_with("interrupted: "), "{scanned:?}");
    is_finished_by_another_run(&namespace, 20);
}

#[test]
fn a_killed_repair_is_finished_by_another_run() {
    let (namespace, scanned) = interrupted("repair-sigkill", Signal::KILL);
    assert_eq!(scanned.code, None);
    // The request that was on its way may have been taken or not; nothing else is open.
    let last = namespace.document("acr-019");
    let repaired = if last == auths(&[&whole(HOST)]) { 20 } else { 19 };
    assert_eq!(scanned.lines("Finding").len(), 19);
    assert!(!shows_password(&scanned.stdout) && PASSWORD.len() > 10);
    is_finished_by_another_run(&namespace, repaired);
}
