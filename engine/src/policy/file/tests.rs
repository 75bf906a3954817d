use std::fmt::Write as _;
use std::path::Path;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::policy::Glob;
use crate::policy::RuleSetting;

const HEAD: &str = "apiVersion: regcred/v1\nkind: Policy\n";

/// A file with every key, without its head.
const EVERY_KEY: &str = r#"enforcement: warn
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
"#;

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
fn missing_settings_keep_their_defaults() {
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
    let policy = good(EVERY_KEY);
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

/// Each case of `bad_files.txt` is a file, a line `>>>>>` and the error. Cases are separated by `=====`.
#[test]
fn bad_files_are_explained_with_line_and_column() {
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
fn wrong_values_are_reported_together_in_order() {
    let error = Policy::parse(&format!(
        r#"{HEAD}announceFixes: on
exemptions:
  - until: 2027-02-30
    namespaces: []
    rules: [nope, missing-auth, auth-]
    action: deny
rules:
  nope: off
  missing-auth: x
  token-only: {{ action: y, fix: true, allow: [https://a] }}
deniedRegistries: [a/b, a.example.com, "c:d"]
"#
    ))
    .unwrap_err();
    let places: Vec<_> = error.faults().iter().map(|fault| (fault.line, fault.column)).collect();
    let expected = [
        (3, 16),
        (5, 12),
        (6, 17),
        (7, 13),
        (7, 33),
        (8, 13),
        (10, 3),
        (11, 17),
        (12, 25),
        (12, 33),
        (12, 46),
        (12, 47),
        (13, 20),
        (13, 40),
    ];
    assert_eq!(places, expected, "{error}");
    assert_eq!(error.to_string().lines().count(), expected.len());
    assert_eq!(error.more(), 0);
}

#[test]
fn quoted_text_is_short_and_harmless() {
    let text = format!("\"a\\u0007\\u202e{}\": 1\n", "b".repeat(500));
    let error = Policy::parse(&text).unwrap_err().to_string();
    assert!(error.contains(&format!("`a\\u{{7}}\\u{{202e}}{}…`", "b".repeat(66))), "{error}");
    assert!(!error.contains(['\u{7}', '\u{202e}']));
}

/// Each of these would cost gigabytes or minutes if it were read to the end.
#[test]
fn a_hostile_file_is_answered() {
    let keys = lines(0..20_000, |n| format!("  rule{n}: off"));
    let error = Policy::parse(&format!("{HEAD}rules:\n{keys}")).unwrap_err();
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
    assert_eq!(error, "line 1, column 1: the file has 1048577 bytes; a policy has at most 1048576");
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

proptest! {
    /// Comments and blank lines never change what a file says, wherever and however many they are.
    #[test]
    fn comments_change_nothing(
        inserted in prop::collection::vec((0..100_usize, 0..200_usize, "[ \t]{0,8}", "(#[ -~\t\u{a0}-\u{2027}密]{0,200})?"), 0..8),
        trailing in prop::collection::vec(prop::option::of("[ ]{1,3}#[ -~]{0,40}"), 30),
        begin in prop::sample::select(vec!["", "\u{feff}", "---\n", "# a\n---\n", "%YAML 1.2\n---\n"]),
        line_break in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let text = format!("{HEAD}{EVERY_KEY}");
        let mut lines: Vec<String> = text
            .lines()
            .zip(trailing.iter().chain(std::iter::repeat(&None)))
            .map(|(line, comment)| format!("{line}{}", comment.as_deref().unwrap_or_default()))
            .collect();
        for (place, count, indent, comment) in &inserted {
            let place = place % (lines.len() + 1);
            lines.splice(place..place, std::iter::repeat_n(format!("{indent}{comment}"), *count));
        }
        let commented = format!("{begin}{}\n", lines.join("\n")).replace('\n', line_break);
        match Policy::parse(&commented) {
            Ok(policy) => prop_assert!(same(&policy, &good(EVERY_KEY))),
            Err(error) => prop_assert!(false, "{error}\n{commented}"),
        }
    }
}

/// The size of a file is its only limit on comments.
#[test]
fn a_file_may_be_almost_all_comments() {
    let comments =
        format!("{}# {}\n", "# a comment that explains\n  #\n\n".repeat(1_000), "long ".repeat(1_500));
    let commented = |text: &str| {
        text.lines().fold(comments.clone(), |commented, line| commented + line + " # why\n" + &comments)
    };
    let text = commented(&format!("{HEAD}{EVERY_KEY}"));
    assert!(text.len() > 600_000);
    assert!(same(&Policy::parse(&text).unwrap(), &good(EVERY_KEY)));
    let error = Policy::parse(&(text + "nope: 1\n")).unwrap_err();
    assert!(error.faults()[0].line > 50_000, "{error}");
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
