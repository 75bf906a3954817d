//! A second installation with other names, in the same namespace.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::regcred::Serve;

use super::{CONFIGURATIONS, Installation, NAMESPACE, SECRET};

const NAME: &str = "canary";
const CA_SECRET: &str = "canary-ca";

/// The shipped object of this kind under another name.
fn renamed(installation: &Installation, kind: &str, names: Option<&str>) -> Value {
    let mut object = installation.cluster.get(&["-n", NAMESPACE, kind, "regcred"]);
    object["metadata"] = json!({"name": NAME, "namespace": NAMESPACE});
    if let Some(names) = names {
        object["rules"][0]["resourceNames"] = json!([names]);
    }
    if kind.ends_with("binding") {
        object["roleRef"]["name"] = json!(NAME);
    }
    object
}

#[test]
fn two_installations_with_different_names_coexist() {
    let installation = Installation::apply("self-managed");
    for (kind, names) in [
        ("role", Some(CA_SECRET)),
        ("rolebinding", None),
        ("clusterrole", Some(NAME)),
        ("clusterrolebinding", None),
        (CONFIGURATIONS[0], None),
        (CONFIGURATIONS[1], None),
    ] {
        let mut object = renamed(&installation, kind, names);
        if CONFIGURATIONS.contains(&kind) {
            object["webhooks"][0]["clientConfig"]["service"]["name"] = json!(NAME);
        }
        installation.cluster.accepts(&["create", "-f", "-"], &object.to_string());
    }
    let first = installation.serve().start();
    let second = Serve::self_managed(&installation.kubeconfig())
        .env("REGCRED_WEBHOOK_SERVICE", NAME)
        .env("REGCRED_WEBHOOK_CONFIGURATION", NAME)
        .args(["--ca-secret", CA_SECRET])
        .start();

    let ca = installation.stored("ca.crt").unwrap();
    let get = ["-n", NAMESPACE, "secret", CA_SECRET];
    let data = installation.cluster.get(&get)["data"]["ca.crt"].as_str().unwrap().to_owned();
    let second_ca = String::from_utf8(BASE64_STANDARD.decode(&data).unwrap()).unwrap();
    assert_ne!(ca, second_ca, "{SECRET} and {CA_SECRET}");
    installation.wait_for_bundles(&ca);
    for configuration in CONFIGURATIONS {
        let object = installation.cluster.get(&[configuration, NAME]);
        assert_eq!(object["webhooks"][0]["clientConfig"]["caBundle"], json!(data), "{configuration}");
    }

    assert!(installation.serves_by(&first, &ca));
    let path = installation.folder.path().join("second.crt");
    std::fs::write(&path, &second_ca).unwrap();
    let connects = |name| Client::https(second.https, &path).named(name).try_connect().is_ok();
    assert!(connects("canary.regcred-system.svc"));
    assert!(!connects("regcred.regcred-system.svc"));
    for regcred in [&first, &second] {
        regcred.wait_for_metric(r#"regcred_webhook_configuration_problems{problem="missing"}"#, 0.0);
        assert!(!regcred.log().contains("cannot watch it"), "{}", regcred.log());
    }
}
