//! Completions, manual pages, and the program as a plugin of kubectl.

use std::env;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
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

/// Runs kubectl in a folder that contains links of these names to the program, and is on the PATH.
fn kubectl_in(folder: &Path, links: &[&str], arguments: &[&str]) -> Output {
    for link in links {
        let _ = symlink(command().get_program(), folder.join(link));
    }
    let old = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths([folder.to_owned()].into_iter().chain(env::split_paths(&old))).unwrap();
    let mut kubectl = Command::new(part("kubectl"));
    kubectl.args(arguments).current_dir(folder).env("PATH", &path).env("HOME", folder);
    kubectl.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn kubectl_completes_the_plugin() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("manifests")).unwrap();
    fs::write(folder.path().join("manifests/pull.yaml"), "").unwrap();
    fs::write(folder.path().join("manifests/two\nlines.yaml"), "").unwrap();
    let offered = |words: &[&str]| -> (Vec<String>, String) {
        let words = [&["__complete", "regcred"], words].concat();
        let output = kubectl_in(folder.path(), &["kubectl-regcred", "kubectl_complete-regcred"], &words);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let directive = lines.pop().unwrap();
        (lines, directive)
    };
    let only = |line: &str| (vec![line.to_owned()], ":4".to_owned());
    assert_eq!(
        offered(&["sc"]),
        only("scan\tCheck, and optionally repair, the image pull Secrets in a cluster")
    );
    assert_eq!(offered(&["check", "--fail-on", "wa"]), only("warn\tFindings that deny or warn"));
    assert_eq!(offered(&["check", "--fail-on=wa"]), only("--fail-on=warn\tFindings that deny or warn"));
    assert_eq!(offered(&["check", "-o", "js"]).0.len(), 1);
    let formats = offered(&["scan", "-A", "-o", ""]);
    assert!(formats.0.iter().any(|line| line.split('\t').next() == Some("json")), "{formats:?}");
    let flags = offered(&["create", "pull", "--password-s"]);
    assert_eq!(flags.0.len(), 1);
    assert!(flags.0[0].starts_with("--password-stdin\t"), "{flags:?}");
    // A folder is continued, and a name that is two lines is left out.
    assert_eq!(offered(&["check", "mani"]), (vec!["manifests/".to_owned()], ":6".to_owned()));
    assert_eq!(offered(&["check", "manifests/"]), only("manifests/pull.yaml"));
    assert_eq!(offered(&["no-such-command", "x"]), (Vec::new(), ":4".to_owned()));
    // Without the second link, kubectl lets the shell complete files.
    let alone = tempfile::tempdir().unwrap();
    let output = kubectl_in(alone.path(), &["kubectl-regcred"], &["__complete", "regcred", "sc"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), ":0\n");
}

#[test]
fn kubectl_runs_it_as_its_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let kubectl = |arguments: &[&str]| -> Output {
        kubectl_in(folder.path(), &["kubectl-regcred"], &[&["regcred"], arguments].concat())
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
