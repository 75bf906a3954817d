//! `regcred explain` over a real API server. No kubelet runs: the status of the Pods is written as a kubelet would write it.

mod access;
mod canary;
mod load;
mod pods;
mod workloads;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::cluster::{Account, ApiConnection, Cluster, Namespace, Scanned, pull_secret};

use super::cluster;

const IMAGE: &str = "registry.example.com/team/app:1";

/// What containerd says if no credentials were sent.
const NONE_SENT: &str = "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: pull access \
    denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials";

/// What it says if credentials were refused.
const REFUSED: &str = "failed to pull and unpack image \"registry.example.com/team/app:1\": failed to resolve image: failed to \
    authorize: failed to fetch oauth token: unexpected status from GET request to https://auth.example.com/token: 401 Unauthorized";

/// Writes objects, as an administrator.
struct Writer {
    connection: ApiConnection,
}

impl Writer {
    fn new(cluster: &Cluster) -> Self {
        Writer { connection: cluster.api().connect().unwrap() }
    }

    #[track_caller]
    fn create(&mut self, path: &str, object: &Value) -> Value {
        let answer = self.connection.request("POST", path, "application/json", &object.to_string()).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
        serde_json::from_str(&answer.text()).unwrap()
    }

    #[track_caller]
    fn secret(&mut self, namespace: &str, secret: &Value) {
        self.create(&format!("/api/v1/namespaces/{namespace}/secrets"), secret);
    }

    #[track_caller]
    fn account(&mut self, namespace: &str, secrets: &Value) {
        self.named_account(namespace, "default", secrets);
    }

    #[track_caller]
    fn named_account(&mut self, namespace: &str, name: &str, secrets: &Value) {
        let account = json!({"metadata": {"name": name}, "imagePullSecrets": secrets});
        self.create(&format!("/api/v1/namespaces/{namespace}/serviceaccounts"), &account);
    }

    /// Creates a Pod whose container waits.
    #[track_caller]
    fn waiting(&mut self, namespace: &str, pod: &Value, reason: &str, message: &str) -> Value {
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        let created = self.create(&path, pod);
        let path = format!("{path}/{}/status", created["metadata"]["name"].as_str().unwrap());
        let status = json!({"status": {"phase": "Pending", "containerStatuses": [{"name": "app", "image": IMAGE,
            "imageID": "", "ready": false, "restartCount": 0,
            "state": {"waiting": {"reason": reason, "message": message}}}]}});
        let merge = "application/strategic-merge-patch+json";
        let answer = self.connection.request("PATCH", &path, merge, &status.to_string()).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        created
    }

    /// Creates a warning about a Pod's container.
    #[track_caller]
    fn event(&mut self, pod: &Value, reason: &str, message: &str) {
        let metadata = &pod["metadata"];
        let namespace = metadata["namespace"].as_str().unwrap();
        let event = json!({"metadata": {"generateName": "web."}, "type": "Warning", "reason": reason, "message": message,
            "involvedObject": {"kind": "Pod", "namespace": namespace, "name": metadata["name"], "uid": metadata["uid"],
                "fieldPath": "spec.containers{app}"}});
        self.create(&format!("/api/v1/namespaces/{namespace}/events"), &event);
    }
}

/// A Pod that names these pull Secrets.
fn pod(name: &str, secrets: &[&str]) -> Value {
    let secrets: Vec<_> = secrets.iter().map(|secret| json!({"name": secret})).collect();
    json!({"metadata": {"name": name}, "spec": {"serviceAccountName": "default", "automountServiceAccountToken": false,
        "imagePullSecrets": secrets, "containers": [{"name": "app", "image": IMAGE}]}})
}

/// A document with credentials for a registry.
fn document(host: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{{"username":"robot","password":"made-up"}}}}}}"#)
}

fn good(name: &str) -> Value {
    pull_secret(name, &document("registry.example.com"))
}

fn opaque(name: &str) -> Value {
    let data = BASE64_STANDARD.encode(document("registry.example.com"));
    json!({"metadata": {"name": name}, "type": "Opaque", "data": {".dockerconfigjson": data}})
}

/// Explains as the administrator.
#[track_caller]
fn explained(arguments: &[&str]) -> Scanned {
    let scanned = cluster().explain(Account::Admin, &[arguments, &["-o", "json"]].concat()).run();
    assert_eq!(scanned.stderr, "", "{scanned:?}");
    scanned
}

/// The only explanation of a run.
#[track_caller]
fn explanation(scanned: &Scanned) -> Value {
    let mut explanations = scanned.lines("Explanation");
    assert_eq!(explanations.len(), 1, "{scanned:?}");
    explanations.remove(0)
}

/// A namespace without webhooks.
#[track_caller]
fn namespace(name: &str) -> (Namespace<'static>, Writer) {
    (cluster().namespace(name, &json!({})), Writer::new(cluster()))
}
