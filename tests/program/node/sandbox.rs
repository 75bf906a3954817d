//! Namespaces and cgroups of a node, and nothing of it in the host.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::support::PATIENCE;
use crate::support::parts::part;
use crate::support::supervised::{Supervised, clean};

/// The address of the node, from a block for documentation (RFC 5737). The kubelet refuses a loopback address.
pub const NODE_ADDRESS: &str = "192.0.2.10";

/// Runs in the host. It makes what cannot be made inside: the cgroup, and the folders that are mounted over. It removes
/// both after the last process of the node has ended.
const OUTSIDE: &str = r#"
dir=$1 parts=$2 inside=$3 address=$4 cgroup=${1##*/}

cgroups=/sys/fs/cgroup
hierarchies=
folders='/opt/containerd /var/lib/cni /var/lib/kubelet /var/log/containers'
clean_up() {
    for hierarchy in $hierarchies; do
        find "$hierarchy/$cgroup" -depth -type d -exec rmdir {} +
    done
    # The last of several nodes removes the folders that one of them made.
    flock --exclusive 8
    if flock --exclusive --nonblock 9; then
        for folder in $folders; do
            [ ! -e "$folder/.made-by-tests" ] || { rm "$folder/.made-by-tests" && rmdir "$folder"; }
        done
    fi
    rm -rf "$dir"
}
trap clean_up EXIT

# The first lock is held while the folders are made or removed, the second one is shared by the nodes that use them.
exec 8</var 9</var/lib
flock --exclusive 8
for folder in $folders; do
    [ -d "$folder" ] || { mkdir -p "$folder" && : >"$folder/.made-by-tests"; }
done
flock --shared 9
flock --unlock 8

if [ -e $cgroups/cgroup.controllers ]; then # version 2: one hierarchy
    for controller in $(cat $cgroups/cgroup.controllers); do
        echo "+$controller" >$cgroups/cgroup.subtree_control
    done
    hierarchies=$cgroups
else
    hierarchies=$(echo $cgroups/*)
fi
for hierarchy in $hierarchies; do
    mkdir -p "$hierarchy/$cgroup"
done
for file in cpuset.cpus cpuset.mems; do # version 1 begins with none
    [ ! -e $cgroups/cpuset/$file ] || cat $cgroups/cpuset/$file >"$cgroups/cpuset/$cgroup/$file"
done

exec 3<&0
unshare --mount --net --uts --ipc --pid --fork --kill-child --mount-proc --propagation private \
    sh -euc "$inside" sh "$dir" "$parts" "$address" $folders <&3 >"$dir/node.log" 2>&1 &
echo $! >"$dir/pid.new"
mv "$dir/pid.new" "$dir/pid"
wait || :

# After a failure, the logs are kept until the test has read them.
cat >/dev/null
"#;

/// Connects the networks of host and node. The addresses are from a block for tests of networks (RFC 2544).
const HOST_LINK: &str = r#"
ip link add regcred-test type veth peer name host netns "$1"
ip addr add 198.18.0.1/30 dev regcred-test
ip link set regcred-test up
nsenter --net="/proc/$1/ns/net" sh -euc 'ip addr add 198.18.0.2/30 dev host; ip link set host up'
ip route add 198.18.1.0/24 via 198.18.0.2
"#;

/// Runs as the first process of the node. All others end with it.
const INSIDE: &str = r#"
dir=$1 parts=$2 address=$3
shift 3

mount --make-rshared / # the kubelet requires it; it ends with this namespace
for folder in /run "$@"; do
    mount -t tmpfs -o mode=755 tmpfs "$folder"
done
mount --bind "$dir/hosts" /etc/hosts
hostname node1
ip link set lo up
ip addr add 10.9.0.1/24 dev lo # where the registries are
ip addr add 10.0.0.1/32 dev lo # the Service of the API server
ip link add pods type bridge
ip addr add 198.18.1.1/24 dev pods
ip link set pods up
echo 1 >/proc/sys/net/ipv4/ip_forward
ip link add eth0 type veth peer name eth0-peer
ip addr add "$address/24" dev eth0
ip link set eth0 up
ip link set eth0-peer up
ip route add default via "${address%.*}.1" dev eth0 # the kubelet requires a default route

: >"$dir/network"
for wait in $(seq 3000); do # no longer than a minute, as the tests may have ended
    [ ! -e "$dir/registries" ] || break
    sleep 0.02
done
[ -e "$dir/registries" ]

PATH="$parts:$PATH"
SSL_CERT_FILE="$dir/ca.crt" containerd --config "$dir/containerd.toml" >"$dir/containerd.log" 2>&1 &
until ctr --address "$dir/containerd.sock" version >/dev/null 2>&1; do sleep 0.05; done
: >"$dir/runtime"
kubelet --config "$dir/kubelet.json" --kubeconfig "$dir/kubeconfig" --root-dir "$dir/kubelet" \
    --cert-dir "$dir/kubelet-certs" --hostname-override node1 --node-ip "$address" >"$dir/kubelet.log" 2>&1 &

# This shell also reaps the orphans.
cat >/dev/null
"#;

/// Whether this machine can run a node. If it cannot, the log says so, and a run that requires nodes fails.
pub fn is_possible() -> bool {
    let Some(why) = missing() else { return true };
    let required = std::env::var_os("REGCRED_TEST_NODE").is_some_and(|value| value == "required");
    assert!(!required, "this machine cannot run a node: {why}");
    // Past the test harness, which would hide it.
    let text = format!("\nLEFT OUT: the tests with a real kubelet, because {why} (CONTRIBUTING.md)\n");
    drop(std::io::stderr().write_all(text.as_bytes()));
    false
}

/// Why this machine cannot run a node, if it cannot.
fn missing() -> Option<&'static str> {
    let succeeds = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !rustix::process::geteuid().is_root() {
        Some("the tests do not run as root")
    } else if !succeeds("unshare", &["--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "true"]) {
        Some("unshare cannot make namespaces")
    } else if !succeeds("runc", &["--version"]) {
        Some("runc is not installed")
    } else if !succeeds("ip", &["link", "show", "lo"]) {
        Some("ip (iproute2) is not installed")
    } else if !can_make_cgroups() {
        Some("cgroups cannot be made in /sys/fs/cgroup")
    } else {
        None
    }
}

fn can_make_cgroups() -> bool {
    let all = Path::new("/sys/fs/cgroup");
    let is_version_2 = all.join("cgroup.controllers").exists();
    let hierarchy = if is_version_2 { all.to_owned() } else { all.join("memory") };
    let cgroup = hierarchy.join(format!("regcred-check-{}", std::process::id()));
    fs::create_dir(&cgroup).and_then(|()| fs::remove_dir(&cgroup)).is_ok()
}

/// The namespaces of a node, its container runtime and its kubelet. They end with this value, and with the test process.
pub struct Sandbox {
    _shell: Supervised,
    folder: PathBuf,
}

impl Sandbox {
    /// Makes the namespaces. The files of the programs go into `folder`, which the sandbox removes in the end.
    pub fn start(folder: PathBuf, hosts: &str) -> Self {
        fs::write(folder.join("hosts"), hosts).unwrap();
        let parts = part("kubelet").parent().unwrap().to_owned();
        let arguments = [folder.as_os_str(), parts.as_os_str(), OsStr::new(INSIDE), OsStr::new(NODE_ADDRESS)];
        let shell = Supervised::start(OUTSIDE, &arguments, &folder);
        let sandbox = Sandbox { _shell: shell, folder };
        sandbox.wait_for("network");
        sandbox
    }

    /// Starts the container runtime, and after it the kubelet.
    pub fn start_programs(&self) {
        fs::write(self.path("registries"), "").unwrap();
        self.wait_for("runtime");
    }

    /// The network of the node.
    pub fn network(&self) -> PathBuf {
        let pid = fs::read_to_string(self.path("pid")).unwrap();
        PathBuf::from(format!("/proc/{}/ns/net", pid.trim_end()))
    }

    /// Lets the host reach the Pods. The link ends with the network of the node.
    #[track_caller]
    pub fn connect_host(&self) {
        let network = self.network();
        let pid = network.iter().nth(2).unwrap();
        let mut shell = clean("sh", &self.folder);
        shell.args(["-euc", HOST_LINK, "sh"]).arg(pid);
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Listens in the network of the node.
    pub fn listen(&self, address: SocketAddr) -> TcpListener {
        let namespace = File::open(self.network()).unwrap();
        // Only this thread moves there. A socket stays in the network in which it was made.
        let listen = move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            TcpListener::bind(address)
        };
        std::thread::spawn(listen).join().unwrap().unwrap()
    }

    /// A file of the node.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The ends of all logs, for the message of a failure.
    pub fn logs(&self) -> String {
        let end = |name: &str| {
            let log = fs::read_to_string(self.path(name)).unwrap_or_default();
            let lines: Vec<_> = log.lines().rev().take(10).collect();
            format!("== {name}\n{}\n", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
        };
        ["node.log", "containerd.log", "kubelet.log"].map(end).concat()
    }

    fn wait_for(&self, file: &str) {
        self.eventually(file, PATIENCE, || self.path(file).exists());
    }

    /// Waits until something is so. A failure shows the logs.
    pub fn eventually(&self, what: &str, patience: Duration, mut is_so: impl FnMut() -> bool) {
        let until = Instant::now() + patience;
        while !is_so() {
            assert!(Instant::now() < until, "node: no {what} within {patience:?}:\n{}", self.logs());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
