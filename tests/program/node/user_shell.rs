//! A user's shell in the network of the node: `regcred` and `kubectl`, and the cluster as the current context.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::parts::part;
use crate::support::regcred::command;
use crate::support::supervised::clean;
use crate::support::terminal::{self, Terminal};

use super::sandbox::Sandbox;

/// Gives a command the names of the registries. Only this command sees the mount.
const WITH_NAMES: &str = r#"mount --bind "$HOSTS" /etc/hosts; exec sh -eu "$1""#;

pub struct UserShell {
    folder: TempDir,
    /// Runs the line that is in a file.
    command: Command,
}

impl UserShell {
    pub fn new(sandbox: &Sandbox, kubeconfig: &Value) -> Self {
        let folder = tempfile::Builder::new().prefix("regcred-terminal-").tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("kubeconfig"), kubeconfig.to_string()).unwrap();
        symlink(command().get_program(), file("regcred")).unwrap();
        symlink(part("kubectl"), file("kubectl")).unwrap();

        let mut inside = clean("nsenter", folder.path());
        inside.arg(format!("--net={}", sandbox.network().display()));
        inside.args(["unshare", "--mount", "sh", "-euc", WITH_NAMES, "sh"]).arg(file("line"));
        let path = std::env::var("PATH").unwrap();
        inside.env("PATH", format!("{}:{path}", folder.path().display()));
        inside.env("KUBECONFIG", file("kubeconfig")).env("KUBERC", "off").env("HOSTS", sandbox.path("hosts"));
        // The registries' CA is one of the user's machine.
        inside.env("SSL_CERT_FILE", sandbox.path("ca.crt")).current_dir(folder.path());
        UserShell { folder, command: inside }
    }

    /// Runs a command line without a terminal: the exit code, and what it printed.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> (Option<i32>, String) {
        fs::write(self.folder.path().join("line"), line).unwrap();
        let output = self.command.stdin(Stdio::null()).output().unwrap();
        let printed = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(printed).unwrap())
    }

    /// The same in a terminal, for a command that asks for a password.
    #[track_caller]
    pub fn type_password(&self, line: &str, password: &str) -> (Option<i32>, String) {
        fs::write(self.folder.path().join("line"), line).unwrap();
        let mut terminal = Terminal::run(&self.command, &terminal::line(&self.command));
        terminal.wait_until_silent();
        terminal.types(format!("{password}\r").as_bytes());
        let (status, shown) = terminal.end();
        (status.code(), shown)
    }
}
