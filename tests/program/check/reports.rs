//! Files from public bug reports and repositories, re-created: what `check` says of each, and whether it changes it
//! (tests/reports/README.md).

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Ran, check, folder};
use crate::support::regcred::command;

/// A row of `expected.tsv`.
struct Row<'t> {
    argument: &'t str,
    exit: i32,
    codes: BTreeSet<&'t str>,
    is_repaired: bool,
    why: &'t str,
}

impl<'t> Row<'t> {
    fn read(line: &'t str) -> Self {
        let [argument, exit, codes, repaired, why] =
            line.split('\t').collect::<Vec<_>>().try_into().expect("five columns");
        let codes = codes.split(',').filter(|code| *code != "-").collect();
        Row { argument, exit: exit.parse().unwrap(), codes, is_repaired: repaired == "yes", why }
    }
}

/// The codes of the rules that there are.
fn rules() -> BTreeSet<String> {
    let rules = Ran::from(command().args(["rules", "--output-format", "json"]).output().unwrap());
    let rules: Value = serde_json::from_str(&rules.stdout).unwrap();
    let code = |rule: &Value| rule["code"].as_str().unwrap().to_owned();
    rules.as_array().unwrap().iter().map(code).collect()
}

pub(super) fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            fs::create_dir_all(target).unwrap();
        } else if entry.file_type().is_symlink() {
            symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files of a folder and what is in them; a link is what it leads to by name.
fn contents(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| !entry.file_type().is_dir()).map(|entry| {
        let path = entry.into_path();
        let content = fs::read_link(&path)
            .map(|target| target.into_os_string().into_encoded_bytes())
            .or_else(|_| fs::read(&path));
        (path, content.unwrap())
    });
    files.collect()
}

/// The codes that a run reports: of findings and errors the code, of notes `not-judged` or `note`.
pub(super) fn reported(ran: &Ran) -> BTreeSet<String> {
    let lines = ["Finding", "Error", "Note"].map(|kind| ran.lines(kind));
    lines.iter().flatten().map(|line| line["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn reported_files_have_the_expected_outcome() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let expected = fs::read_to_string(source.join("expected.tsv")).unwrap();
    let rules = rules();
    let mut seen = 0;
    let mut wrong = Vec::new();
    for row in expected.lines().skip(1).map(Row::read) {
        let is_known =
            |code: &&str| rules.contains(*code) || ["unreadable", "not-judged", "note"].contains(code);
        assert!(row.codes.iter().all(is_known), "{}: a code that does not exist", row.argument);
        seen += 1;
        let folder = folder();
        copy(&source, folder.path());
        let before = contents(folder.path());
        let ran = check(folder.path(), ["--output-format", "json", row.argument]);
        let fixed = check(folder.path(), ["--fix", row.argument]);
        let is_repaired = contents(folder.path()) != before;
        let codes = reported(&ran);
        if ran.status != row.exit || !codes.iter().eq(&row.codes) || is_repaired != row.is_repaired {
            wrong.push(format!(
                "{}: exit {}, {codes:?}, repaired: {is_repaired}; expected {}, {:?}, {}: {}\n{}{}",
                row.argument,
                ran.status,
                row.exit,
                row.codes,
                row.is_repaired,
                row.why,
                ran.stdout,
                fixed.stdout
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {seen} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen >= 36, "{seen}");
}

#[test]
fn the_texts_name_the_cause() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    for (argument, words) in [
        ("base64-block-blank.yaml", "with a space or a folded line in it"),
        ("base64-folded.yaml", "with a space or a folded line in it"),
        ("links", "this is a link"),
        ("git-crypt/.dockercfg", "encrypted"),
        ("helm-pull-secret.yaml", "this is a template"),
        ("dotfolder", "(skipped: 1 hidden folder)"),
        ("utf16-le.yaml", "Save the file as UTF-8"),
        ("web", "1 document that does not parse"),
    ] {
        let ran = check(&source, [argument]);
        assert!(ran.stdout.contains(words), "{argument}: {}", ran.stdout);
    }
    let folded = check(&source, ["base64-folded.yaml"]).stdout;
    assert!(!folded.contains("stringData"), "{folded}");
}
