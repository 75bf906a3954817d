//! A real API server with its etcd, and kubectl.

mod access;
mod api;
mod namespace;
mod scanned;
mod webhooks;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::PATIENCE;
use super::client::{Client, Response};
use super::eventually;
use super::parts::part;
use super::supervised::{Supervised, clean};
pub use api::{Api, ApiConnection};
pub use namespace::Namespace;
pub use scanned::{Account, Scan, Scanned, peak};
pub use webhooks::{Webhooks, Which};

/// etcd listens on Unix sockets. It is killed last, since an API server that ends wants to talk to it.
const SERVERS: &str = r#"
etcd=$1 api=$2 dir=$3 port=$4
shift 4
"$etcd" --name=test --data-dir="$dir/etcd" --unsafe-no-fsync --log-level=error \
    --listen-client-urls="unix://$dir/etcd.sock" --advertise-client-urls="unix://$dir/etcd.sock" \
    --listen-peer-urls="unix://$dir/peer.sock" --initial-advertise-peer-urls="unix://$dir/peer.sock" \
    --initial-cluster="test=unix://$dir/peer.sock" >"$dir/etcd.log" 2>&1 &
etcd=$!
"$api" --etcd-servers="unix://$dir/etcd.sock" --cert-dir="$dir/certs" \
    --bind-address=127.0.0.1 --secure-port="$port" --permit-port-sharing \
    --service-cluster-ip-range=10.0.0.0/24 --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file="$dir/sa.pub" --service-account-signing-key-file="$dir/sa.key" \
    --token-auth-file="$dir/tokens.csv" \
    --audit-policy-file="$dir/audit.json" --audit-log-path="$dir/audit.log" "$@" >"$dir/api.log" 2>&1 &
api=$!
cat >/dev/null
kill -9 $api $etcd || :
wait
rm -rf "$dir"
"#;

const ADMIN: &str = "admin-token";

/// The token of a kubelet whose node is called `node1`.
pub const NODE_TOKEN: &str = "node-token";

/// Flags for Pods that never run: nobody makes the service accounts that they would need.
const WITHOUT_NODES: [&str; 2] = ["--authorization-mode=RBAC", "--disable-admission-plugins=ServiceAccount"];

/// Flags for Pods that run on a node.
const WITH_NODES: [&str; 3] = [
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction",
    // Webhooks are called at the addresses of their endpoints: no kube-proxy runs in the host.
    "--enable-aggregator-routing=true",
];

/// The group of everybody who works through Rancher; here it may write Secrets.
const RANCHER_GROUP: &str = "system:cattle:authenticated";

/// The namespace whose Secrets the API server's own audit log shows at level Request; otherwise at Metadata, as is
/// usual.
pub const AUDITED_AT_REQUEST: &str = "audited-at-request";

/// The account of the webhook in the shipped manifests. The API server's audit log shows all its requests.
pub const WEBHOOK_ACCOUNT: &str = "system:serviceaccount:regcred-system:regcred";

/// A running API server.
pub struct Cluster {
    _servers: Supervised,
    folder: PathBuf,
    address: SocketAddr,
    /// Bound and never listening, so that nobody else gets the port; the API server shares it.
    _port: TcpSocket,
}

impl Cluster {
    /// Starts one and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more flags of the API server.
    pub fn start_with(flags: &[&str]) -> Self {
        Self::launch(&[&WITHOUT_NODES, flags].concat())
    }

    /// Starts one for nodes and controllers, which the caller starts.
    pub fn start_for_nodes() -> Self {
        Self::launch(&WITH_NODES)
    }

