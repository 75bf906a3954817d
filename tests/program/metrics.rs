//! The metrics' names and labels, which dashboards and alerts are written against.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::support::regcred::{Regcred, Serve};
use crate::support::review::{Review, document, good, pair, secret};

/// Every name of the contract with its labels.
const CONTRACT: [(&str, &[&str]); 17] = [
    ("regcred_admission_requests_total", &["decision", "operation", "webhook"]),
    ("regcred_findings_total", &["action", "rule", "rule_action"]),
    ("regcred_fixes_total", &[]),
    ("regcred_policy_exemptions_expired", &[]),
    ("regcred_admission_duration_seconds_bucket", &["le"]),
    ("regcred_admission_duration_seconds_sum", &[]),
    ("regcred_admission_duration_seconds_count", &[]),
    ("regcred_admission_in_flight", &[]),
    ("regcred_shed_total", &["reason"]),
    ("regcred_panics_total", &[]),
    ("regcred_tls_certificate_not_after_seconds", &[]),
    ("regcred_tls_reloads_total", &["result"]),
    ("regcred_tls_handshake_failures_total", &[]),
    ("regcred_policy_reloads_total", &["result"]),
    ("regcred_policy_info", &["hash"]),
    ("regcred_ca_bundle_corrections_total", &[]),
    ("regcred_audit_records_lost_total", &[]),
];

/// The one whose labels are not in the contract.
const BUILD_INFO: &str = "regcred_build_info";

/// The label names of each series. No label's value holds a comma or a brace here.
fn series(regcred: &Regcred) -> BTreeMap<String, BTreeSet<String>> {
    let text = regcred.get("/metrics").text();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.map(|line| {
        let (name, labels) = line.split_once('{').unwrap_or((line.split(' ').next().unwrap(), "}"));
        let labels = labels.split_once('}').unwrap().0.split(',').filter_map(|label| label.split_once('='));
        (name.to_owned(), labels.map(|(name, _)| name.to_owned()).collect())
    });
    series.collect()
}

#[test]
fn every_series_has_its_name_and_labels() {
    let regcred = Serve::dev().start();
    let review = Review::create(&secret(&document(&[("r.example.com", pair(" u", "p"))])));
    for path in ["/mutate", "/validate"] {
        assert_eq!(regcred.post(path, &review.0).status, 200);
    }
    let mut found = series(&regcred);
    assert!(found.remove(BUILD_INFO).is_some());
    let contract = CONTRACT
        .map(|(name, labels)| (name.to_owned(), labels.iter().map(|&label| label.to_owned()).collect()));
    assert_eq!(found, BTreeMap::from(contract));
}

#[test]
fn series_that_alerts_watch_are_there_before_anything_happens() {
    let regcred = Serve::dev().start();
    for series in [
        "regcred_panics_total",
        "regcred_audit_records_lost_total",
        "regcred_fixes_total",
        "regcred_tls_handshake_failures_total",
        "regcred_tls_reloads_total{result=\"error\"}",
        "regcred_policy_reloads_total{result=\"error\"}",
        "regcred_shed_total{port=\"admission\",reason=\"requests\"}",
        "regcred_admission_requests_total{webhook=\"validate\",operation=\"CREATE\",decision=\"denied\"}",
        "regcred_admission_requests_total{webhook=\"validate\",operation=\"UPDATE\",decision=\"denied\"}",
    ] {
        assert_eq!(regcred.metric(series), Some(0.0), "{series}");
    }
    assert_eq!(regcred.metric("regcred_policy_info{hash=\"default\"}"), Some(1.0));
    assert!(regcred.metric("regcred_tls_certificate_not_after_seconds").unwrap() > 1.7e9);
}

