//! `regcred rules`: the reference in the terminal is the one in `docs/`.

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::regcred::command;

const REFERENCES: [(&str, &str); 2] = [("en", "rules.md"), ("zh", "rules.zh-CN.md")];

fn rules(arguments: &[&str]) -> Output {
    command().arg("rules").args(arguments).output().unwrap()
}

/// What it prints where all goes well.
#[track_caller]
fn printed(arguments: &[&str]) -> String {
    let output = rules(arguments);
    assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn reference(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file)).unwrap()
}

/// The sections of a reference: code and text, the heading included.
fn sections(reference: &str) -> Vec<(&str, String)> {
    let sections = reference.split("\n## ").skip(1);
    sections.map(|section| (section.lines().next().unwrap(), format!("## {section}"))).collect()
}

/// The words of a text, without blanks, line breaks and the marks of Markdown.
fn letters(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("```"));
    let text: String = lines.map(|line| line.trim_start_matches("## ").replace("**", "")).collect();
    text.split_whitespace().collect()
}

#[test]
fn the_reference_in_docs_is_what_it_prints() {
    for (language, file) in REFERENCES {
        let printed = printed(&["--output-format", "markdown", "--lang", language]);
        assert!(printed == reference(file), "docs/{file} differs from regcred rules --lang {language}");
    }
}

#[test]
fn rule_is_explained_in_both_languages() {
    for (language, file) in REFERENCES {
        let reference = reference(file);
        let sections = sections(&reference);
        assert!(sections.len() > 20);
        for (code, section) in &sections {
            let markdown = printed(&[code, "--output-format", "markdown", "--lang", language]);
            assert_eq!(markdown.trim_end(), section.trim_end());
            let text = printed(&[code, "--lang", language]);
            assert_eq!(letters(&text), letters(section));
            assert!(!text.contains('\u{1b}') && !text.contains("**"), "marks in {text}");
        }
    }
}

#[test]
fn table_names_every_rule() {
    for (language, file) in REFERENCES {
        let reference = reference(file);
        let rows: Vec<_> = reference.lines().filter(|line| line.starts_with("| [`")).collect();
        let table = printed(&["--lang", language]);
        assert_eq!(table.lines().count(), 1 + rows.len());
        for (line, row) in table.lines().skip(1).zip(rows) {
            let cells: Vec<_> = row.split('|').map(str::trim).collect();
            let code = cells[1].split('`').nth(1).unwrap();
            assert!(line.starts_with(&format!("{code} ")) && line.ends_with(cells[4]), "{line}");
            assert_eq!(line.split_whitespace().nth(1), Some(cells[2]), "{line}");
        }
    }
}

#[test]
fn json_holds_the_same_for_programs() {
    let all: Value = serde_json::from_str(&printed(&["--output-format", "json"])).unwrap();
    let all = all.as_array().unwrap();
    let reference = reference("rules.md");
    let sections = sections(&reference);
    assert_eq!(all.len(), sections.len());
    for (rule, (code, section)) in all.iter().zip(&sections) {
        assert_eq!(rule["code"], *code);
        for part in ["title", "what", "why", "remedy"] {
            let text = rule[part].as_str().unwrap();
            assert!(
                reference.contains(text) && (part == "title" || section.contains(text)),
                "{code}: {part}"
            );
        }
        assert!(section.contains(rule["example"]["document"].as_str().unwrap()), "{code}");
    }
    let one = printed(&["missing-auth", "--output-format", "json", "--lang", "zh"]);
    let one: Value = serde_json::from_str(&one).unwrap();
    assert_eq!((&one["code"], &one["repairs"]), (&"missing-auth".into(), &true.into()));
    assert!(one["remedy"].as_str().unwrap().contains("自动补上"));
}

#[test]
fn unknown_code_names_the_nearest() {
    let output = rules(&["mising-auth"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("'missing-auth'"), "{said}");
}

#[test]
fn closed_reader_is_no_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command().args(["rules", "--output-format", "markdown"]).stdout(writer).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn output_format_has_short_flag_only() {
    assert_eq!(printed(&["-o", "json"]), printed(&["--output-format", "json"]));
    let output = command().arg("rules").env("REGCRED_RULES_OUTPUT_FORMAT", "json").output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), printed(&[]));
}
