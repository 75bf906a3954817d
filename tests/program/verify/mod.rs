//! `regcred verify` as a process, against the real registry, registries of the tests' own, and the real API server.

mod attempts;
mod canary;
mod cluster;
mod distribution;
mod guard;
mod hostile;
mod internet;
mod kinds;
mod output;
mod proxy;
mod registries;

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::regcred::command;

/// A run to be made.
pub struct Verify {
    command: Command,
    folder: TempDir,
}

/// What a run said.
pub struct Verified {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Verify {
    /// With these arguments, without a cluster or a proxy.
    pub fn new(arguments: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("regcred-verify-").tempdir().unwrap();
        let mut command = command();
        for name in
            ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"]
        {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command.env("HOME", folder.path()).arg("verify").args(arguments);
        Verify { command, folder }
    }

    /// The entries of a docker config, as JSON lines.
    pub fn entries(auths: &Value) -> Self {
        Self::new(&["-o", "json"]).docker_config(&json!({ "auths": auths }).to_string())
    }

    /// A docker config.
    pub fn docker_config(self, document: &str) -> Self {
        let path = self.file("config.json", document);
        self.arg("--docker-config").arg(path)
    }

    /// A file in its folder.
    pub fn file(&self, name: &str, content: &str) -> std::path::PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    }

    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Trusting this CA.
    pub fn ca(self, file: &Path) -> Self {
        self.arg("--ca-file").arg(file)
    }

    pub fn image(self, image: &str) -> Self {
        self.args(&["--image", image])
    }

    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn run(mut self) -> Verified {
        Verified::of(&self.command.output().unwrap())
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit {:?}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

impl Verified {
    pub fn of(output: &Output) -> Self {
        Verified {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// The JSON lines of one kind.
    #[track_caller]
    pub fn lines(&self, kind: &str) -> Vec<Value> {
        let lines = self.stdout.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("no JSON: {line}\n{self:?}"))
        });
        lines.filter(|line| line["kind"] == kind).collect()
    }

    /// Registry, image and outcome of every verification; without an image `-`.
    #[track_caller]
    pub fn outcomes(&self) -> Vec<String> {
        let verifications = self.lines("Verification").into_iter();
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        verifications
            .map(|line| {
                format!("{} {} {}", text(&line["registry"]), text(&line["image"]), text(&line["outcome"]))
            })
            .collect()
    }

    /// The outcome of the only verification, which must be what the exit code says.
    #[track_caller]
    pub fn outcome(&self) -> String {
        let lines = self.lines("Verification");
        assert_eq!(lines.len(), 1, "{self:?}");
        let outcome = lines[0]["outcome"].as_str().unwrap();
        let code = match outcome {
            "valid" | "anonymous-suffices" => 0,
            "unreachable" | "undecided" => 2,
            _ => 1,
        };
        assert_eq!(self.code, Some(code), "{self:?}");
        outcome.to_owned()
    }

    #[track_caller]
    pub fn summary(&self) -> Value {
        let mut summaries = self.lines("Summary");
        assert_eq!(summaries.len(), 1, "{self:?}");
        summaries.remove(0)
    }

    /// The attempts and failures of the summary.
    #[track_caller]
    pub fn spent(&self) -> (u64, u64) {
        let summary = self.summary();
        (summary["attempts"].as_u64().unwrap(), summary["failures"].as_u64().unwrap())
    }
}
