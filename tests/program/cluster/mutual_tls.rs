//! A real API server that presents a certificate to the webhook, configured by the files of `docs/mutual-tls.md`.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::support::certificate::Authority;
use crate::support::cluster::{Cluster, pull_secret};
use crate::support::eventually;
use crate::support::regcred::{Regcred, Serve};

use super::{HOST, auths, bare, whole};

const DOCUMENT: &str = include_str!("../../../docs/mutual-tls.md");
const DOCUMENTED_FOLDER: &str = "/etc/kubernetes/regcred";
const DOCUMENTED_USER: &str = "regcred.regcred-system.svc";

/// The documented file of this name, for other files in another folder.
fn documented(name: &str, folder: &Path) -> String {
    let head = format!("```yaml\n# {DOCUMENTED_FOLDER}/{name}\n");
    let (_, rest) = DOCUMENT.split_once(&head).expect("a block that names the file");
    let (file, _) = rest.split_once("```").unwrap();
    assert!(file.contains(DOCUMENTED_FOLDER));
    file.replace(DOCUMENTED_FOLDER, folder.to_str().unwrap())
}

/// A webhook that asks for a certificate by this CA.
fn serve(serving: &Authority, clients: &Authority) -> Regcred {
    let serve = Serve::new();
    let file = |name: &str, content: &str| {
        fs::write(serve.path(name), content).unwrap();
        serve.path(name)
    };
    let pair = serving.issue();
    let (certificate, key) = (file("tls.crt", &pair.certificate), file("tls.key", &pair.key));
    let (ca, clients) = (file("ca.crt", &serving.certificate), file("clients.crt", &clients.certificate));
    serve.certificate(&certificate, &key, &ca).arg("--client-ca").arg(clients).start()
}

#[test]
fn documented_files_admit_the_api_server() {
    let (serving, clients) = (Authority::new(), Authority::new());
    let right = serve(&serving, &clients);
    let other = serve(&serving, &Authority::named("another CA"));
    let namesake = serve(&serving, &Authority::new());
    let unknown = serve(&serving, &clients);

    // The API server has a certificate for the first three, which only the first one wants. The last one has a port of
    // which its file says nothing.
    let folder = tempfile::Builder::new().prefix("regcred-mutual-tls-").tempdir().unwrap();
    let write = |name: &str, content: &str| fs::write(folder.path().join(name), content).unwrap();
    let pair = clients.issue_client("kube-apiserver", 2100);
    write("client.crt", &pair.certificate);
    write("client.key", &pair.key);
    write("admission.yaml", &documented("admission.yaml", folder.path()));
    let kubeconfig = documented("kubeconfig.yaml", folder.path());
    let (head, user) = kubeconfig.split_once("users:\n").unwrap();
    let users = [&right, &other, &namesake].map(|regcred| {
        let name = format!("regcred.regcred-system.svc:{}", regcred.https.port());
        assert!(user.contains(DOCUMENTED_USER));
        user.replace(DOCUMENTED_USER, &name)
    });
    write("kubeconfig.yaml", &format!("{head}users:\n{}", users.concat()));
    let flag = format!("--admission-control-config-file={}", folder.path().join("admission.yaml").display());
    let cluster = Cluster::start_with(&[&flag]);

    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "regcred"},
        "spec": {"type": "ExternalName", "externalName": "localhost"},
    });
    cluster.namespace("regcred-system", &json!({})).accepts(&["create", "-f", "-"], &service.to_string());
    let lead_to = |regcred: &Regcred| {
        for (which, mut configuration) in cluster.shipped_webhooks() {
            let webhook = &mut configuration["webhooks"][0];
            webhook["failurePolicy"] = json!(which.failure_policy());
            webhook["clientConfig"]["caBundle"] = json!(BASE64_STANDARD.encode(&serving.certificate));
            webhook["clientConfig"]["service"]["port"] = json!(regcred.https.port());
            cluster.accepts(&["apply", "-f", "-"], &configuration.to_string());
        }
    };
    let namespace = cluster.namespace("judged", &json!({}));
    let document = auths(&[&bare(HOST)]);

    lead_to(&right);
    eventually("a Secret that the webhook corrected", || {
        namespace.kubectl(&["delete", "secret", "acr", "--ignore-not-found"], "");
        namespace.accepts(&["create", "-f", "-"], &pull_secret("acr", &document).to_string());
        (namespace.document("acr") == auths(&[&whole(HOST)])).then_some(())
    });

    // The table says what is said of each.
    for (regcred, words) in [
        (&other, "remote error: tls: unknown certificate authority"),
        (&namesake, "remote error: tls: error decrypting message"),
        (&unknown, "remote error: tls: certificate required"),
    ] {
        assert!(DOCUMENT.contains(&format!("| `{words}` |")), "{words}");
        lead_to(regcred);
        let said = eventually("a refusal", || {
            let said = namespace.create(&pull_secret("refused", &document), &["--dry-run=server"]);
            (!said.success && said.stderr.contains(words)).then_some(said)
        });
        assert!(said.stderr.contains(r#"failed calling webhook "validate.regcred.dev""#), "{said:?}");
        assert!(regcred.audit().is_empty(), "nothing was answered");
        assert!(regcred.metric("regcred_tls_handshake_failures_total") > Some(0.0));
    }
}
