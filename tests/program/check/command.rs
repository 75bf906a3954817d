//! The command: what it reads, where it writes, and how it ends.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::{Ran, check, check_stdin, command, folder};

const BAD: &str = r#"{"auths":{"r.example.com":{"username":"u","password":"p"}}}"#;
const WARNS: &str = r#"{"auths":{"docker.io":{"auth":"dTpw"}}}"#;
const GOOD: &str = r#"{"auths":{"r.example.com":{"auth":"dTpw"}}}"#;

#[test]
fn exit_code_follows_findings_and_fail_on() {
    for (document, fail_on, status) in [
        (BAD, "deny", 1),
        (BAD, "warn", 1),
        (BAD, "never", 0),
        (WARNS, "deny", 0),
        (WARNS, "warn", 1),
        (WARNS, "never", 0),
        (GOOD, "warn", 0),
        ("{\"auths\":", "never", 2),
    ] {
        let ran = check_stdin(document, ["--fail-on", fail_on, "-"]);
        assert_eq!(ran.status, status, "{fail_on} {document}\n{}", ran.stdout);
    }
}

#[test]
fn unreadable_is_reported_and_rest_is_checked() {
    let folder = folder();
    let root = folder.path();
    fs::write(root.join("a.yaml"), "auths: b\n  c: d\n").unwrap();
    fs::write(root.join("b.yaml"), b"auths: \xff").unwrap();
    fs::write(root.join("chart.yaml"), "{{- if .Values.x }}\nauths: b\n{{- end }}\n").unwrap();
    fs::write(root.join("other.yaml"), "{{- if .Values.x }}\na: b\n{{- end }}\n").unwrap();
    fs::write(root.join("config.json"), BAD).unwrap();
    let ran = check(root, [".", "missing.yaml"]);
    assert_eq!(ran.status, 2);
    for line in
        ["--> a.yaml:2:", "invalid YAML", "not UTF-8", "helm template", "missing.yaml", "r.example.com: auth"]
    {
        assert!(ran.stdout.contains(line), "{line}\n{}", ran.stdout);
    }
    assert!(
        ran.stdout.ends_with("1 image pull Secret checked: 1 deny, 1 repairable, 4 errors (skipped: 1 document that does not parse)\n"),
        "{}",
        ran.stdout
    );
    assert_eq!(ran.stderr, "");
}

