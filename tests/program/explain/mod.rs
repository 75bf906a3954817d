//! `regcred explain` over files, and for images and texts. The same in a cluster is in `cluster/explain`.

mod canary;
mod files;
mod formats;
mod image;
mod recordings;
mod verified;

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::regcred::command;

/// What a run came to.
struct Told {
    status: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Told {
    fn from(output: Output) -> Self {
        Told {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Told {
    /// The JSON lines of one kind.
    #[track_caller]
    fn lines(&self, kind: &str) -> Vec<Value> {
        let lines = self.stdout.lines().map(|line| {
            serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{line}\n{}", self.stderr))
        });
        lines.filter(|line| line["kind"] == kind).collect()
    }

    /// The only explanation.
    #[track_caller]
    fn explanation(&self) -> Value {
        let mut explanations = self.lines("Explanation");
        assert_eq!(explanations.len(), 1, "{}{}", self.stdout, self.stderr);
        explanations.remove(0)
    }

    /// The causes of all explanations.
    #[track_caller]
    fn causes(&self) -> Vec<String> {
        let explanations = self.lines("Explanation").into_iter();
        explanations.map(|explanation| explanation["cause"].as_str().unwrap().to_owned()).collect()
    }
}

/// Runs `regcred explain` in a folder. There is no cluster.
fn explain(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Told {
    let mut command = command();
    command.arg("explain").args(arguments).current_dir(folder).env("KUBECONFIG", "/nonexistent");
    command.output().unwrap().into()
}

/// Runs `regcred explain -f -` with something on its standard input.
fn explain_stdin(input: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Told {
    let mut command = command();
    command.args(["explain", "-f", "-"]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.into()
}

fn folder() -> TempDir {
    tempfile::Builder::new().prefix("regcred-explain-").tempdir().unwrap()
}

/// A Secret as YAML, without a namespace.
fn secret(name: &str, document: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/dockerconfigjson\n\
         stringData:\n  .dockerconfigjson: '{document}'\n---\n"
    )
}

/// A Deployment as YAML, without a namespace. `spec` is in its template.
fn deployment(name: &str, image: &str, spec: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  template:\n    spec:\n      \
         {spec}\n      containers:\n      - name: app\n        image: {image}\n        resources: {{limits: {{cpu: 1}}}}\n---\n"
    )
}

/// A document with credentials for a registry.
fn auths(host: &str) -> String {
    format!(r#"{{"auths":{{"{host}":{{"username":"robot","password":"made-up"}}}}}}"#)
}
