//! Pods, one by one and all of a namespace.

use serde_json::{Value, json};

use crate::support::cluster::Account;

use super::{
    IMAGE, NONE_SENT, REFUSED, cluster, document, explained, explanation, good, namespace, opaque, pod,
    pull_secret,
};

#[test]
fn a_pod_is_explained_by_what_it_refers_to() {
    let (_here, mut writer) = namespace("explain-pods");
    let (_there, _) = namespace("explain-pods-elsewhere");
    writer.account("explain-pods", &json!([]));
    writer.named_account("explain-pods", "builder", &json!([{"name": "good"}]));
    for secret in [good("good"), opaque("opaque"), pull_secret("other", &document("other.example.com"))] {
        writer.secret("explain-pods", &secret);
    }
    let broken = r#"{"auths":{"registry.example.com":{"username":"robot","password":5}}}"#;
    writer.secret("explain-pods", &pull_secret("broken", broken));
    writer.secret("explain-pods-elsewhere", &good("far"));
    let malformed =
        "json: cannot unmarshal number into Go struct field DockerConfigJSON.auths.password of type string";
    let back_off = format!("Back-off pulling image \"{IMAGE}\": ErrImagePull: {NONE_SENT}");
    for (name, secrets, reason, message, cause) in [
        ("refused", &["good"][..], "ErrImagePull", REFUSED, "credentials-refused"),
        ("missing", &["gone"], "ErrImagePull", NONE_SENT, "secret-missing"),
        ("elsewhere", &["far"], "ErrImagePull", NONE_SENT, "secret-in-other-namespace"),
        ("opaque", &["opaque"], "ImagePullBackOff", &back_off, "wrong-secret-type"),
        ("broken", &["broken"], malformed, malformed, "secret-malformed"),
        // The ServiceAccount has it, and the Pod does not use it.
        ("older", &[], "ErrImagePull", NONE_SENT, "service-account-secret-not-used"),
        ("hidden", &["other"], "ErrImagePull", NONE_SENT, "service-account-secret-not-used"),
    ] {
        let mut pod = pod(name, secrets);
        if cause == "service-account-secret-not-used" {
            pod["spec"]["serviceAccountName"] = json!("builder");
        }
        writer.waiting("explain-pods", &pod, reason, message);

        let scanned = explained(&[name, "-n", "explain-pods"]);

        let told = explanation(&scanned);
        assert_eq!((scanned.code, told["cause"].as_str()), (Some(1), Some(cause)), "{told}");
        assert_eq!(
            (&told["pod"], &told["namespace"], &told["image"]),
            (&json!(name), &json!("explain-pods"), &json!(IMAGE))
        );
        assert!(scanned.lines("Note").is_empty(), "{scanned:?}");
        if cause == "secret-in-other-namespace" {
            let remedy = told["remedy"].to_string();
            assert!(remedy.contains("explain-pods-elsewhere"), "{remedy}");
        }
    }
}

#[test]
fn a_dump_says_the_same_as_the_cluster() {
    let (here, mut writer) = namespace("explain-dump");
    writer.account("explain-dump", &json!([]));
    writer.secret("explain-dump", &pull_secret("other", &document("registry.example.com:5000")));
    writer.secret("explain-dump", &good("good"));
    writer.waiting("explain-dump", &pod("host", &["other"]), "ErrImagePull", NONE_SENT);
    writer.waiting("explain-dump", &pod("password", &["good"]), "ErrImagePull", REFUSED);
    let old = writer.waiting(
        "explain-dump",
        &pod("old-kubelet", &["good"]),
        "ImagePullBackOff",
        "Back-off pulling image",
    );
    writer.event(&old, "Failed", &format!("Failed to pull image \"{IMAGE}\": {REFUSED}"));

    let sorted = |mut lines: Vec<Value>| {
        for line in &mut lines {
            line.as_object_mut().unwrap().remove("file");
        }
        lines.sort_by_key(ToString::to_string);
        lines
    };
    let in_cluster = sorted(explained(&["-n", "explain-dump"]).lines("Explanation"));
    assert_eq!(in_cluster.len(), 3, "{in_cluster:?}");
    let one_by_one = ["host", "password", "old-kubelet"]
        .map(|name| explanation(&explained(&[name, "-n", "explain-dump"])))
        .to_vec();
    assert_eq!(sorted(one_by_one), in_cluster);
    for format in ["json", "yaml"] {
        let dump = here.accepts(&["get", "pods,secrets,serviceaccounts,events", "-o", format], "").stdout;
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("dump"), dump).unwrap();
        let path = folder.path().join("dump");
        let scanned = explained(&["-f", path.to_str().unwrap()]);
        assert_eq!(sorted(scanned.lines("Explanation")), in_cluster, "{format}");
    }
}

#[test]
fn an_image_is_explained_by_the_service_account_or_a_secret() {
    let (_here, mut writer) = namespace("explain-image");
    writer.account("explain-image", &json!([{"name": "good"}]));
    writer.secret("explain-image", &good("good"));
    writer.secret("explain-image", &pull_secret("other", &document("other.example.com")));
    for (arguments, cause, code) in [
        (&[][..], "none", 0),
        (&["--secret", "good"], "none", 0),
        (&["--secret", "other"], "no-matching-entry", 1),
        (&["--secret", "gone"], "secret-missing", 1),
    ] {
        let scanned = explained(&[&["--image", IMAGE, "-n", "explain-image"], arguments].concat());
        let told = explanation(&scanned);
        assert_eq!((scanned.code, told["cause"].as_str()), (Some(code), Some(cause)), "{arguments:?} {told}");
    }
    let scanned = explained(&["--image", IMAGE, "-n", "explain-image", "--service-account", "gone"]);
    assert_eq!((scanned.code, scanned.errors().len()), (Some(2), 1), "{scanned:?}");
}

#[test]
fn what_does_not_exist_is_an_error() {
    let (_here, _) = namespace("explain-nothing");
    for (arguments, says) in [
        (&["web", "-n", "explain-nothing"][..], "Pod web does not exist in namespace explain-nothing"),
        (
            &["deploy/web", "-n", "explain-nothing"],
            "Deployment web does not exist in namespace explain-nothing",
        ),
        (&["-n", "explain-gone"], "namespace explain-gone does not exist"),
    ] {
        let scanned = explained(arguments);
        assert_eq!((scanned.code, scanned.errors()), (Some(2), vec![says.to_owned()]), "{scanned:?}");
    }
    let empty = cluster().explain(Account::Admin, &["-n", "explain-nothing"]).run();
    assert_eq!((empty.code, empty.stdout.as_str()), (Some(0), "0 Pods checked, nothing to report\n"));
}
