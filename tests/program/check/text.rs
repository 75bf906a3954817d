//! The text for people: what of it is in colours, and that nothing of a file can be taken for regcred's own words.

use std::fs;

use super::{check, command, folder};
use crate::support::terminal::{Terminal, line};

const BAD: &str = r#"{"auths":{"r.example.com":{"username":"u","password":"p"},"s.example.com":{}}}"#;

/// What `regcred check .` shows in a terminal.
fn in_a_terminal(folder: &tempfile::TempDir, variables: &[(&str, &str)]) -> String {
    let mut command = command();
    command.args(["check", "."]).current_dir(folder.path());
    // What a terminal is, and what was asked of the caller's.
    command.env("TERM", "xterm").env_remove("NO_COLOR").env_remove("CLICOLOR").env_remove("CLICOLOR_FORCE");
    command.envs(variables.iter().copied());
    let (status, shown) = Terminal::run(&command, &line(&command)).end();
    assert_eq!(status.code(), Some(1), "{shown}");
    shown
}

#[test]
fn colours_are_for_terminals() {
    let folder = folder();
    fs::write(folder.path().join("config.json"), BAD).unwrap();
    let shown = in_a_terminal(&folder, &[]);
    assert!(shown.contains("\u{1b}["), "{shown}");
    let plain = in_a_terminal(&folder, &[("NO_COLOR", "1")]);
    assert!(!plain.contains('\u{1b}'), "{plain}");
    let piped = check(folder.path(), ["."]).stdout;
    assert!(!piped.contains('\u{1b}'), "{piped}");
    // And that is all the difference.
    assert_eq!(anstream::adapter::strip_str(&shown.replace('\r', "")).to_string(), piped);
    assert_eq!(plain.replace('\r', ""), piped);
}

#[test]
fn file_name_is_shown_without_terminal_escapes() {
    let folder = folder();
    for (name, shown) in [
        ("red\u{1b}[31m.json", "red\\u{1b}[31m.json"),
        ("bell\u{7}\u{1}\u{9b}31m.json", "bell\\u{7}\\u{1}\\u{9b}31m.json"),
        ("x\n9 image pull Secrets checked, nothing to report\n.json", "x\\u{a}9 image pull"),
        ("back\r.json", "back\\u{d}.json"),
        ("turned\u{202e}nosj.json", "turned\\u{202e}nosj.json"),
        ("镜像.json", "镜像.json"),
    ] {
        let file = folder.path().join(name);
        for text in [BAD, "{\"auths\""] {
            fs::write(&file, text).unwrap();
            let mut command = command();
            command
                .args(["check", "."])
                .current_dir(folder.path())
                .env("TERM", "xterm")
                .env_remove("NO_COLOR");
            let (_, in_terminal) = Terminal::run(&command, &line(&command)).end();
            for said in [in_terminal, check(folder.path(), ["."]).stdout] {
                assert!(said.contains(shown), "{name:?}: {said}");
                // Colours are the text's own.
                let own = anstream::adapter::strip_str(&said.replace("\r\n", "\n")).to_string();
                assert!(own.contains(shown), "{name:?}: {own}");
                assert!(
                    !own.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')),
                    "{name:?}: {own:?}"
                );
                assert!(!own.lines().any(|line| line.starts_with("9 image")), "{name:?}: {own}");
            }
        }
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn an_excerpt_has_one_head() {
    let folder = folder();
    fs::write(folder.path().join("config.json"), BAD).unwrap();
    // The second registry stands elsewhere than it is shown: what is kept back is as long as it likes.
    let said = check(folder.path(), ["config.json"]).stdout;
    assert!(said.contains(
        " --> config.json:1:59\n  |\n1 | … \"r.example.com\":{\"username\":\"***\",\"password\":\"***\"},\"s.example.com\":{}}}\n"
    ), "{said}");
    assert!(!said.contains(":::"), "{said}");
}
