//! `deploy/scan` as it is shipped: its account, its arguments, and the reports that it writes into the cluster.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::cluster::{Account, Cluster, Scan, Scanned, pull_secret};
use crate::support::deploy::Container;
use crate::support::proxy::Then;

use super::{HOST, JSON, auths, bad, bare, cluster, standing, whole};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Installs the definition of a kind of reports.
fn define(cluster: &Cluster, file: &str) {
    let path = Path::new(ROOT).join("tests/program/crds").join(file);
    cluster.accepts(&["create", "-f", path.to_str().unwrap()], "");
    cluster.accepts(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"], "");
}

/// Applies a folder of `deploy/`.
fn apply(cluster: &Cluster, folder: &str) {
    let folder = Path::new(ROOT).join("deploy").join(folder);
    let said = cluster.accepts(&["apply", "-k", folder.to_str().unwrap()], "");
    assert_eq!(said.stderr, "");
}

/// Runs the container of the job as its account.
fn run(cluster: &Cluster, namespace: &str) -> Scanned {
    let job = cluster.get(&["-n", namespace, "cronjob", "regcred-scan"]);
    let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let account =
        format!("system:serviceaccount:{namespace}:{}", pod["serviceAccountName"].as_str().unwrap());
    let container = Container::of(cluster, namespace, pod);
    let arguments = container.spec["args"].as_array().unwrap().iter();
    let arguments: Vec<_> = arguments.map(|argument| argument.as_str().unwrap()).collect();
    assert_eq!(arguments[0], "scan");
    let mut kubeconfig = cluster.kubeconfig(Account::As(&account), None);
    // What a pod's namespace is to the program in it.
    kubeconfig["contexts"][0]["context"]["namespace"] = json!(namespace);
    let mounts = tempfile::Builder::new().prefix("regcred-scan-").tempdir().unwrap();
    container.mount(mounts.path());
    let mut scan = Scan::new(&kubeconfig, &arguments[1..]);
    for (name, value) in container.environment(mounts.path()) {
        scan = scan.env(name.to_str().unwrap(), value);
    }
    scan.run()
}

fn report(cluster: &Cluster, namespace: &str, resource: &str) -> Value {
    cluster.get(&["-n", namespace, resource, "regcred"])
}

/// The whole of a cluster, by its copy of the policy, which denies `missing-auth`.
fn check_whole(cluster: &Cluster, resource: &str) {
    standing(
        cluster,
        "few",
        &[pull_secret("bad", &auths(&[&bare(HOST)])), pull_secret("good", &auths(&[&whole(HOST)]))],
    );
    standing(cluster, "clean", &[pull_secret("good", &auths(&[&whole(HOST)]))]);
    standing(cluster, "empty", &[]);
    // A finding takes some hundred bytes, so that not all of these have room.
    standing(cluster, "many", &bad(1_001));

    let scanned = run(cluster, "regcred-system");

    assert_eq!((scanned.code, scanned.stderr.as_str()), (Some(0), ""), "{scanned:?}");
    assert_eq!(scanned.summary()["secrets"], 1_004);
    let few = report(cluster, "few", resource);
    assert_eq!(few["summary"], json!({"pass": 1, "fail": 1, "warn": 0, "error": 0, "skip": 0}));
    let result = &few["results"][0];
    assert_eq!(
        (&result["rule"], &result["result"], &result["source"], &result["resources"][0]),
        (
            &json!("missing-auth"),
            &json!("fail"),
            &json!("regcred"),
            &json!({"apiVersion": "v1", "kind": "Secret", "namespace": "few", "name": "bad"})
        )
    );
    assert_eq!(report(cluster, "clean", resource)["summary"]["pass"], 1);
    let many = report(cluster, "many", resource);
    let listed = many["results"].as_array().unwrap();
    assert_eq!(many["summary"]["fail"], 1_001);
    let left = format!("and {} more findings in this namespace", 1_001 - (listed.len() - 1));
    assert_eq!(listed.last().unwrap()["message"], left);
    assert!(listed.len() > 400, "{}", listed.len());
    cluster.rejects(&["-n", "empty", "get", resource, "regcred"], "");

    // The same again writes nothing; what is mended is taken out, and so is the report of what is gone.
    let before = report(cluster, "clean", resource)["metadata"]["resourceVersion"].clone();
    let deleted = cluster.api().request("DELETE", "/api/v1/namespaces/many/secrets", "");
    assert_eq!(deleted.status, 200);
    let fixed = cluster.scan(&["-n", "few", "--fix", "--policy-reports"]).run();
    assert_eq!(fixed.code, Some(0), "{fixed:?}");
    assert_eq!(run(cluster, "regcred-system").code, Some(0));
    assert_eq!(report(cluster, "clean", resource)["metadata"]["resourceVersion"], before);
    let few = report(cluster, "few", resource);
    assert_eq!((&few["summary"]["pass"], few["results"].as_array().unwrap().len()), (&json!(2), 0));
    cluster.rejects(&["-n", "many", "get", resource, "regcred"], "");
}

/// The namespace's Pod Security judges Pods, not jobs.
fn check_pod_security(cluster: &Cluster) {
    let job = cluster.get(&["-n", "regcred-system", "cronjob", "regcred-scan"]);
    let template = &job["spec"]["jobTemplate"]["spec"]["template"];
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "scan", "namespace": "regcred-system", "labels": template["metadata"]["labels"]},
        "spec": template["spec"],
    });
    let said = cluster.accepts(&["create", "--dry-run=server", "-f", "-"], &pod.to_string());
    assert_eq!(said.stderr, "");
}

