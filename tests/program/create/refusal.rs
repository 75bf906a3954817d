//! What the webhook would refuse is refused, in its words; what cannot be done is said.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::{create, fed, with_password};
use crate::support::eventually;

/// What the webhook says of `registry-vpc.cn-shanghai.aliyuncs.com`.
fn webhooks_words(language: &str) -> String {
    let file = format!("tests/golden/generic-host{language}.validate.response.json");
    let golden = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let golden: Value = serde_json::from_slice(&golden).unwrap();
    golden["response"]["status"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn generic_host_is_refused_before_password() {
    for (language, golden) in [("en", ""), ("zh", ".zh")] {
        let mut command =
            create(&["pull", "--registry", "registry-vpc.cn-shanghai.aliyuncs.com", "--username", "robot"]);
        command.args(["--password-stdin", "--lang", language]);
        // Nothing comes, and no end either.
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        eventually("its end", || child.try_wait().unwrap());
        let output = child.wait_with_output().unwrap();
        drop(stdin);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        assert_eq!(String::from_utf8(output.stderr).unwrap().trim_end(), webhooks_words(golden));
    }
}

#[test]
fn a_colon_in_the_username_is_refused() {
    let arguments = ["pull", "--registry", "r.example.com", "--username", "robot:x", "--password-stdin"];
    let ran = fed(create(&arguments), b"p");
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("\n[regcred/username-has-colon] r.example.com: "), "{ran:?}");
}

#[test]
fn control_character_in_password_is_refused() {
    let ran = with_password(b"p\x01q", &[]);
    assert_eq!((ran.status, ran.stdout.as_str()), (1, ""));
    assert!(ran.stderr.contains("\n[regcred/control-characters] r.example.com: "), "{ran:?}");
    let ran = with_password(b"p ", &["-o", "json"]);
    assert!(ran.stderr.starts_with("Warning: [regcred/surrounding-whitespace] r.example.com: "), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1);
    assert!(ran.document().contains(r#""password":"p ""#));
}

#[test]
fn the_policy_decides() {
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.yaml");
    let head = "apiVersion: regcred/v1\nkind: Policy\n";
    let with_policy = |text: &str| {
        fs::write(&policy, format!("{head}{text}")).unwrap();
        with_password(b"p ", &["--policy", policy.to_str().unwrap(), "-o", "json"])
    };
    let denied = with_policy("rules: {surrounding-whitespace: {action: deny}}\n");
    assert_eq!((denied.status, denied.stdout.as_str()), (1, ""), "{denied:?}");
    let silent = with_policy(
        "rules: {surrounding-whitespace: {action: 'off'}, missing-auth: {action: deny, fix: false}}\n",
    );
    assert_eq!((silent.status, silent.stderr.as_str()), (0, ""), "{silent:?}");
    assert!(silent.document().contains(r#""auth":"cm9ib3Q6cCA=""#));
}

#[test]
fn closed_output_is_a_failure() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    fs::write(&password, "p").unwrap();
    let mut command =
        create(&["pull", "--registry", "r.example.com", "--username", "robot", "--password-file"]);
    let output = command.arg(password).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn missing_argument_names_both_ways() {
    let ran = fed(create(&[]), b"");
    assert_eq!(ran.status, 2, "{ran:?}");
    let usage = "Usage: regcred create [OPTIONS] (--registry <HOST> | --image <REF> | --for <KIND>) --username <USERNAME> <NAME>
       regcred create [OPTIONS] --from-docker-config <FILE> <NAME>
";
    assert!(ran.stderr.contains(usage), "{ran:?}");
}

#[test]
fn wrong_usage_is_said_with_exit_code_2() {
    let login = ["--registry", "r.example.com", "--username", "robot"];
    for (arguments, said) in [
        (&["Pull", "--password-stdin"][..], "lowercase letters"),
        (&["pull"], "--password-stdin or --password-file"),
        (&["pull", "--password-stdin", "--password-file", "f"], "cannot be used with"),
        (&["pull", "--password-stdin", "--from-docker-config", "f"], "cannot be used with"),
        (&["pull", "--password-stdin", "--namespace", "a.b"], "at most 63"),
        (&["pull", "--password-stdin", "--label", "a"], "KEY=VALUE"),
        (&["pull", "--password-stdin", "--label", "a/b/c=d"], "a label's key"),
        (&["pull", "--password-stdin", "--label", "a=-"], "a label's value"),
        (
            &["pull", "--password-stdin", "--registry", "s.example.com"],
            "several registries require --from-docker-config",
        ),
        (
            &["pull", "--password-file", "/nowhere/at/all"],
            "--password-file: cannot read the password: No such file",
        ),
    ] {
        let ran = fed(create(&[arguments, &login].concat()), b"p");
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {ran:?}");
    }
    for (arguments, said) in [
        (&["Pull_x"][..], "error: invalid value for '<NAME>': a name has at most 253 "),
        (
            &["pull", "-o", "toml"],
            "error: invalid value for '--output <FORM>'; possible values: yaml, json\n",
        ),
        (
            &["pull", "--password-stdin=x"],
            "error: invalid value for '--password-stdin', which takes no value\n",
        ),
    ] {
        let ran = fed(create(&[arguments, &login].concat()), b"p");
        assert!(ran.status == 2 && ran.stderr.starts_with(said), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains("\n\nUsage: regcred create "), "{arguments:?}: {ran:?}");
    }
    let large = vec![b'p'; (1 << 20) + 1];
    // It is there twice in a document.
    let half = vec![b'p'; 700_000];
    for (password, said) in [
        (&b""[..], "empty"),
        (b"\r\n", "empty"),
        (b"\xff", "UTF-8"),
        (&large, "1 MiB"),
        (&half, "the document would be larger than 1 MiB"),
    ] {
        let ran = with_password(password, &[]);
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""));
        assert!(ran.stderr.contains(said), "{ran:?}");
    }
    for (language, said) in [("zh", "标准输入：密码为空"), ("en", "standard input: the password is empty")]
    {
        let ran = with_password(b"", &["--lang", language]);
        assert_eq!(ran.stderr, format!("regcred: {said}\n"));
    }
}
