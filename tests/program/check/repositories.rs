//! Repositories of twelve shapes: what `check` says in each, and how much of it (tests/check/repositories/README.md).

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use super::reports::{copy, reported};
use super::{check, folder};

#[test]
fn repositories_have_the_expected_outcome() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/repositories");
    let expected = fs::read_to_string(source.join("expected.tsv")).unwrap();
    let mut actual = "repository\texit\tlines\tcodes\n".to_owned();
    let folders = fs::read_dir(&source).unwrap().map(|entry| entry.unwrap().path());
    let folders: BTreeSet<_> = folders.filter(|path| path.is_dir()).collect();
    assert_eq!(folders.len(), 12);
    for path in folders {
        let folder = folder();
        let root = folder.path();
        copy(&path, root);
        if root.join("ignore-list").exists() {
            fs::create_dir(root.join(".git")).unwrap();
            fs::rename(root.join("ignore-list"), root.join(".gitignore")).unwrap();
            fs::rename(root.join("services/a/modules"), root.join("services/a/node_modules")).unwrap();
        }
        let lines = check(root, ["."]).stdout.lines().count();
        let ran = check(root, ["--output-format", "json", "."]);
        let codes = reported(&ran).into_iter().collect::<Vec<_>>().join(",");
        let codes = if codes.is_empty() { "-" } else { &codes };
        let name = path.file_name().unwrap().to_str().unwrap();
        writeln!(actual, "{name}\t{}\t{lines}\t{codes}", ran.status).unwrap();
    }
    assert_eq!(actual, expected);
}

#[test]
fn listed_files_are_read_once() {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/repositories/kustomize/overlays/prod");
    let folder = folder();
    let root = folder.path();
    copy(&source, root);
    let before = fs::read(root.join("pull.json")).unwrap();
    let missing_auth = |arguments: &[&str]| {
        let ran = check(root, [&["--output-format", "json"], arguments].concat());
        let findings = ran.lines("Finding").into_iter().filter(|finding| finding["code"] == "missing-auth");
        findings
            .map(|finding| (finding["fixed"] == true, finding["notFixed"].is_string()))
            .collect::<Vec<_>>()
    };

    assert_eq!(missing_auth(&["--fix", "kustomization.yaml"]), [(false, true)]);
    assert_eq!(missing_auth(&["kustomization.yaml", "pull.json", "."]), [(false, false); 2]);
    assert_eq!(fs::read(root.join("pull.json")).unwrap(), before);

    assert_eq!(missing_auth(&["--fix", "."]), [(true, false)]);
    assert_ne!(fs::read(root.join("pull.json")).unwrap(), before);
}
