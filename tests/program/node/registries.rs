//! The registries that the node can reach, each a real one under a name of its own.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::certificate::Authority;
use crate::support::parts::part;
use crate::support::registry::{Login, PASSWORD, Registry, USER};

use super::token_server::{ISSUER, TokenServer, User};

/// Asks for a password.
pub const BASIC: &str = "registry.example.com";
/// Asks for a token, as the dedicated domain of an ACR instance does.
pub const ACR: &str = "crpi-a1b2c3d4e5f6g7h8.cn-hangzhou.personal.cr.aliyuncs.com";
/// The generic domain of its region. Nothing answers there.
pub const GENERIC_ACR: &str = "registry.cn-hangzhou.aliyuncs.com";
/// Has a certificate that the node does not trust.
pub const UNTRUSTED: &str = "untrusted.example.com";
/// Is replaced by [`MIRROR`] in the configuration of the node.
pub const MIRRORED: &str = "mirrored.example.com";
/// Asks for the password of another user.
pub const MIRROR: &str = "mirror.example.com";
const ACR_TOKENS: &str = "dockerauth.cn-hangzhou.aliyuncs.com";

/// A user of [`ACR`] who can log in, and pull nothing.
pub const WITHOUT_PERMISSION: (&str, &str) = ("visitor", "another-made-up-password");
const USERS: &[User] = &[
    User { name: USER, password: PASSWORD, may_pull: Some("team") },
    User { name: WITHOUT_PERMISSION.0, password: WITHOUT_PERMISSION.1, may_pull: None },
];

/// In every registry.
pub const IMAGE: &str = "team/app:1";

/// The running registries.
pub struct Registries {
    trusted: Authority,
    basic: Registry,
    acr: Registry,
    untrusted: Registry,
    mirror: Registry,
    tokens: TokenServer,
}

impl Registries {
    /// Starts them, and stores the images.
    pub fn start() -> Self {
        let trusted = Authority::named("CA of the node");
        let unknown = Authority::named("CA that the node does not know");
        let tokens = TokenServer::start(ACR_TOKENS, &trusted, USERS);
        let realm = format!("https://{ACR_TOKENS}/auth");
        let by_token = Login::Tokens {
            realm: &realm,
            service: "registry.aliyuncs.com:cn-hangzhou:26842",
            issuer: ISSUER,
            keys: &tokens.keys,
        };
        let by_password = Login::Password(USER);
        let basic = Registry::named(BASIC, &trusted, &by_password);
        store_images(&basic);
        Registries {
            acr: basic.with_same_images(ACR, &trusted, &by_token),
            untrusted: basic.with_same_images(UNTRUSTED, &unknown, &by_password),
            mirror: basic.with_same_images(MIRROR, &trusted, &Login::Password("mirror-robot")),
            basic,
            tokens,
            trusted,
        }
    }

    /// The addresses inside the node, and those where the servers listen in the host.
    pub fn addresses(&self) -> Vec<(SocketAddr, SocketAddr)> {
        let inside = |address| SocketAddr::new(address, 443);
        self.served().into_iter().map(|(address, _, outside)| (inside(address), outside)).collect()
    }

    /// The node's `/etc/hosts`.
    pub fn hosts(&self) -> String {
        let lines = self.served().into_iter().map(|(address, name, _)| format!("{address} {name}\n"));
        std::iter::once("127.0.0.1 localhost\n".to_owned()).chain(lines).collect()
    }

    /// Every server: its address inside the node, its name, and its address in the host.
    fn served(&self) -> Vec<(IpAddr, &'static str, SocketAddr)> {
        let address = |registry: &Registry| registry.address.parse().unwrap();
        let servers = [
            (BASIC, address(&self.basic)),
            (ACR, address(&self.acr)),
            (ACR_TOKENS, self.tokens.address),
            (UNTRUSTED, address(&self.untrusted)),
            (MIRRORED, address(&self.basic)),
            (MIRROR, address(&self.mirror)),
        ];
        let inside = |at| IpAddr::from([10, 9, 0, at]);
        (1..).zip(servers).map(|(at, (name, outside))| (inside(at), name, outside)).collect()
    }

    /// The certificate that the node trusts.
    pub fn trusted(&self) -> &str {
        &self.trusted.certificate
    }

    /// The certificate that a client in the host has to trust.
    pub fn ca(&self) -> PathBuf {
        self.basic.ca()
    }

    /// The image of a Pod's sandbox, by an address in the host.
    pub fn pause_image(&self) -> String {
        format!("{}/pause:1", self.basic.address)
    }

    /// Stores an image of one layer, and returns its repository, by an address in the host.
    #[track_caller]
    pub fn store(&self, name: &str, tags: &[&str], run: &Value, layer: &[u8]) -> String {
        for tag in tags {
            self.basic.push_image(name, tag, run, &[layer.to_vec()]);
        }
        format!("{}/{name}", self.basic.address)
    }
}

/// Stores the images. The registries share them.
fn store_images(registry: &Registry) {
    let program = part("pause");
    let mut tar = Command::new("tar");
    tar.args(["--create", "--directory"]).arg(program.parent().unwrap()).arg("pause");
    let layer = tar.output().unwrap();
    assert!(layer.status.success(), "{}", String::from_utf8_lossy(&layer.stderr));
    let run: Value = json!({"Entrypoint": ["/pause"]});
    for repository in ["pause", "team/app", "team/unpulled", "public/app"] {
        registry.push_image(repository, "1", &run, std::slice::from_ref(&layer.stdout));
    }
}
