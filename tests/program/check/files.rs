//! Files as people and tools write them: what a repair changes in them, and what it does not.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Ran, check, command, folder, kubectl, samples};
use crate::support::eventually;

/// A sample, copied to where it may be changed.
struct Sample {
    folder: tempfile::TempDir,
    name: String,
    before: Vec<u8>,
}

impl Sample {
    fn new(path: &Path) -> Self {
        let (folder, name) = (folder(), path.file_name().unwrap().to_str().unwrap().to_owned());
        let before = fs::read(path).unwrap();
        fs::write(folder.path().join(&name), &before).unwrap();
        Sample { folder, name, before }
    }

    fn check(&self, arguments: &[&str]) -> Ran {
        check(self.folder.path(), arguments.iter().chain(&[self.name.as_str()]))
    }

    fn content(&self) -> Vec<u8> {
        fs::read(self.folder.path().join(&self.name)).unwrap()
    }
}

/// Takes the document of a pull Secret out of an object.
fn take_document(object: &mut Value) -> Option<Value> {
    if object["kind"] != "Secret" {
        return None;
    }
    let key = match object["type"].as_str()? {
        "kubernetes.io/dockerconfigjson" => ".dockerconfigjson",
        "kubernetes.io/dockercfg" => ".dockercfg",
        _ => return None,
    };
    let plain = object["stringData"].as_object_mut().and_then(|data| data.remove(key));
    let mut encoded = || object["data"].as_object_mut().and_then(|data| data.remove(key));
    let text = match plain {
        Some(text) => text.as_str()?.to_owned(),
        None => String::from_utf8(STANDARD.decode(encoded()?.as_str()?.replace('\n', "")).ok()?).unwrap(),
    };
    serde_json::from_str(&text).ok()
}

/// Takes every `auth` away that is not in `before`, each of which has to name the pair beside it.
fn without_new_auth(before: &Value, mut after: Value) -> Value {
    let entries = if after.get("auths").is_some() { &mut after["auths"] } else { &mut after };
    let old = before.get("auths").unwrap_or(before);
    for (host, entry) in entries.as_object_mut().unwrap() {
        let was = &old[host]["auth"];
        if *was == entry["auth"] {
            continue;
        }
        let auth = entry["auth"].as_str().unwrap();
        match was.as_str() {
            // Padding.
            Some(was) if !was.is_empty() => assert_eq!(auth.trim_end_matches('='), was),
            _ => {
                let pair = format!(
                    "{}:{}",
                    entry["username"].as_str().unwrap(),
                    entry["password"].as_str().unwrap()
                );
                assert_eq!(STANDARD.decode(auth).unwrap(), pair.as_bytes());
            }
        }
        match old[host].get("auth") {
            Some(was) => entry["auth"] = was.clone(),
            None => drop(entry.as_object_mut().unwrap().remove("auth")),
        }
    }
    after
}

/// The bytes with every `auth` that a repair can write, and every base64 document, taken out.
fn without_values(bytes: &[u8]) -> String {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let mut rest = String::new();
    let mut left = text.as_str();
    // What a repair adds, or writes in the place of null and "".
    while let Some((head, behind)) = left.split_once("auth") {
        let member = behind.strip_prefix("\\\":\\\"").map(|value| (value, "\\\"")).or_else(|| {
            let value = behind.strip_prefix("\":").map(|value| value.trim_start_matches(' '))?;
            Some(value.strip_prefix('"').map_or((value, ""), |value| (value, "\"")))
        });
        let Some((value, mark)) = member else {
            rest.push_str(head);
            rest.push_str("auth");
            left = behind;
            continue;
        };
        let value = value.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "+/=".contains(c));
        rest.push_str(head.trim_end_matches(['"', '\\']).trim_end_matches(','));
        rest.push_str("AUTH");
        left = value.strip_prefix(mark).unwrap();
    }
    rest.push_str(left);
    // Long runs of letters, and their continuation in the next lines.
    let encoded =
        |line: &str| line.len() >= 8 && line.chars().all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c));
    let mut lines: Vec<String> = Vec::new();
    for line in rest.split('\n') {
        let words: Vec<String> = line
            .split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)))
            .filter(|word| word.starts_with("ey") && word.len() > 40)
            .map(str::to_owned)
            .collect();
        let shown = words.iter().fold(line.to_owned(), |line, word| line.replace(word, "DOCUMENT"));
        let continues = encoded(line.trim()) && lines.last().is_some_and(|last| last.trim() == "DOCUMENT");
        if !continues {
            lines.push(shown);
        }
    }
    lines.join("\n").replace("AUTH", "")
}

