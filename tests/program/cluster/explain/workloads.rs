//! Workloads: the newest of their Pods that waits for an image, or else their template. No controller runs; the owners are
//! written as controllers write them.

use serde_json::{Value, json};

use super::{IMAGE, NONE_SENT, explained, explanation, namespace, pod};

/// A reference to a controller.
fn owned_by(mut object: Value, kind: &str, owner: &Value) -> Value {
    let version = if ["Job", "CronJob"].contains(&kind) { "batch/v1" } else { "apps/v1" };
    object["metadata"]["ownerReferences"] = json!([{"apiVersion": version, "kind": kind, "controller": true,
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}]);
    object
}

fn spec(app: &str) -> Value {
    json!({"selector": {"matchLabels": {"app": app}}, "template": {"metadata": {"labels": {"app": app}},
        "spec": {"containers": [{"name": "app", "image": IMAGE}]}}})
}

fn job_template() -> Value {
    json!({"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": IMAGE}]}}})
}

#[test]
fn pods_are_found_through_their_owners() {
    let (_here, mut writer) = namespace("explain-workloads");
    writer.account("explain-workloads", &json!([]));
    let apps = |plural: &str| format!("/apis/apps/v1/namespaces/explain-workloads/{plural}");
    let batch = |plural: &str| format!("/apis/batch/v1/namespaces/explain-workloads/{plural}");
    let named = |name: &str, spec: &Value| json!({"metadata": {"name": name}, "spec": spec});

    let deployment = writer.create(&apps("deployments"), &named("web", &spec("web")));
    let set = owned_by(named("web-5d4", &spec("web")), "Deployment", &deployment);
    let set = writer.create(&apps("replicasets"), &set);
    // Another Deployment with the same labels.
    let other = writer.create(&apps("deployments"), &named("other", &spec("web")));
    let other_set = owned_by(named("other-5d4", &spec("web")), "Deployment", &other);
    let other_set = writer.create(&apps("replicasets"), &other_set);
    let stateful = named("db", &{
        let mut spec = spec("db");
        spec["serviceName"] = json!("db");
        spec
    });
    let stateful = writer.create(&apps("statefulsets"), &stateful);
    let daemon = writer.create(&apps("daemonsets"), &named("agent", &spec("agent")));
    let cron = json!({"schedule": "0 0 * * *", "jobTemplate": {"spec": job_template()}});
    let cron = writer.create(&batch("cronjobs"), &named("nightly", &cron));
    let job = writer.create(&batch("jobs"), &owned_by(named("nightly-1", &job_template()), "CronJob", &cron));

    for (name, kind, owner) in [
        ("web-5d4-a", "ReplicaSet", &set),
        ("other-5d4-a", "ReplicaSet", &other_set),
        ("db-0", "StatefulSet", &stateful),
        ("agent-a", "DaemonSet", &daemon),
        ("nightly-1-a", "Job", &job),
    ] {
        let mut pod = owned_by(pod(name, &[]), kind, owner);
        pod["metadata"]["labels"] = json!({"app": "web", "pod-template-hash": "5d4"});
        writer.waiting("explain-workloads", &pod, "ErrImagePull", NONE_SENT);
    }
    for (target, name, restarts) in [
        ("deployment/web", "web-5d4-a", "deployment/web"),
        ("deploy/other", "other-5d4-a", "deployment/other"),
        ("rs/web-5d4", "web-5d4-a", "deployment/web"),
        ("sts/db", "db-0", "statefulset/db"),
        ("ds/agent", "agent-a", "daemonset/agent"),
        ("cronjob/nightly", "nightly-1-a", ""),
        ("job/nightly-1", "nightly-1-a", ""),
        ("pod/db-0", "db-0", "statefulset/db"),
    ] {
        let told = explanation(&explained(&[target, "-n", "explain-workloads"]));
        assert_eq!(
            (&told["pod"], &told["cause"]),
            (&json!(name), &json!("no-pull-secret")),
            "{target}: {told}"
        );
        let remedy = told["remedy"].to_string();
        assert!(remedy.contains(restarts), "{target}: {remedy}");
    }
}

#[test]
fn the_newest_pod_that_waits_counts() {
    let (_here, mut writer) = namespace("explain-newest");
    writer.account("explain-newest", &json!([]));
    let path = "/apis/apps/v1/namespaces/explain-newest/daemonsets";
    let daemon = writer.create(path, &json!({"metadata": {"name": "agent"}, "spec": spec("agent")}));
    let of_daemon = |name: &str| owned_by(pod(name, &[]), "DaemonSet", &daemon);
    writer.waiting("explain-newest", &of_daemon("agent-old"), "ErrImagePull", NONE_SENT);
    // The API server has times to the second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    writer.waiting("explain-newest", &of_daemon("agent-new"), "ErrImagePull", NONE_SENT);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    writer.waiting("explain-newest", &of_daemon("agent-fine"), "CrashLoopBackOff", "back-off");

    let told = explanation(&explained(&["ds/agent", "-n", "explain-newest"]));
    assert_eq!(told["pod"], "agent-new", "{told}");
}

#[test]
fn a_workload_without_waiting_pods_is_explained_by_its_template() {
    let (_here, mut writer) = namespace("explain-template");
    writer.account("explain-template", &json!([{"name": "gone"}]));
    let path = "/apis/apps/v1/namespaces/explain-template/deployments";
    writer.create(path, &json!({"metadata": {"name": "web"}, "spec": spec("web")}));

    let scanned = explained(&["deployment/web", "-n", "explain-template"]);
    let told = explanation(&scanned);
    // A new Pod gets the list of the ServiceAccount.
    assert_eq!((scanned.code, &told["cause"]), (Some(1), &json!("secret-missing")), "{told}");
    assert_eq!(told["workload"], json!({"kind": "Deployment", "name": "web"}));
}
