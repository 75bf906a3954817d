//! Upgrades and rollbacks of the Helm chart while pull Secrets are written.
//!
//! Real: helm, the chart, API server, etcd, the controllers of Deployment, `ReplicaSet`, `EndpointSlice`, budget and quota, kubelet,
//! containerd, and the program in its Pods with probes, signals and certificates as shipped. Not real: the scheduler and the network
//! plugin are a few lines of these tests, there is one node, and the API server calls the addresses of the endpoints, so no
//! kube-proxy takes part.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::resilience::load::{Load, Rate};
use crate::resilience::report;
use crate::support::cluster::{Account, pull_secret};
use crate::support::parts::part;
use crate::support::regcred::command;
use crate::support::supervised::clean;

use super::machine::Machine;
use super::program_image;
use super::sandbox;
use super::scheduler::Scheduler;

const SYSTEM: &str = "regcred-system";
const WRITTEN: &str = "written";

/// The longest that a roll-out takes on a machine that compiles at the same time.
const ROLL_OUT: Duration = Duration::from_secs(120);

/// A moderate load: two cores run the whole cluster.
const RATE: Rate = Rate { workers: 6, per_second: 40, at_once: false };

/// A cluster with charts to install.
struct Charts {
    _scheduler: Scheduler,
    machine: Machine,
    folder: TempDir,
    image: String,
}

impl Charts {
    fn new() -> Self {
        let machine = Machine::start();
        machine.connect_host();
        let run = json!({"Entrypoint": ["/regcred"]});
        let image = machine.registries.store("regcred", &["1", "2"], &run, &program_image::layer());
        for tag in ["1", "2"] {
            machine.pull(&format!("{image}:{tag}"));
        }
        machine.cluster.namespace(WRITTEN, &json!({}));
        let folder = tempfile::Builder::new().prefix("regcred-charts-").tempdir().unwrap();
        let kubeconfig = machine.cluster.kubeconfig(Account::Admin, None);
        fs::write(folder.path().join("kubeconfig"), kubeconfig.to_string()).unwrap();
        Charts { _scheduler: Scheduler::start(machine.cluster.api()), machine, folder, image }
    }

    /// The chart with another version, and an edit of its Deployment.
    fn chart(&self, version: &str, edit: impl Fn(String) -> String) -> PathBuf {
        let chart = self.folder.path().join(version);
        copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/regcred"), &chart);
        let description = fs::read_to_string(chart.join("Chart.yaml")).unwrap();
        let line = description.lines().find(|line| line.starts_with("version: ")).unwrap();
        let description = description.replace(line, &format!("version: {version}"));
        fs::write(chart.join("Chart.yaml"), description).unwrap();
        let deployment = chart.join("templates/deployment.yaml");
        fs::write(&deployment, edit(fs::read_to_string(&deployment).unwrap())).unwrap();
        chart
    }

    /// The values of a release with this image; `policy` is added to the policy.
    fn values(&self, tag: &str, policy: &Value, more: &Value) -> PathBuf {
        let mut values = json!({
            "image": {"repository": self.image, "tag": tag},
            "enforcement": "enforce",
            // A Secret that the mutating webhook did not see is stored without its `auth`, and counted.
            "policy": {"rules": {"missing-auth": {"action": "warn"}}},
        });
        merge(&mut values["policy"], policy);
        merge(&mut values, more);
        let path = self.folder.path().join(format!("values-{}.json", values.to_string().len()));
        fs::write(&path, values.to_string()).unwrap();
        path
    }

    fn helm(&self, arguments: &[&str], files: &[&Path]) -> Output {
        let mut helm = clean(part("helm"), self.folder.path());
        helm.args(arguments)
            .args(["--namespace", SYSTEM, "--kubeconfig"])
            .arg(self.folder.path().join("kubeconfig"));
        if let [chart, values] = files {
            helm.arg(chart).arg("--values").arg(values);
        }
        helm.output().unwrap()
    }

