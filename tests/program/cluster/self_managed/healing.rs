//! What others do to the Secret, to the configurations and to the way to the API server.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::canary::Searcher;
use crate::cluster::{HOST, auths, bare, whole};
use crate::support::cluster::pull_secret;
use crate::support::eventually;
use crate::support::regcred::Serve;

use super::{CONFIGURATIONS, Installation, NAMESPACE, SECRET};

const TYPE_CONDITION: &str = r#"regcred_webhook_configuration_problems{problem="type_condition"}"#;
const MISSING: &str = r#"regcred_webhook_configuration_problems{problem="missing"}"#;
const FAILED_PASSES: &str = r#"regcred_tls_reloads_total{result="error"}"#;

#[test]
fn edits_are_reverted_without_leaking_keys() {
    let installation = Installation::apply("self-managed");
    let token = installation.cluster.token_of(NAMESPACE, "regcred");
    let kubeconfig = installation.cluster.pod_kubeconfig(installation.cluster.address(), &token, NAMESPACE);
    let regcred = Serve::self_managed(&kubeconfig).args(["--log-level", "trace"]).start();
    let number = installation.balancer.add(&regcred);
    installation.balancer.wait_until(number, true);
    let ca = installation.stored("ca.crt").unwrap();
    let key = installation.stored("ca.key").unwrap();
    installation.wait_for_bundles(&ca);

    // Emptied, and replaced by what is no bundle of this installation, as an older manifest would.
    let mut healed = Vec::new();
    let corrections = || regcred.metric("regcred_ca_bundle_corrections_total").unwrap();
    for edit in [
        json!([{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]),
        json!([{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle",
                "value": BASE64_STANDARD.encode(crate::support::certificate::Authority::new().certificate)}]),
    ] {
        for configuration in CONFIGURATIONS {
            let before = corrections();
            installation.patch(configuration, &edit);
            let edited = Instant::now();
            eventually("a correction", || (corrections() > before).then_some(()));
            healed.push(edited.elapsed());
        }
        installation.wait_for_bundles(&ca);
    }
    // A timer alone would take minutes.
    println!("corrected after {healed:?}");
    assert!(healed.iter().all(|time| *time < Duration::from_secs(5)), "{healed:?}");
    let namespace = installation.namespace("healed");
    eventually("a Secret corrected through the healed configurations", || {
        let secret = pull_secret("acr", &auths(&[&bare(HOST)]));
        namespace.kubectl(&["delete", "secret", "acr", "--ignore-not-found"], "");
        namespace.accepts(&["create", "-f", "-"], &secret.to_string());
        (namespace.document("acr") == auths(&[&whole(HOST)])).then_some(())
    });

    // The Secret, spoiled and deleted.
    let spoil = |data: &Value| {
        let patch = json!({"data": data}).to_string();
        installation
            .cluster
            .accepts(&["-n", NAMESPACE, "patch", "secret", SECRET, "--type=merge", "-p", &patch], "");
    };
    let restored = || {
        eventually("the Secret as it was", || {
            (installation.stored("ca.key")? == key && installation.stored("ca.crt")? == ca).then_some(())
        });
    };
    spoil(&json!({"ca.key": BASE64_STANDARD.encode(format!("{}x", &key[..key.len() / 2]))}));
    restored();
    spoil(&json!({"ca.crt": BASE64_STANDARD.encode("\u{1b}[31mno certificate")}));
    restored();
    spoil(&json!({"ca.crt": null}));
    restored();
    installation.cluster.accepts(&["-n", NAMESPACE, "delete", "secret", SECRET], "");
    restored();
    assert!(installation.serves_by(&regcred, &ca));

    // The type condition, without which every Secret of the cluster would be asked about.
    assert_eq!(regcred.metric(TYPE_CONDITION), Some(0.0));
    let conditions = installation.cluster.get(&[CONFIGURATIONS[1], "regcred"]);
    let conditions = &conditions["webhooks"][0]["matchConditions"];
    installation.patch(CONFIGURATIONS[1], &json!([{"op": "remove", "path": "/webhooks/0/matchConditions"}]));
    regcred.wait_for_metric(TYPE_CONDITION, 1.0);
    regcred.wait_for_log("ValidatingWebhookConfiguration: has no match condition on object.type");
    installation.patch(
        CONFIGURATIONS[1],
        &json!([{"op": "add", "path": "/webhooks/0/matchConditions", "value": conditions}]),
    );
    regcred.wait_for_metric(TYPE_CONDITION, 0.0);
    regcred.wait_for_log("ValidatingWebhookConfiguration: the problem is over");

    // Break-glass: said once, and no reason to stop.
    installation.cluster.accepts(&["delete", CONFIGURATIONS[0], "regcred"], "");
    regcred.wait_for_metric(MISSING, 1.0);
    assert_eq!(regcred.get("/readyz").status, 200);

    let metrics = regcred.get("/metrics").text();
    let left = regcred.stop();
    assert_eq!(left.stderr.matches("does not exist").count(), 1, "{}", left.stderr);
    let body: String = key.lines().filter(|line| !line.starts_with("-----")).collect();
    let searcher = Searcher::new(&[("CA key", &body), ("token", &token)]);
    assert!(!searcher.search(key.as_bytes()).is_empty());
    for text in [&left.stderr, &left.stdout, &metrics] {
        assert_eq!(searcher.search(text.as_bytes()), std::collections::BTreeSet::new());
        assert!(!text.contains("PRIVATE KEY"));
        // What was read is quoted nowhere.
        assert!(!text.contains("no certificate\"") && !text.contains('\u{1b}'));
    }
}

#[test]
fn unusable_secret_is_reported_deletion_heals() {
    let installation = Installation::apply("self-managed");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET, "namespace": NAMESPACE},
        "stringData": {"ca.crt": "none", "ca.key": "none"},
    });
    installation.cluster.accepts(&["create", "-f", "-"], &secret.to_string());
    let regcred = installation.serve().start_unready();
    regcred.wait_for_log(
        "the Secret regcred-self-managed has no valid private key: delete it, and regcred makes a new one",
    );
    assert_eq!(regcred.get("/readyz").status, 503);
    assert!(regcred.metric(FAILED_PASSES) > Some(0.0));

    installation.cluster.accepts(&["-n", NAMESPACE, "delete", "secret", SECRET], "");
    regcred.wait_until_ready();
    installation.wait_for_bundles(&installation.stored("ca.crt").unwrap());
}

