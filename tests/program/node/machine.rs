//! A cluster with one node: a real API server, real controllers, and a real kubelet that runs containers.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::cluster::{Account, Cluster, NODE_TOKEN};
use crate::support::parts::part;
use crate::support::registry::{PASSWORD, USER};
use crate::support::supervised::{Supervised, clean};

use super::forward::Forward;
use super::pod_network;
use super::registries::{MIRROR, MIRRORED, Registries};
use super::sandbox::{NODE_ADDRESS, Sandbox};
use super::user_shell::UserShell;

/// Where the kubelet finds the API server.
const API: &str = "127.0.0.1:6443";
/// Where Pods find it: the first address of the Services.
const API_SERVICE: &str = "10.0.0.1:443";

const CONTROLLERS: &str = r#"
program=$1 dir=$2 ca=$3 controllers=$4
"$program" --kubeconfig="$dir/kubeconfig" --secure-port=0 --leader-elect=false --root-ca-file="$ca" \
    --controllers="$controllers" >"$dir/controllers.log" 2>&1 &
controllers=$!
cat >/dev/null
kill -9 $controllers || :
wait
rm -rf "$dir"
"#;

/// What a Deployment and its Service need, and a namespace.
const CONTROLLER_NAMES: [&str; 7] = [
    "deployment-controller",
    "disruption-controller",
    "endpointslice-controller",
    "replicaset-controller",
    "resourcequota-controller",
    "root-ca-certificate-publisher-controller",
    "serviceaccount-controller",
];

/// The cluster. It ends with this value, and with the test process.
pub struct Machine {
    // Dropped in this order: the kubelet first.
    _forward: Forward,
    sandbox: Sandbox,
    _controllers: Supervised,
    pub cluster: Cluster,
    pub registries: Registries,
}

impl Machine {
    /// Starts one, and waits until its node is ready.
    pub fn start() -> Self {
        let registries = Registries::start();
        let cluster = Cluster::start_for_nodes();
        let controllers = start_controllers(&cluster);

        let folder = new_folder("node");
        write_files(&folder, &cluster, &registries);
        let sandbox = Sandbox::start(folder, &registries.hosts());
        let forward = Forward::new();
        for api in [API, API_SERVICE] {
            forward.add(&sandbox, api.parse().unwrap(), cluster.address());
        }
        for (inside, outside) in registries.addresses() {
            forward.add(&sandbox, inside, outside);
        }
        sandbox.start_programs();

        let machine = Machine { _forward: forward, sandbox, _controllers: controllers, cluster, registries };
        machine.pull(&machine.registries.pause_image());
        machine.wait_until_ready();
        machine
    }

    /// A shell in the network of the node, from where the registries can be reached.
    pub fn shell(&self) -> UserShell {
        UserShell::new(&self.sandbox, &kubeconfig_inside(&self.cluster, Account::Admin))
    }

    /// Lets the API server, which runs in the host, reach the Pods.
    pub fn connect_host(&self) {
        self.sandbox.connect_host();
    }

    /// Puts an image on the node, as an administrator does. The pull needs a login, which only the tests have.
    #[track_caller]
    pub fn pull(&self, image: &str) {
        let socket = self.sandbox.path("containerd.sock");
        let mut ctr = clean(part("ctr"), &self.sandbox.path(""));
        ctr.args(["--namespace", "k8s.io", "--address"]).arg(socket);
        ctr.args(["images", "pull", "--local", "--user", &format!("{USER}:{PASSWORD}"), "--tlscacert"]);
        ctr.arg(self.registries.ca()).arg(image);
        let output = ctr.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Waits until something is so. A failure shows the logs.
    pub fn eventually(&self, what: &str, patience: Duration, is_so: impl FnMut() -> bool) {
        self.sandbox.eventually(what, patience, is_so);
    }

    fn wait_until_ready(&self) {
        self.sandbox.eventually("node that is ready", PATIENCE, || {
            let node = self.cluster.api().request("GET", "/api/v1/nodes/node1", "");
            let node = node.json();
            let mut conditions = node["status"]["conditions"].as_array().into_iter().flatten();
            conditions.any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
        });
    }
}

fn new_folder(name: &str) -> PathBuf {
    tempfile::Builder::new().prefix(&format!("regcred-{name}-")).tempdir().unwrap().keep()
}

fn start_controllers(cluster: &Cluster) -> Supervised {
    let folder = new_folder("controllers");
    fs::write(folder.join("kubeconfig"), cluster.kubeconfig(Account::Admin, None).to_string()).unwrap();
    let program = part("kube-controller-manager");
    let (ca, names) = (cluster.certificate(), CONTROLLER_NAMES.join(","));
    let arguments = [program.as_os_str(), folder.as_os_str(), ca.as_os_str(), OsStr::new(&names)];
    Supervised::start(CONTROLLERS, &arguments, &folder)
}

/// Writes what the container runtime and the kubelet read.
fn write_files(folder: &Path, cluster: &Cluster, registries: &Registries) {
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    write("ca.crt", registries.trusted());
    write("containerd.toml", &containerd_configuration(folder, &registries.pause_image()));
    write("kubelet.json", &kubelet_configuration(folder).to_string());
    write("kubeconfig", &kubeconfig_inside(cluster, Account::Token(NODE_TOKEN)).to_string());
    // The runtime pulls from the mirror only, and passes the Pod's credentials to it.
    write(&format!("registries.d/{MIRRORED}/hosts.toml"), &format!("server = \"https://{MIRROR}\"\n"));
    write("networks/10-pods.conflist", &pod_network::configuration().to_string());
    pod_network::install(folder);
}

fn containerd_configuration(folder: &Path, pause_image: &str) -> String {
    let folder = folder.display();
    format!(
        r#"
version = 3
root = "{folder}/containerd"
state = "{folder}/containerd-state"
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.server.v1.ttrpc"]
address = "{folder}/containerd.sock.ttrpc"
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "{pause_image}"
[plugins."io.containerd.cri.v1.images".registry]
config_path = "{folder}/registries.d"
[plugins."io.containerd.cri.v1.runtime"]
# Without CAP_SYS_RESOURCE, which a container of the CI may lack, a score cannot be lowered.
restrict_oom_score_adj = true
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".cni]
conf_dir = "{folder}/networks"
bin_dirs = ["{folder}/network-plugins"]
use_internal_loopback = true
[plugins."io.containerd.nri.v1.nri"]
disable = true
"#
    )
}

fn kubelet_configuration(folder: &Path) -> Value {
    let cgroup = folder.file_name().and_then(OsStr::to_str).unwrap();
    json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS,
        "authentication": {"anonymous": {"enabled": true}, "webhook": {"enabled": false}},
        "authorization": {"mode": "AlwaysAllow"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{cgroup}"),
        "containerRuntimeEndpoint": format!("unix://{}", folder.join("containerd.sock").display()),
        "enableControllerAttachDetach": false,
        // The disk of the machine is not the node's to judge.
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "failCgroupV1": false,
        "failSwapOn": false,
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "makeIPTablesUtilChains": false,
        "podLogsDir": folder.join("pod-logs"),
        // All Pods pull at once.
        "registryPullQPS": 0,
        "serializeImagePulls": false,
        "resolvConf": "",
        "volumePluginDir": folder.join("volume-plugins"),
    })
}

/// A kubeconfig for programs in the network of the node.
fn kubeconfig_inside(cluster: &Cluster, account: Account<'_>) -> Value {
    let mut kubeconfig = cluster.kubeconfig(account, None);
    kubeconfig["clusters"][0]["cluster"]["server"] = json!(format!("https://{API}"));
    kubeconfig
}
