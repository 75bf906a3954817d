//! Laws of any document in a file.

use proptest::prelude::*;

use super::super::pull_secret::Writing;
use super::*;

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
            for finding in checked.judged.iter().flat_map(|judged| judged.findings.listed()) {
                let excerpt = finding.region.as_ref().and_then(|region| region.excerpt.as_ref());
                prop_assert!(excerpt.is_none_or(|excerpt| !excerpt.text.contains("100%")));
            }
        }
    }
}
