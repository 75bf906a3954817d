//! Documents put together from parts, through the API server and through `check --fix`: a policy repairs one as `check` does or
//! leaves it alone.

#![allow(clippy::print_stdout, reason = "figures are for people who run this by hand")]

use std::collections::BTreeMap;
use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::cluster::{Cluster, document_of, pull_secret};
use crate::support::eventually;
use crate::support::regcred::command;
use crate::support::review::{data_key, secret_of};

use super::super::{HOST, auths, bare, whole};
use super::generated;
use super::treatment::{Foretold, Treatment, foretold_by_check};

const DOCUMENTS: usize = 600;

const KEYS: &[&str] = &[
    "r.example.com",
    "https://r.example.com/v1/",
    "r.example.com:5000",
    r"r\u002eexample.com",
    "例子.example.com",
    "*.example.com",
    "localhost",
    "robot@r.example.com",
    "auths",
    "authſ",
    "end.",
    "end/a.b",
    "镜像.example.com",
];
const USERNAMES: &[&str] = &[
    r#""u""#,
    r#""robot""#,
    r#""""#,
    "null",
    r#""u:x""#,
    r#""\u00fcser""#,
    r#""用户""#,
    r#""a\"b""#,
    r#""a\\b""#,
    r#""a\tb""#,
    r#""a\rb\nc""#,
    r#""\ud83d\ude00""#,
    r#""\ud83d""#,
    r#""\uD83Dx""#,
    "5",
    r#""\u0007""#,
    r#""u\u003ax""#,
    r#""$(USER)""#,
    r#""\u20ac\/""#,
    r#""\u007f""#,
    r#"" u ""#,
];
const PASSWORDS: &[&str] = &[
    r#""p""#,
    r#""made-up-1""#,
    r#""""#,
    "null",
    r#""}{\",:[""#,
    r#""p\/\u0026\n""#,
    r#""\u0085""#,
    r#""{{x}}""#,
    r#""a{{x}}""#,
    r#""%!s(<nil>)""#,
    r#"["x"]"#,
    r#"" p ""#,
    r#""\b\f""#,
    r#""{\"type\":\"service_account\",\"key\":\"-----\\n\"}""#,
    r#""密码""#,
    r#""\uffff\u0800\u07ff""#,
    r#""p:q""#,
    "\"\u{85}\"",
    r#""\\ud83d\ude00""#,
    r#""\\u0041\\ud83d""#,
];
const AUTHS: &[&str] = &[
    "",
    "null",
    r#""""#,
    r#""dTpw""#,
    r#""dTpwYQ""#,
    r#""dTpwYQ\n""#,
    r#""u:p""#,
    r#""dTpwYQ==""#,
    "{}",
    "\"\" ",
];
const OTHERS: &[&str] = &[
    "",
    r#""email":"e@example.com""#,
    r#""EMAIL":null"#,
    r#""x":{"auth":""}"#,
    r#""x":{"y":{"z":{"w":{}}}}"#,
    r#""x":[{"username":"v"},"auth"]"#,
    r#""Username":"w""#,
    r#""identitytoken":"t""#,
    r#""x":"}""#,
    r#""serveraddress":7"#,
    r#""x":"\"auth\":\"\"""#,
    r#""\u0061uth":"dTpw""#,
];
/// `E` is the entry.
const OUTLINES: &[&str] = &[
    r#"{"auths":{E}}"#,
    r#"{"auths":{E}}"#,
    " {\n\t\"auths\" : { E ,\r\n\"s.example.com\":{\"auth\":\"dTpw\"} } , \"x\" : [ 1 , [] ] }\n",
    r#"{"HttpHeaders":{"auths":"{"},"AUTHS":{E}}"#,
    r#"{"auths":{E},"auths":{}}"#,
    r#"{"auths":{"s.example.com":null,E}}"#,
    r#"{"x":{"auths":{"a":{}}},"auths":{E}}"#,
    r#"{"auths":{E},"x":{"y":{"z":{"w":1}}}}"#,
    r#"{"auths":{E,"s.example.com":{"username":"v","password":"made-up-2"}}}"#,
    r#"{"auths":{E,"s.example.com":{"username":"v","password":"made-up-2","auth":"djpt"}},"auth\u0073":{}}"#,
    r#"{"HttpHeaders":["x"],"auths":{E}}"#,
    r#"{"httpheaders":null,"auths":{E},"HttpHeader":5}"#,
];

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn one_of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // Every other time the first, which is ordinary: otherwise hardly a document would be repaired.
        let number = usize::try_from(self.0 >> 33).unwrap();
        texts[if number.is_multiple_of(2) { 0 } else { number / 2 % texts.len() }]
    }
}

/// A Secret, some of type dockercfg.
fn secret(numbers: &mut Numbers, index: usize) -> Value {
    let mut fields: Vec<String> = Vec::new();
    for (name, values) in [("username", USERNAMES), ("password", PASSWORDS), ("auth", AUTHS)] {
        let value = numbers.one_of(values);
        let name = if index.is_multiple_of(11) { name.to_uppercase() } else { name.to_owned() };
        let colon = if index.is_multiple_of(7) { " : " } else { ":" };
        fields.extend((!value.is_empty()).then(|| format!("\"{name}\"{colon}{value}")));
    }
    fields.extend(Some(numbers.one_of(OTHERS)).filter(|other| !other.is_empty()).map(str::to_owned));
    let by = index % fields.len();
    fields.rotate_left(by);
    let entry = format!(
        "\"{}\":{{{}}}",
        numbers.one_of(KEYS),
        fields.join(if index.is_multiple_of(5) { " ,\n" } else { "," })
    );
    let (secret_type, document) = if index.is_multiple_of(9) {
        ("kubernetes.io/dockercfg", format!("{{{entry}}}"))
    } else {
        ("kubernetes.io/dockerconfigjson", numbers.one_of(OUTLINES).replacen('E', &entry, 1))
    };
    let mut secret = secret_of(secret_type, document.as_bytes());
    secret["metadata"] = json!({"name": format!("d-{index}"), "namespace": "differential"});
    secret
}