#[test]
fn repair_changes_only_document_for_kubectl() {
    let samples = samples("repaired");
    assert!(samples.len() >= 40, "{}", samples.len());
    for path in samples {
        let sample = Sample::new(&path);
        let name = sample.name.clone();
        let manifest = !matches!(name.as_str(), "config.json" | ".dockercfg" | ".dockerconfigjson");
        let before = if manifest { kubectl(sample.folder.path(), &name).unwrap() } else { Vec::new() };

        let as_it_is = sample.check(&[]);
        let harmless = name == "unpadded-auth.yaml";
        assert_eq!(as_it_is.status, i32::from(!harmless), "{name}: {}{}", as_it_is.stdout, as_it_is.stderr);
        assert_eq!(sample.content(), sample.before, "{name}: only looked at");

        let fixed = sample.check(&["--fix"]);
        assert_eq!(fixed.status, 0, "{name}: {}{}", fixed.stdout, fixed.stderr);
        let after = sample.content();
        assert_ne!(after, sample.before, "{name}: {}", fixed.stdout);
        assert_eq!(without_values(&after), without_values(&sample.before), "{name}");
        assert_eq!(sample.check(&["--fail-on", "warn"]).status, 0, "{name}: nothing is left to say");

        let again = sample.check(&["--fix"]);
        assert_eq!((again.status, sample.content() == after), (0, true), "{name}: a second repair");

        if manifest {
            let mut objects = kubectl(sample.folder.path(), &name).unwrap();
            let mut repaired = 0;
            let mut expected = before;
            assert_eq!(objects.len(), expected.len(), "{name}");
            for (was, is) in expected.iter_mut().zip(&mut objects) {
                if let (Some(was), Some(is)) = (take_document(was), take_document(is)) {
                    repaired += usize::from(was != is);
                    assert_eq!(without_new_auth(&was, is), was, "{name}");
                }
                assert_eq!(is, was, "{name}: the rest of the object");
            }
            assert!(repaired > 0, "{name}: kubectl sees no auth");
        }
    }
}

#[test]
fn a_diff_applied_by_patch_is_the_repair() {
    for path in samples("repaired") {
        let sample = Sample::new(&path);
        let diff = sample.check(&["--diff"]);
        assert_eq!(sample.content(), sample.before, "{}", sample.name);
        assert!(diff.stderr.contains("checked"), "{}", diff.stderr);
        let patch = sample.folder.path().join("the.patch");
        fs::write(&patch, &diff.stdout).unwrap();
        let mut command = Command::new("patch");
        command.args(["-p1", "--no-backup-if-mismatch", "-i", "the.patch"]).current_dir(sample.folder.path());
        let output = command.output().expect("patch(1) is needed for this test");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && !said.contains("fuzz"),
            "{}: {said}\n{}",
            sample.name,
            diff.stdout
        );
        let patched = sample.content();
        fs::write(sample.folder.path().join(&sample.name), &sample.before).unwrap();
        assert_eq!(sample.check(&["--fix"]).status, 0);
        assert_eq!(patched, sample.content(), "{}: {}", sample.name, diff.stdout);
    }
}

/// The folder in which a diff is to be applied, as its first line says it.
fn folder_of_diff(diff: &str) -> Option<&Path> {
    let (_, folder) = diff.lines().next()?.split_once("patch -p1 -d ")?;
    Some(Path::new(folder.strip_suffix(')').unwrap()))
}

#[test]
fn patch_finds_files_of_diff() {
    let sample = fs::read(&samples("repaired")[0]).unwrap();
    let folder = folder();
    let root = fs::canonicalize(folder.path()).unwrap();
    let here = root.join("a b/here");
    fs::create_dir_all(here.join("sub")).unwrap();
    let files = ["g.yaml", "a b/here/sub/g.yaml", "a b/here/镜像.yaml"].map(|name| root.join(name));
    let not_text = here.join(OsStr::from_bytes(b"\xffg.yaml"));
    let name = OsStr::new;
    let cases: [&[&OsStr]; 9] = [
        &[name("../../g.yaml")],
        &[files[0].as_os_str()],
        &[name("sub/../sub/g.yaml")],
        &[name("../here/sub")],
        &[files[1].as_os_str()],
        &[name("镜像.yaml")],
        &[not_text.file_name().unwrap()],
        &[name("../..")],
        &[name("镜像.yaml"), name("../../g.yaml"), name("../here/sub/g.yaml"), not_text.as_os_str()],
    ];
    let files: Vec<_> = files.iter().chain([&not_text]).collect();
    let write = || files.iter().for_each(|file| fs::write(file, &sample).unwrap());
    let read = || files.iter().map(|file| fs::read(file).unwrap()).collect::<Vec<_>>();
    for arguments in cases {
        write();
        assert_eq!(check(&here, [&[name("--fix")], arguments].concat()).status, 0);
        let fixed = read();
        assert!(fixed.iter().any(|file| *file != sample));
        write();
        let mut diff = command();
        diff.args(["check", "--diff"]).args(arguments).current_dir(&here);
        let diff = diff.output().unwrap();
        fs::write(root.join("the.patch"), &diff.stdout).unwrap();
        let text = String::from_utf8(diff.stdout).unwrap();
        let folder = folder_of_diff(&text).unwrap_or(&here);
        let mut patch = Command::new("patch");
        patch.args(["-p1", "--no-backup-if-mismatch", "-i"]).arg(root.join("the.patch")).current_dir(folder);
        let output = patch.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?} {text}");
        assert!(read() == fixed, "{arguments:?}: {text}");
    }
}

