//! Tests in a network and mount namespace of their own.

use std::io::Write as _;
use std::net::IpAddr;
use std::process::Command;

/// Set in the process that is inside.
const INSIDE: &str = "REGCRED_TEST_NAMESPACE";
/// Leaves these tests out, where the system allows no namespaces.
const LEAVE_OUT: &str = "REGCRED_TEST_WITHOUT_NAMESPACES";

/// Addresses that the program must never connect to, as far as the loopback interface can have them. It has all of
/// `127.0.0.0/8` and `::1`, too.
pub const FORBIDDEN: [&str; 11] = [
    "169.254.169.254",    // metadata of most clouds
    "169.254.170.2",      // of containers on AWS
    "100.100.100.200",    // of Alibaba Cloud
    "192.0.0.192",        // of Oracle Cloud
    "fd00:ec2::254",      // of AWS
    "fd20:ce::254",       // of Google Cloud
    "::7f00:1",           // 127.0.0.1 as an IPv4-compatible address
    "64:ff9b::7f00:1",    // by NAT64
    "64:ff9b::a9fe:a9fe", // 169.254.169.254 by NAT64
    "2002:7f00:1::",      // 127.0.0.1 by 6to4
    "2002:a9fe:a9fe::1",  // 169.254.169.254 by 6to4
];

/// The addresses of servers are `10.9.0.0/24`: private ones, as many registries have.
const SCRIPT: &str = r#"
cd "$1"
shift
ip link set lo up
ip address add 10.9.0.1/24 dev lo
ip address add fe80::1/64 dev lo nodad
for address in $FORBIDDEN; do
    case $address in
    *:*) ip address add "$address/128" dev lo nodad ;;
    *) ip address add "$address/32" dev lo ;;
    esac
done
echo 'nameserver 127.0.0.1' >resolv.conf
mount --bind resolv.conf /etc/resolv.conf
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n' >hosts
mount --bind hosts /etc/hosts
if [ -e /etc/nsswitch.conf ]; then
    echo 'hosts: files dns' >nsswitch.conf
    mount --bind nsswitch.conf /etc/nsswitch.conf
fi
exec "$@"
"#;

pub fn is_of_a_server(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.octets().starts_with(&[10, 9, 0]),
        IpAddr::V6(_) => false,
    }
}

/// Runs a test in namespaces of its own: this program again, with that one test.
///
/// # Panics
/// If the test fails, and where namespaces are not allowed, unless `REGCRED_TEST_WITHOUT_NAMESPACES` is set.
#[track_caller]
pub fn in_namespace<F: FnOnce()>(test: F) {
    if std::env::var_os(INSIDE).is_some() {
        return test();
    }
    // The closure's type is named after the test in which it is written.
    let name = std::any::type_name::<F>().strip_suffix("::{{closure}}").unwrap();
    let (_, name) = name.split_once("::").unwrap();
    if std::env::var_os(LEAVE_OUT).is_some() {
        // Not by a macro, whose output the test harness would keep.
        drop(writeln!(std::io::stderr(), "LEFT OUT, as {LEAVE_OUT} asks: {name}"));
        return;
    }
    let folder = tempfile::Builder::new().prefix("regcred-namespace-").tempdir().unwrap();
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    let output = command
        .args(["--net", "--mount", "sh", "-euc", SCRIPT, "sh"])
        .arg(folder.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--include-ignored", "--nocapture"])
        .env(INSIDE, "1")
        .env("FORBIDDEN", FORBIDDEN.join(" "))
        .output()
        .unwrap_or_else(|error| panic!("unshare, of util-linux: {error}"));
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stdout.contains("\nrunning 1 test\n"),
        "no network namespace, which needs root or user namespaces, and `ip` of iproute2 \
         ({LEAVE_OUT}=1 leaves these tests out):\n{stdout}{stderr}"
    );
    assert!(output.status.success(), "{name} failed in its namespace:\n{stdout}{stderr}");
}
