//! The password is nowhere but on standard output.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use super::{create, fed};
use crate::canary::Searcher;
use crate::support::eventually;

const CANARY: &str = "kV7zPq3Xw9Lm5Tr1Hb8Nd4Gs";
const LOGIN: [&str; 5] = ["pull", "--registry", "r.example.com", "--username", "robot"];

fn searcher() -> Searcher {
    Searcher::new(&[("password", CANARY)])
}

#[test]
fn the_process_list_and_the_environment_do_not_have_it() {
    let mut command = create(&LOGIN);
    command.arg("--password-stdin").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It waits for more.
    stdin.write_all(CANARY.as_bytes()).unwrap();
    for file in ["cmdline", "environ"] {
        // Both are empty until it has begun.
        let content = eventually(file, || {
            let content = fs::read(format!("/proc/{}/{file}", child.id())).unwrap();
            (!content.is_empty()).then_some(content)
        });
        assert!(searcher().search(&content).is_empty(), "{file}");
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    // The search finds it where it is.
    assert!(output.status.success() && !searcher().search(&unfolded(&output.stdout)).is_empty());
}

/// The document of a Secret.
fn unfolded(yaml: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let yaml = String::from_utf8_lossy(yaml);
    let encoded = yaml.lines().find_map(|line| line.strip_prefix("  .dockerconfigjson: ")).unwrap();
    base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()
}

#[track_caller]
fn fails_without_it(what: &str, arguments: &[&str], variable: Option<(&str, &str)>, input: &[u8]) {
    let mut command = create(arguments);
    command.envs(variable);
    let ran = fed(command, input);
    assert!(ran.status != 0 && ran.stdout.is_empty() && !ran.stderr.is_empty(), "{what}: {ran:?}");
    assert!(searcher().search(ran.stderr.as_bytes()).is_empty(), "{what}: {}", ran.stderr);
}

#[test]
fn no_error_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let policy = path("policy.yaml");
    fs::write(
        &policy,
        "apiVersion: regcred/v1
kind: Policy
rules: {missing-auth: dney}
",
    )
    .unwrap();
    let not_utf8 = path("not-utf8");
    fs::write(&not_utf8, [CANARY.as_bytes(), b"\xff"].concat()).unwrap();
    let not_a_file = path("folder");
    fs::create_dir(&not_a_file).unwrap();
    let host_with_password = format!("robot:{CANARY}@r.example.com");
    let username_with_password = format!("robot:{CANARY}");
    let [equals, stdin_equals, short] =
        ["--password=", "--password-stdin=", "-p"].map(|flag| format!("{flag}{CANARY}"));

    let stdin = "--password-stdin";
    let generic = ["pull", "--registry", "registry.cn-hangzhou.aliyuncs.com", "--username", "robot", stdin];
    let input = CANARY.as_bytes();
    for (what, arguments) in [
        ("a bad policy", &[&LOGIN[..], &[stdin, "--policy", &policy]].concat()[..]),
        ("a bad host", &generic[..]),
        (
            "a password in the host",
            &["pull", "--registry", &host_with_password, "--username", "robot", stdin],
        ),
        (
            "a password in the username",
            &["pull", "--registry", "r.example.com", "--username", &username_with_password, stdin],
        ),
        ("bad UTF-8", &[&LOGIN[..], &["--password-file", &not_utf8]].concat()),
        ("a file that cannot be read", &[&LOGIN[..], &["--password-file", &not_a_file]].concat()),
        ("a flag that there is not", &[&LOGIN[..], &["--password", CANARY]].concat()),
        ("such a flag with =", &[&LOGIN[..], &[&equals]].concat()),
        ("a short flag that there is not", &[&LOGIN[..], &["-p", CANARY]].concat()),
        ("such a flag in one word", &[&LOGIN[..], &[&short]].concat()),
        ("a value for a switch", &[&LOGIN[..], &[&stdin_equals]].concat()),
        ("a word too many", &[&LOGIN[..], &[stdin, CANARY]].concat()),
    ] {
        fails_without_it(what, arguments, None, input);
    }
    fails_without_it("a value in the variable", &LOGIN, Some(("REGCRED_PASSWORD_STDIN", CANARY)), input);
    let control = format!("{CANARY}\u{1}");
    fails_without_it(
        "a password that is refused",
        &[&LOGIN[..], &[stdin]].concat(),
        None,
        control.as_bytes(),
    );
}

#[test]
fn no_error_shows_what_a_docker_config_holds() {
    for config in [
        format!(r#"{{"auths":{{"r.example.com":{{"auth":"{CANARY}!"}}}}}}"#),
        format!(r#"{{"auths":{{"r.example.com":{{"username":"robot","password":"{CANARY}","auth":7}}}}}}"#),
        format!(r#"{{"auths":{{"r.example.com":"{CANARY}"}}}}"#),
        format!(r#"{{"auths":"{CANARY}"}}"#),
        format!(r#"{{"auths":{{"robot:{CANARY}@r.example.com":{{}}}},"credsStore":"pass"}}"#),
        format!(r#"{{"auths":{{"r.example.com":{{"password":"{CANARY}"}}}}"#),
        format!(r#""{CANARY}""#),
        CANARY.to_owned(),
    ] {
        fails_without_it(&config, &["pull", "--from-docker-config", "-"], None, config.as_bytes());
    }
}
