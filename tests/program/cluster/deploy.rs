//! `deploy/` as it is applied: both steps with each kind of certificate, on API servers of their own, since these
//! webhooks are for all namespaces.
//!
//! No controller and no kubelet runs, so the tests do what these would have done, and nothing else: they make the
//! Deployment's `ReplicaSets`, count for the quota, run the program as the containers would, mount what the kubelet would
//! mount, lead the Service to it, and write where cert-manager's injector would write.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::certificate::{Authority, Pair};
use crate::support::cluster::{Account, Cluster, Namespace, pull_secret};
use crate::support::deploy::{Checkout, Container};
use crate::support::eventually;
use crate::support::parts::part;
use crate::support::regcred::Regcred;
use crate::support::supervised::Guarded;
use crate::support::volume::Volume;

use super::{GENERIC, HOST, auths, bare, whole};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const UPGRADING: &str = include_str!("../../../docs/upgrading.md");
const CONFIGURATIONS: [&str; 2] = ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"];

/// What was applied, and the program that runs as it says.
struct Installation {
    cluster: Cluster,
    checkout: Checkout,
    /// The component that brings the certificate.
    way: &'static str,
    regcred: Option<Guarded>,
    /// What the Secret `regcred-tls` holds, where it is mounted.
    certificate: Option<Pair>,
}

impl Installation {
    /// Applies the first step.
    fn first_step(cluster: Cluster, checkout: Checkout, way: &'static str) -> Self {
        checkout.choose(&[way]);
        checkout.apply(&cluster);
        Installation { cluster, checkout, way, regcred: None, certificate: None }
    }

    /// Applies the second step over the first, and replaces the program as the roll-out does.
    fn second_step(&mut self) {
        let enforcement = |template: &Value| {
            let variables = template["spec"]["containers"][0]["env"].as_array().unwrap().iter();
            let mut variables: Vec<_> = variables.map(Value::to_string).collect();
            variables.sort();
            variables
        };
        let before = self.template();
        self.checkout.choose(&[self.way, "enforce"]);
        self.checkout.apply(&self.cluster);

        let after = self.template();
        let (old, new) = (enforcement(&before), enforcement(&after));
        let changed: Vec<_> = old.iter().zip(&new).filter(|(old, new)| old != new).collect();
        let setting = |value: &str| json!({"name": "REGCRED_ENFORCEMENT", "value": value}).to_string();
        assert_eq!(changed, [(&setting("warn"), &setting("enforce"))]);
        assert_eq!(before["spec"]["volumes"], after["spec"]["volumes"]);
        self.start();
    }

    fn regcred(&self) -> &Regcred {
        &self.regcred.as_ref().unwrap().regcred
    }

    fn deployment(&self) -> Value {
        self.cluster.get(&["-n", "regcred-system", "deployment", "regcred"])
    }

    /// Of the Deployment's Pods.
    fn template(&self) -> Value {
        self.deployment()["spec"]["template"].clone()
    }

    /// A kubeconfig of the Pods' account.
    fn kubeconfig(&self) -> String {
        let token = self.cluster.token_of("regcred-system", "regcred");
        self.cluster.pod_kubeconfig(self.cluster.address(), &token, "regcred-system")
    }