#[test]
fn diff_names_target_of_link_once() {
    use std::os::unix::fs::symlink;
    let folder = folder();
    let root = fs::canonicalize(folder.path()).unwrap();
    let here = root.join("here");
    fs::create_dir(&here).unwrap();
    fs::copy(&samples("repaired")[0], here.join("real.yaml")).unwrap();
    fs::copy(&samples("repaired")[0], root.join("outside.yaml")).unwrap();
    symlink("real.yaml", here.join("link.yaml")).unwrap();
    for (arguments, count) in [(&["link.yaml"][..], 1), (&[".", "real.yaml", "."], 2)] {
        if count == 2 {
            symlink("../outside.yaml", here.join("out.yaml")).unwrap();
        }
        let diff = check(&here, [&["--diff"], arguments].concat());
        assert_eq!(diff.stdout.matches("--- a/").count(), count, "{}", diff.stdout);
        fs::write(root.join("the.patch"), &diff.stdout).unwrap();
        let applied_in = folder_of_diff(&diff.stdout).unwrap_or(&here);
        let mut patch = Command::new("patch");
        patch.args(["-p1", "--dry-run", "-i"]).arg(root.join("the.patch")).current_dir(applied_in);
        let output = patch.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?} {}", diff.stdout);
    }
}

#[test]
fn link_without_repair_does_not_move_diff() {
    let folder = folder();
    let here = folder.path().join("here");
    fs::create_dir(&here).unwrap();
    fs::copy(&samples("repaired")[0], here.join("real.yaml")).unwrap();
    fs::write(folder.path().join("outside.yaml"), "a: b\n").unwrap();
    std::os::unix::fs::symlink("../outside.yaml", here.join("link.yaml")).unwrap();
    let diff = check(&here, ["--diff", "."]);
    assert!(diff.stdout.starts_with("--- a/real.yaml\n"), "{}", diff.stdout);
}

#[test]
fn what_cannot_be_repaired_safely_is_left_alone() {
    let held = |ran: &Ran| {
        let findings = ran.lines("Finding");
        findings
            .iter()
            .filter_map(|finding| finding["notFixed"].as_str())
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    for path in samples("left") {
        let sample = Sample::new(&path);
        let ran = sample.check(&["--fix", "--output-format", "json"]);
        assert_eq!(sample.content(), sample.before, "{}", sample.name);
        assert_eq!(sample.check(&["--diff"]).stdout, "", "{}", sample.name);
        let why = held(&ran);
        let wanted = match sample.name.as_str() {
            "shared-anchor.yaml" | "merged-data.yaml" => vec!["anchor"],
            "shared-by-two-secrets.yaml" => vec!["anchor"; 2],
            "vault.yaml" => vec!["placeholder"],
            "sops-plain.yaml" => vec!["sops"],
            "binary-tag.yaml" => vec!["!!binary"],
            "base64-escaped.yaml" => vec!["cannot be edited safely"],
            _ => vec![],
        };
        assert_eq!(why.len(), wanted.len(), "{}: {why:?}", sample.name);
        assert!(
            why.iter().zip(&wanted).all(|(said, wanted)| said.contains(wanted)),
            "{}: {why:?}",
            sample.name
        );
        assert_eq!(ran.status, i32::from(!wanted.is_empty()), "{}: {}", sample.name, ran.stdout);
    }
}

#[test]
fn repaired_file_keeps_mode_and_link() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = folder();
    let (file, link) = (folder.path().join("real.yaml"), folder.path().join("link.yaml"));
    fs::copy(&samples("repaired")[0], &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
    symlink("real.yaml", &link).unwrap();
    assert_eq!(check(folder.path(), ["--fix", "link.yaml"]).status, 0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o604);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(check(folder.path(), ["."]).status, 0);
    let names: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing else is left in the folder: {names:?}");
}

#[test]
fn other_hard_link_keeps_old_content() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let (file, link) = (folder.path().join("a.yaml"), folder.path().join("link.yaml"));
    fs::copy(&samples("repaired")[0], &file).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    fs::hard_link(&file, &link).unwrap();
    let old = fs::read(&file).unwrap();
    assert_eq!(check(folder.path(), ["--fix", "a.yaml"]).status, 0);
    assert_ne!(fs::read(&file).unwrap(), old, "it is repaired although it is read-only");
    assert_eq!(fs::read(&link).unwrap(), old);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o444);
}

