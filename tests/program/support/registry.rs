//! A real registry, distribution's, with one user who has a password, or with a token server.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::certificate::Authority;
use super::client::{Client, Connection, Response};
use super::eventually;
use super::parts::part;
use super::supervised::Supervised;

pub const USER: &str = "robot";
pub const PASSWORD: &str = "made-up-password";
/// The same, as the registry knows it.
const PASSWORD_HASH: &str = "$2y$05$regcredTestsAreMadeUpu7KUShy6z3Or/Ec91r2ndRbFckegPqDu";

const SERVER: &str = r#"
registry=$1 dir=$2
"$registry" serve "$dir/registry.yml" >"$dir/access.log" 2>"$dir/registry.log" &
registry=$!
cat >/dev/null
kill -9 $registry || :
wait
rm -rf "$dir"
"#;

/// A running registry.
pub struct Registry {
    _server: Supervised,
    folder: PathBuf,
    /// Host and port.
    pub address: String,
    tls: bool,
}

/// Whom a registry lets in.
pub enum Login<'a> {
    /// This user, with [`PASSWORD`], by Basic authentication.
    Password(&'a str),
    /// Users with a token of this server.
    Tokens {
        realm: &'a str,
        service: &'a str,
        issuer: &'a str,
        /// The key of the server, a JSON Web Key Set.
        keys: &'a Value,
    },
}

impl Login<'_> {
    /// The part `auth` of the configuration, with its files in `folder`.
    fn configuration(&self, folder: &Path) -> Value {
        match self {
            Login::Password(user) => {
                let file = folder.join("htpasswd");
                fs::write(&file, format!("{user}:{PASSWORD_HASH}\n")).unwrap();
                json!({"htpasswd": {"realm": "test", "path": file}})
            }
            Login::Tokens { realm, service, issuer, keys } => {
                let file = folder.join("keys.json");
                fs::write(&file, keys.to_string()).unwrap();
                json!({"token": {"realm": realm, "service": service, "issuer": issuer, "jwks": file}})
            }
        }
    }
}

impl Registry {
    /// One that speaks plain HTTP.
    pub fn start() -> Self {
        Self::start_with(new_folder(), None, &Login::Password(USER), &json!({"inmemory": {}}))
    }

    /// One whose certificate is by this CA.
    pub fn secure(authority: &Authority) -> Self {
        let certificate = Some((authority, [].as_slice()));
        Self::start_with(new_folder(), certificate, &Login::Password(USER), &json!({"inmemory": {}}))
    }

    /// One with a name of its own, whose images others can share.
    pub fn named(name: &str, authority: &Authority, login: &Login<'_>) -> Self {
        let folder = new_folder();
        let images = stored_in(&folder);
        Self::start_with(folder, Some((authority, &[name])), login, &images)
    }

    /// Another one with the images of this one.
    pub fn with_same_images(&self, name: &str, authority: &Authority, login: &Login<'_>) -> Self {
        let images = stored_in(&self.folder);
        Self::start_with(new_folder(), Some((authority, &[name])), login, &images)
    }