#[test]
fn shipped_job_reports_on_every_namespace() {
    let cluster = Cluster::start();
    cluster.namespace("regcred-system", &json!({"pod-security.kubernetes.io/enforce": "restricted"}));
    apply(&cluster, "scan");
    check_pod_security(&cluster);

    let scanned = run(&cluster, "regcred-system");
    assert_eq!((scanned.code, &scanned.summary()["secrets"]), (Some(0), &json!(0)), "{scanned:?}");
    assert!(scanned.stderr.contains("no reports are written: the cluster has neither"), "{scanned:?}");

    define(&cluster, "wgpolicyk8s.io_policyreports.yaml");
    check_whole(&cluster, "policyreports.wgpolicyk8s.io");

    define(&cluster, "openreports.io_reports.yaml");
    assert_eq!(run(&cluster, "regcred-system").code, Some(0));
    let new = report(&cluster, "few", "reports.openreports.io");
    assert_eq!((&new["source"], &new["summary"]["pass"]), (&json!("regcred"), &json!(2)));

    // It may look at Secrets, and neither change nor fetch one.
    let account = "--as=system:serviceaccount:regcred-system:regcred-scan";
    for verb in ["get", "patch", "update", "create", "delete", "watch"] {
        cluster.rejects(&["auth", "can-i", verb, "secrets", "-n", "few", account], "");
    }
}

#[test]
fn shipped_job_of_namespace_reads_only_it() {
    let cluster = Cluster::start();
    let team = standing(&cluster, "team", &bad(1));
    standing(&cluster, "other", &bad(1));
    define(&cluster, "openreports.io_reports.yaml");
    apply(&cluster, "scan-namespaced");

    let scanned = run(&cluster, "team");

    assert_eq!((scanned.code, &scanned.summary()["secrets"]), (Some(0), &json!(1)), "{scanned:?}");
    assert_eq!(report(&cluster, "team", "reports.openreports.io")["summary"]["fail"], 1);
    assert_eq!(team.document("acr-000"), auths(&[&bare(HOST)]));
    let account = "--as=system:serviceaccount:team:regcred-scan";
    cluster.accepts(&["auth", "can-i", "list", "secrets", "-n", "team", account], "");
    cluster.rejects(&["auth", "can-i", "list", "secrets", "-n", "other", account], "");
}

#[test]
fn tenant_content_prevents_no_report() {
    let cluster = Cluster::start();
    define(&cluster, "openreports.io_reports.yaml");
    // Nothing that YAML takes, and a report is sent as such.
    let key = "r\u{ffff}\u{fffe}.example.com";
    standing(&cluster, "hostile", &[pull_secret("acr", &auths(&[&bare(key)]))]);
    standing(&cluster, "team", &bad(1));

    let scanned = cluster.scan(&[&JSON[..], &["-A", "--policy-reports"]].concat()).run();

    assert_eq!((scanned.code, scanned.errors()), (Some(1), vec![]), "{scanned:?}");
    for namespace in ["hostile", "team"] {
        let report = report(&cluster, namespace, "reports.openreports.io");
        assert_eq!(report["summary"]["fail"], 1, "{report}");
    }
    let hostile = report(&cluster, "hostile", "reports.openreports.io");
    assert!(
        hostile["results"].to_string().contains(r"r\\u{ffff}\\u{fffe}.example.com: auth is missing"),
        "{hostile}"
    );
}

#[test]
fn namespace_without_report_blocks_no_other() {
    let cluster = Cluster::start();
    define(&cluster, "openreports.io_reports.yaml");
    for name in ["first", "going", "last"] {
        standing(&cluster, name, &bad(1));
    }
    // Without its controller it stays so.
    cluster.accepts(&["delete", "namespace", "going", "--wait=false"], "");

    let scanned = cluster.scan(&[&JSON[..], &["-A", "--policy-reports"]].concat()).run();

    assert_eq!((scanned.code, scanned.lines("Finding").len()), (Some(2), 3), "{scanned:?}");
    let errors = scanned.errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with("cannot write the report in namespace going: ")
            && errors[0].contains("being terminated"),
        "{errors:?}"
    );
    for namespace in ["first", "last"] {
        assert_eq!(report(&cluster, namespace, "reports.openreports.io")["summary"]["fail"], 1);
    }
}

#[test]
fn partial_report_does_not_replace_full_one() {
    // A cluster is not even asked.
    let scanned = Scan::without_kubeconfig(&["-A", "-l", "team=a", "--policy-reports"]).run();
    assert_eq!((scanned.code, scanned.stdout.as_str()), (Some(2), ""), "{scanned:?}");
    assert!(scanned.stderr.contains("remove --selector or --policy-reports"), "{scanned:?}");
}

#[test]
fn dry_run_with_reports_is_refused() {
    let proxy = cluster().proxy(|_| Then::Pass);
    let scanned = cluster().scan_through(&proxy, &["-A", "--fix", "--dry-run", "--policy-reports"]).run();
    assert_eq!((scanned.code, scanned.stdout.as_str()), (Some(2), ""), "{scanned:?}");
    assert!(scanned.stderr.contains("'--dry-run' cannot be used with '--policy-reports'"), "{scanned:?}");
    assert_eq!(proxy.seen().len(), 0, "the cluster is not even asked");
}
