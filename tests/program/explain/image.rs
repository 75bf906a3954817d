//! An image without a Pod, and an error text without anything.

use std::fs;

use serde_json::{Value, json};

use super::{auths, explain, folder, secret};

/// What one consumer would use.
fn uses<'e>(explanation: &'e Value, consumer: &str) -> &'e Value {
    let consumers = explanation["consumers"].as_array().unwrap();
    &consumers.iter().find(|one| one["consumer"] == consumer).unwrap()["uses"]
}

#[test]
fn each_consumer_has_its_own_entry() {
    let folder = folder();
    let document = r#"{"auths":{"registry.example.com/team":{"username":"robot","password":"made-up"},"registry.example.com":{"auth":"cm9ib3Q6bWFkZS11cA=="}}}"#;
    fs::write(folder.path().join("secret.yaml"), secret("acr", document)).unwrap();
    fs::write(folder.path().join("config.json"), document).unwrap();

    for (file, name) in [("secret.yaml", "acr"), ("config.json", "config.json")] {
        let arguments = ["-o", "json", "--image", "registry.example.com/team/app:1", "-f", file];
        let told = explain(folder.path(), arguments);
        assert_eq!(told.status, 0, "{}{}", told.stdout, told.stderr);
        let explanation = told.explanation();
        let entry = |key: &str| json!({"secret": name, "registry": key});
        // The longest key first; docker knows no paths.
        let both = json!([entry("registry.example.com/team"), entry("registry.example.com")]);
        assert_eq!(uses(&explanation, "kubelet"), &both, "{explanation}");
        assert_eq!(uses(&explanation, "docker"), &json!([entry("registry.example.com")]), "{explanation}");
        // podman takes the entry of the path, which has no `auth`.
        assert_eq!(uses(&explanation, "podman"), &json!([]), "{explanation}");
    }
}

#[test]
fn the_nearest_key_is_named_if_none_fits() {
    let folder = folder();
    fs::write(folder.path().join("secret.yaml"), secret("acr", &auths("registry.example.com:5000"))).unwrap();
    let arguments = ["--image", "registry.example.com/app:1", "-f", "secret.yaml"];

    let told = explain(folder.path(), [&["-o", "json"], &arguments[..]].concat());
    let explanation = told.explanation();
    assert_eq!((told.status, &explanation["cause"]), (1, &json!("no-matching-entry")), "{explanation}");
    let kubelet = &explanation["consumers"][0];
    assert_eq!((&kubelet["consumer"], &kubelet["uses"]), (&json!("kubelet"), &json!([])));
    assert!(kubelet["note"].as_str().unwrap().contains("registry.example.com:5000"), "{kubelet}");

    let text = explain(folder.path(), arguments);
    assert!(text.stdout.contains("registry.example.com:5000"), "{}", text.stdout);
    let chinese = explain(folder.path(), [&["--lang", "zh"], &arguments[..]].concat());
    assert!(chinese.stdout.contains("镜像"), "{}", chinese.stdout);
}

#[test]
fn a_text_is_explained_alone() {
    let folder = folder();
    for (text, cause, certainty) in [
        (
            "failed to authorize: failed to fetch oauth token: unexpected status from GET request to \
             https://auth.example.com/token: 401 Unauthorized",
            "credentials-refused",
            "certain",
        ),
        ("x509: certificate signed by unknown authority", "certificate", "certain"),
        ("something that no runtime says", "undecided", "open"),
    ] {
        let told = explain(folder.path(), ["-o", "json", "--message", text]);
        let explanation = told.explanation();
        assert_eq!(
            (told.status, &explanation["cause"], &explanation["certainty"]),
            (1, &json!(cause), &json!(certainty)),
            "{explanation}"
        );
        let plain = explain(folder.path(), ["--message", text]);
        assert!(plain.stdout.starts_with(&format!("[{cause}")), "{}", plain.stdout);
    }
}

#[test]
fn arguments_that_contradict_are_refused() {
    let folder = folder();
    for arguments in [
        &["web", "-A"][..],
        &["web", "--message", "x"],
        &["--image", "x", "web"],
        &["-f", "x.yaml", "-A"],
        &["--secret", "acr"],
        &["--service-account", "builder"],
        &["secret/acr"],
        &["-o", "sarif", "-A"],
        &["-o", "github", "web"],
    ] {
        let told = explain(folder.path(), arguments);
        assert_eq!((told.status, told.stdout.as_str()), (2, ""), "{arguments:?}: {}", told.stdout);
    }
}
