//! The metrics' names and labels, which dashboards and alerts are written against.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::SystemTime;

use serde_json::json;

use crate::support::regcred::{Regcred, Serve};
use crate::support::review::{Review, document, good, pair, secret};

/// Every name of the contract with its labels.
const CONTRACT: [(&str, &[&str]); 39] = [
    ("regcred_admission_requests_total", &["decision", "operation", "webhook"]),
    ("regcred_findings_total", &["action", "rule", "rule_action"]),
    ("regcred_fixes_total", &[]),
    ("regcred_policy_exemptions_expired", &[]),
    ("regcred_admission_duration_seconds_bucket", &["le", "webhook"]),
    ("regcred_admission_duration_seconds_sum", &["webhook"]),
    ("regcred_admission_duration_seconds_count", &["webhook"]),
    ("regcred_admission_in_flight", &[]),
    ("regcred_admission_in_flight_limit", &[]),
    ("regcred_held_bodies_bytes", &[]),
    ("regcred_held_bodies_limit_bytes", &[]),
    ("regcred_http_connections", &["port"]),
    ("regcred_http_connections_limit", &["port"]),
    ("regcred_http_responses_total", &["code", "port"]),
    ("regcred_http_refused_total", &["reason"]),
    ("regcred_shed_total", &["port", "reason"]),
    ("regcred_panics_total", &[]),
    ("regcred_tls_certificate_expiration_timestamp_seconds", &[]),
    ("regcred_tls_reloads_total", &["result"]),
    ("regcred_tls_last_reload_successful", &[]),
    ("regcred_tls_last_reload_success_timestamp_seconds", &[]),
    ("regcred_tls_handshake_failures_total", &["reason"]),
    ("regcred_policy_reloads_total", &["result"]),
    ("regcred_policy_last_reload_successful", &[]),
    ("regcred_policy_last_reload_success_timestamp_seconds", &[]),
    ("regcred_policy_info", &["hash"]),
    ("regcred_ca_bundle_corrections_total", &[]),
    ("regcred_audit_records_lost_total", &[]),
    ("regcred_audit_queue_bytes", &[]),
    ("regcred_audit_queue_limit_bytes", &[]),
    ("regcred_log_lines_dropped_total", &[]),
    ("regcred_build_info", &["revision", "version"]),
    ("process_cpu_seconds_total", &[]),
    ("process_start_time_seconds", &[]),
    ("process_open_fds", &[]),
    ("process_max_fds", &[]),
    ("process_threads", &[]),
    ("process_virtual_memory_bytes", &[]),
    ("process_resident_memory_bytes", &[]),
];

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

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
    let contract = CONTRACT
        .map(|(name, labels)| (name.to_owned(), labels.iter().map(|&label| label.to_owned()).collect()));
    assert_eq!(series(&regcred), BTreeMap::from(contract));
}

#[test]
fn alert_series_exist_from_the_start() {
    let regcred = Serve::dev().start();
    for series in [
        "regcred_panics_total",
        "regcred_audit_records_lost_total",
        "regcred_fixes_total",
        "regcred_tls_handshake_failures_total",
        "regcred_tls_reloads_total{result=\"error\"}",
        "regcred_policy_reloads_total{result=\"error\"}",
        "regcred_shed_total{port=\"admission\",reason=\"requests\"}",
        "regcred_http_refused_total{reason=\"timeout\"}",
        "regcred_log_lines_dropped_total",
        "regcred_admission_requests_total{webhook=\"validate\",operation=\"CREATE\",decision=\"denied\"}",
        "regcred_admission_requests_total{webhook=\"validate\",operation=\"UPDATE\",decision=\"denied\"}",
    ] {
        assert_eq!(regcred.metric(series), Some(0.0), "{series}");
    }
    assert_eq!(regcred.metric("regcred_policy_info{hash=\"default\"}"), Some(1.0));
    assert_eq!(regcred.metric("regcred_tls_last_reload_successful"), Some(1.0));
    assert_eq!(regcred.metric("regcred_policy_last_reload_successful"), Some(1.0));
    assert_eq!(regcred.metric("regcred_http_connections_limit{port=\"admission\"}"), Some(768.0));
    assert_eq!(regcred.metric("regcred_held_bodies_limit_bytes"), Some(f64::from(64 << 20)));
    let now = now();
    let expires = regcred.metric("regcred_tls_certificate_expiration_timestamp_seconds").unwrap();
    assert!((now + 80.0 * 86400.0..now + 91.0 * 86400.0).contains(&expires), "{expires}");
    for reload in ["tls", "policy"] {
        let loaded =
            regcred.metric(&format!("regcred_{reload}_last_reload_success_timestamp_seconds")).unwrap();
        assert!((now - 60.0..=now).contains(&loaded), "{loaded}");
    }
}

