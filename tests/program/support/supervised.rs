//! Servers that end with the test process, also when it is killed and nothing of it is dropped.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::regcred::{Regcred, Serve};

/// What a server of the tests sees of the environment: no proxy, no login, no setting of the caller.
pub fn clean(program: impl AsRef<OsStr>, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home);
    for kept in ["PATH", "TMPDIR"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// A shell that runs servers and waits for the end of its input, a pipe that the operating system closes when this
/// process ends in whatever way. Its script must end with that: stop the servers, remove their folder.
pub struct Supervised {
    shell: Child,
}

impl Supervised {
    /// Runs a script, whose arguments are `$1` and so on.
    pub fn start(script: &str, arguments: &[&OsStr], home: &Path) -> Self {
        let shell = clean("sh", home)
            .args(["-euc", script, "sh"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // A group of its own: an interrupt from the keyboard is for the tests, whose end the shell then sees.
            .process_group(0)
            .spawn()
            .unwrap();
        Supervised { shell }
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

/// A running `regcred serve` that may be kept in a `static`.
pub struct Guarded {
    // Dropped in this order: the guard is told only after the program was stopped.
    pub regcred: Regcred,
    _guard: Guard,
}

impl Guarded {
    pub fn start(serve: Serve) -> Self {
        let regcred = serve.start();
        let guard = Guard::of(&regcred);
        Guarded { regcred, _guard: guard }
    }
}

/// A shell that reads one line, and without one ends the program and removes its folder.
struct Guard {
    shell: Child,
}

impl Guard {
    fn of(regcred: &Regcred) -> Self {
        let shell = Command::new("sh")
            .args(["-c", r#"read -r line || { kill -9 "$1"; rm -rf "$2"; }"#, "sh"])
            .arg(regcred.pid().to_string())
            .arg(regcred.path(""))
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        Guard { shell }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut pipe) = self.shell.stdin.take() {
            drop(pipe.write_all(b"stopped\n"));
        }
        drop(self.shell.wait());
    }
}
