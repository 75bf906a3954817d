//! What a repair changes in a file.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::report::Outcome;

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
