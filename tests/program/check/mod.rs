//! `regcred check` as a process: over real files, in every format, and in agreement with the webhooks.

mod agreement;
mod canary;
mod command;
mod files;
mod formats;
mod kubectl;
mod many;
mod placeholders;
mod reports;
mod repositories;
mod text;

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::parts::part;
use crate::support::regcred::command;

/// What a run came to.
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// The JSON lines of one kind.
    #[track_caller]
    fn lines(&self, kind: &str) -> Vec<Value> {
        let lines = self.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["kind"] == kind).collect()
    }
}

/// Runs `regcred check` in a folder.
fn check(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
    command().arg("check").args(arguments).current_dir(folder).output().unwrap().into()
}

/// Runs `regcred check` with something on its standard input.
fn check_stdin(input: &str, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
    let mut command = command();
    command.arg("check").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.into()
}

/// An empty folder.
fn folder() -> TempDir {
    tempfile::Builder::new().prefix("regcred-check-").tempdir().unwrap()
}

/// What the real kubectl makes of a manifest, without any server; or what it says.
fn kubectl(folder: &Path, name: &str) -> Result<Vec<Value>, String> {
    let mut command = Command::new(part("kubectl"));
    command.args(["label", "--local", "regcred-test=1", "--output=json", "-f", name]).current_dir(folder);
    let output = command.env("HOME", folder).output().unwrap();
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let mut objects = Vec::new();
    for value in serde_json::Deserializer::from_slice(&output.stdout).into_iter() {
        let value: Value = value.unwrap();
        match value["items"].as_array() {
            Some(items) => objects.extend(items.iter().cloned()),
            None => objects.push(value),
        }
    }
    Ok(objects)
}

/// The files below `tests/check/FOLDER`.
fn samples(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check").join(folder);
    let files = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    files.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}
