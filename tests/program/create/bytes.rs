//! What is written is what `kubectl create secret docker-registry` writes, to the byte.

use std::collections::BTreeSet;
use std::process::Command;

use tempfile::TempDir;

use super::{create, fed, with_password};
use crate::support::parts::part;

/// Every printable character of ASCII that is no letter or digit, blanks apart.
const SPECIAL: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// Numbers that look random and are the same each time (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }

    /// A word of characters that a password may have; not blank at its ends.
    fn word(&mut self, longest: usize) -> String {
        let alphabet: Vec<char> =
            (' '..='~').chain("密码拉取镜像，。éß\u{2028}\u{2029}\t😀\u{7ff}\u{ffee}".chars()).collect();
        let length = 1 + self.below(longest);
        let word: String = (0..length).map(|_| alphabet[self.below(alphabet.len())]).collect();
        let word = word.trim();
        if word.is_empty() { "x".to_owned() } else { word.to_owned() }
    }
}

/// A login, and what else kubectl is told of it.
struct Input {
    registry: String,
    username: String,
    password: String,
    email: Option<String>,
    name: String,
    namespace: Option<&'static str>,
}

impl Input {
    fn random(number: usize, random: &mut Random) -> Self {
        let password = match number {
            0 => format!("a{SPECIAL} b"),
            1 => "密码：镜像拉取".to_owned(),
            _ => random.word(48),
        };
        let registries =
            ["r.example.com", "r.example.com:5000", "https://index.docker.io/v1/", "r.example.com/team"];
        Input {
            registry: registries[number % registries.len()].to_owned(),
            username: random.word(24).replace(':', "$"),
            password,
            email: number.is_multiple_of(3).then(|| random.word(16)),
            name: ["pull", "1e3", "true", "a.b-c", "null", "0"][number % 6].to_owned(),
            namespace: [None, Some("prod"), Some("12"), Some("on")][number % 4],
        }
    }

    fn kubectl(&self, home: &TempDir, output: &str) -> String {
        let mut command = Command::new(part("kubectl"));
        command.args([
            "create",
            "secret",
            "docker-registry",
            &self.name,
            "--dry-run=client",
            "--output",
            output,
        ]);
        command.arg(format!("--docker-server={}", self.registry));
        command.arg(format!("--docker-username={}", self.username));
        command.arg(format!("--docker-password={}", self.password));
        command.args(self.email.iter().map(|email| format!("--docker-email={email}")));
        command.args(self.namespace.map(|namespace| format!("--namespace={namespace}")));
        let output = command.env("HOME", home.path()).env("KUBECONFIG", "/dev/null").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn regcred(&self, line_end: &str, output: &str) -> String {
        let mut command = create(&[&self.name, "--password-stdin", "--output", output]);
        command.arg(format!("--registry={}", self.registry)).arg(format!("--username={}", self.username));
        command.args(self.email.iter().map(|email| format!("--email={email}")));
        command.args(self.namespace.map(|namespace| format!("--namespace={namespace}")));
        let ran = fed(command, format!("{}{line_end}", self.password).as_bytes());
        assert!(ran.status == 0 && ran.stderr.is_empty(), "{:?} {:?}: {ran:?}", self.username, self.password);
        ran.stdout
    }
}

#[track_caller]
fn the_same_from_both(count: usize) {
    let home = tempfile::tempdir().unwrap();
    let mut random = Random(0x5eed_cafe_f00d_1234);
    let mut seen = BTreeSet::new();
    for number in 0..count {
        let input = Input::random(number, &mut random);
        let output = if number.is_multiple_of(2) { "json" } else { "yaml" };
        let line_end = ["", "\n", "\r\n", "\r"][number % 4];
        assert_eq!(
            input.regcred(line_end, output),
            input.kubectl(&home, output),
            "{number}: {:?}",
            input.password
        );
        seen.extend(input.password.chars());
    }
    assert!(SPECIAL.chars().chain("密码 ".chars()).all(|c| seen.contains(&c)));
}

#[test]
fn few_random_credentials_match_kubectl() {
    the_same_from_both(40);
}

/// Takes minutes: `cargo test --test program -- --ignored create::bytes`
#[test]
#[ignore = "takes minutes"]
fn thousand_random_credentials_match_kubectl() {
    the_same_from_both(1_000);
}

#[test]
fn labels_are_written_as_kubectl_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    for output in ["yaml", "json"] {
        let labels = ["--label", "team/a.b=true", "--label", "n=1,empty=", "-o", output, "-n", "prod"];
        let ran = with_password(b"p", &labels);
        assert_eq!(ran.status, 0, "{ran:?}");
        let file = folder.path().join("secret");
        std::fs::write(&file, &ran.stdout).unwrap();
        let mut kubectl = Command::new(part("kubectl"));
        kubectl.args(["label", "--local", "added=1", "--output=json", "-f"]).arg(file);
        let read = kubectl.env("HOME", folder.path()).env("KUBECONFIG", "/dev/null").output().unwrap();
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let read: serde_json::Value = serde_json::from_slice(&read.stdout).unwrap();
        let labels = serde_json::json!({"team/a.b": "true", "n": "1", "empty": "", "added": "1"});
        assert_eq!(read["metadata"]["labels"], labels);
        assert_eq!(read["metadata"]["name"], "pull");
    }
}

#[test]
fn one_line_end_after_password_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    for (given, password) in [
        ("p", "p"),
        ("p\n", "p"),
        ("p\r\n", "p"),
        ("p\r", "p"),
        ("p\n\n", "p\n"),
        ("p\r\r\n", "p\r"),
        ("\n\n", "\n"),
    ] {
        let document = with_password(given.as_bytes(), &["-o", "json"]).document();
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["auths"]["r.example.com"]["password"], password, "{given:?}");
        std::fs::write(&file, given).unwrap();
        let arguments =
            ["pull", "--registry", "r.example.com", "--username", "robot", "-o", "json", "--password-file"];
        let mut command = create(&arguments);
        command.arg(&file);
        let from_file: serde_json::Value = serde_json::from_str(&fed(command, b"").document()).unwrap();
        assert_eq!(from_file, document);
    }
}
