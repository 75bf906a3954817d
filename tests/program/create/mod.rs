//! `regcred create` as a process: kubectl's bytes, the webhook's words, and no password where it does not belong.

mod bytes;
mod docker_config;
mod refusal;
mod registry_kind;
mod secrecy;
mod terminal;

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::support::regcred::command;

/// What a run came to.
#[derive(Debug)]
struct Ran {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// The document of the Secret that was written as JSON.
    #[track_caller]
    fn document(&self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        let secret: Value = serde_json::from_str(&self.stdout).unwrap();
        let document = STANDARD.decode(secret["data"][".dockerconfigjson"].as_str().unwrap()).unwrap();
        String::from_utf8(document).unwrap()
    }
}

/// `regcred create` with these arguments.
fn create(arguments: &[&str]) -> Command {
    let mut command = command();
    command.arg("create").args(arguments);
    command
}

/// Runs a command with this on its standard input.
fn fed(mut command: Command, input: &[u8]) -> Ran {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // What refuses its arguments reads nothing.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Ran {
        status: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `regcred create pull --registry r.example.com --username robot --password-stdin` and more.
fn with_password(password: &[u8], arguments: &[&str]) -> Ran {
    let login = ["pull", "--registry", "r.example.com", "--username", "robot", "--password-stdin"];
    fed(create(&[&login, arguments].concat()), password)
}