/// Whether the second file that a replacement is written into is there.
fn is_being_replaced(folder: &Path) -> bool {
    fs::read_dir(folder)
        .unwrap()
        .any(|entry| entry.unwrap().path().extension().is_none_or(|extension| extension != "yaml"))
}

#[test]
fn signal_during_replacement_leaves_nothing_behind() {
    let sample = fs::read(&samples("repaired")[0]).unwrap();
    let reports = folder();
    for signal in [Signal::INT, Signal::TERM] {
        // It is stopped again and again until it has just begun to replace a file.
        loop {
            let folder = folder();
            for number in 0..200 {
                fs::write(folder.path().join(format!("{number}.yaml")), &sample).unwrap();
            }
            let mut command = command();
            command.args(["check", "--fix", "--output-format", "json", "."]).current_dir(folder.path());
            command.stdout(fs::File::create(reports.path().join("report")).unwrap());
            let mut child = command.spawn().unwrap();
            let tell = |signal| kill_process(Pid::from_child(&child), signal).unwrap();
            let caught = loop {
                tell(Signal::STOP);
                let stat = || fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
                let state = eventually("a process that stands still", || {
                    let stat = stat();
                    let state = stat.rsplit(") ").next().unwrap().chars().next().unwrap();
                    "TZ".contains(state).then_some(state)
                });
                let caught = is_being_replaced(folder.path());
                if caught {
                    tell(signal);
                }
                tell(Signal::CONT);
                if caught || state == 'Z' {
                    break caught;
                }
            };
            let status = child.wait().unwrap();
            assert!(!is_being_replaced(folder.path()), "{signal:?}");
            if caught {
                assert_eq!(status.code(), Some(128 + signal.as_raw()));
                let stdout = fs::read_to_string(reports.path().join("report")).unwrap();
                let ran = Ran { status: 0, stdout, stderr: String::new() };
                let repaired =
                    |number: &u32| fs::read(folder.path().join(format!("{number}.yaml"))).unwrap() != sample;
                let repaired = (0..200).filter(repaired).count();
                if repaired == 200 {
                    continue;
                }
                let findings = ran.lines("Finding");
                assert!(findings.iter().all(|finding| finding["fixed"] == true));
                let files: BTreeSet<_> =
                    findings.iter().map(|finding| finding["file"]["path"].as_str().unwrap()).collect();
                assert_eq!(files.len(), repaired, "what is repaired is reported");
                let [error] = ran.lines("Error").try_into().unwrap();
                assert!(error["message"].as_str().unwrap().contains("interrupted"));
                assert!(ran.stdout.lines().last().unwrap().contains(r#""kind":"Summary""#), "{}", ran.stdout);
                break;
            }
        }
    }
}

#[test]
fn fixed_is_reported_and_remainder_decides() {
    let folder = folder();
    let document = json!({"auths": {
        "r.example.com": {"username": "u", "password": "p"},
        "registry.cn-hangzhou.aliyuncs.com": {"username": "u", "password": "p"},
    }});
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "team"},
        "type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": document.to_string()},
    });
    fs::write(folder.path().join("a.json"), secret.to_string()).unwrap();
    let ran = check(folder.path(), ["--fix", "--output-format", "json", "a.json"]);
    let findings: Vec<_> = ran
        .lines("Finding")
        .iter()
        .map(|finding| (finding["code"].as_str().unwrap().to_owned(), finding["fixed"] == true))
        .collect();
    let fixed = ("missing-auth".to_owned(), true);
    assert_eq!(findings, [fixed.clone(), fixed, ("generic-registry-host".to_owned(), false)]);
    assert_eq!(ran.status, 1);
    let [summary] = ran.lines("Summary").try_into().unwrap();
    assert_eq!(
        (&summary["fixed"], &summary["deny"], &summary["repairable"]),
        (&json!(2), &json!(1), &json!(0))
    );
}