#[test]
fn process_metrics_are_those_of_proc() {
    let regcred = Serve::dev().start();
    let proc = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", regcred.pid())).unwrap();
    let field = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse::<f64>().unwrap()
    };
    let limits = proc("limits");
    assert_eq!(regcred.metric("process_max_fds"), Some(field(&limits, "Max open files")));
    let status = proc("status");
    let resident = field(&status, "VmRSS:") * 1024.0;
    let measured = regcred.metric("process_resident_memory_bytes").unwrap();
    assert!((resident / 2.0..resident * 2.0).contains(&measured), "{measured}, {resident}");
    assert_eq!(regcred.metric("process_threads"), Some(field(&status, "Threads:")));
    // The connection that asks has a descriptor, which may still be open when they are counted here.
    let descriptors = fs::read_dir(format!("/proc/{}/fd", regcred.pid())).unwrap().count();
    let descriptors = f64::from(u32::try_from(descriptors).unwrap());
    let measured = regcred.metric("process_open_fds").unwrap();
    assert!((measured - descriptors).abs() <= 4.0, "{measured}, {descriptors}");
    let now = now();
    let started = regcred.metric("process_start_time_seconds").unwrap();
    assert!((now - 60.0..=now + 1.0).contains(&started), "{started}, {now}");
    let cpu = regcred.metric("process_cpu_seconds_total").unwrap();
    assert!(cpu < now - started + 60.0, "{cpu}");
}

#[test]
fn open_connections_are_shown_beside_their_limit() {
    let regcred = Serve::dev().start();
    let series = "regcred_http_connections{port=\"admission\"}";
    regcred.wait_for_metric(series, 0.0);
    let connections: Vec<_> = (0..3).map(|_| regcred.client().connect()).collect();
    regcred.wait_for_metric(series, 3.0);
    drop(connections);
    regcred.wait_for_metric(series, 0.0);
    assert!(regcred.metric("regcred_http_connections{port=\"operations\"}") >= Some(1.0));
}

#[test]
fn refused_requests_are_counted_by_reason() {
    let regcred = Serve::dev().start();
    let ask = |method: &str, path: &str, content_type: &str, body: &[u8]| {
        let headers = [("Content-Type", content_type)];
        regcred.client().connect().request(method, path, &headers, body).unwrap().status
    };
    let json = "application/json";
    assert_eq!(ask("POST", "/other", json, b"{}"), 404);
    assert_eq!(ask("GET", "/mutate", json, b""), 405);
    assert_eq!(ask("POST", "/mutate", "text/plain", b"{}"), 415);
    assert_eq!(ask("POST", "/mutate", json, b"no JSON"), 400);
    assert_eq!(ask("POST", "/validate", json, b"{}"), 400);
    for (reason, count) in [
        ("not_found", 1.0),
        ("method_not_allowed", 1.0),
        ("unsupported_media_type", 1.0),
        ("bad_request", 2.0),
        ("too_large", 0.0),
    ] {
        let series = format!("regcred_http_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(regcred.metric(&series), Some(count), "{series}");
    }
    assert_eq!(regcred.metric("regcred_http_responses_total{port=\"admission\",code=\"400\"}"), Some(2.0));
    assert_eq!(regcred.metric("regcred_admission_requests_total"), Some(0.0));
}

#[test]
fn each_webhook_counts_its_own_results() {
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
    assert_eq!(regcred.metric("regcred_admission_duration_seconds_count{webhook=\"validate\"}"), Some(5.0));
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
fn ops_port_has_three_paths_two_methods() {
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
