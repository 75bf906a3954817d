//! What is compared: regcred as it is shipped, a webhook on the same stack that does nothing, and the job in Go.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::certificate::Authority;
use crate::process::{Processors, Server};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The binaries, and the certificate that all servers have: ECDSA P-256.
pub struct Programs {
    regcred: PathBuf,
    empty: PathBuf,
    go: PathBuf,
    folder: TempDir,
    ca: String,
    processors: Processors,
}

impl Programs {
    /// Builds them where they are not up to date.
    pub fn build(processors: Processors) -> Self {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or(Path::new(ROOT).join("target"), PathBuf::from);
        let fixed = format!("{}-unknown-linux-musl/release", std::env::consts::ARCH);
        let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };
        for package in ["regcred", "regcred-bench-empty"] {
            run(Command::new(".ci/static").current_dir(ROOT).args([architecture, package]));
        }
        let go = target.join("bench-go-webhook");
        let source = Path::new(ROOT).join("benches/go-webhook");
        run(Command::new("go").current_dir(source).args(["build", "-trimpath", "-o"]).arg(&go).arg("."));

        let folder = tempfile::Builder::new().prefix("regcred-bench-").tempdir().unwrap();
        let authority = Authority::new();
        let pair = authority.issue();
        std::fs::write(folder.path().join("tls.crt"), pair.certificate).unwrap();
        std::fs::write(folder.path().join("tls.key"), pair.key).unwrap();
        Programs {
            regcred: target.join(&fixed).join("regcred"),
            empty: target.join(&fixed).join("regcred-bench-empty"),
            go,
            folder,
            ca: authority.certificate,
            processors,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// regcred with everything on, its audit log in a file.
    pub fn regcred(&self) -> Server {
        let mut command = Command::new(&self.regcred);
        command.args(["serve", "--listen=127.0.0.1:0", "--ops-listen=127.0.0.1:0", "--drain-delay=0s"]);
        command.arg("--tls-cert").arg(self.path("tls.crt")).arg("--tls-key").arg(self.path("tls.key"));
        command.arg("--audit-log").arg(self.path("audit.log"));
        self.start(&mut command)
    }

    pub fn empty(&self) -> Server {
        self.start(Command::new(&self.empty).arg(self.path("tls.crt")).arg(self.path("tls.key")))
    }

    pub fn go(&self) -> Server {
        let address = free_address();
        let mut command = Command::new(&self.go);
        command.arg("-port").arg(address.port().to_string()).arg("-cert-dir").arg(self.folder.path());
        Server::start_at(&mut command, address, self.processors, &self.ca)
    }

    fn start(&self, command: &mut Command) -> Server {
        // As the image has it.
        let command = command.env("MIMALLOC_ALLOW_THP", "0").env("MIMALLOC_PURGE_DELAY", "10");
        Server::start(command, self.processors, &self.ca)
    }

    /// Throws away the audit log that there is, so that a long run does not fill the disk.
    pub fn empty_audit_log(&self) {
        if let Ok(log) = std::fs::OpenOptions::new().write(true).open(self.path("audit.log")) {
            log.set_len(0).unwrap();
        }
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// An address that was free a moment ago.
fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}
