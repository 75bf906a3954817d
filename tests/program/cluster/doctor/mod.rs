//! `regcred doctor` at a real API server.

mod installation;
mod links;

use std::fs;

use serde_json::{Value, json};

use super::cluster;
use crate::support::cluster::{Account, Cluster};
use crate::support::eventually;
use crate::support::regcred::command;

/// The checks that need running Pods (`node::upgrade` has them), or that remember what this test has broken before.
const WITHOUT_PODS: [&str; 2] = ["served-certificate", "fail-open"];

/// What the program printed.
struct Doctor {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Doctor {
    fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("{} {}", self.stdout, self.stderr))
    }

    /// The result, the error and the hint of a check.
    #[track_caller]
    fn check(&self, code: &str) -> (String, String, String) {
        let report = self.report();
        let mut checks = report["categories"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|category| category["checks"].as_array().unwrap());
        let check =
            checks.find(|check| check["code"] == code).unwrap_or_else(|| panic!("no {code} in {report}"));
        let text = |field: &str| check[field].as_str().unwrap_or_default().to_owned();
        (text("result"), text("error"), text("hint"))
    }

    /// The codes of the checks that did not pass, except those of [`WITHOUT_PODS`].
    fn not_passed(&self) -> Vec<String> {
        let report = self.report();
        let checks = report["categories"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|category| category["checks"].as_array().unwrap());
        let left = checks.filter(|check| {
            check["result"] != "success" && !WITHOUT_PODS.contains(&check["code"].as_str().unwrap())
        });
        left.map(|check| check["code"].as_str().unwrap().to_owned()).collect()
    }
}

fn doctor(cluster: &Cluster, arguments: &[&str]) -> Doctor {
    doctor_as(cluster, Account::Admin, arguments)
}

fn doctor_as(cluster: &Cluster, account: Account<'_>, arguments: &[&str]) -> Doctor {
    let folder = tempfile::Builder::new().prefix("regcred-doctor-").tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, cluster.kubeconfig(account, None).to_string()).unwrap();
    let output =
        command().args(["doctor", "--kubeconfig"]).arg(&kubeconfig).args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Doctor { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

#[test]
fn doctor_before_the_installation() {
    let ready = doctor(cluster(), &["--pre", "-o", "json"]);
    assert_eq!(ready.check("permissions").0, "success", "{}", ready.stdout);
    assert_eq!(ready.check("kubernetes-version").0, "success");
    assert!(ready.code == Some(0), "{}", ready.stdout);
}

#[test]
fn doctor_before_the_installation_tries_a_pod() {
    let cluster = cluster();
    let named = |kind: &str, version: &str, spec: &Value| {
        json!({
            "apiVersion": version, "kind": kind, "metadata": {"name": "small", "namespace": "crowded"}, "spec": spec,
        })
        .to_string()
    };
    let examine = || doctor(cluster, &["--pre", "--installed-in", "crowded", "-o", "json"]);
    assert_eq!(examine().check("pod-admission").0, "success", "a namespace that does not exist");
    let _namespace =
        cluster.namespace("crowded", &json!({"pod-security.kubernetes.io/enforce": "restricted"}));
    let ready = examine();
    assert_eq!(ready.check("pod-admission"), ("success".to_owned(), String::new(), String::new()));

    let refused = |what: &str| {
        let examined = eventually(what, || {
            let examined = examine();
            (examined.check("pod-admission").0 == "error").then_some(examined)
        });
        let (_, error, hint) = examined.check("pod-admission");
        assert!(error.contains(what) && hint.contains("resources"), "{error} / {hint}");
        assert_eq!(examined.code, Some(1));
    };
    let limit = json!({"limits": [{"type": "Container", "max": {"memory": "16Mi"}}]});
    cluster.accepts(&["create", "-f", "-"], &named("LimitRange", "v1", &limit));
    refused("maximum memory usage per Container is 16Mi");
    cluster.accepts(&["delete", "-n", "crowded", "limitrange", "small"], "");
    let quota = json!({"hard": {"limits.cpu": "1"}});
    cluster.accepts(&["create", "-f", "-"], &named("ResourceQuota", "v1", &quota));
    // What its controller would write.
    let status = json!({"status": {"hard": quota["hard"], "used": {"limits.cpu": "0"}}}).to_string();
    let arguments = [
        "-n",
        "crowded",
        "patch",
        "resourcequota",
        "small",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    cluster.accepts(&arguments, "");
    refused("must specify limits.cpu");
}

#[test]
fn doctor_without_a_cluster_exits_with_2() {
    let folder = tempfile::Builder::new().prefix("regcred-doctor-").tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let cluster = json!({"name": "c", "cluster": {"server": "https://127.0.0.1:1"}});
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "clusters": [cluster], "users": [{"name": "u", "user": {"token": "made-up"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}], "current-context": "x",
    });
    fs::write(&kubeconfig, text.to_string()).unwrap();
    let output = command().args(["doctor", "--kubeconfig"]).arg(&kubeconfig).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("cannot reach the API server") && !stderr.contains("made-up"), "{stderr}");
}