    /// The certificate is by this CA, for this machine and for these names.
    fn start_with(
        folder: PathBuf,
        certificate: Option<(&Authority, &[&str])>,
        login: &Login<'_>,
        storage: &Value,
    ) -> Self {
        let program = part("registry");
        let mut http = json!({"addr": "127.0.0.1:0"});
        if let Some((authority, names)) = certificate {
            let pair = authority.issue_for(&[&["localhost", "127.0.0.1"], names].concat());
            let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
            fs::write(&certificate, pair.certificate).unwrap();
            fs::write(&key, pair.key).unwrap();
            authority.write(&folder.join("ca.crt"));
            http["tls"] = json!({"certificate": certificate, "key": key});
        }
        let config = json!({
            "version": "0.1",
            "log": {"level": "info", "formatter": "json"},
            "storage": storage,
            "http": http,
            "auth": login.configuration(&folder),
        });
        fs::write(folder.join("registry.yml"), config.to_string()).unwrap();
        let arguments: [&OsStr; 2] = [program.as_os_str(), folder.as_os_str()];
        let server = Supervised::start(SERVER, &arguments, &folder);
        let log = folder.join("registry.log");
        let address = eventually("a listening registry", || {
            let log = fs::read_to_string(&log).ok()?;
            let (_, after) = log.split_once(r#""listening on "#)?;
            let address = after.split_once('"')?.0;
            Some(address.strip_suffix(", tls").unwrap_or(address).to_owned())
        });
        Registry { _server: server, folder, address, tls: certificate.is_some() }
    }

    /// The file with the CA of its certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// An entry of a pull Secret for it.
    pub fn entry(&self, password: &str) -> Value {
        json!({ &self.address: {"username": USER, "password": password} })
    }

    /// Stores an image without layers.
    #[track_caller]
    pub fn push(&self, repository: &str, tag: &str) {
        self.push_image(repository, tag, &json!({}), &[]);
    }

    /// Stores an image for this machine, whose layers are tar archives.
    #[track_caller]
    pub fn push_image(&self, repository: &str, tag: &str, run: &Value, layers: &[Vec<u8>]) {
        let mut connection = self.connect();
        let architecture = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            _ => "amd64",
        };
        let digests: Vec<_> = layers.iter().map(|layer| sha256(layer)).collect();
        let config = json!({
            "architecture": architecture, "os": "linux", "config": run,
            "rootfs": {"type": "layers", "diff_ids": digests},
        });
        let mut store = |bytes: &[u8], kind: &str| {
            let digest = store_blob(&mut connection, repository, bytes);
            json!({"mediaType": kind, "digest": digest, "size": bytes.len()})
        };
        let stored: Vec<_> =
            layers.iter().map(|layer| store(layer, "application/vnd.oci.image.layer.v1.tar")).collect();
        let kind = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2, "mediaType": kind, "layers": stored,
            "config": store(config.to_string().as_bytes(), "application/vnd.oci.image.config.v1+json"),
        });
        let target = format!("/v2/{repository}/manifests/{tag}");
        let stored = ask(&mut connection, "PUT", &target, kind, manifest.to_string().as_bytes());
        assert_eq!(stored.status, 201, "{}", stored.text());
    }

    /// The requests so far, from its access log: method, path and status.
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("access.log")).unwrap();
        let request = |line: &str| {
            let (_, after) = line.split_once('"')?;
            let (request, after) = after.split_once('"')?;
            let (status, _) = after.trim_start().split_once(' ')?;
            Some(format!("{} {status}", request.strip_suffix(" HTTP/1.1")?))
        };
        log.lines().filter_map(request).collect()
    }

    /// The number of times that it refused a password.
    pub fn refusals(&self) -> usize {
        let log = fs::read_to_string(self.folder.join("registry.log")).unwrap();
        log.lines().filter(|line| line.contains(": authentication failure\"")).count()
    }

    fn connect(&self) -> Connection {
        let address = self.address.parse().unwrap();
        let client = if self.tls { Client::https(address, &self.ca()) } else { Client::http(address) };
        client.connect()
    }
}

fn new_folder() -> PathBuf {
    tempfile::Builder::new().prefix("regcred-registry-").tempdir().unwrap().keep()
}

/// The storage of a registry that keeps its images in its folder.
fn stored_in(folder: &Path) -> Value {
    json!({"filesystem": {"rootdirectory": folder.join("images")}})
}

/// Stores a blob, and returns its digest.
fn store_blob(connection: &mut Connection, repository: &str, bytes: &[u8]) -> String {
    let digest = sha256(bytes);
    let begun = ask(connection, "POST", &format!("/v2/{repository}/blobs/uploads/"), "text/plain", b"");
    assert_eq!(begun.status, 202, "{}", begun.text());
    let location = begun.header("location").unwrap();
    let path = &location[location.find("/v2/").unwrap()..];
    let separator = if path.contains('?') { '&' } else { '?' };
    let target = format!("{path}{separator}digest={digest}");
    let stored = ask(connection, "PUT", &target, "application/octet-stream", bytes);
    assert_eq!(stored.status, 201, "{}", stored.text());
    digest
}

fn ask(connection: &mut Connection, method: &str, path: &str, kind: &str, body: &[u8]) -> Response {
    let login = format!("Basic {}", BASE64_STANDARD.encode(format!("{USER}:{PASSWORD}")));
    connection.request(method, path, &[("Authorization", &login), ("Content-Type", kind)], body).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().fold("sha256:".to_owned(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