/// The document of each Secret after `check --fix`, by name.
fn fixed_by_check(secrets: &[Value]) -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path =
        |secret: &Value| folder.path().join(format!("{}.json", secret["metadata"]["name"].as_str().unwrap()));
    for secret in secrets {
        fs::write(path(secret), secret.to_string()).unwrap();
    }
    command().args(["check", "--fix"]).arg(folder.path()).output().unwrap();
    let read = |secret: &Value| {
        let fixed: Value = serde_json::from_slice(&fs::read(path(secret)).unwrap()).unwrap();
        let key = data_key(fixed["type"].as_str().unwrap());
        (
            fixed["metadata"]["name"].as_str().unwrap().to_owned(),
            fixed["data"][key].as_str().unwrap().to_owned(),
        )
    };
    secrets.iter().map(read).collect()
}

#[test]
fn repair_is_that_of_check_or_none() {
    let cluster = Cluster::start();
    cluster.accepts(&["create", "-f", "-"], &generated(&["--role", "standalone"]));
    let namespace = cluster.namespace("differential", &json!({}));
    eventually("a repair", || {
        let said = namespace
            .create(&pull_secret("probe", &auths(&[&bare(HOST)])), &["--dry-run=server", "-o", "json"]);
        (document_of(&serde_json::from_str(&said.stdout).ok()?) == auths(&[&whole(HOST)])).then_some(())
    });
    eventually("a refusal", || {
        let said = namespace
            .create(&pull_secret("probe", r#"{"auths":{"r.example.com":{}}}"#), &["--dry-run=server"]);
        said.stderr.contains("[regcred/no-credentials]").then_some(())
    });
    let mut numbers = Numbers(1);
    let secrets: Vec<_> = (0..DOCUMENTS).map(|index| secret(&mut numbers, index)).collect();
    let default = tempfile::NamedTempFile::new().unwrap();
    fs::write(default.path(), "apiVersion: regcred/v1\nkind: Policy\n").unwrap();
    let foretold = foretold_by_check(default.path(), &secrets);
    let fixed = fixed_by_check(&secrets);
    let mut connection = cluster.api().connect().unwrap();
    let (mut repaired, mut repairs, mut refused, mut failures) = (0, 0, 0, Vec::new());
    for secret in &secrets {
        let name = secret["metadata"]["name"].as_str().unwrap();
        let path = "/api/v1/namespaces/differential/secrets?dryRun=All";
        let answer = connection.request("POST", path, "application/json", &secret.to_string()).unwrap();
        let key = data_key(secret["type"].as_str().unwrap());
        let before = secret["data"][key].as_str().unwrap();
        let mut fail = |why: String| {
            let document = BASE64_STANDARD.decode(before).unwrap();
            failures.push(format!("{}: {why}", String::from_utf8(document).unwrap()));
        };
        let treatment = match Treatment::read(&answer, secret) {
            Ok(treatment) => treatment,
            Err(why) => {
                fail(why);
                continue;
            }
        };
        let nothing = Foretold::default();
        let foretold = foretold.get(name).unwrap_or(&nothing);
        if !foretold.is(&treatment) {
            fail(format!("check says {foretold:?}, but it was {treatment:?}"));
        }
        match treatment {
            Treatment::RefusedItself => continue,
            Treatment::Refused(_) => refused += 1,
            Treatment::Repaired(after) if BASE64_STANDARD.encode(&after) == fixed[name] => repaired += 1,
            Treatment::Repaired(after) => fail(format!("repaired to {}", String::from_utf8_lossy(&after))),
            Treatment::LeftAlone => {}
        }
        repairs += usize::from(fixed[name] != before);
    }
    println!(
        "of {DOCUMENTS} documents {repairs} can be repaired, and {repaired} were; {refused} were refused"
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(repaired > 100 && refused > 50, "{repaired} {refused}");
}

/// Names are compared in a time that a large document does not multiply: the policies would reach the limit of their cost.
#[test]
fn names_of_any_number_are_compared() {
    let cluster = Cluster::start();
    cluster.accepts(&["create", "-f", "-"], &generated(&["--role", "standalone"]));
    let namespace = cluster.namespace("names", &json!({}));
    let fields: Vec<_> = (0..600).map(|index| format!("\"{index}\":0")).collect();
    let fields = fields.join(",");
    let entry = bare(HOST);
    let in_entry = entry.replacen('{', &format!("{{{fields},"), 1);
    for (name, document) in
        [("top", format!("{{{fields},{}", &auths(&[&entry])[1..])), ("entry", auths(&[&in_entry]))]
    {
        eventually("a repair", || {
            let said = namespace.create(&pull_secret(name, &document), &["--dry-run=server", "-o", "json"]);
            let after = document_of(&serde_json::from_str(&said.stdout).ok()?);
            (after.len() > document.len()).then_some(())
        });
    }
}