#[test]
fn decisions_findings_and_repairs_are_counted_by_the_webhook_that_speaks_for_them() {
    let policy = "apiVersion: regcred/v1\nkind: Policy\nexemptions:\n\
                  - {namespaces: [legacy], rules: ['*'], action: warn, until: 2020-01-31}\n";
    let regcred = Serve::dev().policy(policy).start();
    let mut connection = regcred.client().connect();
    let repaired = document(&[("a.example.com", pair("u", "p")), ("b.example.com", pair("u", "p"))]);
    let refused = document(&[("registry.aliyuncs.com", good("u", "p")), ("R.example.com", good("u", "p"))]);
    let clean = document(&[("r.example.com", good("u", "p"))]);
    for document in [&repaired, &refused, &clean] {
        let review = Review::create(&secret(document));
        let answer = connection.post("/mutate", &review.0).json();
        connection.post("/validate", &review.mutated(&answer).0);
    }
    connection.post("/validate", &Review::update(&secret(&refused), &secret(&refused)).0);
    connection.post("/validate", &Review::create(&secret(&clean)).with("operation", "DELETE").0);
    let requests = |labels: &str| regcred.metric(&format!("regcred_admission_requests_total{{{labels}}}"));
    for (webhook, operation, decision, count) in [
        ("mutate", "CREATE", "patched", Some(1.0)),
        ("mutate", "CREATE", "allowed", Some(2.0)),
        ("validate", "CREATE", "allowed", Some(2.0)),
        ("validate", "CREATE", "denied", Some(1.0)),
        ("validate", "UPDATE", "warned", Some(1.0)),
        ("validate", "OTHER", "skipped", Some(1.0)),
        ("mutate", "CREATE", "denied", None),
    ] {
        let labels = format!("webhook=\"{webhook}\",operation=\"{operation}\",decision=\"{decision}\"");
        assert_eq!(requests(&labels), count, "{labels}");
    }
    let findings = |rule: &str, action: &str, rule_action: &str| {
        let labels = format!("rule=\"{rule}\",action=\"{action}\",rule_action=\"{rule_action}\"");
        regcred.metric(&format!("regcred_findings_total{{{labels}}}"))
    };
    assert_eq!(findings("generic-registry-host", "deny", "deny"), Some(1.0));
    assert_eq!(
        findings("generic-registry-host", "warn", "deny"),
        Some(1.0),
        "the update that changes nothing"
    );
    assert_eq!(findings("registry-key-never-matches", "warn", "warn"), Some(2.0));
    assert_eq!(findings("missing-auth", "deny", "deny"), None, "it was mended");
    assert_eq!(regcred.metric("regcred_fixes_total"), Some(2.0));
    assert_eq!(regcred.metric("regcred_admission_duration_seconds_count"), Some(8.0));
    assert_eq!(regcred.metric("regcred_policy_exemptions_expired"), Some(1.0));
}

#[test]
fn what_clients_choose_is_no_label() {
    let regcred = Serve::dev().start();
    let review = Review::create(&secret(&document(&[("r-chosen.example.com", json!({}))])));
    let review = review.user("user-chosen").with("namespace", "ns-chosen").with("operation", "op-chosen");
    for path in ["/mutate", "/validate"] {
        assert_eq!(regcred.post(path, &review.0).status, 200);
    }
    let metrics = regcred.get("/metrics");
    assert!(
        metrics.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0")
    );
    assert!(!metrics.text().contains("chosen"));
    assert!(metrics.text().ends_with("# EOF\n"));
}

#[test]
fn the_ops_port_knows_three_paths_and_two_methods() {
    let regcred = Serve::dev().start();
    for path in ["/livez", "/readyz"] {
        let response = regcred.get(path);
        assert_eq!((response.status, response.text()), (200, "ok\n".to_owned()));
    }
    for path in ["/", "/healthz", "/mutate", "/metrics/", "/debug/pprof/"] {
        assert_eq!(regcred.get(path).status, 404, "{path}");
    }
    let client = crate::support::client::Client::http(regcred.ops);
    for method in ["POST", "PUT", "DELETE"] {
        let response = client.connect().request(method, "/metrics", &[], b"").unwrap();
        assert_eq!((response.status, response.header("allow")), (405, Some("GET,HEAD")));
    }
    assert_eq!(client.connect().request("HEAD", "/livez", &[], b"").unwrap().status, 200);
}