    /// A Pod of this template: the program with the settings of its container, and with what it mounts.
    fn run(&self, template: &Value) -> Guarded {
        let pod = &template["spec"];
        let container = Container::of(&self.cluster, "regcred-system", pod);
        let (mut serve, root) = container.serve();
        if let Some(Pair { certificate, key }) = &self.certificate {
            Volume::new(root.join("tls"), &[("tls.crt", certificate), ("tls.key", key)]);
        }
        assert_eq!(pod["automountServiceAccountToken"], json!(self.certificate.is_none()));
        if self.certificate.is_none() {
            serve = serve.kubeconfig(&self.kubeconfig());
        }
        let regcred = Guarded::start(serve);
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let asked = container.spec[probe]["httpGet"]["path"].as_str().unwrap();
            eventually(probe, || (regcred.regcred.get(asked).status == 200).then_some(()));
        }
        regcred
    }

    /// Runs the program as the Deployment says, in place of the one that ran.
    fn start(&mut self) {
        self.regcred = Some(self.run(&self.template()));
        self.lead_to(self.regcred().https.port());
    }

    /// The `ReplicaSet` that the Deployment's controller would make of its present template.
    fn replica_set(&self, revision: u32) -> Value {
        let deployment = self.deployment();
        let mut set = json!({
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": format!("regcred-{revision}"),
                "namespace": "regcred-system",
                "annotations": {"deployment.kubernetes.io/revision": revision.to_string()},
                "ownerReferences": [{
                    "apiVersion": "apps/v1", "kind": "Deployment", "name": "regcred", "controller": true,
                    "uid": deployment["metadata"]["uid"],
                }],
            },
            "spec": {
                "replicas": 2, "selector": deployment["spec"]["selector"],
                "template": deployment["spec"]["template"],
            },
        });
        let hash = json!(revision.to_string());
        set["spec"]["selector"]["matchLabels"]["pod-template-hash"] = hash.clone();
        set["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] = hash;
        set["metadata"]["labels"] = set["spec"]["template"]["metadata"]["labels"].clone();
        self.cluster.accepts(&["create", "-f", "-"], &set.to_string());
        self.cluster.get(&["-n", "regcred-system", "replicaset", &format!("regcred-{revision}")])
    }

    /// The lines that `docs/upgrading.md` prints about old config maps.
    fn unmounted(&self) -> Vec<String> {
        let (_, chapter) = UPGRADING.split_once("\n## Old ConfigMaps\n").unwrap();
        let (_, block) = chapter.split_once("\n```sh\n").unwrap();
        let (lines, _) = block.split_once("\n```\n").unwrap();
        let kubeconfig = self.checkout.path("kubeconfig");
        fs::write(&kubeconfig, self.cluster.kubeconfig(Account::Admin, None).to_string()).unwrap();
        let tools = std::env::var_os("PATH").unwrap_or_default();
        let tools = std::env::split_paths(&tools);
        let tools = std::iter::once(part("kubectl").parent().unwrap().to_owned()).chain(tools);
        let output = Command::new("sh")
            .args(["-c", lines])
            .env("PATH", std::env::join_paths(tools).unwrap())
            .env("KUBECONFIG", kubeconfig)
            .env("KUBERC", "off")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// The config map that Pods of this template mount as their policy.
    fn policy_of(template: &Value) -> String {
        let volumes = template["spec"]["volumes"].as_array().unwrap();
        let policy = volumes.iter().find(|volume| volume["name"] == "policy").unwrap();
        policy["configMap"]["name"].as_str().unwrap().to_owned()
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
        // The Opaque one has the data key of a pull Secret: only the validating webhook gets it.
        assert_eq!(types.record(self.regcred(), "generic", "validate")["decision"], "warned");
        assert_eq!(types.records(self.regcred()).len(), 3);
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
        let template = self.template();
        let mut pod = json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "regcred", "namespace": "regcred-system", "labels": template["metadata"]["labels"],
            },
            "spec": template["spec"],
        });
        let create = ["create", "--dry-run=server", "-f", "-"];
        // The priority class needs a quota that has been counted.
        let count = json!({"status": {"hard": {"pods": "100"}, "used": {"pods": "0"}}}).to_string();
        let quota = ["-n", "regcred-system", "patch", "resourcequota", "regcred-critical-pods"];
        self.cluster
            .accepts(&[&quota[..], &["--subresource=status", "--type=merge", "-p", &count]].concat(), "");
        let said = eventually("the count to be seen", || {
            let said = self.cluster.kubectl(&create, &pod.to_string());
            (!said.stderr.contains("status unknown for quota")).then_some(said)
        });
        assert!(said.success && said.stderr.is_empty(), "{said:?}");

        pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = json!(true);
        let said = self.cluster.rejects(&create, &pod.to_string());
        assert!(said.stderr.contains(r#"violates PodSecurity "restricted:latest""#), "{said:?}");
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn self_managed_installation_repairs_then_refuses() {
    let mut installation = Installation::first_step(Cluster::start(), Checkout::new(), "self-managed");
    installation.check_pod_security();
    installation.check_that_nothing_depends_on_it();
    installation.start();
    installation.check_first_step();

    let bundles = installation.webhooks("/clientConfig/caBundle");
    assert!(bundles[0].is_string() && bundles[0] == bundles[1], "{bundles:?}");
    installation.second_step();
    assert_eq!(installation.webhooks("/clientConfig/caBundle"), bundles, "it outlives the second step");
    installation.check_second_step();
    installation.check_what_is_left_out();
    installation.check_that_it_fails_closed();
}

#[test]
fn cert_manager_installation_repairs_then_refuses() {
    let cluster = Cluster::start();
    let definitions = part("cert-manager-crds.yaml");
    cluster.accepts(&["apply", "--server-side", "-f", path(&definitions)], "");
    cluster.accepts(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"], "");

    let mut installation = Installation::first_step(cluster, Checkout::new(), "cert-manager");
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
    installation.certificate = Some(authority.issue());
    installation.start();
    installation.check_first_step();

    installation.second_step();
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
fn own_files_installation_repairs_then_refuses() {
    let checkout = Checkout::new();
    run_the_lines_of_the_readme(&checkout);
    let bundle = fs::read(checkout.path("certs/own/ca.crt")).unwrap();

    let mut installation = Installation::first_step(Cluster::start(), checkout, "own-files");
    installation.check_pod_security();
    installation.check_that_nothing_depends_on_it();
    let bundle = json!(BASE64_STANDARD.encode(bundle));
    assert_eq!(installation.webhooks("/clientConfig/caBundle"), [bundle.clone(), bundle]);

    // What the kubelet mounts is the Secret that kustomize made of the files.
    let secret = installation.cluster.get(&["-n", "regcred-system", "secret", "regcred-tls"]);
    let file = |name: &str| {
        let data = BASE64_STANDARD.decode(secret["data"][name].as_str().unwrap()).unwrap();
        String::from_utf8(data).unwrap()
    };
    installation.certificate = Some(Pair { certificate: file("tls.crt"), key: file("tls.key") });
    installation.start();
    installation.check_first_step();

    installation.second_step();
    installation.check_second_step();
    installation.check_what_is_left_out();
    installation.check_that_it_fails_closed();
}

#[test]
fn broken_policy_reaches_only_new_pods() {
    let mut installation = Installation::first_step(Cluster::start(), Checkout::new(), "self-managed");
    let old = installation.replica_set(1)["spec"]["template"].clone();
    installation.start();
    let good = Installation::policy_of(&old);
    let content = |name: &str| {
        let map = installation.cluster.get(&["-n", "regcred-system", "configmap", name]);
        map["data"]["policy.yaml"].as_str().unwrap().to_owned()
    };
    let text = content(&good);

    // A release of another image, with a policy that the program cannot read.
    let edit = |file, from, to| installation.checkout.edit(file, from, to);
    edit("deploy/policy/policy.yaml", "rules: {}", "rules:\n  missing-auth: dney");
    edit("deploy/kustomization.yaml", "newTag: 0.1.0", "newTag: 0.1.1");
    installation.checkout.apply(&installation.cluster);
    let new = installation.replica_set(2)["spec"]["template"].clone();
    let broken = Installation::policy_of(&new);

    assert_ne!(good, broken, "another ConfigMap");
    assert_eq!(content(&good), text, "the old Pods' ConfigMap is as it was");
    let (code, stderr) = Container::of(&installation.cluster, "regcred-system", &new["spec"])
        .fails(&installation.kubeconfig());
    let line = content(&broken).lines().position(|line| line.contains("dney")).unwrap() + 1;
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains(&format!("policy.yaml: line {line}, column 17: ")), "{stderr}");
    // An old Pod that restarts in the middle of the roll-out, and the one that has been running.
    drop(installation.run(&old));
    assert_eq!(installation.regcred().get("/readyz").status, 200);

    installation.cluster.accepts(&["-n", "regcred-system", "rollout", "undo", "deployment/regcred"], "");
    let restored = installation.template();
    let image = |template: &Value| template["spec"]["containers"][0]["image"].clone();
    assert_eq!(Installation::policy_of(&restored), good);
    assert_eq!((image(&new), image(&restored)), (json!("regcred:0.1.1"), json!("regcred:0.1.0")));
    installation.start();
    installation.check_first_step();

    assert_eq!(installation.unmounted(), [""; 0], "both ReplicaSets are kept");
    installation.cluster.accepts(&["-n", "regcred-system", "delete", "replicaset", "regcred-2"], "");
    assert_eq!(installation.unmounted(), [format!("configmap/{broken}")]);
}

/// Of "Your own files": make a CA, make a certificate, put both into their place.
fn run_the_lines_of_the_readme(checkout: &Checkout) {
    has_tools(&["sh", "openssl"]);
    let readme = fs::read_to_string(Path::new(ROOT).join("certs/README.md")).unwrap();
    let (_, chapter) = readme.split_once("\n## Your own files\n").unwrap();
    let blocks: Vec<_> = chapter.split("\n```sh\n").skip(1).take(3).collect();
    assert_eq!(blocks.len(), 3);
    for block in blocks {
        let (lines, _) = block.split_once("\n```\n").unwrap();
        let output =
            Command::new("sh").args(["-euc", lines]).current_dir(checkout.path("")).output().unwrap();
        assert!(
            output.status.success(),
            "{lines}\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
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
