//! `regcred verify` for Secrets of a real API server, against the real registry.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::certificate::Authority;
use crate::support::cluster::{Account, Cluster, pull_secret};
use crate::support::eventually;
use crate::support::registry::{PASSWORD, Registry};

use super::{Verified, Verify};

/// Only these tests' Secrets are in it, so `-A` asks no other registry.
struct Stage {
    cluster: Cluster,
    registry: Registry,
}

fn stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| {
        let registry = Registry::secure(&Authority::new());
        registry.push("team/app", "1");
        Stage { cluster: Cluster::start(), registry }
    })
}

impl Stage {
    /// A pull Secret for the registry.
    fn secret(&self, name: &str, password: &str) -> Value {
        pull_secret(name, &json!({"auths": self.registry.entry(password)}).to_string())
    }

    fn image(&self, image: &str) -> String {
        format!("{}/{image}", self.registry.address)
    }

    /// A Pod that uses a Secret for an image of the registry.
    fn pod(&self, name: &str, image: &str, secret: &str) -> Value {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name},
            "spec": {
                "imagePullSecrets": [{"name": secret}],
                "containers": [{"name": "main", "image": self.image(image)}],
            },
        })
    }

    fn namespace(&self, name: &str, objects: &[Value]) {
        self.cluster.namespace(name, &json!({}));
        for object in objects {
            self.cluster.accepts(&["create", "-n", name, "-f", "-"], &object.to_string());
        }
    }

    fn verify(&self, account: Account<'_>, arguments: &[&str]) -> Verified {
        let verify = Verify::new(&["-o", "json"]).ca(&self.registry.ca()).args(arguments);
        let kubeconfig = verify.file("kubeconfig", &self.cluster.kubeconfig(account, None).to_string());
        verify.arg("--kubeconfig").arg(kubeconfig).run()
    }

    /// Lets a user do something in a namespace.
    fn grant(&self, user: &str, namespace: &str, verb: &str, resource: &str) {
        let name = format!("{user}-{verb}-{resource}");
        let (verb, resource) = (format!("--verb={verb}"), format!("--resource={resource}"));
        let (user, role) = (format!("--user={user}"), format!("--role={name}"));
        self.cluster.accepts(&["create", "role", &name, "-n", namespace, &verb, &resource], "");
        self.cluster.accepts(&["create", "rolebinding", &name, "-n", namespace, &role, &user], "");
    }
}

/// Objects as the API server reads them, without keeping them: each field must be known.
pub fn dry_run(manifest: &str) -> Vec<Value> {
    let cluster = &stage().cluster;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}});
    cluster.accepts(&["apply", "-f", "-"], &namespace.to_string());
    let arguments = ["create", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-"];
    let stdout = cluster.accepts(&arguments, manifest).stdout;
    serde_json::Deserializer::from_str(&stdout).into_iter().map(Result::unwrap).collect()
}

/// What the verifications are about: namespace, Secret, image and outcome.
fn lines(ran: &Verified) -> Vec<[String; 4]> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |line: &Value| ["namespace", "secret", "image", "outcome"].map(|field| text(&line[field]));
    ran.lines("Verification").iter().map(line).collect()
}

fn line(namespace: &str, secret: &str, image: &str, outcome: &str) -> [String; 4] {
    [namespace, secret, image, outcome].map(str::to_owned)
}

#[test]
fn a_secret_is_tried_with_the_images_of_its_pods() {
    let stage = stage();
    stage.namespace(
        "one",
        &[
            stage.secret("pull", PASSWORD),
            stage.secret("unused", PASSWORD),
            stage.pod("app", "team/app:1", "pull"),
            stage.pod("again", "team/app:1", "pull"),
            stage.pod("absent", "team/app:2", "pull"),
            stage.pod("other", "team/app:3", "other"),
        ],
    );

    let ran = stage.verify(Account::Admin, &["pull", "-n", "one"]);
    assert_eq!(
        lines(&ran),
        [
            line("one", "pull", &stage.image("team/app:1"), "valid"),
            line("one", "pull", &stage.image("team/app:2"), "not-found-or-no-permission"),
        ],
        "{ran:?}"
    );
    assert_eq!((ran.code, ran.spent().1), (Some(1), 0), "{ran:?}");

    let ran = stage.verify(Account::Admin, &["unused", "-n", "one"]);
    assert_eq!((ran.code, lines(&ran)), (Some(0), vec![line("one", "unused", "-", "valid")]), "{ran:?}");
    // The image that was asked for, and no other.
    let image = stage.image("team/app:1");
    let ran = stage.verify(Account::Admin, &["pull", "-n", "one", "--image", &image]);
    assert_eq!((ran.code, lines(&ran)), (Some(0), vec![line("one", "pull", &image, "valid")]), "{ran:?}");
}

