//! The network of Pods that do not use the node's: a CNI plugin of a few lines, as no package registry has the usual ones built.
//!
//! Each Pod gets a pair of virtual interfaces to a bridge of the node, an address of its own, and the node as its router
//! (CNI specification 1.0.0, <https://www.cni.dev/docs/spec/>).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

const NAME: &str = "regcred-test-bridge";

const PLUGIN: &str = r#"#!/bin/sh
set -eu
cat >/dev/null # the configuration
[ "$CNI_COMMAND" = ADD ] || exit 0 # the interfaces end with the Pod's network
cd "${0%/*}"
exec 8>lock
flock 8
number=$(($(cat last 2>/dev/null || echo 1) + 1))
echo $number >last
pod=${CNI_NETNS##*/} address=198.18.1.$number
{
    ip link add "pod$number" type veth peer name "$CNI_IFNAME" netns "$pod"
    ip link set "pod$number" master pods up
    ip -n "$pod" addr add "$address/24" dev "$CNI_IFNAME"
    ip -n "$pod" link set "$CNI_IFNAME" up
    ip -n "$pod" route add default via 198.18.1.1
} >&2
printf '{"cniVersion": "1.0.0", "interfaces": [{"name": "%s", "sandbox": "%s"}], ' "$CNI_IFNAME" "$CNI_NETNS"
printf '"ips": [{"interface": 0, "address": "%s/24", "gateway": "198.18.1.1"}]}' "$address"
"#;

/// The network configuration that the container runtime reads.
pub fn configuration() -> Value {
    json!({"cniVersion": "1.0.0", "name": "pods", "plugins": [{"type": NAME}]})
}

/// Puts the plugin into the node's folder.
pub fn install(folder: &Path) {
    let plugins = folder.join("network-plugins");
    fs::create_dir(&plugins).unwrap();
    let plugin = plugins.join(NAME);
    fs::write(&plugin, PLUGIN).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
}
