//! `regcred scan` over a real API server.

mod access;
mod agreement;
mod canary;
mod language;
mod load;
mod pages;
mod repair;
mod reports;

use serde_json::{Value, json};

use crate::support::cluster::{Cluster, Namespace, Scanned, pull_secret};

use super::{HOST, auths, bare, cluster, whole};

const JSON: [&str; 2] = ["--output-format", "json"];

/// A namespace without webhooks, in which these Secrets stand.
#[track_caller]
fn standing<'c>(cluster: &'c Cluster, name: &str, secrets: &[Value]) -> Namespace<'c> {
    let namespace = cluster.namespace(name, &json!({}));
    let mut api = cluster.api().connect().unwrap();
    for secret in secrets {
        let path = format!("/api/v1/namespaces/{name}/secrets");
        let answer = api.request("POST", &path, "application/json", &secret.to_string()).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    namespace
}

/// Secrets as Rancher writes them: `acr-000` and so on.
fn bad(count: usize) -> Vec<Value> {
    (0..count).map(|number| pull_secret(&format!("acr-{number:03}"), &auths(&[&bare(HOST)]))).collect()
}

/// Arguments for JSON lines about some namespaces.
fn of<'a>(namespaces: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = JSON.to_vec();
    for namespace in namespaces {
        arguments.extend(["-n", namespace]);
    }
    arguments.extend(more);
    arguments
}

#[test]
fn findings_are_reported_and_nothing_is_changed() {
    let mut opaque = pull_secret("opaque", &auths(&[&bare(HOST)]));
    opaque["type"] = json!("Opaque");
    let secrets =
        [pull_secret("bad", &auths(&[&bare(HOST)])), pull_secret("good", &auths(&[&whole(HOST)])), opaque];
    let namespace = standing(cluster(), "scan-stands", &secrets);

    let scanned = cluster().scan(&of(&["scan-stands"], &[])).run();

    assert_eq!((scanned.code, scanned.stderr.as_str()), (Some(1), ""));
    let findings = scanned.lines("Finding");
    assert_eq!(findings.len(), 1, "{scanned:?}");
    assert_eq!(
        (
            &findings[0]["code"],
            &findings[0]["action"],
            &findings[0]["repairable"],
            &findings[0]["secret"]["name"]
        ),
        (&json!("missing-auth"), &json!("deny"), &json!(true), &json!("bad"))
    );
    let summary = scanned.summary();
    assert_eq!((&summary["secrets"], &summary["secretsWithFindings"]), (&json!(2), &json!(1)));
    assert_eq!(summary["rules"][0]["namespace"], "scan-stands");
    assert_eq!(namespace.document("bad"), auths(&[&bare(HOST)]));

    let text = cluster().scan(&["-n", "scan-stands", "--lang", "zh"]).run();
    assert!(text.stdout.contains("\n命名空间     规则          拒绝  警告"), "{}", text.stdout);
    assert!(text.stdout.contains("\nscan-stands  missing-auth     1     0"), "{}", text.stdout);
    let text = cluster().scan(&["-n", "scan-stands"]).run();
    assert!(text.stdout.contains("\nNAMESPACE    RULE          deny  warn"), "{}", text.stdout);
}

#[test]
fn wrong_types_are_reported_with_all_types() {
    let other = |name: &str, data: &Value| json!({"metadata": {"name": name}, "stringData": data});
    let document = auths(&[&bare(HOST)]);
    let secrets = [
        pull_secret("bad", &document),
        other("mistyped", &json!({".dockerconfigjson": document})),
        other("mounted", &json!({"config.json": document})),
    ];
    standing(cluster(), "scan-types", &secrets);

    let scanned = cluster().scan(&of(&["scan-types"], &["--all-types"])).run();

    assert_eq!((scanned.code, scanned.stderr.as_str()), (Some(1), ""));
    let said = scanned.lines("Finding");
    let said: Vec<_> = said
        .iter()
        .map(|finding| {
            ["code", "action", "field"].map(|field| finding[field].as_str().unwrap()).map(str::to_owned)
        })
        .collect();
    assert_eq!(
        said,
        [
            ["missing-auth", "deny", r#"data[.dockerconfigjson].auths["HOST"].auth"#],
            ["wrong-secret-type", "warn", "type"],
        ]
        .map(|finding| finding.map(|text| text.replace("HOST", HOST)))
    );
    assert_eq!(scanned.summary()["secrets"], 2);

    let without = cluster().scan(&of(&["scan-types"], &[])).run();
    assert_eq!((without.lines("Finding").len(), &without.summary()["secrets"]), (1, &json!(1)));
}

#[test]
fn labels_select_and_exemptions_apply() {
    let mut labelled = pull_secret("labelled", &auths(&[&bare(HOST)]));
    labelled["metadata"]["labels"] = json!({"team": "a"});
    standing(cluster(), "scan-labels", &[labelled, pull_secret("other", &auths(&[&bare(HOST)]))]);

    let scanned = cluster().scan(&of(&["scan-labels"], &["-l", "team in (a,b)"])).run();
    assert_eq!((scanned.code, &scanned.summary()["secrets"]), (Some(1), &json!(1)));
    for namespaces in [&["-n", "default,scan-labels"][..], &["-A"]] {
        let scanned = cluster().scan(&[&JSON[..], namespaces, &["-l", "team in (a"]].concat()).run();
        let errors = scanned.errors();
        assert_eq!((scanned.code, errors.len()), (Some(2), 1), "{scanned:?}");
        assert!(
            errors[0].starts_with("invalid label selector (-l): unable to parse requirement"),
            "{errors:?}"
        );
    }

    let policy = "apiVersion: regcred/v1\nkind: Policy\nexemptions:\n  - namespaces: [scan-*]\n    rules: [missing-auth]\n    action: warn\n";
    let scanned = cluster().scan(&of(&["scan-labels"], &[])).policy(policy).run();
    let summary = scanned.summary();
    assert_eq!((scanned.code, &summary["deny"], &summary["warn"]), (Some(0), &json!(0), &json!(2)));
}
