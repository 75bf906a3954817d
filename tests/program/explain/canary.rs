//! No credential leaves `explain`: of Secrets, and of texts that hold a user name, a signed URL or a token.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{explain, folder};
use crate::canary::{CANARIES, GARBAGE, OTHER_DATA, PASSWORD, Searcher, USER_INFO, USERNAME, documents};

/// What runtimes print with credentials in it (recorded with containerd 1.6 and CRI-O), and worse.
fn messages() -> Vec<String> {
    vec![
        format!(
            "failed to copy: httpReadSeeker: failed open: failed to do request: Get \
             \"https://bucket.example.com/layer?Expires=1&Signature={GARBAGE}\": dial tcp: lookup bucket.example.com: no such host"
        ),
        format!(
            "initializing source docker://r.example.com/a:1: decoding bearer token (last URL \
             \"https://auth.example.com/token?account={GARBAGE}&scope=x\", body start \"{{\\\"token\\\":\\\"{OTHER_DATA}\"): \
             invalid character '<' looking for beginning of value"
        ),
        format!(
            "failed to authorize: failed to fetch oauth token: Post \"https://{USER_INFO}:{GARBAGE}@auth.example.com/token\": \
             dial tcp: connect: connection refused"
        ),
        format!(
            "unexpected status from HEAD request to https://r.example.com/v2/a/manifests/1: 403 Forbidden\ndenied: {GARBAGE}"
        ),
        format!("{GARBAGE}: {OTHER_DATA}"),
        format!("unable to parse auth field, must be formatted as base64({USERNAME}:{PASSWORD})"),
    ]
}

fn pod(number: usize, namespace: &str, message: &str) -> Value {
    let name = format!("web-{number}");
    let reason = if number.is_multiple_of(2) { "ErrImagePull" } else { "ImagePullBackOff" };
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": namespace, "name": name, "uid": name},
        "spec": {"imagePullSecrets": [{"name": "acr"}], "containers": [{"name": "app", "image": "r.example.com/a:1"}]},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "state": {"waiting":
            {"reason": reason, "message": message}}}]}})
}

fn event(number: usize, namespace: &str, message: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"namespace": namespace, "name": format!("e{number}")},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": format!("web-{number}"),
            "fieldPath": "spec.containers{app}"},
        "type": "Warning", "reason": "Failed", "message": format!("Failed to pull image: {message}")})
}

/// A dump of Pods with all messages, and the Secret that they name.
fn dump(namespace: &str, secret_type: &str, document: &[u8]) -> Value {
    let key = if secret_type.ends_with("dockercfg") { ".dockercfg" } else { ".dockerconfigjson" };
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": "acr",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": PASSWORD}},
        "type": secret_type, "data": {key: STANDARD.encode(document), "other": STANDARD.encode(OTHER_DATA)}});
    let mut items = vec![secret];
    for (number, message) in messages().iter().enumerate() {
        items.push(pod(number, namespace, message));
        items.push(event(number, namespace, message));
        // Older kubelets keep no message in the status.
        items.push(pod(number + 100, namespace, "Back-off pulling image \"r.example.com/a:1\""));
        items.push(event(number + 100, namespace, message));
    }
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

#[test]
fn no_credential_of_files_and_messages_is_shown() {
    let searcher = Searcher::new(&CANARIES);
    let folder = folder();
    for (number, document) in documents().iter().enumerate() {
        for (kind, secret_type) in [
            ("json", "kubernetes.io/dockerconfigjson"),
            ("cfg", "kubernetes.io/dockercfg"),
            ("opaque", "Opaque"),
        ] {
            let namespace = format!("{kind}-{number}");
            let dump = dump(&namespace, secret_type, document).to_string();
            fs::write(folder.path().join(format!("{namespace}.json")), dump).unwrap();
        }
    }
    let search = |what: &str, text: &str| {
        let found = searcher.search(text.as_bytes());
        assert!(found.is_empty(), "{found:?} in {what}");
    };
    let mut said = 0;
    for (format, lang) in
        [("text", "en"), ("text", "zh"), ("json", "en"), ("json", "zh"), ("sarif", "en"), ("github", "zh")]
    {
        let arguments = ["-f", ".", "-o", format, "--lang", lang];
        let told = explain(folder.path(), arguments);
        assert_eq!(told.status, 1, "{format}: {}", told.stderr);
        said += told.stdout.len();
        search(&format!("standard output as {format}"), &told.stdout);
        search(&format!("standard error as {format}"), &told.stderr);
        let images = explain(
            folder.path(),
            [&["--image", "r.example.com/a:1", "-n", "json-1"], &arguments[..2]].concat(),
        );
        search("an image", &(images.stdout + &images.stderr));
    }
    assert!(said > 1_000_000, "{said}");
    for message in messages() {
        for lang in ["en", "zh"] {
            let told = explain(folder.path(), ["--message", &message, "--lang", lang, "-o", "json"]);
            search("a message", &(told.stdout + &told.stderr));
        }
    }
}