/// One attempt each at what an attacker with the pod's token would want, beside what the program does all the time.
#[test]
fn shipped_permissions_are_minimal() {
    let installation = Installation::apply("self-managed");
    let own = pull_secret("other", "{}").to_string();
    installation.cluster.accepts(&["-n", NAMESPACE, "create", "-f", "-"], &own);
    let regcred = installation.serve().start();
    installation.wait_for_bundles(&installation.stored("ca.crt").unwrap());
    regcred.wait_for_metric(MISSING, 0.0);

    let account = ["--as=system:serviceaccount:regcred-system:regcred", "-n", NAMESPACE];
    let attempt = |arguments: &[&str], stdin: &str| {
        installation.cluster.kubectl(&[&account, arguments].concat(), stdin)
    };
    let named = format!("--field-selector=metadata.name={SECRET}");
    for arguments in [
        &["get", "secret", SECRET][..],
        &["get", "secrets", &named],
        &["get", CONFIGURATIONS[0], "--field-selector=metadata.name=regcred"],
        &["get", CONFIGURATIONS[1], "--field-selector=metadata.name=regcred"],
    ] {
        let said = attempt(arguments, "");
        assert!(said.success, "{said:?}");
    }
    // With the watches, not only with the timer.
    assert!(!regcred.log().contains("cannot watch it"), "{}", regcred.log());
    let named = pull_secret(SECRET, "{}").to_string();
    let new = pull_secret("new", "{}").to_string();
    for (arguments, stdin) in [
        (&["get", "secrets"][..], ""),
        (&["get", "secret", "other"], ""),
        (&["delete", "secret", SECRET], ""),
        // By a POST, which has no name that RBAC sees.
        (&["create", "-f", "-"], &named),
        (&["create", "-f", "-"], &new),
        (&["apply", "--server-side", "-f", "-"], &new),
        (&["patch", "secret", "other", "-p", r#"{"data":{"x":"eA=="}}"#], ""),
        (&["get", "pods"], ""),
        (&["get", "secrets", "-n", "kube-system"], ""),
        (&["get", "secrets", "--field-selector=metadata.name=other"], ""),
        (&["get", "secrets", "--field-selector=metadata.name!=other"], ""),
        (&["get", "mutatingwebhookconfigurations"], ""),
        (&["delete", "validatingwebhookconfiguration", "regcred"], ""),
        (&["patch", "validatingwebhookconfiguration", "other", "-p", "{}"], ""),
        (&["create", "token", "regcred"], ""),
    ] {
        let said = attempt(arguments, stdin);
        assert!(!said.success && said.stderr.contains(" cannot "), "{said:?}");
    }
}

#[test]
fn unreachable_api_server_stops_readiness_only() {
    let installation = Installation::apply("self-managed");
    let way = Way::to(installation.cluster.address());
    let token = installation.cluster.token_of(NAMESPACE, "regcred");
    let kubeconfig = installation.cluster.pod_kubeconfig(way.address, &token, NAMESPACE);
    let regcred = Serve::self_managed(&kubeconfig).start_unready();

    regcred.wait_for_log("cannot reach the API server");
    let answer = regcred.get("/readyz");
    assert_eq!((answer.status, answer.text().contains("no certificate")), (503, true), "{}", answer.text());
    assert_eq!(regcred.get("/livez").status, 200);
    assert!(!installation.serves_by(&regcred, &crate::support::certificate::Authority::new().certificate));
    regcred.wait_for_metric("regcred_tls_handshake_failures_total", 1.0);

    way.open();
    regcred.wait_until_ready();
    let ca = installation.stored("ca.crt").unwrap();
    installation.wait_for_bundles(&ca);

    way.close();
    let failed = regcred.metric(FAILED_PASSES).unwrap();
    eventually("passes that fail", || (regcred.metric(FAILED_PASSES)? > failed + 3.0).then_some(()));
    assert_eq!(regcred.get("/readyz").status, 200);
    assert!(installation.serves_by(&regcred, &ca));

    way.open();
    regcred.wait_for_log("the CA of this installation: the problem is over");
    let told = regcred.log().matches("cannot reach the API server").count();
    // The CA and two configurations, in words that may differ by how the connection ended.
    assert!(told <= 12, "said {told} times: {}", regcred.log());
}

/// A way to the API server that can be closed. It begins closed.
struct Way {
    address: SocketAddr,
    open: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Way {
    fn to(api: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let way =
            Way { address: listener.local_addr().unwrap(), open: Arc::default(), streams: Arc::default() };
        let (open, streams) = (Arc::clone(&way.open), Arc::clone(&way.streams));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { continue };
                if open.load(Ordering::SeqCst)
                    && let Ok(server) = TcpStream::connect(api)
                {
                    let pair = [(&client, &server), (&server, &client)];
                    for (from, to) in pair {
                        let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                        std::thread::spawn(move || {
                            drop(io::copy(&mut from, &mut to));
                            drop(to.shutdown(Shutdown::Both));
                        });
                    }
                    streams.lock().unwrap().extend([client, server]);
                }
            }
        });
        way
    }

    fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
        for stream in self.streams.lock().unwrap().drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}
