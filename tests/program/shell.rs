//! Completions, manual pages, and the program as a plugin of kubectl.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};

use crate::support::parts::part;
use crate::support::regcred::command;

/// Runs bash with the completions of bash in the file `$1`.
fn bash(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("completions");
    let completions = command().args(["completions", "bash"]).output().unwrap();
    assert!(completions.status.success(), "{completions:?}");
    fs::write(&file, completions.stdout).unwrap();
    let output = Command::new("bash").args(["--norc", "-c", script, "bash"]).arg(file).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers behind these words, of which the last is not complete.
fn offered(words: &str) -> Vec<String> {
    let script = format!(
        "source \"$1\"; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
         _regcred regcred \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    bash(&script).lines().map(str::to_owned).collect()
}

#[test]
fn bash_takes_the_completions_and_completes_with_them() {
    assert_eq!(bash("bash -n \"$1\""), "");
    assert_eq!(offered("regcred sc"), ["scan"]);
    assert_eq!(offered("regcred create --password-s"), ["--password-stdin"]);
    assert_eq!(offered("regcred check --fail-on wa"), ["warn"]);
}

#[test]
fn zsh_and_fish_have_completions_too() {
    for (shell, marks) in [("zsh", "#compdef regcred"), ("fish", "complete -c regcred")] {
        let output = command().args(["completions", shell]).output().unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && script.contains(marks) && script.contains("password-stdin"),
            "{shell}"
        );
    }
}

#[test]
fn every_subcommand_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    assert!(command().arg("man").arg(folder.path()).status().unwrap().success());
    for (page, holds) in [
        ("regcred.1", "regcred\\-check(1)"),
        ("regcred-create.1", "\\-\\-password\\-stdin"),
        ("regcred-scan.1", "\\-\\-include\\-owned"),
        ("regcred-explain.1", "\\-\\-service\\-account"),
        ("regcred-serve.1", "\\-\\-tls\\-cert"),
    ] {
        let text = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(
            text.contains(".TH ") && text.contains(".SH SYNOPSIS") && text.contains(holds),
            "{page}: {text}"
        );
    }
    let new = folder.path().join("share/man/man1");
    assert!(command().arg("man").arg(&new).status().unwrap().success());
    assert!(new.join("regcred.1").is_file());
    // No folder can be made below a file, not even by root.
    let nowhere = command().args(["man", "/dev/null/at/all"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("/dev/null/at/all: cannot write"));
}

#[test]
fn manual_page_has_every_variable() {
    let folder = tempfile::tempdir().unwrap();
    assert!(command().arg("man").arg(folder.path()).status().unwrap().success());
    let mut seen = 0;
    for subcommand in ["serve", "check", "scan", "explain", "create", "rules"] {
        let help = command().args([subcommand, "--help"]).output().unwrap();
        let help = String::from_utf8(help.stdout).unwrap();
        let page = fs::read_to_string(folder.path().join(format!("regcred-{subcommand}.1"))).unwrap();
        let variables = help.split("[env: ").skip(1).map(|behind| behind.split([']', '=']).next().unwrap());
        for variable in variables {
            assert!(
                page.contains(&format!("\\fB{variable}\\fR")),
                "{variable} is not on the page of {subcommand}"
            );
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn kubectl_runs_it_as_its_plugin() {
    let folder = tempfile::tempdir().unwrap();
    symlink(command().get_program(), folder.path().join("kubectl-regcred")).unwrap();
    let old = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([folder.path().to_owned()].into_iter().chain(env::split_paths(&old))).unwrap();
    let kubectl = |arguments: &[&str]| -> Output {
        let mut kubectl = Command::new(part("kubectl"));
        kubectl.arg("regcred").args(arguments).env("PATH", &path).env("HOME", folder.path());
        kubectl.stdin(Stdio::null()).output().unwrap()
    };
    let explained = kubectl(&["rules", "missing-auth"]);
    let alone = command().args(["rules", "missing-auth"]).output().unwrap();
    assert!(explained.status.success() && explained.stdout == alone.stdout, "{explained:?}");
    let help = String::from_utf8(kubectl(&["check", "--help"]).stdout).unwrap();
    assert!(help.contains("Usage: kubectl regcred check "), "{help}");
    let both = String::from_utf8(kubectl(&["create", "--help"]).stdout).unwrap();
    assert!(both.contains("Usage: kubectl regcred create [OPTIONS] (--registry <HOST> | "), "{both}");
    assert!(
        both.contains("\n       kubectl regcred create [OPTIONS] --from-docker-config <FILE> "),
        "{both}"
    );
    let told = kubectl(&["explain", "--message", "x509: certificate has expired"]);
    assert!(String::from_utf8_lossy(&told.stdout).starts_with("[certificate] "), "{told:?}");
    let wrong = kubectl(&["rules", "no-such-rule"]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    let help = command().args(["check", "--help"]).output().unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("Usage: regcred check "));
}
