//! `deploy/` as it is applied: both steps with each kind of certificate, on API servers of their own, since these
//! webhooks are for all namespaces.
//!
//! No controller runs, so the tests do what controllers would have done, and nothing else: they run the program as
//! the Deployment's containers would, mount what the kubelet would mount, lead the Service to it, and write where
//! cert-manager's injector would write.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::certificate::{Authority, Pair};
use crate::support::cluster::{Cluster, Namespace, pull_secret};
use crate::support::eventually;
use crate::support::parts::part;
use crate::support::regcred::{Regcred, Serve};
use crate::support::supervised::Guarded;
use crate::support::volume::Volume;

use super::{GENERIC, HOST, auths, bare, whole};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const CONFIGURATIONS: [&str; 2] = ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"];

/// What was applied, and the program that runs as it says.
struct Installation {
    cluster: Cluster,
    regcred: Option<Guarded>,
    policy: Option<Volume>,
}

impl Installation {
    /// Applies the first step.
    fn first_step(cluster: Cluster, folder: &Path) -> Self {
        cluster.accepts(&["apply", "-k", path(folder)], "");
        Installation { cluster, regcred: None, policy: None }
    }

    /// Applies the second step over the first.
    fn second_step(&mut self, folder: &Path) {
        let before = self.deployment();
        self.cluster.accepts(&["apply", "-k", path(folder)], "");
        assert_eq!(self.deployment()["spec"], before["spec"], "no roll-out");

        let enforced = self.policy_file();
        self.policy.as_mut().unwrap().swap(&[("policy.yaml", &enforced)]);
        self.lead_to(self.regcred().https.port());
    }

    fn regcred(&self) -> &Regcred {
        &self.regcred.as_ref().unwrap().regcred
    }

    fn deployment(&self) -> Value {
        self.cluster.get(&["-n", "regcred-system", "deployment", "regcred"])
    }

    fn policy_file(&self) -> String {
        let map = self.cluster.get(&["-n", "regcred-system", "configmap", "regcred-policy"]);
        map["data"]["policy.yaml"].as_str().unwrap().to_owned()
    }

