//! Tests of files: where findings are, and what a repair changes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use regcred_engine::policy::Policy;

use super::pull_secret::Writing;
use super::*;
use crate::report::{Outcome, ReportedFinding, Subject, TroubleKind};

const DOCUMENT: &str =
    r#"{"auths":{"r.example.com":{"username":"robot","password":"it's 100% \"镜像\" \\ #x: y"}}}"#;
const NOW: Timestamp = Timestamp::constant(1_795_478_400, 0); // 2026-11-24

fn terms(policy: &Policy) -> Terms<'_> {
    Terms { policy, now: NOW }
}

/// A manifest with a document under `stringData`, as it is written after the colon.
fn manifest(written: &str) -> String {
    format!(
        "# head\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a # why\ntype: kubernetes.io/dockerconfigjson\n\
         stringData:\n  # before\n  .dockerconfigjson: {written}\n  # after\n  other: x\n"
    )
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| if line.is_empty() { "\n".to_owned() } else { format!("{by}{line}\n") }).collect()
}

/// The ways to write a text in YAML.
fn ways(document: &str) -> Vec<String> {
    let pretty = document.replace("{\"", "{\n  \"").replace('}', "\n}");
    vec![
        format!("'{}'", document.replace('\'', "''")),
        format!("\"{}\"", document.replace('\\', "\\\\").replace('"', "\\\"")),
        format!(
            "\"{}\"",
            document.replace('\\', "\\\\").replace('"', "\\\"").replace(',', ",\\\n     \\\n ")
        ),
        format!("'{}'", document.replace('\'', "''").replace("},", "},\n\n   ").replace(":{", ":\n    {")),
        format!("|\n{}", indented(&pretty, "    ")),
        format!("|-\n{}", indented(document, "   ")),
        format!("|+\n\n{}\n", indented(&pretty, "    ")),
        format!("|2 # kept\n{}", indented(&pretty, "      ")),
        format!(">\n{}", indented(&pretty, "    ")),
        format!(">-\n{}", indented(&document.replace(",\"", ",\n\n\"").replace(":{", ":\n{"), "    ")),
        format!("!!str &doc |\n{}", indented(&pretty, "    ")),
    ]
}

/// Returns the document of the only Secret in a manifest, and its findings.
fn check(text: &str) -> (Vec<u8>, Vec<ReportedFinding>) {
    let policy = Policy::default();
    let content = Content::new(text.as_bytes());
    let manifest = Manifest::read("a.yaml", &content);
    let mut checked = manifest.check(terms(&policy));
    let troubles: Vec<_> = checked.troubles.iter().map(|trouble| &trouble.message).collect();
    assert!(troubles.is_empty(), "{troubles:?} in\n{text}");
    assert_eq!(checked.judged.len(), 1, "{text}");
    (manifest.contents.secrets[0].document.to_vec(), checked.judged.remove(0).findings)
}

fn repaired(text: &str) -> Option<String> {
    let policy = Policy::default();
    Manifest::read("a.yaml", &Content::new(text.as_bytes()))
        .repaired(terms(&policy))
        .map(|text| text.to_string())
}

/// Returns what was inserted into a text, if nothing else was changed.
fn insertion<'t>(before: &str, after: &'t str) -> Option<&'t str> {
    let head = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let tail = before.bytes().rev().zip(after.bytes().rev()).take_while(|(a, b)| a == b).count();
    let tail = tail.min(before.len() - head);
    (head + tail == before.len()).then(|| after.get(head..after.len() - tail)).flatten()
}

#[test]
fn repair_only_inserts_into_every_scalar_style() {
    for written in ways(DOCUMENT) {
        for text in [manifest(&written), manifest(&written).replace('\n', "\r\n")] {
            let (before, findings) = check(&text);
            assert!(
                findings.iter().any(|found| found.outcome == Outcome::Repairable),
                "{findings:#?}\n{text}"
            );
            let after = repaired(&text).unwrap_or_else(|| panic!("not repaired:\n{text}"));
            let inserted = insertion(&text, &after).unwrap_or_else(|| panic!("{after}"));
            assert!(inserted.contains("auth"), "{inserted}");
            let (document, findings) = check(&after);
            assert!(findings.is_empty(), "{findings:?}");
            assert!(
                insertion(std::str::from_utf8(&before).unwrap(), std::str::from_utf8(&document).unwrap())
                    .is_some()
            );
            assert_eq!(repaired(&after), None);
        }
    }
}

