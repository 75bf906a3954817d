//! `regcred scan` and `regcred explain` over a cluster.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use super::{ADMIN, Cluster};
use crate::support::proxy::{Passing, Proxy, Then};
use crate::support::regcred::command;

/// As whom the API server is asked.
#[derive(Clone, Copy)]
pub enum Account<'a> {
    Admin,
    /// Somebody else, by impersonation.
    As(&'a str),
    Token(&'a str),
}

/// A scan to be run.
pub struct Scan {
    command: Command,
    folder: tempfile::TempDir,
}

/// What a scan said.
pub struct Scanned {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Cluster {
    /// A proxy before it.
    pub fn proxy(&self, hook: impl FnMut(&mut Passing) -> Then + Send + 'static) -> Proxy {
        Proxy::start(self.client().expect("a cluster that is ready"), hook)
    }

    /// Where its parts keep their files; etcd listens on `etcd.sock` in it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A kubeconfig, as JSON.
    pub fn kubeconfig(&self, account: Account<'_>, proxy: Option<&Proxy>) -> Value {
        let user = match account {
            Account::Admin => json!({"token": ADMIN}),
            Account::As(name) => json!({"token": ADMIN, "as": name}),
            Account::Token(token) => json!({"token": token}),
        };
        let cluster = proxy.map_or_else(
            || {
                json!({
                    "server": format!("https://{}", self.address),
                    "certificate-authority": self.folder.join("certs/apiserver.crt"),
                })
            },
            |proxy| json!({"server": format!("http://{}", proxy.address)}),
        );
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
        })
    }

    /// `regcred scan` as the administrator.
    pub fn scan(&self, arguments: &[&str]) -> Scan {
        Scan::new(&self.kubeconfig(Account::Admin, None), arguments)
    }

    /// `regcred scan` as somebody.
    pub fn scan_as(&self, account: Account<'_>, arguments: &[&str]) -> Scan {
        Scan::new(&self.kubeconfig(account, None), arguments)
    }

    /// `regcred scan` as the administrator, through a proxy.
    pub fn scan_through(&self, proxy: &Proxy, arguments: &[&str]) -> Scan {
        Scan::new(&self.kubeconfig(Account::Admin, Some(proxy)), arguments)
    }

    /// `regcred explain` as somebody.
    pub fn explain(&self, account: Account<'_>, arguments: &[&str]) -> Scan {
        Scan::of("explain", arguments).with_kubeconfig(&self.kubeconfig(account, None))
    }

    /// `regcred explain` as the administrator, through a proxy.
    pub fn explain_through(&self, proxy: &Proxy, arguments: &[&str]) -> Scan {
        Scan::of("explain", arguments).with_kubeconfig(&self.kubeconfig(Account::Admin, Some(proxy)))
    }
}

/// Follows the most memory in KiB that a program ever had, until its end.
pub fn peak(child: &Child) -> JoinHandle<usize> {
    let status = format!("/proc/{}/status", child.id());
    thread::spawn(move || {
        let mut peak = 0;
        loop {
            let text = fs::read_to_string(&status).unwrap_or_default();
            // What has ended has none.
            let Some(line) = text.lines().find_map(|line| line.strip_prefix("VmHWM:")) else { return peak };
            peak = line.trim().trim_end_matches(" kB").parse().unwrap();
            thread::sleep(Duration::from_millis(2));
        }
    })
}

impl Scan {
    pub fn new(kubeconfig: &Value, arguments: &[&str]) -> Self {
        Self::without_kubeconfig(arguments).with_kubeconfig(kubeconfig)
    }

    pub fn without_kubeconfig(arguments: &[&str]) -> Self {
        Self::of("scan", arguments)
    }

    fn with_kubeconfig(mut self, kubeconfig: &Value) -> Self {
        let path = self.folder.path().join("kubeconfig");
        fs::write(&path, kubeconfig.to_string()).unwrap();
        self.command.arg("--kubeconfig").arg(path);
        self
    }

    fn of(subcommand: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("regcred-scan-").tempdir().unwrap();
        let mut command = command();
        for name in ["KUBECONFIG", "HTTPS_PROXY", "https_proxy", "KUBERNETES_SERVICE_HOST"] {
            command.env_remove(name);
        }
        // The settings of the allocator that the image has: they decide how much freed memory it keeps.
        command.env("MIMALLOC_ALLOW_THP", "0").env("MIMALLOC_PURGE_DELAY", "10");
        command.env("HOME", folder.path()).arg(subcommand).args(arguments);
        Scan { command, folder }
    }

    /// Another program than the one of the tests, such as a release build.
    pub fn program(mut self, program: PathBuf) -> Self {
        let mut other = Command::new(program);
        other.args(self.command.get_args()).stdin(Stdio::null());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => other.env(name, value),
                None => other.env_remove(name),
            };
        }
        self.command = other;
        self
    }

    /// A file of the policy.
    pub fn policy(mut self, text: &str) -> Self {
        let path = self.folder.path().join("policy.yaml");
        fs::write(&path, text).unwrap();
        self.command.arg("--policy").arg(path);
        self
    }

    /// Another environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(mut self) -> Scanned {
        Scanned::of(self.command.output().unwrap())
    }

    /// Runs it beside `look`, which may kill it, and then to its end.
    #[track_caller]
    pub fn watched(mut self, look: impl FnOnce(&mut Child)) -> Scanned {
        let mut child = self.command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A pipe that nobody reads would stop it.
        let mut pipe = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut stdout = Vec::new();
            pipe.read_to_end(&mut stdout).unwrap();
            stdout
        });
        look(&mut child);
        let mut output = child.wait_with_output().unwrap();
        output.stdout = reader.join().unwrap();
        Scanned::of(output)
    }
}

impl fmt::Debug for Scanned {
    /// The end of what it said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.stdout.lines().rev().take(10).collect();
        write!(f, "exit {:?}\n{}\n{}", self.code, lines.join("\n"), self.stderr)
    }
}

impl Scanned {
    fn of(output: Output) -> Self {
        Scanned {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The objects of JSON lines of one kind: `Finding`, `Error`, `Summary`.
    #[track_caller]
    pub fn lines(&self, kind: &str) -> Vec<Value> {
        let lines = self.stdout.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}\n{self:?}"))
        });
        lines.filter(|line| line["kind"] == kind).collect()
    }

    /// The summary of JSON lines.
    #[track_caller]
    pub fn summary(&self) -> Value {
        let mut summaries = self.lines("Summary");
        assert_eq!(summaries.len(), 1, "{self:?}");
        summaries.remove(0)
    }

    /// The messages of what could not be done, of JSON lines.
    #[track_caller]
    pub fn errors(&self) -> Vec<String> {
        let errors = self.lines("Error").into_iter();
        errors.map(|error| error["message"].as_str().unwrap().to_owned()).collect()
    }
}
