//! Reading a webhook configuration.

use super::*;

/// The conditions of the two webhooks in deploy/base/webhooks.yaml, which .ci/manifests.py holds to the same.
const SHIPPED: [&str; 2] = [
    r#"has(object.type) && object.type in ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"]"#,
    r#"has(object.type) && object.type in ["kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"] || has(object.data) && (".dockerconfigjson" in object.data || ".dockercfg" in object.data)"#,
];

#[test]
fn condition_on_the_type_is_recognised() {
    let conditions = |expressions: &[&str]| {
        let conditions: Vec<_> =
            expressions.iter().map(|text| json!({"name": "x", "expression": text})).collect();
        json!({"name": "validate.regcred.dev", "matchConditions": conditions})
    };
    for shipped in SHIPPED {
        assert!(sees_the_type(&conditions(&[shipped])));
    }
    assert!(sees_the_type(&conditions(&[
        "request.operation != 'DELETE'",
        "object.type.startsWith('kubernetes.io/docker')"
    ])));

    assert!(!sees_the_type(&json!({"name": "validate.regcred.dev"})), "as Kubernetes before 1.28 stores it");
    assert!(!sees_the_type(&conditions(&[])));
    assert!(!sees_the_type(&conditions(&["has(object.metadata.labels)"])));
    assert!(!sees_the_type(&conditions(&["has(object.data) && '.dockercfg' in object.data"])));
    for odd in [
        json!(null),
        json!("object.type"),
        json!([null]),
        json!(["object.type"]),
        json!([{"name": "object.type"}]),
    ] {
        assert!(!sees_the_type(&json!({"matchConditions": odd})));
    }
}

#[test]
fn only_certificates_are_kept_from_the_old_bundle() {
    let found =
        |bundle: &str| Found { version: String::new(), ca_bundle: bundle.into(), wrong: None }.certificates();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap().pem();
    assert_eq!(found(&certificate), Some(certificate.clone()));
    assert_eq!(found(certificate.trim_end()), Some(certificate.clone()), "another one can be appended");
    for nothing in
        ["", "\n", "canary", &key.serialize_pem(), &format!("{certificate}{}", key.serialize_pem())]
    {
        assert_eq!(found(nothing), None);
    }
}