#[test]
fn folder_search_skips_hidden_and_ignored_files() {
    let folder = folder();
    let root = folder.path();
    for hidden in [".git", ".github", "sub/.cache"] {
        fs::create_dir_all(root.join(hidden)).unwrap();
        fs::write(root.join(hidden).join("config.json"), BAD).unwrap();
    }
    fs::write(root.join("sub/config.json"), BAD).unwrap();
    // What a console saves, and a text that only mentions it.
    fs::write(root.join("pull-secret.txt"), BAD.replacen('{', "{\n  ", 1)).unwrap();
    fs::write(root.join("notes.txt"), format!("as in {BAD}")).unwrap();
    fs::write(root.join(".gitignore"), "/generated\n").unwrap();
    fs::create_dir(root.join("generated")).unwrap();
    fs::write(root.join("generated/config.json"), BAD).unwrap();
    fs::write(root.join("package.json"), r#"{"name":"x","kind":"module"}"#).unwrap();
    fs::write(root.join("values.yaml"), "image: x\n").unwrap();
    std::os::unix::fs::symlink("..", root.join("sub/round")).unwrap();
    let found = |arguments: &[&str]| {
        let ran = check(root, ["--output-format", "json"].iter().chain(arguments));
        let paths = ran.lines("Finding").iter().map(|finding| finding["file"]["path"].clone()).collect();
        (ran.status, Value::Array(paths), ran.lines("Summary").remove(0))
    };
    let (status, paths, summary) = found(&[]);
    assert_eq!((status, paths), (1, json!(["pull-secret.txt", "sub/config.json"])));
    assert_eq!((&summary["hiddenFolders"], &summary["ignored"]), (&json!(3), &json!(1)));
    let (_, paths, _) = found(&["--exclude", "sub"]);
    assert_eq!(paths, json!(["pull-secret.txt"]));
    let (_, paths, _) = found(&["--no-ignore"]);
    assert_eq!(paths, json!(["generated/config.json", "pull-secret.txt", "sub/config.json"]));
    let (_, paths, _) = found(&["--hidden", "--exclude", "*.txt"]);
    assert_eq!(
        paths,
        json!([".git/config.json", ".github/config.json", "sub/.cache/config.json", "sub/config.json"])
    );
    // What is named is read.
    let (_, paths, _) = found(&["generated", ".github", "notes.txt", "--exclude", "generated"]);
    assert_eq!(paths, json!(["generated/config.json", ".github/config.json"]));
    let bad_glob = check(root, ["--exclude", "a[b"]);
    assert!(
        bad_glob.status == 2 && bad_glob.stderr.contains("`a[b` is not a valid glob"),
        "{}",
        bad_glob.stderr
    );
}

#[test]
fn pre_commit_hooks_take_searched_files() {
    let hooks = include_str!("../../../.pre-commit-hooks.yaml");
    let patterns: Vec<_> = hooks.lines().filter_map(|line| line.strip_prefix("  files: ")).collect();
    assert_eq!(patterns.len(), 2);
    let folder = folder();
    let root = folder.path();
    fs::create_dir(root.join("a")).unwrap();
    // A Docker config is also found under other names, of which no pattern can know.
    let secret = format!(
        r#"{{"kind":"Secret","type":"kubernetes.io/dockerconfigjson","stringData":{{".dockerconfigjson":{BAD:?}}}}}"#
    );
    for (name, is_taken) in [
        ("b.yaml", true),
        ("a/b.yml", true),
        ("B.YAML", true),
        ("a/b.Json", true),
        (".dockercfg", true),
        (".dockerconfigjson", true),
        ("a/.dockercfg", true),
        ("a/.dockerconfigjson", true),
        ("x.dockercfg", false),
        ("a/b.yaml.txt", false),
        ("yaml", false),
    ] {
        fs::write(root.join(name), &secret).unwrap();
        let is_searched_for = check(root, std::iter::empty::<&str>()).stdout.contains("1 image pull Secret");
        assert_eq!(is_searched_for, is_taken, "{name}");
        fs::remove_file(root.join(name)).unwrap();
        fs::write(root.join("name.txt"), name).unwrap();
        for pattern in &patterns {
            // The patterns are Python's; these are the same in Perl's.
            let mut grep = Command::new("grep");
            let status = grep.args(["-qP", pattern]).arg(root.join("name.txt")).status().unwrap();
            assert_eq!(status.code(), Some(i32::from(!is_taken)), "{name}: {pattern}");
        }
    }
}

#[test]
fn a_broken_policy_file_is_caught() {
    let folder = folder();
    let policy = "# ours\napiVersion: regcred/v1\nkind: Policy\nrules:\n  missing-auth: forbid\n";
    fs::write(folder.path().join("policy.yaml"), format!("a: b\n---\n{policy}")).unwrap();
    let ran = check(folder.path(), ["policy.yaml"]);
    assert_eq!(ran.status, 1, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("error[policy-file]") && ran.stdout.contains("policy.yaml:7:17"),
        "{}",
        ran.stdout
    );
    assert_eq!(check(folder.path(), ["policy.yaml", "--fail-on", "never"]).status, 0);
    let by_it = check(folder.path(), ["--policy", "policy.yaml", "policy.yaml"]);
    assert_eq!((by_it.status, by_it.stdout.as_str()), (2, ""), "{}", by_it.stderr);
}

#[test]
fn policy_file_is_recognised() {
    let folder = folder();
    let policy = "apiVersion: regcred/v1\nkind: Policy\n";
    fs::write(folder.path().join("one.yaml"), policy).unwrap();
    fs::write(folder.path().join("two.yaml"), format!("{policy}---\n{policy}")).unwrap();
    fs::write(folder.path().join("other.yaml"), "a: b\n").unwrap();
    // What regcred itself has written has the same version.
    let report = check(folder.path(), ["--output-format", "json", "one.yaml", "missing.yaml"]).stdout;
    fs::write(folder.path().join("report.json"), report).unwrap();
    for (file, language, said) in [
        ("one.yaml", "en", "0 image pull Secrets and 1 policy checked, nothing to report\n"),
        ("two.yaml", "en", "0 image pull Secrets and 2 policies checked, nothing to report\n"),
        ("two.yaml", "zh", "检查了 0 个镜像拉取 Secret 和 2 个策略文件，没有发现问题\n"),
        ("other.yaml", "en", "0 image pull Secrets checked, nothing to report\n"),
        ("report.json", "en", "0 image pull Secrets checked, nothing to report\n"),
    ] {
        assert_eq!(check(folder.path(), [file, "--lang", language]).stdout, said, "{file}");
    }
}

#[test]
fn policy_and_namespace_of_file_apply() {
    let folder = folder();
    let policy = "apiVersion: regcred/v1\nkind: Policy\nlanguage: zh\nexemptions:\n- namespaces: [\"legacy-*\"]\n  \
                  rules: [missing-auth]\n  action: audit\n  fix: false\n";
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let secret = |namespace: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\n{namespace}type: kubernetes.io/dockerconfigjson\n\
             stringData:\n  .dockerconfigjson: '{BAD}'\n"
        )
    };
    for (namespace, status) in [("  namespace: legacy-1\n", 0), ("  namespace: new\n", 1), ("", 1)] {
        fs::write(folder.path().join("a.yaml"), secret(namespace)).unwrap();
        let ran = check(folder.path(), ["--policy", "policy.yaml", "a.yaml"]);
        assert_eq!(ran.status, status, "{namespace}{}", ran.stdout);
        assert!(ran.stdout.contains("缺少 auth") || status == 0, "{}", ran.stdout);
    }
    let english = check(folder.path(), ["--policy", "policy.yaml", "--lang", "en", "a.yaml"]);
    assert!(english.stdout.contains("auth is missing"), "{}", english.stdout);
}

