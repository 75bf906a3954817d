//! Tests of files: where things stand, and what a repair leaves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use regcred_engine::policy::Policy;

use super::*;

const DOCUMENT: &str =
    r#"{"auths":{"r.example.com":{"username":"robot","password":"it's 100% \"镜像\" \\ #x: y"}}}"#;
const NOW: Timestamp = Timestamp::constant(1_795_478_400, 0); // 2026-11-24

fn terms(policy: &Policy) -> Terms<'_> {
    Terms { policy, now: NOW }
}

/// A manifest with a document under `stringData`, as it is written behind the colon.
fn manifest(written: &str) -> String {
    format!(
        "# head\napiVersion: v1\nkind: Secret\nmetadata:\n  name: a # why\ntype: kubernetes.io/dockerconfigjson\n\
         stringData:\n  # before\n  .dockerconfigjson: {written}\n  # behind\n  other: x\n"
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

/// The text of the one Secret in a manifest, and the text and place of its findings.
fn check(text: &str) -> (Vec<u8>, Vec<Finding>) {
    let policy = Policy::default();
    let manifest = Manifest::read("a.yaml", text);
    let mut checked = manifest.check(terms(&policy));
    let troubles: Vec<_> = checked.troubles.iter().map(|trouble| &trouble.message).collect();
    assert!(troubles.is_empty(), "{troubles:?} in\n{text}");
    assert_eq!(checked.judged.len(), 1, "{text}");
    (manifest.found.secrets[0].document.to_vec(), checked.judged.remove(0).findings)
}

fn repaired(text: &str) -> Option<String> {
    let policy = Policy::default();
    Manifest::read("a.yaml", text).repaired(terms(&policy)).map(|text| text.to_string())
}

/// What was put into a text, if that is all that was done to it.
fn insertion<'t>(before: &str, after: &'t str) -> Option<&'t str> {
    let head = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let tail = before.bytes().rev().zip(after.bytes().rev()).take_while(|(a, b)| a == b).count();
    let tail = tail.min(before.len() - head);
    (head + tail == before.len()).then(|| after.get(head..after.len() - tail)).flatten()
}

