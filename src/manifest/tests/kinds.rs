//! Where a file has something to judge.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;

/// The codes of the findings in a file, and of its notes and errors.
fn codes(name: &str, text: &str) -> Vec<&'static str> {
    let policy = Policy::default();
    let checked = Manifest::read(name, &Content::new(text.as_bytes())).check(terms(&policy));
    let findings = checked.judged.iter().flat_map(|judged| judged.findings.listed());
    let troubles = checked.troubles.iter().map(|trouble| trouble.kind.code());
    findings.map(|finding| finding.rule.code()).chain(troubles).collect()
}

const GOOD: &str = r#"{"auths":{"r.example.com":{"auth":"dTpw"}}}"#;
const BARE_PAIR: &str = r#"{"auths":{"r.example.com":{"username":"u","password":"p"}}}"#;

#[test]
fn variables_in_plain_text_are_a_note() {
    for entry in [
        r#""r.example.com":{"username":"${U}","password":"p"}"#,
        r#""r.example.com":{"username":"u","PassWord":"a{{ .p }}b"}"#,
        r#""r.example.com":{"auth":"${AUTH}"}"#,
        r#""${HOST}:5000":{}"#,
    ] {
        let document =
            format!(r#"{{"auths":{{{entry},"b.example.com":{{"username":"u","password":"p"}}}}}}"#);
        let text = manifest(&format!("'{document}'"));
        assert_eq!(codes("a.yaml", &text), ["missing-auth", "note"], "{entry}");
        assert_eq!(codes("config.json", &document), ["missing-auth", "note"], "{entry}");
        let after = repaired(&text).unwrap();
        assert_eq!(insertion(&text, &after), Some(r#","auth":"dTpw""#), "{entry}");
    }
    for (entry, codes_of_it) in [
        (r#""r.example.com":{"auth":"$(AUTH)"}"#, &["unfilled-placeholder"][..]),
        (r#""${HOST}":[]"#, &["not-an-object", "note"]),
        (r#""r.example.com":{"username":"${U}","username":"u"}"#, &["ambiguous-json", "note"]),
        (r#""r.example.com":{"email":"${MAIL}","auth":"dTpw"}"#, &[]),
    ] {
        assert_eq!(
            codes("a.yaml", &manifest(&format!("'{{\"auths\":{{{entry}}}}}'"))),
            codes_of_it,
            "{entry}"
        );
    }
    let base64 = STANDARD.encode(r#"{"auths":{"r.example.com":{"auth":"${AUTH}"}}}"#);
    let text = manifest(&base64).replace("stringData", "data").replace("other: x", "other: eA==");
    assert_eq!(codes("a.yaml", &text), ["unfilled-placeholder"]);
}

#[test]
fn docker_config_with_a_helper_is_a_note() {
    for (text, expected) in [
        (r#"{"credsStore":"desktop"}"#, &["note"][..]),
        (r#"{"auths":{"r.example.com":{}},"CREDSSTORE":"desktop"}"#, &["note"]),
        (r#"{"auths":{"r.example.com":{}},"credHelpers":{"r.example.com":"x"}}"#, &["note"]),
        (
            r#"{"auths":{"r.example.com":{"username":"u","password":"p"}},"credsStore":"x"}"#,
            &["missing-auth", "note"],
        ),
        (r#"{"auths":{"r.example.com":{}},"credsStore":"","credHelpers":{}}"#, &["no-credentials"]),
        (r#"{"auths":{"r.example.com":{}},"credsStore":null}"#, &["no-credentials"]),
    ] {
        assert_eq!(codes("config.json", text), expected, "{text}");
    }
    let secret = manifest(r#"'{"auths":{"r.example.com":{"auth":"dTpw"}},"credsStore":"x"}'"#);
    assert_eq!(codes("a.yaml", &secret), ["client-only-settings"]);
}

#[test]
fn wrong_types_and_missing_keys_have_a_place() {
    let secret = |rest: &str| format!("apiVersion: v1\nkind: Secret\n{rest}");
    for (rest, code, line, field) in [
        (
            format!("type: Opaque\nstringData:\n  .dockerconfigjson: '{GOOD}'\n"),
            "wrong-secret-type",
            3,
            "type",
        ),
        (
            format!("stringData:\n  .dockerconfigjson: '{GOOD}'\n"),
            "wrong-secret-type",
            4,
            "stringData[.dockerconfigjson]",
        ),
        (
            "data:\n  .dockercfg: e30=\ntype: kubernetes.io/dockerconfig\n".to_owned(),
            "wrong-secret-type",
            5,
            "type",
        ),
        ("type: kubernetes.io/dockercfg\ndata:\n  .dockercfg:\n".to_owned(), "missing-data-key", 5, "data"),
        (
            "type: kubernetes.io/dockercfg\nstringData:\n  config.json: x\n".to_owned(),
            "missing-data-key",
            5,
            "stringData",
        ),
    ] {
        let text = secret(&rest);
        let policy = Policy::default();
        let content = Content::new(text.as_bytes());
        let checked = Manifest::read("a.yaml", &content).check(terms(&policy));
        let [judged] = checked.judged.as_slice() else { panic!("{text}") };
        let [finding] = judged.findings.listed() else { panic!("{text}") };
        let place = (finding.rule.code(), finding.region.as_ref().unwrap().line, finding.field.as_str());
        assert_eq!(place, (code, line, field), "{text}");
    }
    for (rest, expected) in [
        ("type: kubernetes.io/dockercfg\ndata: {}\nstringData: {}\n", &["not-judged"][..]),
        ("type: Opaque\ndata: {a: eA==, .dockercfg: null}\n", &[]),
        ("type: ${TYPE}\ndata: {.dockercfg: e30=}\n", &[]),
        ("data: x\n", &[]),
    ] {
        assert_eq!(codes("a.yaml", &secret(rest)), expected, "{rest}");
    }
}

#[test]
fn secret_generators_are_judged() {
    let generator = |rest: &str| {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nsecretGenerator:\n- name: a\n{rest}"
        )
    };
    let json = "  type: kubernetes.io/dockerconfigjson\n";
    for (rest, expected) in [
        (format!("{json}  literals:\n  - '.dockerconfigjson={BARE_PAIR}'\n"), &["missing-auth"][..]),
        (format!("{json}  literals:\n  - .dockerconfigjson='{BARE_PAIR}'\n"), &["missing-auth"]),
        (format!("{json}  literals: [a=b]\n"), &["missing-data-key"]),
        (format!("{json}  literals: [a=b]\n  envs: [a.env]\n"), &[]),
        (format!("{json}  behavior: merge\n  literals: [a=b]\n"), &[]),
        (format!("  literals:\n  - '.dockerconfigjson={BARE_PAIR}'\n"), &["wrong-secret-type"]),
        ("  files: [pull/.dockerconfigjson]\n".to_owned(), &["wrong-secret-type"]),
        ("  literals: [a=b]\n".to_owned(), &[]),
        (format!("{json}  literals: ['.dockerconfigjson=$(cat config.json)']\n"), &["not-judged"]),
    ] {
        assert_eq!(codes("a.yaml", &generator(&rest)), expected, "{rest}");
    }
    let text = generator(&format!("{json}  literals:\n  - '.dockerconfigjson={BARE_PAIR}' # kept\n"));
    let after = repaired(&text).unwrap();
    assert_eq!(insertion(&text, &after), Some(r#","auth":"dTpw""#));
    let listed = |text: &str, name: &str| {
        let content = Content::new(text.as_bytes());
        let policy = Policy::default();
        let checked = Manifest::read(name, &content).check(terms(&policy));
        checked.listed.into_iter().map(|listed| listed.path.display().to_string()).collect::<Vec<_>>()
    };
    let files = generator(&format!("{json}  files: [a/.dockerconfigjson, .dockerconfigjson=b.txt, c.txt]\n"));
    assert_eq!(listed(&files, "a.yaml"), ["a/.dockerconfigjson", "b.txt"]);
    let without_kind = files
        .replace("kind: Kustomization\n", "")
        .replace("apiVersion: kustomize.config.k8s.io/v1beta1\n", "");
    assert_eq!(listed(&without_kind, "k/kustomization.yml").len(), 2);
    assert!(listed(&without_kind, "a.yaml").is_empty());
    assert!(
        listed(&files.replace("kustomize.config.k8s.io/v1beta1", "kustomize.toolkit.fluxcd.io/v1"), "a.yaml")
            .is_empty()
    );
}

#[test]
fn templates_of_other_objects_are_judged() {
    let external = |template: &str| {
        let template = indented(template, "      ");
        format!(
            "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: a}}\nspec:\n  target:\n    template:\n{template}"
        )
    };
    let json = "type: kubernetes.io/dockerconfigjson\n";
    let with = |document: &str| external(&format!("{json}data:\n  .dockerconfigjson: '{document}'\n"));
    for (text, expected) in [
        (
            with(
                r#"{"auths":{"r.example.com":{"username":"{{ .u }}","password":"{{ .p }}","auth":"{{ printf "%s:%s" .u .p | b64enc }}"}}}"#,
            ),
            &[][..],
        ),
        (with(r#"{"auths":{"r.example.com":{"username":"u","password":{{ .p | toJson }}}}}"#), &[]),
        (with(r#"{"auths":{"r.example.com":{"username":"u","password":{{ .p }}}}}"#), &["invalid-json"]),
        (with(r#"{"auths":{ {{ range .r }}{{ end }} }}"#), &[]),
        (with(BARE_PAIR), &["missing-auth"]),
        (with("{{ .config | toString }}"), &[]),
        (external("type: Opaque\ndata:\n  .dockerconfigjson: '{{ .x }}'\n"), &["wrong-secret-type"]),
        (external("data:\n  .dockerconfigjson: '{{ .x }}'\n"), &["wrong-secret-type"]),
        (external(&format!("{json}data:\n  config.json: '{{{{ .x }}}}'\n")), &["missing-data-key"]),
        (external(&format!("{json}templateFrom: [{{}}]\ndata:\n  config.json: '{{{{ .x }}}}'\n")), &[]),
        (external(json) + "  data:\n  - secretKey: password\n", &["missing-data-key"]),
        (external(json) + "  data:\n  - secretKey: password\n  dataFrom: [{}]\n", &[]),
        (external(json) + "  data:\n  - secretKey: .dockerconfigjson\n", &[]),
    ] {
        assert_eq!(codes("a.yaml", &text), expected, "{text}");
        assert_eq!(repaired(&text), None);
        let cluster = text
            .replace("kind: External", "kind: ClusterExternal")
            .replace("\nspec:\n", "\nspec:\n externalSecretSpec:\n");
        assert_eq!(codes("a.yaml", &cluster), expected, "{cluster}");
    }
    let sealed = |spec: &str| format!("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n{spec}");
    for (spec, expected) in [
        (format!("  encryptedData: {{.dockerconfigjson: Ag}}\n  template: {{{}}}\n", json.trim()), &[][..]),
        ("  encryptedData: {.dockerconfigjson: Ag}\n".to_owned(), &["wrong-secret-type"]),
        (
            format!("  encryptedData: {{config.json: Ag}}\n  template: {{{}}}\n", json.trim()),
            &["missing-data-key"],
        ),
        ("  encryptedData: {password: Ag}\n".to_owned(), &[]),
    ] {
        assert_eq!(codes("a.yaml", &sealed(&spec)), expected, "{spec}");
    }
}