    /// Runs helm, which has to succeed, and waits until the replaced Pods are gone.
    #[track_caller]
    fn rolls_out(&self, arguments: &[&str], files: &[&Path]) {
        let begun = Instant::now();
        let output = self.helm(&[arguments, &["--wait", "--timeout=120s"]].concat(), files);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}\n{}", self.pods_shown());
        self.machine.eventually("two Pods", ROLL_OUT, || self.pods().len() == 2);
        report("upgrade", &format!("{} after {:.1?}", arguments.join(" "), begun.elapsed()));
    }

    fn pods(&self) -> Vec<Value> {
        let path = format!("/api/v1/namespaces/{SYSTEM}/pods");
        let pods = self.machine.cluster.api().request("GET", &path, "").json();
        pods["items"].as_array().unwrap().clone()
    }

    fn names_of_pods(&self) -> Vec<String> {
        self.pods().iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Events and states, for the message of a failure.
    fn pods_shown(&self) -> String {
        let cluster = &self.machine.cluster;
        let pods = cluster.kubectl(&["-n", SYSTEM, "describe", "pods"], "").stdout;
        pods + &cluster.kubectl(&["-n", SYSTEM, "get", "events"], "").stdout
    }

    /// Waits until the API server calls both webhooks, which takes it a moment after they are registered.
    fn wait_until_judged(&self) {
        let api = self.machine.cluster.api();
        let path = format!("/api/v1/namespaces/{WRITTEN}/secrets?dryRun=All");
        let bare = r#"{"auths":{"registry.example.com":{"username":"robot","password":"made-up"}}}"#;
        let secret = pull_secret("first", bare).to_string();
        self.machine.eventually("Secret that is repaired", ROLL_OUT, || {
            let stored = api.request("POST", &path, &secret);
            stored.status == 201 && stored.json()["data"] != pull_secret("first", bare)["data"]
        });
        // Its `auth` is not base64, which the policy denies.
        let broken = pull_secret("first", r#"{"auths":{"registry.example.com":{"auth":"%"}}}"#).to_string();
        self.machine.eventually("Secret that is refused", ROLL_OUT, || {
            api.request("POST", &path, &broken).text().contains("validate.regcred.dev")
        });
    }

    /// Runs `regcred doctor`, which reads the metrics of real Pods here.
    fn is_healthy(&self) {
        let kubeconfig = self.folder.path().join("kubeconfig");
        let mut doctor = command();
        doctor.args(["doctor", "-n", WRITTEN, "-o", "json", "--kubeconfig"]).arg(kubeconfig);
        let output = doctor.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let categories = report["categories"].as_array().unwrap().iter();
        let checks: Vec<_> = categories.flat_map(|category| category["checks"].as_array().unwrap()).collect();
        let left: Vec<_> = checks.iter().filter(|check| check["result"] != "success").collect();
        // The dry runs before both webhooks were called count as calls that failed open.
        assert!(left.iter().all(|check| check["code"] == "fail-open"), "{left:#?}");
        assert!(checks.iter().any(|check| check["code"] == "served-certificate"), "{report}");
    }

    fn load(&self, name: &str) -> Load {
        Load::start(self.machine.cluster.api(), WRITTEN, RATE, name)
    }

    fn failed_open(&self) -> f64 {
        self.machine.cluster.api().metric("apiserver_admission_webhook_fail_open_count", "regcred.dev")
    }
}

#[test]
fn helm_upgrade_and_rollback_lose_no_write() {
    if !sandbox::is_possible() {
        return;
    }
    let charts = Charts::new();
    let first = charts.chart("0.1.1", |deployment| deployment);
    let second = charts.chart("0.1.2", |deployment| {
        deployment.replace("terminationGracePeriodSeconds: 35", "terminationGracePeriodSeconds: 40")
    });
    let values = charts.values("1", &json!({}), &json!({}));
    let more =
        json!({"resources": {"requests": {"cpu": "20m", "memory": "48Mi"}, "limits": {"memory": "300Mi"}}});
    let newer =
        charts.values("2", &json!({"language": "both", "deniedRegistries": ["denied.example.com"]}), &more);
    // The schema of the values accepts it, and regcred does not: a bracket that is not closed.
    let broken = charts.values("2", &json!({"deniedRegistries": ["[denied"]}), &more);

    charts.rolls_out(&["install", "regcred", "--create-namespace"], &[&first, &values]);
    charts.wait_until_judged();
    charts.is_healthy();
    let failed_open = charts.failed_open();
    let load = charts.load("upgrade");
    load.wait_for(100);

    charts.rolls_out(&["upgrade", "regcred"], &[&second, &newer]);
    load.wait_for(100);
    charts.rolls_out(&["rollback", "regcred", "1"], &[]);
    load.wait_for(100);

    let serving = charts.names_of_pods();
    let output = charts.helm(&["upgrade", "regcred", "--wait", "--timeout=15s"], &[&second, &broken]);
    assert!(!output.status.success(), "a broken policy was rolled out");
    let now = charts.names_of_pods();
    assert!(now.len() == 3 && serving.iter().all(|pod| now.contains(pod)), "{serving:?} {now:?}");
    load.wait_for(100);
    charts.rolls_out(&["rollback", "regcred", "3"], &[]);
    assert_eq!(charts.names_of_pods(), serving, "the rollback replaced Pods that served");
    load.wait_for(100);

    let tally = load.stop();
    report("upgrade, rollback, broken upgrade, rollback", &tally.figures());
    tally.is_clean();
    assert!((charts.failed_open() - failed_open).abs() < 0.5, "calls failed open");

    // The same writers notice a roll-out that stops all Pods at once.
    let careless = charts.chart("0.1.3", |deployment| {
        let ours = "    type: RollingUpdate\n    rollingUpdate:\n";
        let end = deployment.find("  template:\n").unwrap();
        assert!(deployment.contains(ours), "the strategy has moved");
        format!("{}    type: Recreate\n{}", &deployment[..deployment.find(ours).unwrap()], &deployment[end..])
    });
    let load = charts.load("careless");
    load.wait_for(20);
    charts.rolls_out(&["upgrade", "regcred"], &[&careless, &newer]);
    load.wait_for(20);
    let tally = load.stop();
    report("upgrade that stops all Pods", &tally.figures());
    assert!(!tally.failed.is_empty(), "no write failed while no Pod ran");
}

fn merge(into: &mut Value, from: &Value) {
    for (key, value) in from.as_object().unwrap() {
        into[key] = value.clone();
    }
}

/// Copies a folder, and the files that its links lead to.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}
