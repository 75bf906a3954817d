use std::fmt::Write as _;
use std::path::Path;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::policy::{Enforcement, Language, RuleSetting};
use crate::rule::Action;

const HEAD: &str = "apiVersion: regcred/v1\nkind: Policy\n";

fn good(rest: &str) -> Policy {
    Policy::parse(&format!("{HEAD}{rest}")).unwrap_or_else(|error| panic!("{rest}\n{error}"))
}

/// `Policy` has no equality of its own: globs and hosts are compared as they print.
fn same(a: &Policy, b: &Policy) -> bool {
    format!("{a:?}") == format!("{b:?}")
}

#[test]
fn the_smallest_file_is_the_default() {
    assert!(same(&good(""), &Policy::default()));
    assert!(same(&Policy::parse(&format!("---\n{HEAD}")).unwrap(), &Policy::default()));
}

#[test]
fn what_a_file_does_not_say_stays_as_it_was() {
    let policy = good(
        "enforcement: audit\nrules:\n  missing-auth: { fix: false }\n  token-only: deny\n  auth-unpadded: {}\n",
    );
    let mut expected = Policy { enforcement: Enforcement::Audit, ..Policy::default() };
    expected.rules.get_mut(Rule::MissingAuth).fix = false;
    expected.rules.get_mut(Rule::TokenOnly).action = Action::Deny;
    assert!(same(&policy, &expected), "{policy:?}");
}

#[test]
fn every_key_is_read() {
    let policy = good(
        r#"enforcement: warn
language: both
announceFixes: false
rules:
  generic-registry-host:
    action: warn
    allow: [registry.cn-hangzhou.aliyuncs.com, "*.example.com:5000"]
allowedRegistries: [docker.io]
deniedRegistries: ["*.example.org"]
exemptions:
  - namespaces: ["legacy-*", old]
    users: ["system:serviceaccount:kube-system:*"]
    groups: [ops]
    rules: [generic-registry-host, token-only]
    action: audit
    fix: false
    until: 2027-01-31
  - rules: ["*"]
    action: off
"#,
    );
    let hosts =
        |hosts: &[&str]| hosts.iter().map(|host| HostPattern::parse(host).unwrap()).collect::<HostList>();
    assert_eq!(policy.enforcement, Enforcement::Warn);
    assert_eq!(policy.language, Language::Both);
    assert!(!policy.announce_fixes);
    let allow = hosts(&["registry.cn-hangzhou.aliyuncs.com", "*.example.com:5000"]);
    let setting = RuleSetting { action: Action::Warn, fix: false, allow };
    assert_eq!(*policy.rules.get(Rule::GenericRegistryHost), setting);
    assert_eq!(policy.allowed_registries, Some(hosts(&["docker.io"])));
    assert_eq!(policy.denied_registries, hosts(&["*.example.org"]));
    let [first, second] = policy.exemptions.as_slice() else { panic!("{:?}", policy.exemptions) };
    assert_eq!(first.namespaces, [Glob::new("legacy-*"), Glob::new("old")]);
    assert_eq!(first.users, [Glob::new("system:serviceaccount:kube-system:*")]);
    assert_eq!(first.groups, [Glob::new("ops")]);
    assert_eq!(first.rules, [Rule::GenericRegistryHost, Rule::TokenOnly]);
    assert_eq!((first.action, first.fix, first.until), (Action::Audit, false, Some(date(2027, 1, 31))));
    assert!(second.namespaces.is_empty() && second.users.is_empty() && second.groups.is_empty());
    assert_eq!(second.rules, Rule::ALL);
    assert_eq!((second.action, second.fix, second.until), (Action::Off, true, None));
}

/// YAML 1.1 takes a bare `off` for `false`.
#[test]
fn off_is_a_word() {
    for off in ["off", "\"off\"", "'off'"] {
        let policy = good(&format!(
            "rules: {{ missing-auth: {off}, token-only: {{ action: {off} }} }}\n\
             exemptions: [{{ rules: [\"*\"], action: {off} }}]\n"
        ));
        assert_eq!(policy.rules.get(Rule::MissingAuth).action, Action::Off);
        assert_eq!(policy.rules.get(Rule::TokenOnly).action, Action::Off);
        assert_eq!(policy.exemptions[0].action, Action::Off);
    }
}

