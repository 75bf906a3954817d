//! Users who may not read everything.

use serde_json::{Value, json};

use crate::support::cluster::{Account, Scanned};
use crate::support::eventually;

use super::{NONE_SENT, REFUSED, cluster, good, namespace, pod};

/// What the ClusterRole `view` contains. It is aggregated by the controller manager, which does not run here.
const VIEW: &str = "--clusterrole=system:aggregate-to-view";

/// Runs the command of a user once the API server knows of the permissions.
fn once_granted(user: &str, arguments: &[&str]) -> Scanned {
    let arguments = [arguments, &["-o", "json"]].concat();
    eventually("the permission", || {
        let scanned = cluster().explain(Account::As(user), &arguments).run();
        (scanned.code != Some(2)).then_some(scanned)
    })
}

fn notes(scanned: &Scanned) -> Vec<String> {
    let notes = scanned.lines("Note").into_iter();
    notes.map(|note| note["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_view_role_suffices_and_what_it_lacks_is_named() {
    let (here, mut writer) = namespace("explain-view");
    writer.account("explain-view", &json!([{"name": "good"}]));
    writer.secret("explain-view", &good("good"));
    let mut refused = pod("refused", &["good"]);
    refused["spec"]["nodeName"] = json!("node-of-view");
    let refused = writer.waiting("explain-view", &refused, "ErrImagePull", REFUSED);
    writer.event(&refused, "Failed", "Error: ErrImagePull");
    writer.waiting("explain-view", &pod("none", &[]), "ErrImagePull", NONE_SENT);
    here.accepts(&["create", "rolebinding", "view", VIEW, "--user=viewer"], "");

    let scanned = once_granted("viewer", &["refused", "-n", "explain-view"]);
    let told = &scanned.lines("Explanation")[0];
    // The text proves it without the Secret.
    assert_eq!((scanned.code, &told["cause"]), (Some(1), &json!("credentials-refused")), "{told}");
    let notes = notes(&scanned);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert_eq!(
        notes[0],
        "no permission to get secrets: what the pull Secrets contain was not checked (namespace explain-view)"
    );
    assert!(notes[1].starts_with("no permission to get nodes"), "{notes:?}");
    assert_eq!(
        (&scanned.summary()["notes"], &scanned.lines("Note")[0]["code"]),
        (&json!(2), &json!("not-permitted"))
    );

    let all = once_granted("viewer", &["-n", "explain-view"]);
    let causes: Vec<Value> = all.lines("Explanation").iter().map(|told| told["cause"].clone()).collect();
    assert_eq!(causes, ["service-account-secret-not-used", "credentials-refused"], "{all:?}");
    let chinese =
        cluster().explain(Account::As("viewer"), &["none", "-n", "explain-view", "--lang", "zh"]).run();
    assert!(chinese.stdout.contains("没有 get secrets 的权限"), "{chinese:?}");
}

#[test]
fn without_any_permission_the_run_fails() {
    for arguments in
        [&["web", "-n", "default"][..], &["deploy/web", "-n", "default"], &["-n", "default"], &["-A"]]
    {
        let arguments = [arguments, &["-o", "json"]].concat();
        let scanned = cluster().explain(Account::As("nobody-at-all"), &arguments).run();
        assert_eq!((scanned.code, scanned.errors().len()), (Some(2), 1), "{scanned:?}");
        assert!(scanned.errors()[0].contains("is forbidden: User \"nobody-at-all\""), "{scanned:?}");
    }
    let scanned = cluster().explain(Account::Token("expired-token-canary"), &["web", "-o", "json"]).run();
    assert_eq!(scanned.code, Some(2));
    assert!(scanned.errors()[0].contains("401 Unauthorized"), "{scanned:?}");
    assert!(!scanned.stdout.contains("canary"), "{scanned:?}");
}
