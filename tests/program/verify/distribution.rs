//! The real registry, with passwords and a certificate by a private CA.

use serde_json::json;

use crate::support::certificate::Authority;
use crate::support::registry::{PASSWORD, Registry, USER};

use super::Verify;

/// A registry with an image, which speaks TLS.
fn registry() -> Registry {
    let registry = Registry::secure(&Authority::new());
    registry.push("team/app", "1");
    registry
}

/// The requests of the registry since it had so many.
fn since(registry: &Registry, before: usize) -> Vec<String> {
    registry.requests().split_off(before)
}

#[test]
fn a_correct_password_is_valid() {
    let registry = registry();
    let before = registry.requests().len();
    let ran = Verify::entries(&registry.entry(PASSWORD)).ca(&registry.ca()).run();
    assert_eq!((ran.code, ran.outcome().as_str()), (Some(0), "valid"), "{ran:?}");
    assert_eq!(ran.spent().1, 0, "{ran:?}");
    let asked = since(&registry, before);
    assert_eq!(asked, ["GET /v2/ 401", "GET /v2/ 200"]);

    let image = format!("{}/team/app:1", registry.address);
    let ran = Verify::entries(&registry.entry(PASSWORD)).ca(&registry.ca()).image(&image).run();
    assert_eq!((ran.code, ran.outcome().as_str()), (Some(0), "valid"), "{ran:?}");
    assert!(
        since(&registry, before).iter().all(|request| !request.starts_with("GET /v2/team")),
        "GET counts as a pull"
    );
    assert_eq!(registry.refusals(), 0);
}

#[test]
fn a_wrong_password_is_refused_once() {
    let registry = registry();
    let before = registry.requests().len();
    let image = format!("{}/team/app:1", registry.address);
    let ran = Verify::entries(&registry.entry("wrong")).ca(&registry.ca()).image(&image).run();
    assert_eq!((ran.code, ran.outcome().as_str()), (Some(1), "refused"), "{ran:?}");
    assert_eq!((registry.refusals(), ran.spent()), (1, (1, 1)), "{ran:?}");
    assert_eq!(since(&registry, before).iter().filter(|request| *request == "GET /v2/ 401").count(), 2);

    // The user exists in another registry only.
    let entry = json!({&registry.address: {"username": format!("{USER}x"), "password": PASSWORD}});
    let ran = Verify::entries(&entry).ca(&registry.ca()).run();
    assert_eq!((ran.code, ran.outcome().as_str(), registry.refusals()), (Some(1), "refused", 2), "{ran:?}");
}

#[test]
fn an_absent_tag_is_not_found() {
    let registry = registry();
    for image in ["team/app:2", "team/other:1"] {
        let image = format!("{}/{image}", registry.address);
        let ran = Verify::entries(&registry.entry(PASSWORD)).ca(&registry.ca()).image(&image).run();
        assert_eq!((ran.code, ran.outcome().as_str()), (Some(1), "not-found-or-no-permission"), "{ran:?}");
        assert_eq!(ran.spent().1, 0, "{ran:?}");
    }
}

#[test]
fn an_unknown_ca_gets_no_password() {
    let registry = registry();
    let before = registry.requests().len();
    let ran = Verify::entries(&registry.entry(PASSWORD)).run();
    assert_eq!((ran.code, ran.outcome().as_str()), (Some(1), "untrusted-certificate"), "{ran:?}");
    assert_eq!(ran.spent(), (0, 0), "{ran:?}");
    // Another CA of the same name.
    let folder = tempfile::tempdir().unwrap();
    Authority::new().write(&folder.path().join("ca.crt"));
    let ran = Verify::entries(&registry.entry(PASSWORD)).ca(&folder.path().join("ca.crt")).run();
    assert_eq!((ran.code, ran.outcome().as_str()), (Some(1), "untrusted-certificate"), "{ran:?}");
    assert!(since(&registry, before).is_empty());
}

#[test]
fn plain_http_needs_its_flag() {
    let registry = Registry::start();
    let before = registry.requests().len();
    let ran = Verify::entries(&registry.entry(PASSWORD)).run();
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.spent(), (0, 0), "{ran:?}");
    assert!(since(&registry, before).is_empty());

    let ran = Verify::entries(&registry.entry(PASSWORD)).args(&["--plain-http", &registry.address]).run();
    assert_eq!((ran.code, ran.outcome().as_str()), (Some(0), "valid"), "{ran:?}");
    let ran = Verify::entries(&registry.entry("wrong")).args(&["--plain-http", &registry.address]).run();
    assert_eq!((ran.outcome().as_str(), registry.refusals()), ("refused", 1), "{ran:?}");
}

#[test]
fn every_spelling_of_an_entry_is_read() {
    let registry = registry();
    let auth = "cm9ib3Q6bWFkZS11cC1wYXNzd29yZA=="; // robot:made-up-password
    for (key, entry) in [
        (registry.address.clone(), json!({"auth": auth})),
        (format!("https://{}", registry.address), json!({"username": USER, "password": PASSWORD})),
        (
            format!("https://{}/v2/", registry.address),
            json!({"username": USER, "password": PASSWORD, "auth": auth}),
        ),
    ] {
        let ran = Verify::entries(&json!({&key: entry})).ca(&registry.ca()).run();
        assert_eq!((ran.code, ran.outcome().as_str()), (Some(0), "valid"), "{key}: {ran:?}");
    }
    assert_eq!(registry.refusals(), 0);
}
