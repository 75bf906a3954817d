//! The audit log: what a record holds, where it goes, and that nobody waits for it.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::regcred::{Regcred, Serve, records};
use crate::support::review::{Review, document, good, pair, secret};

fn names(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

fn review() -> Review {
    Review::create(&secret(&document(&[("r.example.com", pair("u", "p"))])))
}

#[test]
fn a_record_holds_what_the_contract_says() {
    let regcred = Serve::dev().start();
    let before = jiff::Timestamp::now();
    let document = document(&[
        ("https://bot:made-up@Registry.CN-Hangzhou.aliyuncs.com/v2/", pair("u", "p")),
        ("r.example.com:5000", pair("u", "p")),
    ]);
    let review = Review::create(&secret(&document)).user("u-b4qkh").uid("the-uid").with("dryRun", true);
    regcred.post("/mutate", &review.0);
    regcred.post("/validate", &review.0);
    let mut record = regcred.audit_record("the-uid", "mutate");
    let always = [
        "time",
        "uid",
        "webhook",
        "operation",
        "dryRun",
        "namespace",
        "name",
        "type",
        "user",
        "decision",
        "findings",
        "registries",
        "policy",
        "durationMicros",
    ];
    assert_eq!(names(&record), BTreeSet::from(always));
    let time: jiff::Timestamp = record["time"].as_str().unwrap().parse().unwrap();
    assert!(time.duration_since(before).as_secs().abs() < 60, "{time}");
    assert!(record["durationMicros"].as_u64().unwrap() < 60_000_000);
    for field in ["time", "durationMicros"] {
        record.as_object_mut().unwrap().remove(field);
    }
    let finding = |host: &str| {
        json!({
            "code": "missing-auth",
            "action": "audit",
            "ruleAction": "deny",
            "path": format!("auths[\"{host}\"].auth"),
            "fixed": true,
        })
    };
    // What is wrong with the host is no obstacle to the repair, and is `/validate`'s to say.
    let findings = json!([finding("Registry.CN-Hangzhou.aliyuncs.com/v2/"), finding("r.example.com:5000")]);
    assert_eq!(
        record,
        json!({
            "uid": "the-uid",
            "webhook": "mutate",
            "operation": "CREATE",
            "dryRun": true,
            "namespace": "default",
            "name": "regcred",
            "type": "kubernetes.io/dockerconfigjson",
            "user": "u-b4qkh",
            "decision": "patched",
            "findings": findings,
            "registries": ["registry.cn-hangzhou.aliyuncs.com", "r.example.com:5000"],
            "policy": "default",
        })
    );
    let record = regcred.audit_record("the-uid", "validate");
    assert_eq!(names(&record), BTreeSet::from(always));
    assert_eq!(record["decision"], "denied");
}

#[test]
fn generated_name_is_recorded_by_its_prefix() {
    let regcred = Serve::dev().start();
    let mut object = secret(&document(&[("r.example.com", good("u", "p"))]));
    object["metadata"] = json!({"generateName": "pull-", "namespace": "default"});
    let mut review = Review::create(&object).uid("generated");
    review.0["request"].as_object_mut().unwrap().remove("name");
    regcred.post("/validate", &review.0);
    let record = regcred.audit_record("generated", "validate");
    assert_eq!((&record["generateName"], record.get("name")), (&json!("pull-"), None));
}

#[test]
fn cap_of_finding_is_recorded() {
    let policy = "apiVersion: regcred/v1\nkind: Policy\nexemptions:\n\
                  - {users: ['system:serviceaccount:kube-system:*'], rules: [generic-registry-host], action: warn}\n";
    let regcred = Serve::dev().policy(policy).start();
    let generic = secret(&document(&[("registry.aliyuncs.com", good("u", "p"))]));
    let capped = |review: &Review, uid: &str| {
        regcred.post("/validate", &review.clone().uid(uid).0);
        let record = regcred.audit_record(uid, "validate");
        let [finding] = record["findings"].as_array().unwrap().clone().try_into().unwrap();
        assert_eq!(finding["ruleAction"], "deny");
        (finding["action"].as_str().unwrap().to_owned(), finding["cappedBy"].as_str().map(str::to_owned))
    };
    let create = Review::create(&generic);
    assert_eq!(capped(&create, "1"), ("deny".to_owned(), None));
    let exempt = create.user("system:serviceaccount:kube-system:acr-credential-helper");
    assert_eq!(capped(&exempt, "2"), ("warn".to_owned(), Some("exemption".to_owned())));
    let unchanged = Review::update(&generic, &generic);
    assert_eq!(capped(&unchanged, "3"), ("warn".to_owned(), Some("ratchet".to_owned())));
}

#[test]
fn a_rotated_file_is_opened_anew_each_time() {
    let serve = Serve::dev();
    let path = serve.path("audit.log");
    let regcred = serve.arg("--audit-log").arg(&path).start();
    let uids = |name: &str| -> Vec<String> {
        let text = fs::read_to_string(regcred.path(name)).unwrap_or_default();
        records(&text).iter().map(|record| record["uid"].as_str().unwrap().to_owned()).collect()
    };
    for (round, name) in ["audit.log.1", "audit.log.2", "audit.log.3"].into_iter().enumerate() {
        let uid = format!("round-{round}");
        regcred.post("/mutate", &review().uid(&uid).0);
        eventually("the record in the new file", || (uids("audit.log") == [uid.clone()]).then_some(()));
        fs::rename(&path, regcred.path(name)).unwrap();
        assert_eq!(uids(name), [uid]);
    }
    assert_eq!(regcred.metric("regcred_audit_records_lost_total"), Some(0.0));
    assert!(regcred.audit().is_empty(), "standard output is not used beside a file");
}

/// A review whose record is about as large as one can be.
fn large(uid: &str) -> Review {
    let hosts: Vec<String> = (0..120).map(|number| format!("R{number}.{}", "x".repeat(240))).collect();
    let entries: Vec<_> = hosts.iter().map(|host| (host.as_str(), good("u", "p"))).collect();
    Review::create(&secret(&document(&entries))).uid(uid)
}

#[test]
fn stalled_reader_delays_nothing_losses_are_counted() {
    let mut regcred = Serve::dev().args(["--reload-interval", "1s"]).stdout_unread().start();
    let lost = |regcred: &Regcred| regcred.metric("regcred_audit_records_lost_total").unwrap();
    let mut connection = regcred.client().connect();
    let mut asked = 0;
    while lost(&regcred) < 3.0 {
        assert!(asked < 2000, "nothing is lost although nobody reads");
        let answer = connection.post("/validate", &large(&format!("call-{asked}")).0).json();
        assert_eq!(answer["response"]["allowed"], true);
        asked += 1;
    }
    regcred.wait_for_log("audit records lost: the writer cannot keep up");

    // The reader comes back: what was not counted as lost is all there, and the log goes on.
    regcred.read_stdout();
    let kept = asked - 3;
    eventually("the records that were not lost", || (regcred.audit().len() == kept).then_some(()));
    regcred.post("/validate", &large("afterwards").0);
    regcred.audit_record("afterwards", "validate");
    assert!((lost(&regcred) - 3.0).abs() < f64::EPSILON);
}

#[test]
fn long_lists_are_cut_and_counted() {
    let regcred = Serve::dev().start();
    regcred.post("/validate", &large("large").0);
    let record = regcred.audit_record("large", "validate");
    assert_eq!((record["findings"].as_array().unwrap().len(), &record["findingsOmitted"]), (100, &json!(20)));
    assert_eq!(
        (record["registries"].as_array().unwrap().len(), &record["registriesOmitted"]),
        (100, &json!(20))
    );
}

#[test]
fn all_records_are_written_before_the_program_ends() {
    let regcred = Serve::dev().start();
    let mut connection = regcred.client().connect();
    for number in 0..200 {
        connection.post("/mutate", &review().uid(&number.to_string()).0);
    }
    let left = regcred.stop();
    let uids: Vec<String> =
        left.audit().iter().map(|record| record["uid"].as_str().unwrap().to_owned()).collect();
    assert_eq!(uids, (0..200).map(|number| number.to_string()).collect::<Vec<_>>());
    assert!(left.status.success());
}
