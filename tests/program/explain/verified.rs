//! `explain --verify`: what the registry itself answers.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::explain_stdin;
use crate::support::certificate::Authority;
use crate::support::registry::{PASSWORD, Registry};

/// Two Pods that cannot pull an image of the registry, whose error does not tell why, and their Secret.
fn dump(registry: &Registry, password: &str) -> String {
    let image = format!("{}/team/app:1", registry.address);
    let document = json!({"auths": registry.entry(password)}).to_string();
    let message = format!(
        "Back-off pulling image \"{image}\": ErrImagePull: failed to pull and unpack image \"{image}\": failed to resolve image: unexpected \
         status from HEAD request to https://{}/v2/team/app/manifests/1: 401 Unauthorized",
        registry.address
    );
    let pod = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "team", "uid": name},
            "spec": {"containers": [{"name": "app", "image": image}], "imagePullSecrets": [{"name": "acr"}]},
            "status": {"phase": "Pending", "containerStatuses": [{
                "name": "app", "image": image, "state": {"waiting": {"reason": "ImagePullBackOff", "message": message}},
            }]},
        })
    };
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "acr", "namespace": "team"},
        "type": "kubernetes.io/dockerconfigjson", "data": {".dockerconfigjson": BASE64_STANDARD.encode(document)},
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [pod("web"), pod("worker"), secret]}).to_string()
}

#[test]
fn the_registry_tells_what_the_error_does_not() {
    let registry = Registry::secure(&Authority::new());
    registry.push("team/app", "1");
    let (ca, before) = (registry.ca(), registry.requests().len());
    let flags = ["-o", "json", "--verify", "--ca-file", ca.to_str().unwrap()];

    let told = explain_stdin(&dump(&registry, "made-up-wrong"), ["-o", "json"]);
    assert_eq!(told.causes(), ["credentials-refused"; 2], "{}{}", told.stdout, told.stderr);
    assert_eq!(registry.requests().len(), before, "nothing is asked without --verify");

    let told = explain_stdin(&dump(&registry, "made-up-wrong"), flags);
    let answers: Vec<_> = told
        .lines("Explanation")
        .iter()
        .map(|explanation| {
            explanation["checked"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned()
        })
        .collect();
    assert!(answers[0].contains("of the Secret acr (1 attempt): refused."), "{answers:?}");
    assert!(answers[1].contains("(0 attempts): refused."), "the answer is remembered: {answers:?}");
    assert_eq!(registry.refusals(), 1);
    assert!(!told.stdout.contains("made-up-wrong") && told.status == 1, "{}", told.stdout);

    let told = explain_stdin(&dump(&registry, PASSWORD), flags);
    assert!(told.stdout.contains(": valid."), "{}", told.stdout);
}

#[test]
fn flags_about_registries_need_verify() {
    let told = explain_stdin("{}", ["--plain-http", "r.example.com"]);
    assert!(told.status == 2 && told.stderr.contains("use them with --verify"), "{}", told.stderr);
}
