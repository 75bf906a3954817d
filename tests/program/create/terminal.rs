//! In a terminal it asks for the password, and leaves the terminal as it found it.

use std::process::Command;

use rustix::process::{Pid, Signal, kill_process};

use super::create;
use crate::support::terminal::{Terminal, line};

/// `regcred create` with all but a password.
fn asking() -> Command {
    create(&["pull", "--registry", "r.example.com", "--username", "robot", "-o", "json"])
}

#[test]
fn it_asks_and_shows_nothing() {
    let mut terminal = Terminal::run(&asking(), &line(&asking()));
    terminal.wait_until_silent();
    terminal.types(b"typed-pass\r");
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    assert!(shown.starts_with("Password: ") && !shown.contains("typed-pass"), "{shown}");
    assert!(shown.contains(
        "eyJhdXRocyI6eyJyLmV4YW1wbGUuY29tIjp7InVzZXJuYW1lIjoicm9ib3QiLCJwYXNzd29yZCI6InR5cGVkLXBhc3Mi"
    ));
}

#[test]
fn missing_password_is_reported_on_own_line() {
    let mut terminal = Terminal::run(&asking(), &line(&asking()));
    terminal.wait_until_silent();
    terminal.types(b"\x04");
    let (status, shown) = terminal.end();
    assert_eq!(status.code(), Some(2), "{shown}");
    assert_eq!(shown.replace('\r', ""), "Password: \nregcred: no password was given\n");
}

/// Interrupts the question in some way; the terminal's modes behind it.
#[track_caller]
fn interrupted(code: u8, interrupt: impl FnOnce(&mut Terminal)) {
    let line = format!("{}; echo code=$?; stty -a", line(&asking()));
    let mut terminal = Terminal::run(&asking(), &line);
    terminal.wait_until_silent();
    interrupt(&mut terminal);
    let (_, shown) = terminal.end();
    let (before, modes) = shown.split_once(&format!("code={code}")).unwrap_or_else(|| panic!("{shown}"));
    assert!(!before.contains("auths"), "{shown}");
    for mode in ["echo", "icanon", "isig"] {
        assert!(modes.split_whitespace().any(|word| word == mode), "{mode} is off: {modes}");
    }
}

#[test]
fn interrupted_prompt_restores_terminal() {
    interrupted(130, |terminal| terminal.types(b"half\x03"));
}

#[test]
fn signal_during_prompt_restores_terminal() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        interrupted(code, |terminal| {
            let pid = Pid::from_raw(terminal.program().try_into().unwrap()).unwrap();
            kill_process(pid, signal).unwrap();
        });
    }
}