#[test]
fn findings_point_at_the_key_in_the_file() {
    for written in ways(DOCUMENT) {
        let text = manifest(&written);
        let (_, findings) = check(&text);
        let region = findings[0].region.as_ref().unwrap();
        let line = text.lines().nth(region.line - 1).unwrap();
        let marked: String =
            line.chars().skip(region.column - 1).take(region.end_column - region.column).collect();
        assert_eq!(marked.replace('\\', ""), "\"r.example.com\"", "{region:?}\n{text}");
        let excerpt = region.excerpt.as_ref().unwrap();
        let shown = excerpt.text.get(excerpt.mark.clone()).unwrap();
        assert_eq!(shown.replace('\\', ""), "\"r.example.com\"", "{excerpt:?}");
        assert!(!excerpt.text.contains("robot") && !excerpt.text.contains("100"), "{excerpt:?}");
    }
}

#[test]
fn repair_keeps_the_layout_of_base64() {
    let letters = STANDARD.encode(DOCUMENT);
    let (first, second) = letters.split_at(80);
    for written in [
        letters.clone(),
        format!("'{letters}'"),
        format!("\"{letters}\""),
        format!("|\n    {first}\n    {second}"),
        format!(">-\n    {letters}"),
        format!("&anchor {letters} # as kubectl wrote it"),
    ] {
        let text =
            manifest(&written).replace("stringData", "data").replace("  other: x\n", "  other: eA==\n");
        let after = repaired(&text).unwrap_or_else(|| panic!("not repaired:\n{text}"));
        let (document, findings) = check(&after);
        assert!(findings.is_empty());
        assert!(document.len() > DOCUMENT.len() && document.starts_with(br#"{"auths":{"r.example.com""#));
        let longest = |text: &str| text.lines().map(str::len).max();
        if written.starts_with('|') {
            assert_eq!(longest(&text), longest(&after), "{after}");
        }
        let (before_it, _) = text.split_once("eyJhdXRocyI6").unwrap();
        assert!(after.starts_with(before_it));
        assert!(after.ends_with("\n  # after\n  other: eA==\n"), "{after}");
    }
}

#[test]
fn unsafe_repairs_are_refused_with_a_reason() {
    let shared = "x: &doc '{\"auths\":{\"r.example.com\":{\"username\":\"u\",\"password\":\"p\"}}}'\n"
        .to_owned()
        + &manifest("*doc");
    // One that is the whole value is `unfilled-placeholder`, and the engine repairs nothing.
    let placeholder =
        manifest(&format!("'{}'", r#"{"auths":{"r.example.com":{"username":"u","password":"__P__"}}}"#));
    let binary = manifest(&format!("!!binary {}", STANDARD.encode(DOCUMENT)));
    let tree = "x: &d\n  .dockerconfigjson: '{\"auths\":{\"r.example.com\":{\"username\":\"u\",\"password\":\"p\"}}}'\n"
        .to_owned()
        + &manifest("x").replace("  .dockerconfigjson: x\n", "  <<: *d\n");
    for (text, why) in
        [(shared, "anchor"), (placeholder, "placeholder"), (binary, "!!binary"), (tree, "anchor")]
    {
        let (_, findings) = check(&text);
        let held = findings.iter().find_map(|found| match &found.outcome {
            Outcome::Held(why) => Some(why.as_str()),
            _ => None,
        });
        let is_promised = |found: &ReportedFinding| found.remedy().contains("on admission");
        assert!(!findings.iter().any(is_promised), "{findings:?}");
        assert!(held.is_some_and(|held| held.contains(why)), "{findings:?}\n{text}");
        assert_eq!(repaired(&text), None);
    }
}

/// A list in which aliases stand for a Secret with a document of this size.
fn repeated(times: usize, size: usize) -> String {
    let document = format!(r#"{{"auths":{{}},"x":"{}"}}"#, "y".repeat(size));
    let secret = format!(
        "{{kind: Secret, type: kubernetes.io/dockerconfigjson, stringData: {{.dockerconfigjson: '{document}'}}}}"
    );
    let items = (0..times).map(|at| format!("{{<<: *a, metadata: {{name: n{at}}}}}")).collect::<Vec<_>>();
    format!("kind: List\nx: &a {secret}\nitems: [{}]\n", items.join(", "))
}

/// Without the bounds, this test does not fail: it never ends, or uses all memory.
#[test]
fn aliases_cannot_make_work_without_end() {
    let policy = Policy::default();
    let checked = |text: &str| Manifest::read("a.yaml", &Content::new(text.as_bytes())).check(terms(&policy));

    let lists = (1..20).map(|at| {
        let items = vec![format!("*a{}", at - 1); 10].join(", ");
        format!("- &a{at} {{kind: List, items: [{items}]}}\n")
    });
    let lists = lists.collect::<Vec<_>>().concat();
    let checked_lists =
        checked(&format!("kind: List\nx:\n- &a0 {{kind: List, items: []}}\n{lists}items: [*a19]\n"));
    assert_eq!((checked_lists.judged.len(), checked_lists.troubles.len()), (0, 0));

    let openings = "{{".repeat(500_000);
    for field in ["stringData", "data"] {
        let troubles = checked(&manifest(&openings).replace("stringData", field)).troubles;
        assert_eq!(troubles.len(), 1, "{field}");
    }

    assert_eq!(checked(&repeated(3, 1_000_000)).judged.len(), 3);
    let too_often = checked(&repeated(3_000, 1_000_000));
    assert_eq!((too_often.judged.len(), too_often.troubles.len()), (8, 1));
    assert_eq!(too_often.troubles[0].kind, TroubleKind::Unreadable);
}

#[test]
fn problems_have_a_place_and_a_text() {
    let secret = "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\n";
    for (text, place, words) in [
        ("auths: [\n".to_owned(), (1, 8), "invalid YAML"),
        ("auths:\n\tb: 1\n".to_owned(), (2, 2), "tabs"),
        ("{\"auths\" 1}".to_owned(), (1, 10), "invalid JSON"),
        ("{\"auths\": 1".to_owned(), (1, 11), "ends too early"),
        ("a: b\n---\n{{ if .x }}\nauths: {{ b }}\n{{ end }}\n".to_owned(), (3, 1), "helm template"),
        (format!("{secret}data:\n  .dockerconfigjson: <base64>\n"), (5, 3), "placeholder"),
        (format!("{secret}data:\n  .dockerconfigjson: '{{}}'\n"), (5, 3), "not base64"),
        (format!("{secret}stringData:\n  .dockerconfigjson: {{\"auths\":{{}}}}\n"), (5, 3), "is not text"),
        (format!("{secret}data: x\n"), (4, 1), "data is not a mapping"),
        (secret.to_owned(), (1, 1), "so it was taken for a patch"),
        (
            "auths: b # \u{7f}\n".to_owned(),
            (1, 12),
            "this character, such as a control character, is not allowed",
        ),
        (
            "auths: b\u{1}c\n".to_owned(),
            (1, 8),
            "this character, such as a control character, is not allowed",
        ),
        (
            format!("{secret}data:\n  .dockerconfigjson: e30=\nstringData:\n  .dockerconfigjson:\n"),
            (7, 3),
            "replaces the value in data by an empty one",
        ),
        (
            format!("{secret}data:\n  .dockerconfigjson: ENC[AES256_GCM,data:x]\nsops: {{}}\n"),
            (5, 3),
            "encrypted",
        ),
        ("auths: *b\n".to_owned(), (1, 8), "no anchor"),
        ("apiVersion: regcred/v1\nkind: Policy\nrules:\n  nothing: deny\n".to_owned(), (4, 3), "nothing"),
        ("a: b\n---\napiVersion: regcred/v1\nkind: Polic\n".to_owned(), (4, 7), "Policy"),
    ] {
        let policy = Policy::default();
        let checked = Manifest::read("a.yaml", &Content::new(text.as_bytes())).check(terms(&policy));
        let [trouble] = checked.troubles.as_slice() else { panic!("{:?}\n{text}", checked.troubles) };
        let region = trouble.region.as_ref().unwrap();
        assert!(trouble.message.contains(words), "{trouble:?}\n{text}");
        assert_eq!((region.line, region.column), place, "{trouble:?}\n{text}");
    }
}

#[test]
fn unrelated_files_that_do_not_parse_are_skipped() {
    let policy = Policy::default();
    for (text, skipped, troubles) in [
        ("a: [\n", 1, 0),
        ("a: [ # auths_of\n", 1, 0),
        ("a: [ # .dockerconfigjson\n", 0, 1),
        ("// see\n{\n  \"a\": {\n    \"b\": true, // c\n  }\n}\n", 1, 0),
        ("{% if x %}\na: b\n{% endif %}\n", 1, 0),
        ("{% if x %}\nauths: b\n{% endif %}\n", 0, 1),
        ("a: {{ b }}\n---\nauths: {{ b }}\n---\nc: {{ d }}\n---\ndockercfg: {{ d }}\n", 2, 1),
        ("\u{0}GITCRYPT", 1, 0),
    ] {
        let checked = Manifest::read("a.yaml", &Content::new(text.as_bytes())).check(terms(&policy));
        assert_eq!((checked.skipped, checked.troubles.len()), (skipped, troubles), "{text}");
    }
    for (bytes, skipped, kind) in [
        (&b"\x80 no text"[..], 1, None),
        (b"\x80 auths", 0, Some(TroubleKind::Unreadable)),
        (b"\0GITCRYPT\0\x80", 0, Some(TroubleKind::NotJudged)),
    ] {
        let checked = Manifest::read(".dockercfg", &Content::new(bytes)).check(terms(&policy));
        let found = checked.troubles.first().map(|trouble| trouble.kind);
        assert_eq!((checked.skipped, found), (skipped, kind), "{bytes:?}");
    }
}

#[test]
fn escaped_apostrophes_are_read_as_by_kubectl() {
    let policy = Policy::default();
    let document = r#"{\"auths\":{\"r.example.com\":{\"username\":\"u\",\"password\":\"it\'s\"}}}"#;
    let text = manifest(&format!("\"{document}\"")) + "note: \"a\\'b\"\nplain: a\\'b\n";
    let content = Content::new(text.as_bytes());
    let file = Manifest::read("a.yaml", &content);
    let repaired = file.repaired(terms(&policy)).unwrap();
    let added = r#",\"auth\":\"dTppdCdz\"}}}"#;
    assert_eq!(*repaired, text.replace("}}}", added));
    for broken in ["a: \"\\q auths\"\n", "a: \"\\' auths\n"] {
        let checked = Manifest::read("a.yaml", &Content::new(broken.as_bytes())).check(terms(&policy));
        assert_eq!(checked.troubles.len(), 1, "{broken}");
    }
}

#[test]
fn utf_16_is_read_and_not_repaired() {
    let policy = Policy::default();
    let text = manifest(&format!("'{}'", DOCUMENT.replace('\'', "''")));
    for unit in [u16::to_le_bytes, u16::to_be_bytes] {
        let bytes =
            |text: &str| -> Vec<u8> { format!("\u{feff}{text}").encode_utf16().flat_map(unit).collect() };
        let (manifest, bare) = (bytes(&text), bytes(DOCUMENT));
        let content = Content::new(&manifest);
        let file = Manifest::read("a.yaml", &content);
        let checked = file.check(terms(&policy));
        assert_eq!(checked.judged[0].findings[0].rule.code(), "missing-auth");
        assert!(
            matches!(&checked.judged[0].findings[0].outcome, Outcome::Held(why) if why.contains("UTF-16"))
        );
        assert_eq!(file.repaired(terms(&policy)), None);

        let checked = Manifest::read("config.json", &Content::new(&bare)).check(terms(&policy));
        assert_eq!(checked.judged[0].findings[0].rule.code(), "invalid-json");
    }
}

#[test]
fn any_number_of_comments_is_read() {
    let policy = Policy::default();
    let text = manifest("x").replace("stringData:\n", &format!("stringData:\n{}", "# a\n".repeat(10_000)));
    let text = text.replacen(": x\n", &format!(": '{}'\n", DOCUMENT.replace('\'', "''")), 1);
    let checked = Manifest::read("a.yaml", &Content::new(text.as_bytes())).check(terms(&policy));
    assert_eq!((checked.judged.len(), checked.troubles.len()), (1, 0));
}

#[test]
fn docker_config_with_trailing_comma_is_recognized() {
    let policy = Policy::default();
    let entry = r#""auths":{"r.example.com":{"username":"u","password":"p"},}"#;
    for (text, is_config) in
        [(format!("{{{entry}}}"), true), (format!("{{{entry},\"kind\":\"ConfigMap\"}}"), false)]
    {
        for name in ["auth.json", "docker.json", "-"] {
            let checked = Manifest::read(name, &Content::new(text.as_bytes())).check(terms(&policy));
            let found = checked.judged.iter().flat_map(|judged| &judged.findings);
            let rules: Vec<_> = found.map(|finding| finding.rule.code()).collect();
            assert_eq!(rules, if is_config { vec!["invalid-json"] } else { vec![] }, "{name}: {text}");
            assert!(checked.troubles.is_empty());
        }
    }
}

#[test]
fn sops_files_are_not_repaired() {
    let policy = Policy::default();
    let text = r#"{"auths":{"r.example.com":{"username":"u","password":"p"}},"sops":{"mac":"ENC[x]"}}"#;
    for name in ["config.json", ".dockerconfigjson", "auth.json"] {
        let content = Content::new(text.as_bytes());
        let file = Manifest::read(name, &content);
        assert_eq!(file.check(terms(&policy)).judged.len(), 1, "{name}");
        assert_eq!(file.repaired(terms(&policy)), None, "{name}");
    }
}

#[test]
fn unfilled_docker_config_is_not_invalid_json() {
    let policy = Policy::default();
    for (name, text, notes) in [
        ("docker.json", r#"{"auths":{"r.example.com":{"username":"u","password":<path:acr#p>}}}"#, 1),
        ("config.json", r#"{"auths":{"r.example.com":{{ .Values.entry }}}}"#, 1),
        ("values.yaml", r#"{"auths":{"r.example.com":{}},"replicas":1,}"#, 0),
    ] {
        let checked = Manifest::read(name, &Content::new(text.as_bytes())).check(terms(&policy));
        assert!(
            checked.judged.is_empty() && checked.troubles.len() == notes,
            "{name}: {:?}",
            checked.troubles
        );
        assert!(checked.troubles.iter().all(|trouble| trouble.kind == TroubleKind::NotJudged), "{name}");
    }
}

#[test]
fn http_headers_alone_are_not_a_docker_config() {
    let policy = Policy::default();
    let text = r#"{"name":"app","httpHeaders":["X-A"]}"#;
    let checked = Manifest::read("app.json", &Content::new(text.as_bytes())).check(terms(&policy));
    assert!(checked.judged.is_empty() && checked.troubles.is_empty());
}

#[test]
fn problems_after_a_repair_have_new_places() {
    let policy = Policy::default();
    let letters = STANDARD.encode(DOCUMENT);
    let (first, second) = letters.split_at(80);
    let secret = manifest(&format!("|\n    {first}\n    {second}")).replace("stringData", "data");
    let text = format!("{}---\nauths: [\n", secret.replace("  other: x\n", ""));
    let content = Content::new(text.as_bytes());
    let file = Manifest::read("a.yaml", &content);
    let after = file.repaired(terms(&policy)).unwrap();
    assert!(after.lines().count() > text.lines().count());
    let reported = after_repair(file.check(terms(&policy)), "a.yaml", Some(&after), terms(&policy));
    let [trouble] = reported.troubles.as_slice() else { panic!("{:?}", reported.troubles) };
    assert_eq!(trouble.region.as_ref().unwrap().line, after.lines().count());
}

/// A document with characters that need escapes in some style.
fn documents() -> impl Strategy<Value = String> {
    let text = prop::collection::vec(
        prop_oneof![
            prop::sample::select(vec![
                "\"", "\\", "'", " ", "  ", "#", ": ", "镜像", "😀", "\n", "\t", "-", "%", "\u{e9}", "{", "x"
            ])
            .prop_map(str::to_owned),
            "[a-z0-9]{1,5}",
        ],
        1..8,
    )
    .prop_map(|parts| parts.concat());
    let entry = (text.clone(), text, any::<bool>()).prop_map(|(username, password, null)| {
        let username = username.replace(':', "");
        let mut entry =
            serde_json::json!({"username": format!("u{username}"), "password": format!("p{password}")});
        if null {
            entry["auth"] = serde_json::Value::Null;
        }
        entry
    });
    (prop::collection::vec(entry, 1..4), any::<bool>()).prop_map(|(entries, pretty)| {
        let auths: serde_json::Map<_, _> = entries
            .into_iter()
            .enumerate()
            .map(|(index, entry)| (format!("r{index}.example.com"), entry))
            .collect();
        let document = serde_json::json!({"auths": auths});
        if pretty { serde_json::to_string_pretty(&document).unwrap() } else { document.to_string() }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn repaired_file_has_the_repaired_document(document in documents(), crlf: bool) {
        let policy = Policy::default();
        for written in ways(&document) {
            let mut text = manifest(&written);
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            let content = Content::new(text.as_bytes());
            let file = Manifest::read("a.yaml", &content);
            prop_assert_eq!(file.contents.secrets.len(), 1, "{}", text);
            let secret = &file.contents.secrets[0];
            let Writing::Plain(Some(map)) = &secret.place.writing else {
                return Err(TestCaseError::fail(format!("no map of\n{text}")));
            };
            // Every place of the document is one of the file, in the same order.
            let places: Vec<_> = (0..secret.document.len()).map(|at| map.start(at)).collect();
            prop_assert!(places.iter().all(Option::is_some) && places.is_sorted());
            let judgement = secret.judge(terms(&policy));
            let Some(repair) = &judgement.repair else { continue };
            let wanted = repair.apply(&secret.document);
            let after = file.repaired(terms(&policy));
            prop_assert!(after.is_some(), "not repaired:\n{}", text);
            let after = after.unwrap();
            let content = Content::new(after.as_bytes());
            let read = Manifest::read("a.yaml", &content);
            prop_assert!(*read.contents.secrets[0].document == wanted, "{}", after.as_str());
            prop_assert!(read.repaired(terms(&policy)).is_none());
            for (text, after) in [
                (text.split_once("\n  .dockerconfigjson").unwrap().0, after.split_once("\n  .dockerconfigjson").unwrap().0),
                (text.rsplit_once("  # after").unwrap().1, after.rsplit_once("  # after").unwrap().1),
            ] {
                prop_assert_eq!(text, after);
            }
        }
    }

    #[test]
    fn no_file_panics_and_no_excerpt_shows_values(text in ".{0,200}", at in 0_usize..400) {
        let policy = Policy::default();
        let mut broken = manifest(&format!("'{}'", DOCUMENT.replace('\'', "''")));
        let at = (0..=at.min(broken.len())).rev().find(|at| broken.is_char_boundary(*at)).unwrap_or_default();
        broken.insert_str(at, &text);
        for text in [&text, &broken] {
            let checked = Manifest::read("config.json", &Content::new(text.as_bytes())).check(terms(&policy));
            for finding in checked.judged.iter().flat_map(|judged| &judged.findings) {
                let excerpt = finding.region.as_ref().and_then(|region| region.excerpt.as_ref());
                prop_assert!(excerpt.is_none_or(|excerpt| !excerpt.text.contains("100%")));
            }
        }
    }
}

#[test]
fn panic_costs_one_secret_and_not_the_file() {
    let secret = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\ntype: kubernetes.io/dockerconfigjson\n\
             stringData:\n  .dockerconfigjson: '{{\"auths\":{{\"{name}.example.com\":{{}}}}}}'\n"
        )
    };
    let text = ["a", "b", "c"].map(secret).join("---\n");
    let content = Content::new(text.as_bytes());
    let manifest = Manifest::read("f.yaml", &content);
    let policy = Policy::default();
    let broken = std::cell::Cell::new(0);
    let checked = manifest.check_by(
        |secret| {
            broken.set(broken.get() + 1);
            assert!(broken.get() != 2, "a bug");
            secret.judge(terms(&policy))
        },
        terms(&policy),
    );
    let name =
        |subject: Option<&Subject>| subject.and_then(Subject::object).and_then(|object| object.name.clone());
    let judged: Vec<_> = checked.judged.iter().map(|judged| name(Some(&judged.subject)).unwrap()).collect();
    assert_eq!(judged, ["a", "c"]);
    let [trouble] = checked.troubles.as_slice() else { panic!("{:?}", checked.troubles) };
    assert_eq!(
        (trouble.kind, name(trouble.subject.as_ref())),
        (TroubleKind::Unreadable, Some("b".to_owned()))
    );
    assert!(trouble.message.starts_with("internal error"));
    assert_eq!(trouble.region.as_ref().map(|region| region.line), Some(13));
}

#[test]
fn panic_while_reading_is_reported_for_its_file() {
    let content = Content::new(b"kind: Secret\n");
    let manifest = Manifest::read_by(|| panic!("a bug"), "f.yaml", &content);
    let checked = manifest.check(terms(&Policy::default()));
    let [trouble] = checked.troubles.as_slice() else { panic!("{:?}", checked.troubles) };
    assert_eq!(trouble.kind, TroubleKind::Unreadable);
    assert!(trouble.message.starts_with("internal error"));
    assert!(checked.judged.is_empty());
}

/// The codes of the findings in a file, and of its notes and errors.
fn codes(name: &str, text: &str) -> Vec<&'static str> {
    let policy = Policy::default();
    let checked = Manifest::read(name, &Content::new(text.as_bytes())).check(terms(&policy));
    let findings = checked.judged.iter().flat_map(|judged| &judged.findings);
    let troubles = checked.troubles.iter().map(|trouble| trouble.kind.code());
    findings.map(|finding| finding.rule.code()).chain(troubles).collect()
}

const GOOD: &str = r#"{"auths":{"r.example.com":{"auth":"dTpw"}}}"#;
const BARE_PAIR: &str = r#"{"auths":{"r.example.com":{"username":"u","password":"p"}}}"#;

#[test]
fn variables_in_plain_text_are_a_note() {
    for entry in [
        r#""r.example.com":{"username":"${U}","password":"p"}"#,
        r#""r.example.com":{"username":"u","PassWord":"a{{ .p }}b"}"#,
        r#""r.example.com":{"auth":"${AUTH}"}"#,
        r#""${HOST}:5000":{}"#,
    ] {
        let document =
            format!(r#"{{"auths":{{{entry},"b.example.com":{{"username":"u","password":"p"}}}}}}"#);
        let text = manifest(&format!("'{document}'"));
        assert_eq!(codes("a.yaml", &text), ["missing-auth", "note"], "{entry}");
        assert_eq!(codes("config.json", &document), ["missing-auth", "note"], "{entry}");
        let after = repaired(&text).unwrap();
        assert_eq!(insertion(&text, &after), Some(r#","auth":"dTpw""#), "{entry}");
    }
    for (entry, codes_of_it) in [
        (r#""r.example.com":{"auth":"$(AUTH)"}"#, &["unfilled-placeholder"][..]),
        (r#""${HOST}":[]"#, &["not-an-object", "note"]),
        (r#""r.example.com":{"username":"${U}","username":"u"}"#, &["ambiguous-json", "note"]),
        (r#""r.example.com":{"email":"${MAIL}","auth":"dTpw"}"#, &[]),
    ] {
        assert_eq!(
            codes("a.yaml", &manifest(&format!("'{{\"auths\":{{{entry}}}}}'"))),
            codes_of_it,
            "{entry}"
        );
    }
    let base64 = STANDARD.encode(r#"{"auths":{"r.example.com":{"auth":"${AUTH}"}}}"#);
    let text = manifest(&base64).replace("stringData", "data").replace("other: x", "other: eA==");
    assert_eq!(codes("a.yaml", &text), ["unfilled-placeholder"]);
}

#[test]
fn docker_config_with_a_helper_is_a_note() {
    for (text, expected) in [
        (r#"{"credsStore":"desktop"}"#, &["note"][..]),
        (r#"{"auths":{"r.example.com":{}},"CREDSSTORE":"desktop"}"#, &["note"]),
        (r#"{"auths":{"r.example.com":{}},"credHelpers":{"r.example.com":"x"}}"#, &["note"]),
        (
            r#"{"auths":{"r.example.com":{"username":"u","password":"p"}},"credsStore":"x"}"#,
            &["missing-auth", "note"],
        ),
        (r#"{"auths":{"r.example.com":{}},"credsStore":"","credHelpers":{}}"#, &["no-credentials"]),
        (r#"{"auths":{"r.example.com":{}},"credsStore":null}"#, &["no-credentials"]),
    ] {
        assert_eq!(codes("config.json", text), expected, "{text}");
    }
    let secret = manifest(r#"'{"auths":{"r.example.com":{"auth":"dTpw"}},"credsStore":"x"}'"#);
    assert_eq!(codes("a.yaml", &secret), ["client-only-settings"]);
}

#[test]
fn wrong_types_and_missing_keys_have_a_place() {
    let secret = |rest: &str| format!("apiVersion: v1\nkind: Secret\n{rest}");
    for (rest, code, line, field) in [
        (
            format!("type: Opaque\nstringData:\n  .dockerconfigjson: '{GOOD}'\n"),
            "wrong-secret-type",
            3,
            "type",
        ),
        (
            format!("stringData:\n  .dockerconfigjson: '{GOOD}'\n"),
            "wrong-secret-type",
            4,
            "stringData[.dockerconfigjson]",
        ),
        (
            "data:\n  .dockercfg: e30=\ntype: kubernetes.io/dockerconfig\n".to_owned(),
            "wrong-secret-type",
            5,
            "type",
        ),
        ("type: kubernetes.io/dockercfg\ndata:\n  .dockercfg:\n".to_owned(), "missing-data-key", 5, "data"),
        (
            "type: kubernetes.io/dockercfg\nstringData:\n  config.json: x\n".to_owned(),
            "missing-data-key",
            5,
            "stringData",
        ),
    ] {
        let text = secret(&rest);
        let policy = Policy::default();
        let content = Content::new(text.as_bytes());
        let checked = Manifest::read("a.yaml", &content).check(terms(&policy));
        let [judged] = checked.judged.as_slice() else { panic!("{text}") };
        let [finding] = judged.findings.as_slice() else { panic!("{text}") };
        let place = (finding.rule.code(), finding.region.as_ref().unwrap().line, finding.field.as_str());
        assert_eq!(place, (code, line, field), "{text}");
    }
    for (rest, expected) in [
        ("type: kubernetes.io/dockercfg\ndata: {}\nstringData: {}\n", &["not-judged"][..]),
        ("type: Opaque\ndata: {a: eA==, .dockercfg: null}\n", &[]),
        ("type: ${TYPE}\ndata: {.dockercfg: e30=}\n", &[]),
        ("data: x\n", &[]),
    ] {
        assert_eq!(codes("a.yaml", &secret(rest)), expected, "{rest}");
    }
}

#[test]
fn secret_generators_are_judged() {
    let generator = |rest: &str| {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nsecretGenerator:\n- name: a\n{rest}"
        )
    };
    let json = "  type: kubernetes.io/dockerconfigjson\n";
    for (rest, expected) in [
        (format!("{json}  literals:\n  - '.dockerconfigjson={BARE_PAIR}'\n"), &["missing-auth"][..]),
        (format!("{json}  literals:\n  - .dockerconfigjson='{BARE_PAIR}'\n"), &["missing-auth"]),
        (format!("{json}  literals: [a=b]\n"), &["missing-data-key"]),
        (format!("{json}  literals: [a=b]\n  envs: [a.env]\n"), &[]),
        (format!("{json}  behavior: merge\n  literals: [a=b]\n"), &[]),
        (format!("  literals:\n  - '.dockerconfigjson={BARE_PAIR}'\n"), &["wrong-secret-type"]),
        ("  files: [pull/.dockerconfigjson]\n".to_owned(), &["wrong-secret-type"]),
        ("  literals: [a=b]\n".to_owned(), &[]),
        (format!("{json}  literals: ['.dockerconfigjson=$(cat config.json)']\n"), &["not-judged"]),
    ] {
        assert_eq!(codes("a.yaml", &generator(&rest)), expected, "{rest}");
    }
    let text = generator(&format!("{json}  literals:\n  - '.dockerconfigjson={BARE_PAIR}' # kept\n"));
    let after = repaired(&text).unwrap();
    assert_eq!(insertion(&text, &after), Some(r#","auth":"dTpw""#));
    let listed = |text: &str, name: &str| {
        let content = Content::new(text.as_bytes());
        let policy = Policy::default();
        let checked = Manifest::read(name, &content).check(terms(&policy));
        checked.listed.into_iter().map(|listed| listed.path.display().to_string()).collect::<Vec<_>>()
    };
    let files = generator(&format!("{json}  files: [a/.dockerconfigjson, .dockerconfigjson=b.txt, c.txt]\n"));
    assert_eq!(listed(&files, "a.yaml"), ["a/.dockerconfigjson", "b.txt"]);
    let without_kind = files
        .replace("kind: Kustomization\n", "")
        .replace("apiVersion: kustomize.config.k8s.io/v1beta1\n", "");
    assert_eq!(listed(&without_kind, "k/kustomization.yml").len(), 2);
    assert!(listed(&without_kind, "a.yaml").is_empty());
    assert!(
        listed(&files.replace("kustomize.config.k8s.io/v1beta1", "kustomize.toolkit.fluxcd.io/v1"), "a.yaml")
            .is_empty()
    );
}

#[test]
fn templates_of_other_objects_are_judged() {
    let external = |template: &str| {
        let template = indented(template, "      ");
        format!(
            "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {{name: a}}\nspec:\n  target:\n    template:\n{template}"
        )
    };
    let json = "type: kubernetes.io/dockerconfigjson\n";
    let with = |document: &str| external(&format!("{json}data:\n  .dockerconfigjson: '{document}'\n"));
    for (text, expected) in [
        (
            with(
                r#"{"auths":{"r.example.com":{"username":"{{ .u }}","password":"{{ .p }}","auth":"{{ printf "%s:%s" .u .p | b64enc }}"}}}"#,
            ),
            &[][..],
        ),
        (with(r#"{"auths":{"r.example.com":{"username":"u","password":{{ .p | toJson }}}}}"#), &[]),
        (with(r#"{"auths":{"r.example.com":{"username":"u","password":{{ .p }}}}}"#), &["invalid-json"]),
        (with(r#"{"auths":{ {{ range .r }}{{ end }} }}"#), &[]),
        (with(BARE_PAIR), &["missing-auth"]),
        (with("{{ .config | toString }}"), &[]),
        (external("type: Opaque\ndata:\n  .dockerconfigjson: '{{ .x }}'\n"), &["wrong-secret-type"]),
        (external("data:\n  .dockerconfigjson: '{{ .x }}'\n"), &["wrong-secret-type"]),
        (external(&format!("{json}data:\n  config.json: '{{{{ .x }}}}'\n")), &["missing-data-key"]),
        (external(&format!("{json}templateFrom: [{{}}]\ndata:\n  config.json: '{{{{ .x }}}}'\n")), &[]),
        (external(json) + "  data:\n  - secretKey: password\n", &["missing-data-key"]),
        (external(json) + "  data:\n  - secretKey: password\n  dataFrom: [{}]\n", &[]),
        (external(json) + "  data:\n  - secretKey: .dockerconfigjson\n", &[]),
    ] {
        assert_eq!(codes("a.yaml", &text), expected, "{text}");
        assert_eq!(repaired(&text), None);
        let cluster = text
            .replace("kind: External", "kind: ClusterExternal")
            .replace("\nspec:\n", "\nspec:\n externalSecretSpec:\n");
        assert_eq!(codes("a.yaml", &cluster), expected, "{cluster}");
    }
    let sealed = |spec: &str| format!("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n{spec}");
    for (spec, expected) in [
        (format!("  encryptedData: {{.dockerconfigjson: Ag}}\n  template: {{{}}}\n", json.trim()), &[][..]),
        ("  encryptedData: {.dockerconfigjson: Ag}\n".to_owned(), &["wrong-secret-type"]),
        (
            format!("  encryptedData: {{config.json: Ag}}\n  template: {{{}}}\n", json.trim()),
            &["missing-data-key"],
        ),
        ("  encryptedData: {password: Ag}\n".to_owned(), &[]),
    ] {
        assert_eq!(codes("a.yaml", &sealed(&spec)), expected, "{spec}");
    }
}
