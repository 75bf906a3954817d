//! Manifests before they are applied, and dumps in the forms that kubectl writes.

use std::fmt::Write as _;
use std::fs;

use serde_json::json;

use super::{auths, deployment, explain, explain_stdin, folder, secret};

const IMAGE: &str = "registry.example.com/team/app:1";
const NAMED: &str = "imagePullSecrets: [{name: acr}]";

#[test]
fn a_template_that_finds_credentials_is_nothing_to_report() {
    let files = secret("acr", &auths("registry.example.com")) + &deployment("web", IMAGE, NAMED);
    let told = explain_stdin(&files, ["-o", "json"]);
    assert_eq!((told.status, told.causes()), (0, vec![]), "{}{}", told.stdout, told.stderr);
    assert_eq!(told.lines("Summary").remove(0)["pods"], 1);

    let text = explain_stdin(&files, [""; 0]);
    assert_eq!((text.status, text.stdout.as_str()), (0, "1 Pod checked, nothing to report\n"));
}

#[test]
fn a_template_that_finds_none_is_a_finding_at_its_image() {
    let folder = folder();
    fs::write(folder.path().join("secret.yaml"), secret("acr", &auths("registry.example.com:5000"))).unwrap();
    fs::write(folder.path().join("deployment.yaml"), deployment("web", IMAGE, NAMED)).unwrap();

    let told = explain(folder.path(), ["-o", "json", "-f", "deployment.yaml", "secret.yaml"]);

    assert_eq!(told.status, 1, "{}", told.stderr);
    let explanation = told.explanation();
    assert_eq!(explanation["cause"], "no-matching-entry", "{explanation}");
    assert_eq!(explanation["workload"], json!({"kind": "Deployment", "name": "web"}));
    assert_eq!(explanation["namespace"], "default");
    assert_eq!(
        explanation["file"],
        json!({"path": "deployment.yaml", "line": 10, "column": 16, "endLine": 10, "endColumn": 47})
    );
    assert!(explanation["message"].as_str().unwrap().contains("registry.example.com:5000"), "{explanation}");
}

#[test]
fn namespaces_of_files_are_kept_apart() {
    let here =
        |name: &str, object: &str| object.replace("metadata: {", &format!("metadata: {{namespace: {name}, "));
    let workload = deployment("web", IMAGE, NAMED);
    let good = secret("acr", &auths("registry.example.com"));
    let other = secret("other", &auths("registry.example.com"));
    for (files, cause) in [
        (here("team-a", &good) + &here("team-a", &workload), None),
        (here("team-b", &good) + &here("team-a", &workload), Some("secret-in-other-namespace")),
        (here("team-a", &other) + &here("team-a", &workload), Some("secret-missing")),
    ] {
        let told = explain_stdin(&files, ["-o", "json"]);
        assert_eq!(told.causes(), cause.into_iter().collect::<Vec<_>>(), "{}", told.stdout);
        assert_eq!(told.status, i32::from(cause.is_some()));
    }
    // Without a namespace, -n says where the objects will be.
    let told = explain_stdin(&(here("team-a", &good) + &workload), ["-o", "json", "-n", "team-a"]);
    assert_eq!(told.status, 0, "{}", told.stdout);
}

#[test]
fn patches_have_no_image_to_explain() {
    let patch = deployment("web", IMAGE, NAMED).replace(&format!("image: {IMAGE}"), "env: []");
    assert!(!patch.contains(IMAGE), "{patch}");
    let told = explain_stdin(&patch, ["-o", "json"]);
    assert_eq!((told.causes(), told.status), (Vec::new(), 0), "{}{}", told.stdout, told.stderr);
}

#[test]
fn a_secret_that_is_not_in_the_files_may_exist() {
    let told = explain_stdin(&deployment("web", IMAGE, NAMED), ["-o", "json"]);
    let explanation = told.explanation();
    assert_eq!(
        (&explanation["cause"], &explanation["certainty"]),
        (&json!("undecided"), &json!("open")),
        "{explanation}"
    );
    assert!(explanation["message"].as_str().unwrap().contains("not in the input"), "{explanation}");
    assert_eq!((told.status, &explanation["remedy"]), (0, &json!([])), "it may be there");

    // A controller makes it.
    let sealed = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: acr}\n---\n";
    let other = secret("other", &auths("other.example.com"));
    let told =
        explain_stdin(&(sealed.to_owned() + &other + &deployment("web", IMAGE, NAMED)), ["-o", "json"]);
    assert_eq!(told.causes(), ["undecided"], "{}", told.stdout);
}

#[test]
fn the_service_account_of_the_files_counts() {
    let account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: builder}\nimagePullSecrets: [{name: acr}]\n---\n";
    let good = secret("acr", &auths("registry.example.com"));
    let workload = deployment("web", IMAGE, "serviceAccountName: builder");
    let told = explain_stdin(&(good.clone() + account + &workload), ["-o", "json"]);
    assert_eq!((told.status, told.causes()), (0, vec![]), "{}", told.stdout);

    // Without it, it is not certain that there are no credentials.
    let unknown = explain_stdin(&(good.clone() + &workload), ["-o", "json"]).explanation();
    assert_eq!(
        (&unknown["cause"], &unknown["certainty"]),
        (&json!("no-pull-secret"), &json!("likely")),
        "{unknown}"
    );

    // A list of its own hides that of the ServiceAccount.
    let own =
        deployment("web", IMAGE, "serviceAccountName: builder\n      imagePullSecrets: [{name: other}]");
    let other = secret("other", &auths("other.example.com"));
    let told = explain_stdin(&(good + &other + account + &own), ["-o", "json"]);
    assert_eq!(told.causes(), ["service-account-secret-not-used"], "{}", told.stdout);
}

