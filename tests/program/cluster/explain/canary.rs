//! No credential of a Secret, of another one nearby, or of the API server leaves `explain`.

use serde_json::json;

use crate::canary::{CANARIES, GARBAGE, OTHER_DATA, Searcher, documents};
use crate::support::cluster::Account;
use crate::support::review::{DOCKER_CFG, DOCKER_CONFIG_JSON, secret_of};

use super::{IMAGE, NONE_SENT, cluster, namespace, pod};

#[test]
fn no_credential_leaves_explain() {
    let (_here, mut writer) = namespace("explain-canary");
    let mut api = cluster().api().connect().unwrap();
    let mut names = Vec::new();
    for (number, document) in documents().iter().enumerate() {
        for secret_type in [DOCKER_CONFIG_JSON, DOCKER_CFG] {
            let mut secret = secret_of(secret_type, document);
            let name = format!("{}-{number}", secret_type.rsplit('/').next().unwrap());
            secret["metadata"] = json!({"name": name, "annotations": {"note": OTHER_DATA}});
            let path = "/api/v1/namespaces/explain-canary/secrets";
            let answer = api.request("POST", path, "application/json", &secret.to_string()).unwrap();
            // What is no JSON at all is refused by the API server itself.
            if answer.status == 201 {
                names.push(name);
            }
        }
    }
    assert!(names.len() > 50, "{}", names.len());
    let accounts: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    writer.account("explain-canary", &json!(accounts));
    let signed = format!(
        "failed to copy: Get \"https://b.example.com/x?Signature={GARBAGE}\": dial tcp: lookup b.example.com: no such host"
    );
    for (number, name) in names.iter().enumerate() {
        let message = if number.is_multiple_of(2) { NONE_SENT } else { &signed };
        writer.waiting(
            "explain-canary",
            &pod(&format!("web-{number}"), &[name.as_str(), "gone"]),
            "ErrImagePull",
            message,
        );
    }

    let searcher = Searcher::new(&CANARIES);
    for arguments in [
        &["-n", "explain-canary"][..],
        &["web-1", "-n", "explain-canary"],
        &["--image", IMAGE, "-n", "explain-canary"],
    ] {
        for format in ["text", "json"] {
            for language in ["en", "zh"] {
                let arguments = [arguments, &["-o", format, "--lang", language]].concat();
                let scanned = cluster().explain(Account::Admin, &arguments).run();
                assert_eq!(scanned.code, Some(1), "{arguments:?} {scanned:?}");
                for text in [&scanned.stdout, &scanned.stderr] {
                    let found = searcher.search(text.as_bytes());
                    assert!(found.is_empty(), "{found:?} by {arguments:?}");
                    assert!(!text.contains("admin-token"), "{arguments:?}");
                }
            }
        }
    }
}