#[test]
fn repaired_stdin_goes_to_stdout() {
    let ran = check_stdin(BAD, ["--fix", "-"]);
    assert_eq!(ran.stdout, BAD.replace("}}}", r#","auth":"dTpw"}}}"#));
    assert!(ran.stderr.contains("1 fixed"), "{}", ran.stderr);
    assert_eq!(ran.status, 0);
    let other = check_stdin("kind: ConfigMap\n", ["--fix", "-"]);
    assert_eq!((other.status, other.stdout.as_str()), (0, "kind: ConfigMap\n"));

    // Also what is not text.
    let folder = folder();
    let bytes = b"\xffauths";
    fs::write(folder.path().join("bytes"), bytes).unwrap();
    let mut command = command();
    command.args(["check", "--fix", "-"]).stdin(fs::File::open(folder.path().join("bytes")).unwrap());
    let output = command.output().unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &bytes[..]));
}

#[test]
fn data_that_cannot_be_written_is_told() {
    let folder = folder();
    let input = folder.path().join("in");
    fs::write(folder.path().join("a.json"), BAD).unwrap();
    let large = "#".repeat((64 << 20) + 1);
    for (content, arguments) in [
        (BAD.as_bytes(), ["--fix", "-"]),
        (b"\xff\xfek\0", ["--fix", "-"]),
        (large.as_bytes(), ["--fix", "-"]),
        (b"", ["--diff", "a.json"]),
    ] {
        fs::write(&input, content).unwrap();
        let mut command = command();
        command.arg("check").args(arguments).current_dir(folder.path());
        command.stdin(fs::File::open(&input).unwrap());
        let output = command.stdout(fs::File::create("/dev/full").unwrap()).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && said.contains("cannot write"), "{arguments:?}: {said}");
    }
}

#[test]
fn only_diff_needs_working_directory() {
    let folder = folder();
    let file = folder.path().join("a.json");
    fs::write(&file, BAD).unwrap();
    let status = |flag: &str| {
        let gone = folder.path().join("gone");
        fs::create_dir(&gone).unwrap();
        let script = r#"rmdir "$PWD" && exec "$0" "$@""#;
        let program = command().get_program().to_owned();
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", script])
            .arg(program)
            .arg("check")
            .args((!flag.is_empty()).then_some(flag))
            .arg(&file);
        shell.current_dir(gone).output().unwrap().status.code()
    };
    assert_eq!((status(""), status("--diff")), (Some(1), Some(2)));
}

#[test]
fn too_large_stdin_comes_out_unchanged() {
    let input = "#".repeat((64 << 20) + (1 << 16));
    let ran = check_stdin(&input, ["--fix", "-"]);
    assert_eq!(ran.status, 2, "{}", ran.stderr);
    assert!(ran.stdout == input, "{} of {} bytes came out", ran.stdout.len(), input.len());
    assert!(ran.stderr.contains("larger than 64 MiB"), "{}", ran.stderr);
}

