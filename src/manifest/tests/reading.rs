//! What is read of a file, and what is said where that fails.

use super::*;
use crate::report::{Outcome, Subject, TroubleKind};

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
        assert_eq!(checked.judged[0].findings.listed()[0].rule.code(), "missing-auth");
        assert!(
            matches!(&checked.judged[0].findings.listed()[0].outcome, Outcome::Held(why) if why.contains("UTF-16"))
        );
        assert_eq!(file.repaired(terms(&policy)), None);

        let checked = Manifest::read("config.json", &Content::new(&bare)).check(terms(&policy));
        assert_eq!(checked.judged[0].findings.listed()[0].rule.code(), "invalid-json");
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
            let found = checked.judged.iter().flat_map(|judged| judged.findings.listed());
            let rules: Vec<_> = found.map(|finding| finding.rule.code()).collect();
            assert_eq!(rules, if is_config { vec!["invalid-json"] } else { vec![] }, "{name}: {text}");
            assert!(checked.troubles.is_empty());
        }
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