#[test]
fn everywhere_each_password_is_tried_once() {
    let stage = Stage { cluster: Cluster::start(), registry: Registry::secure(&Authority::new()) };
    for namespace in ["a", "b", "c"] {
        let mut opaque = stage.secret("opaque", "also wrong");
        opaque["type"] = json!("Opaque");
        stage
            .namespace(namespace, &[stage.secret("wrong", "wrong"), stage.secret("right", PASSWORD), opaque]);
    }
    let ran = stage.verify(Account::Admin, &["-A"]);
    let mut found = lines(&ran);
    found.sort();
    let expected: Vec<_> = ["a", "b", "c"]
        .into_iter()
        .flat_map(|namespace| {
            [line(namespace, "right", "-", "valid"), line(namespace, "wrong", "-", "refused")]
        })
        .collect();
    assert_eq!(found, expected, "{ran:?}");
    assert_eq!((ran.code, stage.registry.refusals(), ran.spent().1), (Some(1), 1, 1), "{ran:?}");

    let ran = stage.verify(Account::Admin, &["-n", "b"]);
    assert_eq!(ran.lines("Verification").len(), 2, "{ran:?}");
    assert!(ran.lines("Verification").iter().all(|line| line["namespace"] == "b"), "{ran:?}");
}

#[test]
fn what_is_missing_is_reported() {
    let stage = stage();
    stage.namespace("missing", &[]);
    let ran = stage.verify(Account::Admin, &["pull", "-n", "missing"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(format!("{ran:?}").contains("pull"), "{ran:?}");
    let ran = stage.verify(Account::Admin, &["pull", "-n", "no-such-namespace"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}

#[test]
fn missing_permissions_are_named() {
    let stage = stage();
    let objects = [stage.secret("pull", PASSWORD), stage.pod("app", "team/app:1", "pull")];
    stage.namespace("rights", &objects);

    // Nothing at all.
    for arguments in [&["pull", "-n", "rights"][..], &["-n", "rights"], &["-A"]] {
        let ran = stage.verify(Account::As("nobody-at-all"), arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(format!("{ran:?}").contains("secrets"), "{ran:?}");
    }
    // The Secret without the Pods: the login can be tried, the images are not known, and that is said.
    stage.grant("secrets-only", "rights", "get", "secrets");
    let ran = eventually("the permission", || {
        let ran = stage.verify(Account::As("secrets-only"), &["pull", "-n", "rights"]);
        (!ran.lines("Verification").is_empty()).then_some(ran)
    });
    assert_eq!(lines(&ran), [line("rights", "pull", "-", "valid")], "{ran:?}");
    assert!(format!("{ran:?}").contains("pods"), "{ran:?}");
    // With both.
    stage.grant("secrets-only", "rights", "list", "pods");
    eventually("the permission", || {
        let ran = stage.verify(Account::As("secrets-only"), &["pull", "-n", "rights"]);
        (lines(&ran) == [line("rights", "pull", &stage.image("team/app:1"), "valid")] && ran.code == Some(0))
            .then_some(())
    });
}

/// `deploy/verify` as it is shipped: its account, its arguments.
#[test]
fn the_nightly_job_may_do_what_it_does() {
    for (folder, namespace) in [("verify", "regcred-system"), ("verify-namespaced", "team")] {
        let stage = Stage { cluster: Cluster::start(), registry: Registry::secure(&Authority::new()) };
        stage.registry.push("team/app", "1");
        let objects = [stage.secret("pull", PASSWORD), stage.pod("app", "team/app:1", "pull")];
        stage.namespace("team", &objects);
        stage.namespace("elsewhere", &objects);
        if namespace != "team" {
            stage.namespace(namespace, &[]);
        }
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(folder);
        let said = stage.cluster.accepts(&["apply", "-k", path.to_str().unwrap()], "");
        assert_eq!(said.stderr, "");

        let job = stage.cluster.get(&["-n", namespace, "cronjob", "regcred-verify"]);
        let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().unwrap();
        let account = format!("system:serviceaccount:{namespace}:{account}");
        let arguments = pod["containers"][0]["args"].as_array().unwrap();
        let arguments: Vec<_> = arguments.iter().map(|argument| argument.as_str().unwrap()).collect();
        assert_eq!(arguments[..2], ["verify", "--output-format=json"]);
        let ran = eventually("the permission", || {
            let verify = Verify::new(&arguments[1..]).ca(&stage.registry.ca());
            let kubeconfig = stage.cluster.kubeconfig(Account::As(&account), None).to_string();
            let kubeconfig = verify.file("kubeconfig", &kubeconfig);
            let ran = verify.arg("--kubeconfig").arg(kubeconfig).run();
            (ran.code == Some(0)).then_some(ran)
        });
        let image = stage.image("team/app:1");
        let mut expected = vec![line("team", "pull", &image, "valid")];
        if folder == "verify" {
            expected.insert(0, line("elsewhere", "pull", &image, "valid"));
        }
        assert_eq!(lines(&ran), expected, "{ran:?}");
    }
}

#[test]
fn an_expired_account_shows_no_token() {
    let ran = stage().verify(Account::Token("expired-token-canary"), &["-A"]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(!format!("{ran:?}").contains("canary"), "{ran:?}");
}