#[test]
fn a_link_that_leads_nowhere_is_told() {
    let folder = folder();
    std::os::unix::fs::symlink("nowhere", folder.path().join("b.yaml")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("b.txt")).unwrap();
    let ran = check(folder.path(), std::iter::empty::<&str>());
    assert_eq!(ran.status, 2, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("this is a link")
            && ran.stdout.contains("--> b.yaml")
            && ran.stdout.contains("1 error\n"),
        "{}",
        ran.stdout
    );
}

#[test]
fn pipe_is_checked_and_not_repaired() {
    let folder = folder();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Nobody writes into it; who waited for that would wait for ever.
    let program = command();
    let mut limited = Command::new("timeout");
    limited.arg("20").arg(program.get_program()).args(["check", "--fix", "pipe"]).current_dir(folder.path());
    let ran = Ran::from(limited.output().unwrap());
    assert_eq!(ran.status, 2, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("only a regular file can be repaired"), "{}", ran.stdout);

    let writer = std::thread::spawn(move || fs::write(pipe, BAD));
    let ran = check(folder.path(), ["pipe"]);
    writer.join().unwrap().unwrap();
    assert_eq!(ran.status, 1, "{}", ran.stdout);
}

#[test]
fn variables_never_change_files() {
    let folder = folder();
    fs::write(folder.path().join("config.json"), BAD).unwrap();
    let mut check = command();
    check.args(["check", "config.json"]).env("REGCRED_FIX", "1").env("REGCRED_DIFF", "1");
    let ran = Ran::from(check.current_dir(folder.path()).output().unwrap());
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert_eq!(fs::read_to_string(folder.path().join("config.json")).unwrap(), BAD);
}

#[test]
fn conflicting_flags_are_reported_together() {
    let ran = check(folder().path(), ["--fix", "--diff"]);
    assert!(ran.stderr.contains("'--diff'\n\nUsage:"), "{}", ran.stderr);
}

#[test]
fn file_of_many_findings_is_reported_quickly() {
    // A megabyte in one line: what is shown of a line does not grow with it.
    let entries: Vec<_> =
        (0..20_000).map(|index| format!(r#""r{index}.example.com":{{"username":"u"}}"#)).collect();
    let ran = check_stdin(&format!(r#"{{"auths":{{"镜像":{{}},{}}}}}"#, entries.join(",")), ["-"]);
    assert_eq!(ran.status, 1);
    assert!(ran.stdout.len() < 20_000 * 1_500, "{}", ran.stdout.len());
}

#[test]
fn reports_use_languages_of_policy() {
    let folder = folder();
    let root = folder.path();
    fs::write(root.join("a.json"), BAD.replace("auths", "AUTHS")).unwrap();
    let shared = format!(
        "x: &d '{BAD}'\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\nstringData: {{.dockerconfigjson: *d}}\n"
    );
    fs::write(root.join("shared.yaml"), shared).unwrap();
    fs::write(root.join("broken.yaml"), "auths: [").unwrap();
    let said = |format: &str, language: &str| {
        let policy = format!("apiVersion: regcred/v1\nkind: Policy\nlanguage: {language}\n");
        fs::write(root.join("policy.txt"), policy).unwrap();
        let ran = check(root, ["--policy", "policy.txt", "--output-format", format, ".", "missing.yaml"]);
        assert_eq!(ran.status, 2, "{}", ran.stdout);
        ran.stdout
    };
    // In English and in Chinese.
    let words = [
        ("text", "regcred repairs this: with --fix now", "regcred 可以修复此项"),
        ("text", "refers to this value by an anchor", "该值通过锚点与其他位置共用"),
        ("text", "not repaired", "未修复"),
        ("text", "invalid YAML", "YAML 无效"),
        ("text", "No such file or directory", "没有这个文件或目录"),
        ("text", "2 image pull Secrets checked: 2 deny, ", "检查了 2 个镜像拉取 Secret：2 项拒绝"),
        ("json", "regcred repairs this: with --fix now", "regcred 可以修复此项"),
        ("sarif", "The file or object could not be read.", "无法读取该文件或对象。"),
    ];
    for (format, english, chinese) in words {
        for (language, is_english, is_chinese) in
            [("en", true, false), ("zh", false, true), ("both", true, true)]
        {
            let said = said(format, language);
            assert_eq!(
                (said.contains(english), said.contains(chinese)),
                (is_english, is_chinese),
                "{language}, {english}: {said}"
            );
        }
    }
}
