//! A terminal of a test's own, by `script` of util-linux.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use super::eventually;

/// A shell that runs in a terminal.
pub struct Terminal {
    child: Child,
    stdin: ChildStdin,
}

/// A command as a line of the shell.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| format!("'{}'", word.to_str().unwrap())).collect::<Vec<_>>().join(" ")
}

/// The first child of a process.
fn child_of(pid: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}

impl Terminal {
    /// Runs a line, in the environment of `command`.
    #[track_caller]
    pub fn run(command: &Command, line: &str) -> Self {
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", line, "/dev/null"]).env("SHELL", "/bin/sh");
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            script.current_dir(folder);
        }
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        Terminal { child, stdin }
    }

    /// Waits until it does not show what is typed.
    #[track_caller]
    pub fn wait_until_silent(&self) {
        eventually("a terminal that shows nothing", || {
            let terminal = fs::read_link(format!("/proc/{}/fd/0", child_of(self.child.id())?)).ok()?;
            if !terminal.starts_with("/dev/pts") {
                return None;
            }
            let state = Command::new("stty").arg("--file").arg(terminal).arg("-a").output().unwrap();
            String::from_utf8_lossy(&state.stdout).contains("-echo ").then_some(())
        });
    }

    /// The process that the shell has begun, or become.
    #[track_caller]
    pub fn program(&self) -> u32 {
        let shell = eventually("a shell", || child_of(self.child.id()));
        child_of(shell).unwrap_or(shell)
    }

    pub fn types(&mut self, text: &[u8]) {
        self.stdin.write_all(text).unwrap();
    }

    /// Waits for its end. What it has shown.
    #[track_caller]
    pub fn end(mut self) -> (ExitStatus, String) {
        let mut shown = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
        (self.child.wait().unwrap(), shown)
    }
}
