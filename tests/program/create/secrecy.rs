//! The password is nowhere but on standard output.

use std::fs;
use std::io::Write as _;
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

use rustix::io::ioctl_fionread;

use super::{create, fed};
use crate::canary::Searcher;
use crate::support::eventually;
use crate::support::terminal::{Terminal, line};

const CANARY: &str = "kV7zPq3Xw9Lm5Tr1Hb8Nd4Gs";
const LOGIN: [&str; 5] = ["pull", "--registry", "r.example.com", "--username", "robot"];

fn searcher() -> Searcher {
    Searcher::new(&[("password", CANARY)])
}

/// A process and those that it has begun.
fn family(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let children = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|pids| pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>())
        .collect();
    [pid].into_iter().chain(children.into_iter().flat_map(family)).collect()
}

/// Whether the system shows the password to others while a process has it.
#[track_caller]
fn is_seen(pid: u32) -> bool {
    let files = family(pid).into_iter().flat_map(|pid| ["cmdline", "environ"].map(|file| (pid, file)));
    let contents = files.map(|(pid, file)| {
        // Both are empty until it has begun.
        eventually(file, || {
            let content = fs::read(format!("/proc/{pid}/{file}")).unwrap();
            (!content.is_empty()).then_some(content)
        })
    });
    contents.into_iter().any(|content| !searcher().search(&content).is_empty())
}

#[test]
fn processes_and_children_are_inspected() {
    for (argument, variable) in [(CANARY, "x"), ("x", CANARY)] {
        let mut shell = Command::new("sh");
        // The inner one alone is given it; both end when nobody is left who could write to them.
        shell.args(["-c", "X=$2 sh -c 'read -r line' sh $1; :", "sh", argument, variable]);
        shell.env_clear().env("PATH", std::env::var_os("PATH").unwrap()).stdin(Stdio::piped());
        let mut child = shell.spawn().unwrap();
        eventually("a process and another", || (family(child.id()).len() > 1).then_some(()));
        assert!(is_seen(child.id()));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

/// Whether the Secret has it, so that the search would have found it.
#[track_caller]
fn is_written(output: &[u8]) {
    assert!(!searcher().search(&unfolded(output)).is_empty());
}

/// Waits until a process has read what was written into a pipe.
fn has_read(pipe: &impl AsFd) {
    eventually("an empty pipe", || (ioctl_fionread(pipe).unwrap() == 0).then_some(()));
}

#[test]
fn stdin_password_is_not_in_processes() {
    let mut command = create(&LOGIN);
    command.arg("--password-stdin").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(CANARY.as_bytes()).unwrap();
    // It has it, and waits for more.
    has_read(&stdin);
    assert!(!is_seen(child.id()));
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    is_written(&output.stdout);
}

#[test]
fn file_password_is_not_in_processes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let mut command = create(&LOGIN);
    command.arg("--password-file").arg(&file).stdout(Stdio::piped());
    let child = command.spawn().unwrap();
    let mut pipe = fs::File::create(&file).unwrap();
    pipe.write_all(CANARY.as_bytes()).unwrap();
    has_read(&pipe);
    assert!(!is_seen(child.id()));
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    is_written(&output.stdout);
}

/// How much a process has read since it began.
fn bytes_read(pid: u32) -> usize {
    let counts = fs::read_to_string(format!("/proc/{pid}/io")).unwrap();
    counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[test]
fn typed_password_is_not_in_processes() {
    let mut terminal = Terminal::run(&create(&LOGIN), &line(&create(&LOGIN)));
    terminal.wait_until_silent();
    let (head, tail) = CANARY.split_at(CANARY.len() - 1);
    let program = terminal.program();
    let before = bytes_read(program);
    terminal.types(head.as_bytes());
    eventually("a program that has read", || (bytes_read(program) >= before + head.len()).then_some(()));
    assert!(!is_seen(program));
    terminal.types(format!("{tail}\r").as_bytes());
    let (status, shown) = terminal.end();
    assert!(status.success(), "{shown}");
    is_written(shown.replace('\r', "").as_bytes());
}

/// The document of a Secret.
fn unfolded(yaml: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    let yaml = String::from_utf8_lossy(yaml);
    let encoded = yaml.lines().find_map(|line| line.strip_prefix("  .dockerconfigjson: ")).unwrap();
    base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()
}

#[track_caller]
fn fails_without_it(what: &str, arguments: &[&str], input: &[u8]) {
    let ran = fed(create(arguments), input);
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
    let [equals, stdin_equals, short, long, with_password, dash, near, form, label] =
        ["--password=", "--password-stdin=", "-p", "--", "--password", "-", "--usernam", "-o", "pw=!"]
            .map(|flag| format!("{flag}{CANARY}"));
    let name = format!("{CANARY}!");

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
        ("the password in the place of its file", &[&LOGIN[..], &["--password-file", CANARY]].concat()),
        ("it in the place of a flag", &[&LOGIN[..], &[stdin, &long]].concat()),
        ("it behind the name of a flag", &[&LOGIN[..], &[stdin, &with_password]].concat()),
        ("it behind the name of another flag", &[&LOGIN[..], &[stdin, &near]].concat()),
        ("it with a hyphen", &[&LOGIN[..], &[stdin, &dash]].concat()),
        ("it in the place of the name", &[&[name.as_str()], &LOGIN[1..], &[stdin]].concat()),
        ("it in the place of the form", &[&LOGIN[..], &[stdin, &form]].concat()),
        ("it as a label", &[&LOGIN[..], &[stdin, "--label", &label]].concat()),
        ("it as a namespace", &[&LOGIN[..], &[stdin, "--namespace", &name]].concat()),
        ("it with a hyphen, as a word", &[&LOGIN[..], &[stdin, "--", &dash]].concat()),
    ] {
        fails_without_it(what, arguments, input);
    }
    let control = format!("{CANARY}\u{1}");
    fails_without_it("a password that is refused", &[&LOGIN[..], &[stdin]].concat(), control.as_bytes());
}

#[test]
fn misspelt_flag_gets_suggestion() {
    let ran = fed(create(&[&LOGIN[..], &["--password-stdn"]].concat()), b"");
    assert!(
        ran.status == 2 && ran.stderr.contains("a similar argument exists: '--password-stdin'"),
        "{ran:?}"
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
        fails_without_it(&config, &["pull", "--from-docker-config", "-"], config.as_bytes());
    }
}