#[test]
fn an_empty_list_of_allowed_registries_is_any() {
    assert_eq!(good("allowedRegistries: []\n").allowed_registries, None);
    assert_eq!(good("rules: {}\nexemptions: []\ndeniedRegistries: []\n").allowed_registries, None);
}

#[test]
fn what_yaml_offers_is_taken() {
    let policy = good(
        "exemptions:\n  - &old\n    namespaces: &names [a, b]\n    rules: [missing-auth]\n    action: off\n    \
         until: \"2027-01-31\"\n  - <<: *old\n    action: warn\n    groups: *names\n",
    );
    let [first, second] = policy.exemptions.as_slice() else { panic!("{:?}", policy.exemptions) };
    assert_eq!(second.namespaces, first.namespaces);
    assert_eq!(second.groups, first.namespaces);
    assert_eq!((second.action, second.until), (Action::Warn, first.until));
    for text in
        ["\u{feff}apiVersion: regcred/v1\r\nkind: Policy\r\n", "{apiVersion: regcred/v1, kind: Policy}"]
    {
        assert!(same(&Policy::parse(text).unwrap(), &Policy::default()), "{text:?}");
    }
}

/// Each case of `bad_files.txt` is a file, a line `>>>>>` and what is said about it. Cases are parted by `=====`.
#[test]
fn every_fault_is_told_with_its_place_and_remedy() {
    let cases: Vec<_> = include_str!("bad_files.txt").split("=====\n").collect();
    assert!(cases.len() > 60, "{}", cases.len());
    let mut wrong = String::new();
    for case in cases {
        let (text, expected) = case.split_once(">>>>>\n").expect(case);
        let error = Policy::parse(text).expect_err(text);
        if error.to_string() != expected.trim_end() {
            writeln!(wrong, "{text}expected  {expected}     got  {error}\n").unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn all_faults_are_told_in_the_order_of_the_file() {
    let error = Policy::parse(
        "kind: Policy\nexemptions:\n  - until: 2027-02-30\n    namespaces: []\nrules: { nope: 1, missing-auth: x }\nlanguage: 中文\n",
    )
    .unwrap_err();
    let places: Vec<_> = error.faults().iter().map(|fault| (fault.line, fault.column)).collect();
    assert_eq!(places, [(1, 1), (3, 5), (3, 5), (3, 12), (4, 17), (5, 10), (5, 33), (6, 11)], "{error}");
    assert_eq!(error.to_string().lines().count(), 8);
    assert_eq!(error.more(), 0);
}

#[test]
fn what_is_shown_of_the_file_is_short_and_harmless() {
    let text = format!("\"a\\u0007\\u202e{}\": 1\n", "b".repeat(500));
    let error = Policy::parse(&text).unwrap_err().to_string();
    assert!(error.contains(&format!("`a\\u{{7}}\\u{{202e}}{}…`", "b".repeat(66))), "{error}");
    assert!(!error.contains(['\u{7}', '\u{202e}']));
}

/// Each of these would cost gigabytes or minutes if it were read to the end.
#[test]
fn a_hostile_file_is_answered() {
    let keys = lines(0..20_000, |n| format!("enforcemen{n}: x"));
    let error = Policy::parse(&format!("{HEAD}{keys}")).unwrap_err();
    assert_eq!((error.faults().len(), error.more()), (100, 19_900));
    assert!(error.to_string().ends_with("\n… and 19900 more"), "{error}");

    let too_much = "too large or too deeply nested for a policy";
    let laughs = lines(1..9, |n| format!("a{n}: &a{n} [{}]", vec![format!("*a{}", n - 1); 9].join(", ")));
    let long = "x".repeat(400_000);
    for (name, text) in [
        ("nesting", "[".repeat(1 << 19)),
        ("block nesting", lines(0..1_000, |n| format!("{}-", " ".repeat(n)))),
        ("aliases of aliases", format!("a0: &a0 [x]\n{laughs}")),
        ("aliases of a long text", format!("a: &a \"\\t{long}\"\nb: [{}]\n", vec!["*a"; 900].join(", "))),
        ("many values", format!("a: [{}]\n", "1,".repeat(400_000))),
    ] {
        let error = Policy::parse(&text).expect_err(name).to_string();
        assert!(error.ends_with(too_much), "{name}: {error}");
    }
    let error = Policy::parse(&" ".repeat((1 << 20) + 1)).unwrap_err().to_string();
    assert_eq!(error, "line 1, column 1: the file has 1048577 bytes; a policy has 1048576 at most");
}

fn lines(range: std::ops::Range<usize>, line: impl FnMut(usize) -> String) -> String {
    range.map(line).collect::<Vec<_>>().join("\n") + "\n"
}

proptest! {
    /// No text makes it panic, and the same text gets the same answer, which says something about a place in it.
    #[test]
    fn any_text_is_answered(text in any_text()) {
        let answer = Policy::parse(&text);
        prop_assert_eq!(format!("{:?}", answer), format!("{:?}", Policy::parse(&text)));
        if let Err(error) = answer {
            prop_assert!(!error.faults().is_empty());
            prop_assert!(error.faults().is_sorted());
            let lines = text.split(['\n', '\r']).count() as u64;
            for fault in error.faults() {
                prop_assert!((1..=lines + 1).contains(&fault.line) && fault.column >= 1, "{}", fault);
                prop_assert!(!fault.message.is_empty() && !fault.message.contains(char::is_control));
            }
        }
    }
}

/// Anything, or words that a policy is made of in any order.
fn any_text() -> impl Strategy<Value = String> {
    let words = [
        "apiVersion: regcred/v1\n",
        "kind: Policy\n",
        "rules:",
        "  missing-auth:",
        " exemptions:\n",
        "- ",
        "action: ",
        "off",
        "warn",
        "until: ",
        "2027-01-31",
        "\n",
        "  ",
        "[",
        "]",
        "{",
        "}",
        ",",
        ": ",
        "*",
        "&a ",
        "*a",
        "<<: ",
        "\"",
        "'",
        "#",
        "!!",
        "!x ",
        "|\n",
        ">",
        "?",
        "%",
        "\t",
        "\r",
        "---\n",
        "...",
        "~",
        "null",
        "true",
        "1e9",
        "密",
        "\u{feff}",
        "\u{0}",
    ];
    let words = prop::collection::vec(prop::sample::select(words.to_vec()), 0..40);
    prop_oneof![any::<String>(), words.prop_map(|words| words.concat())]
}

/// A file of `docs/`.
fn docs(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

#[test]
fn the_schema_file_is_up_to_date() {
    let path = docs("policy.schema.json");
    if std::env::var_os("REGCRED_UPDATE").is_some() {
        std::fs::write(&path, schema()).unwrap();
    }
    let file = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        file == schema(),
        "docs/policy.schema.json is not what the engine's types say; write it anew with\n    \
         REGCRED_UPDATE=1 cargo test -p regcred-engine the_schema_file_is_up_to_date"
    );
}

#[test]
fn the_schema_names_exactly_the_rules() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let rules = &schema["properties"]["rules"];
    let named: Vec<&str> = rules["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let codes: Vec<&str> = Rule::ALL.iter().map(|rule| rule.code()).collect();
    assert_eq!(named, codes);
    assert_eq!(rules["additionalProperties"], false);
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], serde_json::json!(["apiVersion", "kind"]));
}

/// Whatever looks like a policy in the reference is one.
#[test]
fn the_examples_of_the_reference_are_good() {
    let text = std::fs::read_to_string(docs("policy.md")).unwrap();
    let examples: Vec<&str> = text
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|example| example.contains("kind: Policy"))
        .collect();
    assert!(examples.len() >= 5, "{}", examples.len());
    for example in examples {
        // one of them shows a whole ConfigMap
        let example = match example.split_once("policy.yaml: |\n") {
            Some((_, inner)) => {
                inner.lines().map(|line| line.strip_prefix("    ").unwrap()).collect::<Vec<_>>().join("\n")
            }
            None => example.to_owned(),
        };
        if let Err(error) = Policy::parse(&example) {
            panic!("{example}\n{error}");
        }
    }
}