    fn launch(flags: &[&str]) -> Self {
        let (etcd, api) = (part("etcd"), part("kube-apiserver"));
        let port = TcpSocket::new_v4().unwrap();
        port.set_reuseport(true).unwrap();
        port.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = port.local_addr().unwrap();

        let folder = tempfile::Builder::new().prefix("regcred-cluster-").tempdir().unwrap().keep();
        let key = rcgen::KeyPair::generate().unwrap();
        fs::write(folder.join("sa.key"), key.serialize_pem()).unwrap();
        fs::write(folder.join("sa.pub"), key.public_key_pem()).unwrap();
        let admin = format!("{ADMIN},admin,admin,\"system:masters\"\n");
        let node = format!("{NODE_TOKEN},system:node:node1,node1,\"system:nodes\"\n");
        fs::write(folder.join("tokens.csv"), admin + &node).unwrap();

        fs::write(folder.join("audit.json"), audit_policy()).unwrap();
        let number = address.port().to_string();
        let mut arguments = vec![etcd.as_os_str(), api.as_os_str(), folder.as_os_str(), OsStr::new(&number)];
        arguments.extend(flags.iter().map(OsStr::new));
        let servers = Supervised::start(SERVERS, &arguments, &folder);
        let cluster = Cluster { _servers: servers, folder, address, _port: port };
        cluster.wait_until_ready();
        cluster
    }

    fn wait_until_ready(&self) {
        let answers = |path: &str| {
            let answer = self
                .client()
                .and_then(|client| client.try_connect().ok()?.request("GET", path, &[admin()], b"").ok());
            answer.is_some_and(|answer| answer.status == 200)
        };
        let until = Instant::now() + PATIENCE;
        while !(answers("/readyz") && answers("/api/v1/namespaces/default")) {
            let log = |name| fs::read_to_string(self.folder.join(name)).unwrap_or_default();
            assert!(
                Instant::now() < until,
                "no API server within {PATIENCE:?}:\n{}\n{}",
                log("etcd.log"),
                log("api.log")
            );
            std::thread::sleep(Duration::from_millis(20));
        }

        self.accepts(&["apply", "-f", "-"], &rancher_may_write_secrets());
        eventually("a Rancher user's permission", || {
            (self.rancher("GET", "/api/v1/namespaces/default/secrets", None).status == 200).then_some(())
        });
    }

    /// A client, once the API server has made its certificate.
    fn client(&self) -> Option<Client> {
        let certificate = self.folder.join("certs/apiserver.crt");
        let complete = fs::read_to_string(&certificate).is_ok_and(|text| text.ends_with("-----\n"));
        complete.then(|| Client::https(self.address, &certificate))
    }