#[test]
fn a_repair_inserts_into_every_way_of_writing_a_text_and_changes_no_other_byte() {
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
fn a_finding_points_at_the_key_in_the_file() {
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
fn encoded_documents_stay_written_as_they_were() {
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
        assert!(after.ends_with("\n  # behind\n  other: eA==\n"), "{after}");
    }
}

#[test]
fn what_cannot_be_repaired_safely_is_left_alone_and_named() {
    let shared = "x: &doc '{\"auths\":{\"r.example.com\":{\"username\":\"u\",\"password\":\"p\"}}}'\n"
        .to_owned()
        + &manifest("*doc");
    // One that is the whole value is `unfilled-placeholder`, and the engine repairs nothing.
    let placeholder =
        manifest(&format!("'{}'", r#"{"auths":{"r.example.com":{"username":"u","password":"p${P}"}}}"#));
    let binary = manifest(&format!("!!binary {}", STANDARD.encode(DOCUMENT)));
    let tree = "x: &d\n  .dockerconfigjson: '{\"auths\":{\"r.example.com\":{\"username\":\"u\",\"password\":\"p\"}}}'\n"
        .to_owned()
        + &manifest("x").replace("  .dockerconfigjson: x\n", "  <<: *d\n");
    for (text, why) in
        [(shared, "anchor"), (placeholder, "placeholder"), (binary, "!!binary"), (tree, "anchor")]
    {
        let (_, findings) = check(&text);
        let held = findings.iter().find_map(|found| match &found.outcome {
            Outcome::Held(said) => Some(said.as_str()),
            _ => None,
        });
        let is_promised = |found: &Finding| found.remedy().contains("on admission");
        assert!(!findings.iter().any(is_promised), "{findings:?}");
        assert!(held.is_some_and(|said| said.contains(why)), "{findings:?}\n{text}");
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

/// Without its bounds this test does not fail: it does not end, or takes all memory.
#[test]
fn a_small_file_cannot_make_work_without_end() {
    let policy = Policy::default();
    let checked = |text: &str| Manifest::read("a.yaml", text).check(terms(&policy));

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
fn what_cannot_be_judged_is_told_with_its_place() {
    let secret = "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/dockerconfigjson\n";
    for (text, place, words) in [
        ("a: [\n".to_owned(), (1, 4), "no valid YAML"),
        ("a:\n\tb: 1\n".to_owned(), (2, 2), "tabs"),
        ("{\"a\" 1}".to_owned(), (1, 6), "no valid JSON"),
        ("{\"a\": 1".to_owned(), (1, 7), "ends in the middle"),
        ("a: b\n---\n{{ if .x }}\na: {{ b }}\n{{ end }}\n".to_owned(), (3, 1), "helm template"),
        (format!("{secret}data:\n  .dockerconfigjson: <base64>\n"), (5, 3), "placeholder"),
        (format!("{secret}data:\n  .dockerconfigjson: '{{}}'\n"), (5, 3), "not base64"),
        (format!("{secret}stringData:\n  .dockerconfigjson: {{\"auths\":{{}}}}\n"), (5, 3), "is no text"),
        (format!("{secret}data: x\n"), (4, 1), "data is no mapping"),
        (secret.to_owned(), (1, 1), "unless this is a patch of a Secret, the API server refuses it"),
        ("a: b # \u{7f}\n".to_owned(), (1, 8), "a character that YAML does not take"),
        ("a: b\u{1}c\n".to_owned(), (1, 4), "a character that YAML does not take"),
        (
            format!("{secret}data:\n  .dockerconfigjson: e30=\nstringData:\n  .dockerconfigjson:\n"),
            (7, 3),
            "empties what data has",
        ),
        (
            format!("{secret}data:\n  .dockerconfigjson: ENC[AES256_GCM,data:x]\nsops: {{}}\n"),
            (5, 3),
            "encrypted",
        ),
        ("a: *b\n".to_owned(), (1, 4), "no anchor"),
        ("apiVersion: regcred/v1\nkind: Policy\nrules:\n  nothing: deny\n".to_owned(), (4, 3), "nothing"),
        ("a: b\n---\napiVersion: regcred/v1\nkind: Polic\n".to_owned(), (4, 7), "Policy"),
    ] {
        let policy = Policy::default();
        let checked = Manifest::read("a.yaml", &text).check(terms(&policy));
        let [trouble] = checked.troubles.as_slice() else { panic!("{:?}\n{text}", checked.troubles) };
        let region = trouble.region.as_ref().unwrap();
        assert!(trouble.message.contains(words), "{trouble:?}\n{text}");
        assert_eq!((region.line, region.column), place, "{trouble:?}\n{text}");
    }
}

#[test]
fn a_docker_config_with_a_comma_too_many_is_one_whatever_it_is_called() {
    let policy = Policy::default();
    let entry = r#""auths":{"r.example.com":{"username":"u","password":"p"},}"#;
    for (text, is_config) in
        [(format!("{{{entry}}}"), true), (format!("{{{entry},\"kind\":\"ConfigMap\"}}"), false)]
    {
        for name in ["auth.json", "docker.json", "-"] {
            let checked = Manifest::read(name, &text).check(terms(&policy));
            let found = checked.judged.iter().flat_map(|judged| &judged.findings);
            let rules: Vec<_> = found.map(|finding| finding.rule.code()).collect();
            assert_eq!(rules, if is_config { vec!["invalid-json"] } else { vec![] }, "{name}: {text}");
            assert!(checked.troubles.is_empty());
        }
    }
}

#[test]
fn what_sops_wrote_is_held_by_every_name() {
    let policy = Policy::default();
    let text = r#"{"auths":{"r.example.com":{"username":"u","password":"p"}},"sops":{"mac":"ENC[x]"}}"#;
    for name in ["config.json", ".dockerconfigjson", "auth.json"] {
        let file = Manifest::read(name, text);
        assert_eq!(file.check(terms(&policy)).judged.len(), 1, "{name}");
        assert_eq!(file.repaired(terms(&policy)), None, "{name}");
    }
}

#[test]
fn what_is_filled_in_later_is_no_docker_config_that_is_broken() {
    let policy = Policy::default();
    for (name, text, notes) in [
        ("docker.json", r#"{"auths":{"r.example.com":{"username":"u","password":<path:acr#p>}}}"#, 1),
        ("config.json", r#"{"auths":{"r.example.com":{{ .Values.entry }}}}"#, 1),
        ("values.yaml", r#"{"auths":{"r.example.com":{}},"replicas":1,}"#, 0),
    ] {
        let checked = Manifest::read(name, text).check(terms(&policy));
        assert!(
            checked.judged.is_empty() && checked.troubles.len() == notes,
            "{name}: {:?}",
            checked.troubles
        );
        assert!(checked.troubles.iter().all(|trouble| trouble.kind == TroubleKind::NotJudged), "{name}");
    }
}

#[test]
fn http_headers_of_something_else_make_no_docker_config() {
    let policy = Policy::default();
    let text = r#"{"name":"app","httpHeaders":["X-A"]}"#;
    let checked = Manifest::read("app.json", text).check(terms(&policy));
    assert!(checked.judged.is_empty() && checked.troubles.is_empty());
}

#[test]
fn what_is_wrong_behind_a_repair_has_its_place_in_the_repaired_file() {
    let policy = Policy::default();
    let letters = STANDARD.encode(DOCUMENT);
    let (first, second) = letters.split_at(80);
    let secret = manifest(&format!("|\n    {first}\n    {second}")).replace("stringData", "data");
    let text = format!("{}---\na: [\n", secret.replace("  other: x\n", ""));
    let file = Manifest::read("a.yaml", &text);
    let after = file.repaired(terms(&policy)).unwrap();
    assert!(after.lines().count() > text.lines().count());
    let told = mended(file.check(terms(&policy)), "a.yaml", Some(&after), terms(&policy));
    let [trouble] = told.troubles.as_slice() else { panic!("{:?}", told.troubles) };
    assert_eq!(trouble.region.as_ref().unwrap().line, after.lines().count());
}

/// A document of texts that need every kind of care.
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
    fn the_document_of_a_repaired_file_is_the_repaired_document(document in documents(), crlf: bool) {
        let policy = Policy::default();
        for written in ways(&document) {
            let mut text = manifest(&written);
            if crlf {
                text = text.replace('\n', "\r\n");
            }
            let file = Manifest::read("a.yaml", &text);
            prop_assert_eq!(file.found.secrets.len(), 1, "{}", text);
            let secret = &file.found.secrets[0];
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
            let read = Manifest::read("a.yaml", &after);
            prop_assert!(*read.found.secrets[0].document == wanted, "{}", after.as_str());
            prop_assert!(read.repaired(terms(&policy)).is_none());
            for (text, after) in [
                (text.split_once("\n  .dockerconfigjson").unwrap().0, after.split_once("\n  .dockerconfigjson").unwrap().0),
                (text.rsplit_once("  # behind").unwrap().1, after.rsplit_once("  # behind").unwrap().1),
            ] {
                prop_assert_eq!(text, after);
            }
        }
    }

    #[test]
    fn no_file_makes_it_panic_and_no_excerpt_shows_a_value(text in ".{0,200}", at in 0_usize..400) {
        let policy = Policy::default();
        let mut broken = manifest(&format!("'{}'", DOCUMENT.replace('\'', "''")));
        let at = (0..=at.min(broken.len())).rev().find(|at| broken.is_char_boundary(*at)).unwrap_or_default();
        broken.insert_str(at, &text);
        for text in [&text, &broken] {
            let checked = Manifest::read("config.json", text).check(terms(&policy));
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
    let manifest = Manifest::read("f.yaml", &text);
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
