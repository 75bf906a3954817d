//! No credential leaves a scan: whatever stands in the cluster, in every format, and while it is repaired.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::canary::{CANARIES, OTHER_DATA, PASSWORD, Searcher, documents};
use crate::support::review::{DOCKER_CFG, DOCKER_CONFIG_JSON, secret_of};

use super::{cluster, standing};

#[test]
fn no_credential_leaves_a_scan() {
    let namespace = standing(cluster(), "scan-canary", &[]);
    let mut api = cluster().api().connect().unwrap();
    let mut stored = 0;
    for (number, document) in documents().iter().enumerate() {
        for secret_type in [DOCKER_CONFIG_JSON, DOCKER_CFG] {
            let mut secret = secret_of(secret_type, document);
            let kind = secret_type.rsplit('/').next().unwrap();
            let applied = json!({"data": secret["data"], "stringData": {"password": PASSWORD}}).to_string();
            secret["metadata"] = json!({"name": format!("{kind}-{number}"),
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied}});
            if number % 7 == 3 {
                secret["metadata"]["annotations"]["meta.helm.sh/release-name"] = json!("shop");
            }
            secret["immutable"] = json!(number % 7 == 5);
            secret["data"]["other"] = json!(BASE64_STANDARD.encode(OTHER_DATA));
            let path = "/api/v1/namespaces/scan-canary/secrets";
            let answer = api.request("POST", path, "application/json", &secret.to_string()).unwrap();
            // What is no JSON at all is refused by the API server itself.
            stored += usize::from(answer.status == 201);
        }
    }
    assert!(stored > 50, "{stored}");

    let searcher = Searcher::new(&CANARIES);
    let fixes: [&[&str]; 3] =
        [&[], &["--fix", "--dry-run", "--include-owned"], &["--fix", "--include-owned", "--policy-reports"]];
    for fix in fixes {
        for format in ["text", "json", "sarif", "junit", "github"] {
            for language in ["en", "zh"] {
                let mut arguments =
                    vec!["-n", &namespace.name, "--output-format", format, "--lang", language];
                arguments.extend(fix);
                let scanned = cluster().scan(&arguments).run();
                assert_eq!(scanned.code, Some(1), "{arguments:?} {scanned:?}");
                assert!(scanned.stdout.len() > 10_000, "{arguments:?}");
                for text in [&scanned.stdout, &scanned.stderr] {
                    let found = searcher.search(text.as_bytes());
                    assert!(found.is_empty(), "{found:?} by {arguments:?}");
                    assert!(!text.contains("admin-token"), "{arguments:?}");
                }
            }
        }
    }
}
