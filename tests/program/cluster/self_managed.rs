//! `serve --tls self-managed` in a real cluster, with the service account, the permissions and the webhooks of
//! `deploy/`. Pods do not run there, so replicas are processes with the account's token, and the Service leads to a
//! balancer.

mod beginning;
mod healing;
mod names;
mod rest;
mod rotation;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::resilience::balancer::{Balancer, Network};
use crate::support::client::Client;
use crate::support::cluster::{Cluster, Namespace};
use crate::support::eventually;
use crate::support::regcred::{Regcred, Serve};

const NAMESPACE: &str = "regcred-system";
const SECRET: &str = "regcred-self-managed";
const CONFIGURATIONS: [&str; 2] = ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"];

/// An installation without its pods.
struct Installation {
    cluster: Cluster,
    balancer: Balancer,
    folder: TempDir,
}

impl Installation {
    /// Applies a folder of `deploy/`, and leads its Service to a balancer.
    fn apply(folder: &str) -> Self {
        let cluster = Cluster::start();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(folder);
        cluster.accepts(&["apply", "-k", path.to_str().unwrap()], "");
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "regcred", "namespace": NAMESPACE},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        });
        cluster.accepts(&["replace", "--force", "-f", "-"], &service.to_string());
        let balancer = Balancer::start(Network::QUICK);
        let folder = tempfile::Builder::new().prefix("regcred-self-managed-").tempdir().unwrap();
        let installation = Installation { cluster, balancer, folder };
        let port = installation.balancer.address.port();
        for configuration in CONFIGURATIONS {
            installation.patch(
                configuration,
                &json!([
                    {"op": "replace", "path": "/webhooks/0/clientConfig/service/port", "value": port},
                    // A machine that compiles beside the tests may be slow; that is not what is tested.
                    {"op": "replace", "path": "/webhooks/0/timeoutSeconds", "value": 30},
                ]),
            );
        }
        installation
    }

    /// A kubeconfig of the shipped service account.
    fn kubeconfig(&self) -> String {
        let token = self.cluster.token_of(NAMESPACE, "regcred");
        self.cluster.pod_kubeconfig(self.cluster.address(), &token, NAMESPACE)
    }

    fn serve(&self) -> Serve {
        Serve::self_managed(&self.kubeconfig())
    }

    fn patch(&self, configuration: &str, patch: &Value) {
        self.cluster
            .accepts(&["patch", configuration, "regcred", "--type=json", "-p", &patch.to_string()], "");
    }

    /// The Secret, if there is one.
    fn secret(&self) -> Option<Value> {
        let said = self.cluster.kubectl(&["-n", NAMESPACE, "get", "secret", SECRET, "-o", "json"], "");
        said.success.then(|| serde_json::from_str(&said.stdout).unwrap())
    }

    /// Asks for a rotation.
    fn rotate(&self) {
        self.annotate("regcred.dev/rotate=now");
    }

    /// Ends the five minutes for which a new CA must be trusted before it signs.
    #[track_caller]
    fn skip_the_wait(&self) {
        let switch_after = eventually("the time of the switch", || {
            let annotations = self.secret()?["metadata"]["annotations"].clone();
            annotations["regcred.dev/switch-after"].as_str()?.parse::<Timestamp>().ok()
        });
        let wait = switch_after.duration_since(Timestamp::now()).as_secs();
        assert!((240..=300).contains(&wait), "{wait} seconds");
        self.annotate(&format!("regcred.dev/switch-after={}", Timestamp::now()));
    }

    fn annotate(&self, annotation: &str) {
        self.cluster.accepts(&["-n", NAMESPACE, "annotate", "--overwrite", "secret", SECRET, annotation], "");
    }

    /// One of its files.
    fn stored(&self, name: &str) -> Option<String> {
        let data = BASE64_STANDARD.decode(self.secret()?["data"][name].as_str()?).unwrap();
        Some(String::from_utf8(data).unwrap())
    }

    /// What both configurations trust.
    fn bundles(&self) -> [String; 2] {
        CONFIGURATIONS.map(|configuration| {
            let object = self.cluster.get(&[configuration, "regcred"]);
            let bundle = object["webhooks"][0]["clientConfig"]["caBundle"].as_str().unwrap_or_default();
            String::from_utf8(BASE64_STANDARD.decode(bundle).unwrap()).unwrap()
        })
    }

    /// Waits until both trust this.
    #[track_caller]
    fn wait_for_bundles(&self, bundle: &str) {
        eventually("the bundle in both configurations", || {
            (self.bundles() == [bundle, bundle]).then_some(())
        });
    }

    /// Whether a replica serves a certificate for the Service by one of these CAs.
    fn serves_by(&self, replica: &Regcred, bundle: &str) -> bool {
        let path = self.folder.path().join("bundle.crt");
        fs::write(&path, bundle).unwrap();
        let client = Client::https(replica.https, &path).named("regcred.regcred-system.svc");
        client.try_connect().is_ok()
    }

    fn namespace(&self, name: &str) -> Namespace<'_> {
        self.cluster.namespace(name, &json!({}))
    }
}
