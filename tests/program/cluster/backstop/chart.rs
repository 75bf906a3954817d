//! The policies in the Helm chart.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};

use crate::support::cluster::{Account, Cluster, pull_secret};
use crate::support::eventually;
use crate::support::parts::part;
use crate::support::regcred::command;
use crate::support::supervised::clean;

use super::super::{GENERIC, HOST, auths, bare, whole};
use super::generated;

/// What helm renders of the chart with the policies, for a release whose names all differ from the default.
fn render(arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let names = "backstop.enabled=true,nameOverride=pull-secrets,fullnameOverride=pull-secrets";
    clean(part("helm"), folder.path())
        .args(["template", "pull-secrets", concat!(env!("CARGO_MANIFEST_DIR"), "/charts/regcred")])
        .args(["--namespace", "admission", "--skip-tests", "--set", names])
        .args(arguments)
        .output()
        .unwrap()
}

/// The same as a file to apply.
#[track_caller]
fn rendered(arguments: &[&str]) -> String {
    let output = render(arguments);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Result and error of a check by doctor, for the release of [`render`].
fn diagnosis(cluster: &Cluster, code: &str) -> [String; 2] {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    fs::write(&kubeconfig, cluster.kubeconfig(Account::Admin, None).to_string()).unwrap();
    let output = command()
        .args([
            "doctor",
            "--installed-in=admission",
            "--name=pull-secrets",
            "--output-format=json",
            "--kubeconfig",
        ])
        .arg(&kubeconfig)
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let categories = report["categories"].as_array().unwrap().iter();
    let mut checks = categories.flat_map(|category| category["checks"].as_array().unwrap());
    let check = checks.find(|check| check["code"] == code).unwrap();
    ["result", "error"].map(|field| check[field].as_str().unwrap_or_default().to_owned())
}

#[test]
fn chart_installs_policies_under_its_names() {
    let cluster = Cluster::start();
    let own = cluster.namespace("admission", &json!({}));
    let namespace = cluster.namespace("judged", &json!({}));
    // No Pod runs, so the API server finds no webhook to call; in step one it stores what it cannot have judged.
    cluster.accepts(&["apply", "-f", "-"], &rendered(&[]));
    eventually("a repair", || {
        namespace.create(&pull_secret("probe", &auths(&[&bare(HOST)])), &[]);
        let document = namespace.document("probe");
        namespace.kubectl(&["delete", "secret", "probe"], "");
        (document == auths(&[&whole(HOST)])).then_some(())
    });
    own.create(&pull_secret("own", &auths(&[&bare(HOST)])), &[]);
    assert_eq!(own.document("own"), auths(&[&bare(HOST)]), "the release's namespace is left out");
    let fine = ["success".to_owned(), String::new()];
    assert_eq!(diagnosis(&cluster, "backstop"), fine);
    assert_eq!(diagnosis(&cluster, "other-mutators"), fine);

    let guarded = |user: &str| {
        let arguments = ["annotate", "mutatingwebhookconfiguration", "pull-secrets", "a=b", "--overwrite"];
        cluster.kubectl(&[&arguments[..], &["--dry-run=server", &format!("--as={user}")]].concat(), "")
    };
    cluster.accepts(
        &["create", "clusterrole", "hooks", "--verb=*", "--resource=mutatingwebhookconfigurations"],
        "",
    );
    cluster.accepts(&["create", "clusterrolebinding", "hooks", "--clusterrole=hooks", "--user=someone"], "");
    eventually("the guard", || guarded("someone").stderr.contains("[regcred/guard]").then_some(()));
    let said = guarded("system:serviceaccount:admission:pull-secrets");
    assert!(said.success, "{said:?}");

    // Step two: the policy refuses before the API server misses the webhook.
    cluster.accepts(&["apply", "-f", "-"], &rendered(&["--set=enforcement=enforce"]));
    eventually("a refusal", || {
        let said =
            namespace.create(&pull_secret("generic", &auths(&[&bare(GENERIC)])), &["--dry-run=server"]);
        said.stderr.contains("[regcred/generic-registry-host]").then_some(())
    });
    assert_eq!(diagnosis(&cluster, "backstop"), fine);

    // What kubectl leaves behind, as it deletes nothing, and what somebody has deleted.
    cluster.accepts(&["apply", "-f", "-"], &rendered(&[]));
    let [result, error] = diagnosis(&cluster, "backstop");
    assert!(result == "warning" && error.starts_with("pull-secrets-refuse "), "{result} {error}");
    let kinds = "validatingadmissionpolicy,validatingadmissionpolicybinding";
    cluster.accepts(&["delete", kinds, "pull-secrets-refuse"], "");
    assert_eq!(diagnosis(&cluster, "backstop"), fine);
    cluster.accepts(&["delete", "mutatingadmissionpolicybinding", "pull-secrets-repair"], "");
    let [result, error] = diagnosis(&cluster, "backstop");
    assert!(result == "warning" && error.contains("no binding"), "{result} {error}");
}

#[test]
fn chart_refuses_policies_of_another_installation() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    fs::write(&policy, "apiVersion: regcred/v1\nkind: Policy\nlanguage: zh\n").unwrap();
    let made = |name: &str, arguments: &[&str]| {
        let text = generated(&[&["--policy", policy.to_str().unwrap()], arguments].concat());
        let file = folder.path().join(name);
        fs::write(&file, text).unwrap();
        format!("--set-file=backstop.policies={}", file.display())
    };
    let warn = made("warn.yaml", &["--enforcement=warn"]);
    let enforce = made("enforce.yaml", &["--enforcement=enforce"]);
    let standalone = made("standalone.yaml", &["--enforcement=warn", "--role=standalone"]);
    let other = "--set=policy.language=zh";
    assert!(rendered(&[other, &warn]).contains("name: pull-secrets-repair"));
    assert!(rendered(&[other, &enforce, "--set=enforcement=enforce"]).contains("仓库地址"));
    for (arguments, why) in [
        (vec![other], "regcred backstop --policy policy.yaml --enforcement warn > backstop.yaml"),
        (vec![other, &enforce], "made with enforcement: enforce, and this installation has warn"),
        (
            vec![other, &warn, "--set=enforcement=enforce"],
            "made with enforcement: warn, and this installation has enforce",
        ),
        (
            vec![other, &warn, "--set=enforcement=audit"],
            "made with enforcement: warn, and this installation has audit",
        ),
        (vec![other, &standalone], "backstop.policies must be the output of"),
        (vec!["--set=backstop.policies=x"], "backstop.policies must be the output of"),
        (vec!["--kube-version=1.35.0"], "needs Kubernetes 1.36 or newer"),
    ] {
        let output = render(&arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{arguments:?}: {said}");
    }
}