#[test]
fn every_kind_of_workload_has_its_template_read() {
    let template =
        format!("spec: {{containers: [{{name: app, image: {IMAGE}}}], imagePullSecrets: [{{name: acr}}]}}");
    let other = secret("acr", &auths("other.example.com"));
    for (version, kind, spec) in [
        ("apps/v1", "Deployment", format!("template: {{{template}}}")),
        ("apps/v1", "StatefulSet", format!("template: {{{template}}}")),
        ("apps/v1", "DaemonSet", format!("template: {{{template}}}")),
        ("apps/v1", "ReplicaSet", format!("template: {{{template}}}")),
        ("v1", "ReplicationController", format!("template: {{{template}}}")),
        ("batch/v1", "Job", format!("template: {{{template}}}")),
        ("batch/v1", "CronJob", format!("jobTemplate: {{spec: {{template: {{{template}}}}}}}")),
    ] {
        let object =
            format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web}}\nspec: {{{spec}}}\n");
        let told = explain_stdin(&(other.clone() + &object), ["-o", "json"]);
        let explanation = told.explanation();
        assert_eq!(explanation["workload"]["kind"], kind, "{explanation}");
        assert_eq!(explanation["cause"], "no-matching-entry", "{explanation}");
    }
    let pod = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\n{template}\n");
    let explanation = explain_stdin(&(other + &pod), ["-o", "json"]).explanation();
    assert_eq!((&explanation["pod"], &explanation["cause"]), (&json!("web"), &json!("no-matching-entry")));
}

#[test]
fn init_containers_and_image_volumes_are_pulled_too() {
    let spec = format!(
        "{NAMED}\n      initContainers: [{{name: setup, image: init.example.com/setup:1}}]\n      \
         volumes: [{{name: model, image: {{reference: models.example.com/m:1}}}}]"
    );
    let workload = deployment("web", IMAGE, &spec)
        .replace("resources:", "volumeMounts: [{name: model, mountPath: /m}]\n        resources:");
    let told = explain_stdin(&(secret("acr", &auths("registry.example.com")) + &workload), ["-o", "json"]);
    let images: Vec<_> =
        told.lines("Explanation").iter().map(|told| told["image"].as_str().unwrap().to_owned()).collect();
    assert_eq!(images, ["init.example.com/setup:1", "models.example.com/m:1"], "{}", told.stdout);
}

#[test]
fn a_dump_explains_pods_and_not_their_workloads() {
    let mut items = vec![json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "team", "uid": "1"},
        "spec": {"template": {"spec": {"containers": [{"name": "app", "image": IMAGE}]}}}})];
    let pod = |name: &str, waiting: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "team", "uid": name,
            "creationTimestamp": null},
            "spec": {"containers": [{"name": "app", "image": IMAGE, "resources": {"limits": {"cpu": 1}}}]},
            "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "state": {"waiting": waiting}}]}})
    };
    items.push(pod(
        "failing",
        json!({"reason": "ErrImagePull", "message": "failed to authorize: failed to fetch anonymous \
        token: unexpected status: 401 Unauthorized"}),
    ));
    items.push(pod("crashing", json!({"reason": "CrashLoopBackOff", "message": "back-off 5m0s"})));
    items.push(pod("starting", json!({"reason": "ContainerCreating"})));
    for dump in [
        json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string(),
        // As `kubectl get -o json` writes several objects, one after the other.
        items.iter().map(|item| format!("{item:#}")).collect::<Vec<_>>().join("\n"),
    ] {
        let told = explain_stdin(&dump, ["-o", "json"]);
        let explanation = told.explanation();
        assert_eq!(explanation["pod"], "failing", "{}", told.stdout);
        assert_eq!(told.lines("Summary").remove(0)["pods"], 3);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_an_error() {
    let folder = folder();
    for (name, content, says) in [
        ("template.yaml", "a: {{ .Values.x }}\nb: [", "this is a template"),
        ("broken.json", "{\"kind\": \"Pod\", \"a\": secret-canary", "invalid JSON"),
        (
            "wrong.yaml",
            "apiVersion: v1\nkind: Pod\nspec: {containers: secret-canary}\n",
            "the fields of its kind",
        ),
    ] {
        fs::write(folder.path().join(name), content).unwrap();
        let told = explain(folder.path(), ["-o", "json", "-f", name]);
        assert_eq!(told.status, 2, "{name}: {}", told.stdout);
        let errors = told.lines("Error");
        assert_eq!(errors.len(), 1, "{name}: {}", told.stdout);
        assert!(errors[0]["message"].as_str().unwrap().contains(says), "{}", errors[0]);
        assert!(!told.stdout.contains("canary"), "{}", told.stdout);
    }
    let told = explain(folder.path(), ["-f", "gone.yaml"]);
    assert_eq!(told.status, 2);
    assert!(told.stdout.contains("gone.yaml"), "{}", told.stdout);
}

#[test]
fn aliases_and_depth_are_bounded() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='j').zip('a'..) {
        let items = vec![format!("*{before}"); 10].join(", ");
        writeln!(bomb, "{name}: &{name} [{items}]").unwrap();
    }
    bomb.push_str("apiVersion: v1\nkind: Pod\n");
    let told = explain_stdin(&bomb, ["-o", "json"]);
    assert_eq!((told.status, told.lines("Error").len()), (2, 1), "{}", told.stdout);

    let cycle = "apiVersion: v1\nkind: Pod\nspec: &a {b: *a}\n";
    assert_eq!(explain_stdin(cycle, ["-o", "json"]).status, 2);
}