    /// The file with its certificate and the CA of that.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("certs/apiserver.crt")
    }

    /// A request as Rancher makes it for the signed-in user `u-abcde`: by impersonation.
    #[track_caller]
    pub fn rancher(&self, method: &str, path: &str, body: Option<&Value>) -> Response {
        let headers = [
            admin(),
            ("Impersonate-User", "u-abcde"),
            ("Impersonate-Group", "system:authenticated"),
            ("Impersonate-Group", RANCHER_GROUP),
            ("Content-Type", "application/json"),
        ];
        let body = body.map(ToString::to_string).unwrap_or_default();
        let client = self.client().expect("a cluster that is ready");
        client.connect().request(method, path, &headers, body.as_bytes()).unwrap()
    }

    /// Runs kubectl as the cluster's administrator.
    #[track_caller]
    pub fn kubectl(&self, arguments: &[&str], stdin: &str) -> Said {
        let mut child = clean(part("kubectl"), &self.folder)
            .env("KUBERC", "off")
            .args(["--kubeconfig=/dev/null", "--request-timeout=60s"])
            .arg(format!("--cache-dir={}", self.folder.join("kubectl").display()))
            .arg(format!("--server=https://{}", self.address))
            .arg(format!("--certificate-authority={}", self.folder.join("certs/apiserver.crt").display()))
            .arg(format!("--token={ADMIN}"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let stdin = stdin.to_owned();
        // A kubectl that fails early does not read all of it.
        let writer = std::thread::spawn(move || drop(pipe.write_all(stdin.as_bytes())));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        Said {
            arguments: arguments.join(" "),
            success: output.status.success(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs kubectl, which has to succeed.
    #[track_caller]
    pub fn accepts(&self, arguments: &[&str], stdin: &str) -> Said {
        let said = self.kubectl(arguments, stdin);
        assert!(said.success, "{said:?}");
        said
    }

    /// Runs kubectl, which has to fail.
    #[track_caller]
    pub fn rejects(&self, arguments: &[&str], stdin: &str) -> Said {
        let said = self.kubectl(arguments, stdin);
        assert!(!said.success, "{said:?}");
        said
    }

    /// The line of the API server's own audit log on the creation of a Secret.
    #[track_caller]
    pub fn audited_creation(&self, namespace: &str, name: &str) -> String {
        eventually("an event in the API server's audit log", || {
            let log = fs::read_to_string(self.folder.join("audit.log")).ok()?;
            let complete = log.rsplit_once('\n')?.0;
            let of_creation = |line: &&str| {
                let event: Value = serde_json::from_str(line).unwrap();
                let object = &event["objectRef"];
                event["verb"] == "create" && object["namespace"] == namespace && object["name"] == name
            };
            complete.lines().find(of_creation).map(str::to_owned)
        })
    }

    /// The requests of the webhook's account so far, from the API server's audit log: when, verb and resource. A watch
    /// counts when it begins.
    pub fn requests_of_webhook(&self) -> Vec<(Timestamp, String)> {
        let log = fs::read_to_string(self.folder.join("audit.log")).unwrap();
        let complete = log.rsplit_once('\n').map_or("", |(complete, _)| complete);
        let events = complete.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let begins = |event: &Value| {
            let is_watch = event["verb"] == "watch";
            event["stage"] == if is_watch { "ResponseStarted" } else { "ResponseComplete" }
        };
        let request = |event: Value| {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let time = text(&event["requestReceivedTimestamp"]).parse().unwrap();
            (time, format!("{} {}", text(&event["verb"]), text(&event["objectRef"]["resource"])))
        };
        let own = events.filter(|event| event["user"]["username"] == WEBHOOK_ACCOUNT && begins(event));
        own.map(request).collect()
    }

    /// An object as JSON.
    #[track_caller]
    pub fn get(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["get", "-o", "json"];
        all.extend(arguments);
        serde_json::from_str(&self.accepts(&all, "").stdout).unwrap()
    }

    /// Makes a namespace.
    #[track_caller]
    pub fn namespace(&self, name: &str, labels: &Value) -> Namespace<'_> {
        let object = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels},
        });
        self.accepts(&["create", "-f", "-"], &object.to_string());
        Namespace { cluster: self, name: name.to_owned() }
    }
}

/// What kubectl said.
#[derive(Debug)]
pub struct Said {
    #[expect(dead_code, reason = "shown when a test fails")]
    arguments: String,
    pub success: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// The warnings that kubectl shows, without its `Warning: `.
    pub fn warnings(&self) -> Vec<&str> {
        self.stderr.lines().filter_map(|line| line.strip_prefix("Warning: ")).collect()
    }
}

/// The warnings of an API server's answer.
pub fn warnings(response: &Response) -> Vec<&str> {
    let values = response.headers.iter().filter(|(name, _)| name == "warning").map(|(_, value)| value);
    values.map(|value| value.strip_prefix("299 - \"").unwrap().strip_suffix('"').unwrap()).collect()
}

/// An image pull Secret.
pub fn pull_secret(name: &str, document: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": BASE64_STANDARD.encode(document)},
    })
}

/// The document of an image pull Secret.
#[track_caller]
pub fn document_of(secret: &Value) -> String {
    let data = secret["data"][".dockerconfigjson"].as_str();
    let data = data.unwrap_or_else(|| panic!("no document in {secret}"));
    String::from_utf8(BASE64_STANDARD.decode(data).unwrap()).unwrap()
}

fn admin() -> (&'static str, &'static str) {
    ("Authorization", "Bearer admin-token")
}

fn audit_policy() -> String {
    let secrets = json!([{"group": "", "resources": ["secrets"]}]);
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "Request", "resources": secrets, "namespaces": [AUDITED_AT_REQUEST]},
            {"level": "Metadata", "resources": secrets},
            {"level": "Metadata", "users": [WEBHOOK_ACCOUNT]},
            {"level": "None"},
        ],
    })
    .to_string()
}

fn rancher_may_write_secrets() -> String {
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": "rancher-user"},
            "rules": [{"apiGroups": [""], "resources": ["secrets"],
                       "verbs": ["get", "list", "create", "update", "patch", "delete"]}],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "rancher-user"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "rancher-user"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": RANCHER_GROUP}],
        },
    ]})
    .to_string()
}