    /// Starts the program with the arguments of the Deployment and with what it mounts: the certificate, where it
    /// mounts one.
    fn start(&mut self, mounted: Option<&Pair>) {
        let pod = self.deployment()["spec"]["template"]["spec"].clone();
        let container = pod["containers"][0].clone();
        let mut serve = Serve::new();
        let mount = serve.path("etc");
        for argument in container["args"].as_array().unwrap() {
            let argument = argument.as_str().unwrap();
            // Given by the helper already, with other addresses.
            if argument != "serve"
                && !argument.starts_with("--listen=")
                && !argument.starts_with("--ops-listen=")
            {
                serve = serve.arg(argument.replace("/etc/regcred", path(&mount)));
            }
        }
        if let Some(Pair { certificate, key }) = mounted {
            Volume::new(mount.join("tls"), &[("tls.crt", certificate), ("tls.key", key)]);
        }
        assert_eq!(pod["automountServiceAccountToken"], json!(mounted.is_none()));
        if mounted.is_none() {
            let token = self.cluster.token_of("regcred-system", "regcred");
            serve = serve.kubeconfig(&self.cluster.pod_kubeconfig(
                self.cluster.address(),
                &token,
                "regcred-system",
            ));
        }
        self.policy = Some(Volume::new(mount.join("policy"), &[("policy.yaml", &self.policy_file())]));
        self.regcred = Some(Guarded::start(serve.arg("--reload-interval=1s")));
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let asked = container[probe]["httpGet"]["path"].as_str().unwrap();
            eventually(probe, || (self.regcred().get(asked).status == 200).then_some(()));
        }
        self.lead_to(self.regcred().https.port());
    }

    /// Leads the Service to this machine, and the webhooks to the port. For a Service of type `ExternalName` the API
    /// server dials that name, and still asks for the certificate of the Service.
    fn lead_to(&self, port: u16) {
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "regcred", "namespace": "regcred-system"},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        });
        self.cluster.accepts(&["replace", "--force", "-f", "-"], &service.to_string());
        let to_port =
            json!([{"op": "replace", "path": "/webhooks/0/clientConfig/service/port", "value": port}]);
        for configuration in CONFIGURATIONS {
            self.patch(configuration, &to_port);
        }
    }

    fn patch(&self, configuration: &str, patch: &Value) {
        let patch = patch.to_string();
        self.cluster.accepts(&["patch", configuration, "regcred", "--type=json", "-p", &patch], "");
    }

    /// The field of both webhooks.
    fn webhooks(&self, pointer: &str) -> [Value; 2] {
        CONFIGURATIONS.map(|configuration| {
            let object = self.cluster.get(&[configuration, "regcred"]);
            object["webhooks"][0].pointer(pointer).cloned().unwrap_or_default()
        })
    }

    fn namespace(&self, name: &str) -> Namespace<'_> {
        self.cluster.namespace(name, &json!({}))
    }

    /// The webhook's decisions about a Secret.
    fn decisions(&self, namespace: &Namespace<'_>, name: &str) -> [Value; 2] {
        ["mutate", "validate"]
            .map(|webhook| namespace.record(self.regcred(), name, webhook)["decision"].clone())
    }

    /// A rollout breaks nothing: nobody is there to be asked yet, and Secrets are written all the same.
    fn check_that_nothing_depends_on_it(&self) {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        self.lead_to(port);
        let namespace = self.namespace("before");
        namespace.accepts(&["create", "-f", "-"], &pull_secret("acr", &auths(&[&bare(GENERIC)])).to_string());
        assert_eq!(namespace.document("acr"), auths(&[&bare(GENERIC)]));
    }

    fn check_first_step(&self) {
        let namespace = self.namespace("first");
        eventually("calls of both webhooks", || {
            namespace.create(&pull_secret("probe", "{}"), &["--dry-run=server"]);
            let records = namespace.records(self.regcred());
            ["mutate", "validate"]
                .iter()
                .all(|webhook| records.iter().any(|record| record["webhook"] == *webhook))
                .then_some(())
        });
        assert_eq!(self.webhooks("/failurePolicy"), [json!("Ignore"), json!("Ignore")]);

        let answer = namespace.rancher("POST", "", Some(&pull_secret("rancher", &auths(&[&bare(HOST)]))));
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(namespace.document("rancher"), auths(&[&whole(HOST)]));
        assert_eq!(self.decisions(&namespace, "rancher"), [json!("patched"), json!("allowed")]);

        let said = namespace.create(&pull_secret("generic", &auths(&[&bare(GENERIC)])), &[]);
        assert!(said.success, "{said:?}");
        let of_host = |warning: &&str| warning.starts_with("[regcred/generic-registry-host]");
        assert_eq!(said.warnings().into_iter().filter(of_host).count(), 1, "{said:?}");
        assert_eq!(namespace.document("generic"), auths(&[&whole(GENERIC)]));
        let record = namespace.record(self.regcred(), "generic", "validate");
        assert_eq!(
            (&record["findings"][0]["ruleAction"], &record["findings"][0]["cappedBy"]),
            (&json!("deny"), &json!("enforcement")),
            "what step two would refuse can be seen in step one: {record}"
        );
    }

    fn check_second_step(&self) {
        let namespace = self.namespace("second");
        let generic = pull_secret("generic", &auths(&[&bare(GENERIC)]));
        let said = eventually("a refusal", || {
            let said = namespace.create(&generic, &["--dry-run=server"]);
            (!said.success).then_some(said)
        });
        assert!(said.stderr.contains("[regcred/generic-registry-host]"), "{said:?}");
        assert_eq!(self.webhooks("/failurePolicy"), [json!("Ignore"), json!("Fail")]);

        let answer = namespace.rancher("POST", "", Some(&generic));
        assert_eq!(answer.status, 422, "{}", answer.text());
        let answer = namespace.rancher("POST", "", Some(&pull_secret("rancher", &auths(&[&bare(HOST)]))));
        assert_eq!(answer.status, 201, "{}", answer.text());
        assert_eq!(namespace.document("rancher"), auths(&[&whole(HOST)]));

        // The service accounts that the shipped policy exempts.
        for account in
            ["system:serviceaccount:kube-system:helper", "system:serviceaccount:cattle-system:cattle"]
        {
            let (user, group) = (format!("--as={account}"), "--as-group=system:cattle:authenticated");
            let said = namespace.create(&generic, &["--dry-run=server", &user, group]);
            assert!(said.success, "{said:?}");
            assert!(said.stderr.contains("[regcred/generic-registry-host]"), "{said:?}");
        }
    }

    /// Without a record: other types, and namespaces that are left out.
    fn check_what_is_left_out(&self) {
        let generic = pull_secret("generic", &auths(&[&bare(GENERIC)]));
        let mut opaque = generic.clone();
        opaque["type"] = json!("Opaque");
        let types = self.namespace("types");
        let ignored = self.cluster.namespace("ignored", &json!({"regcred.dev/admission": "ignore"}));
        let named = |name: &str| Namespace { cluster: &self.cluster, name: name.to_owned() };
        let kube_system = named("kube-system");
        let own = named("regcred-system");
        for (namespace, secret) in
            [(&types, &opaque), (&ignored, &generic), (&kube_system, &generic), (&own, &generic)]
        {
            namespace.accepts(&["create", "-f", "-"], &secret.to_string());
            assert_eq!(namespace.document("generic"), auths(&[&bare(GENERIC)]), "{}", namespace.name);
        }
        // Records come in order, so what had one would have it by now.
        let last = pull_secret("last", &auths(&[&whole(HOST)]));
        types.accepts(&["create", "-f", "-"], &last.to_string());
        assert_eq!(self.decisions(&types, "last"), [json!("allowed"), json!("allowed")]);
        assert_eq!(types.records(self.regcred()).len(), 2);
        for namespace in [ignored, kube_system, own] {
            assert_eq!(namespace.records(self.regcred()), [Value::Null; 0], "{}", namespace.name);
        }
    }

    /// In step two a webhook that is down refuses pull Secrets, and the label lets them through.
    fn check_that_it_fails_closed(&mut self) {
        self.regcred = None;
        let secret = pull_secret("down", &auths(&[&whole(HOST)])).to_string();
        let second = Namespace { cluster: &self.cluster, name: "second".to_owned() };
        let said = second.rejects(&["create", "-f", "-"], &secret);
        assert!(said.stderr.contains(r#"failed calling webhook "validate.regcred.dev""#), "{said:?}");
        self.cluster.accepts(&["label", "namespace", "second", "regcred.dev/admission=ignore"], "");
        eventually("the label to be seen", || {
            second.kubectl(&["create", "-f", "-"], &secret).success.then_some(())
        });
    }

    /// The namespace's Pod Security judges Pods, not Deployments.
    fn check_pod_security(&self) {
        let template = self.deployment()["spec"]["template"].clone();
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "regcred", "namespace": "regcred-system", "labels": template["metadata"]["labels"],
            },
            "spec": template["spec"],
        });
        let create = ["create", "--dry-run=server", "-f", "-"];
        let said = self.cluster.accepts(&create, &pod.to_string());
        assert_eq!(said.stderr, "");

        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let said = self.cluster.rejects(&create, &pod.to_string());
        assert!(said.stderr.contains(r#"violates PodSecurity "restricted:latest""#), "{said:?}");
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn installed_by_default_it_makes_its_own_certificate_and_corrects_and_warns_and_then_refuses() {
    let deploy = Path::new(ROOT).join("deploy");
    let mut installation = Installation::first_step(Cluster::start(), &deploy);
    installation.check_pod_security();
    installation.check_that_nothing_depends_on_it();
    installation.start(None);
    installation.check_first_step();

    let bundles = installation.webhooks("/clientConfig/caBundle");
    assert!(bundles[0].is_string() && bundles[0] == bundles[1], "{bundles:?}");
    installation.second_step(&deploy.join("enforce"));
    assert_eq!(installation.webhooks("/clientConfig/caBundle"), bundles, "it outlives the second step");
    installation.check_second_step();
    installation.check_what_is_left_out();
    installation.check_that_it_fails_closed();
}

#[test]
fn installed_with_cert_manager_it_corrects_and_warns_and_then_refuses() {
    let cluster = Cluster::start();
    let definitions = part("cert-manager-crds.yaml");
    cluster.accepts(&["apply", "--server-side", "-f", path(&definitions)], "");
    cluster.accepts(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"], "");

    let deploy = Path::new(ROOT).join("deploy");
    let mut installation = Installation::first_step(cluster, &deploy.join("cert-manager"));
    installation.check_pod_security();
    let inject = "/metadata/annotations/cert-manager.io~1inject-ca-from";
    for configuration in CONFIGURATIONS {
        let object = installation.cluster.get(&[configuration, "regcred"]);
        assert_eq!(object.pointer(inject), Some(&json!("regcred-system/regcred")), "{configuration}");
    }
    installation.check_that_nothing_depends_on_it();

    // What cert-manager makes of the Certificates and its injector of the annotation.
    let authority = Authority::new();
    let bundle = json!(BASE64_STANDARD.encode(&authority.certificate));
    for configuration in CONFIGURATIONS {
        installation.patch(
            configuration,
            &json!([{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}]),
        );
    }
    installation.start(Some(&authority.issue()));
    installation.check_first_step();

    installation.second_step(&deploy.join("cert-manager-enforce"));
    assert_eq!(
        installation.webhooks("/clientConfig/caBundle"),
        [bundle.clone(), bundle],
        "what was injected outlives the second step"
    );
    installation.check_second_step();
    installation.check_what_is_left_out();
    installation.check_that_it_fails_closed();
}

#[test]
fn installed_with_files_made_as_the_readme_says_it_corrects_and_warns_and_then_refuses() {
    let checkout = Checkout::new();
    checkout.run_the_lines_of_the_readme();
    let deploy = checkout.path("deploy");

    let mut installation = Installation::first_step(Cluster::start(), &deploy.join("own-files"));
    installation.check_pod_security();
    installation.check_that_nothing_depends_on_it();
    let bundle = fs::read(checkout.path("certs/own/ca.crt")).unwrap();
    let bundle = json!(BASE64_STANDARD.encode(bundle));
    assert_eq!(installation.webhooks("/clientConfig/caBundle"), [bundle.clone(), bundle]);

    // What the kubelet mounts is the Secret that kustomize made of the files.
    let secret = installation.cluster.get(&["-n", "regcred-system", "secret", "regcred-tls"]);
    let file = |name: &str| {
        let data = BASE64_STANDARD.decode(secret["data"][name].as_str().unwrap()).unwrap();
        String::from_utf8(data).unwrap()
    };
    installation.start(Some(&Pair { certificate: file("tls.crt"), key: file("tls.key") }));
    installation.check_first_step();

    installation.second_step(&deploy.join("own-files-enforce"));
    installation.check_second_step();
    installation.check_what_is_left_out();
    installation.check_that_it_fails_closed();
}

/// A copy of what an administrator works in.
struct Checkout {
    folder: TempDir,
}

impl Checkout {
    fn new() -> Self {
        let checkout =
            Checkout { folder: tempfile::Builder::new().prefix("regcred-checkout-").tempdir().unwrap() };
        copy(&Path::new(ROOT).join("deploy"), &checkout.path("deploy"));
        checkout
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Of "Your own files": make a CA, make a certificate, put both into their place.
    fn run_the_lines_of_the_readme(&self) {
        has_tools(&["sh", "openssl"]);
        let readme = fs::read_to_string(Path::new(ROOT).join("certs/README.md")).unwrap();
        let (_, chapter) = readme.split_once("\n## Your own files\n").unwrap();
        let blocks: Vec<_> = chapter.split("\n```sh\n").skip(1).take(3).collect();
        assert_eq!(blocks.len(), 3);
        for block in blocks {
            let (lines, _) = block.split_once("\n```\n").unwrap();
            let output =
                Command::new("sh").args(["-euc", lines]).current_dir(self.folder.path()).output().unwrap();
            assert!(
                output.status.success(),
                "{lines}\n{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

/// The README's lines run on the tester's own machine, with what is installed there.
#[track_caller]
fn has_tools(names: &[&str]) {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    for name in names {
        let found = std::env::split_paths(&folders).any(|folder| folder.join(name).is_file());
        assert!(found, "install {name}: the lines of certs/README.md need it, and it is not in the PATH");
    }
}

#[test]
#[should_panic(expected = "install no-such-tool: the lines of certs/README.md need it")]
fn a_tool_that_is_missing_is_named() {
    has_tools(&["sh", "no-such-tool"]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
