//! The proof: a Secret as Rancher writes it does not let podman's library into a registry, and what regcred made of it
//! does; for the kubelet both are the same.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::process::Stdio;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::cluster::pull_secret;
use crate::support::eventually;
use crate::support::parts::part;
use crate::support::supervised::{Supervised, clean};

use super::{auths, enforced, rancher::form};

const USER: &str = "robot";
const PASSWORD: &str = "made-up-password";
/// The same, as the registry knows it.
const HTPASSWD: &str = "robot:$2y$05$regcredTestsAreMadeUpu7KUShy6z3Or/Ec91r2ndRbFckegPqDu\n";

const SERVER: &str = r#"
registry=$1 dir=$2
"$registry" serve "$dir/registry.yml" >"$dir/registry.log" 2>&1 &
registry=$!
cat >/dev/null
kill -9 $registry || :
wait
rm -rf "$dir"
"#;

/// A registry that asks for a password.
struct Registry {
    _server: Supervised,
    /// Host and port.
    address: String,
}

impl Registry {
    fn start() -> Self {
        let program = part("registry");
        let folder = tempfile::Builder::new().prefix("regcred-registry-").tempdir().unwrap().keep();
        let htpasswd = folder.join("htpasswd");
        fs::write(&htpasswd, HTPASSWD).unwrap();
        let config = json!({
            "version": "0.1",
            "log": {"level": "info", "formatter": "json", "accesslog": {"disabled": true}},
            "storage": {"inmemory": {}},
            "http": {"addr": "127.0.0.1:0"},
            "auth": {"htpasswd": {"realm": "test", "path": htpasswd}},
        });
        fs::write(folder.join("registry.yml"), config.to_string()).unwrap();
        let arguments: [&OsStr; 2] = [program.as_os_str(), folder.as_os_str()];
        let server = Supervised::start(SERVER, &arguments, &folder);
        let log = folder.join("registry.log");
        let address = eventually("a listening registry", || {
            let log = fs::read_to_string(&log).ok()?;
            let (_, behind) = log.split_once(r#""listening on "#)?;
            Some(behind.split_once('"')?.0.to_owned())
        });
        Registry { _server: server, address }
    }
}

/// What a consumer of a document finds or does.
#[track_caller]
fn consume(consumer: &str, action: &str, document: &str, registry: &Registry) -> Value {
    let request = json!({
        "consumer": consumer,
        "type": "kubernetes.io/dockerconfigjson",
        "document": BASE64_STANDARD.encode(document),
        "image": format!("{}/team/app:1", registry.address),
        "action": action,
        "insecure": true,
    });
    let home = tempfile::tempdir().unwrap();
    let mut child =
        clean(part("consumers"), home.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{request}").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn podman_logs_in_with_stored_secret_only() {
    let registry = Registry::start();
    let namespace = enforced("proof");
    let entry = format!(r#""{}":{{"username":"{USER}","password":"{PASSWORD}"}}"#, registry.address);
    let sent = auths(&[&entry]);

    let answer = namespace.rancher("POST", "", Some(&form("acr", &namespace, Some(&sent))));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let stored = namespace.document("acr");

    let before = consume("podman", "login", &sent, &registry);
    assert_eq!((&before["loggedIn"], &before["credentials"]), (&json!(false), &json!([])), "{before}");
    let after = consume("podman", "login", &stored, &registry);
    assert_eq!(after["loggedIn"], true, "{after}");

    let credentials = json!([{"username": USER, "password": PASSWORD}]);
    for document in [&sent, &stored] {
        let found = consume("kubelet", "lookup", document, &registry);
        assert_eq!((&found["credentials"], &found["error"]), (&credentials, &json!("")), "{document}");
    }
}

#[test]
fn a_wrong_password_does_not_log_in() {
    let registry = Registry::start();
    let namespace = enforced("proof-wrong");
    let entry = format!(r#""{}":{{"username":"{USER}","password":"wrong"}}"#, registry.address);
    namespace.accepts(&["create", "-f", "-"], &pull_secret("acr", &auths(&[&entry])).to_string());

    let found = consume("podman", "login", &namespace.document("acr"), &registry);

    assert_eq!(found["credentials"], json!([{"username": USER, "password": "wrong"}]), "{found}");
    assert_eq!(found["loggedIn"], false, "{found}");
}
