use std::path::Path;

use super::{LANGUAGES, assert_well_formed, is_chinese};
use crate::finding::Finding;
use crate::judge::{Request, judge, judge_shape};
use crate::policy::{Language, Policy, Requester};
use crate::rules::{Example, Rule};
use crate::secret::{MAX_SECRET_BYTES, OldDocument, OldSecret, Secret};
use crate::wording::reference::EXAMPLE_TIME;
use crate::wording::{message, reference, rule_doc};

#[test]
fn each_rule_is_explained_in_both_languages() {
    for rule in Rule::ALL {
        let [english, chinese, both] = LANGUAGES.map(|language| rule_doc(*rule, language));
        assert_eq!((english.rule, chinese.rule), (*rule, *rule));
        for (english, chinese, both) in [
            (&english.title, &chinese.title, &both.title),
            (&english.what, &chinese.what, &both.what),
            (&english.why, &chinese.why, &both.why),
            (&english.remedy, &chinese.remedy, &both.remedy),
        ] {
            assert!(is_chinese(chinese) && !is_chinese(english), "{english} / {chinese}");
            assert_eq!(*both, format!("{english} / {chinese}"));
            assert_well_formed(english);
            assert_well_formed(chinese);
            assert_eq!(english.matches('`').count() % 2, 0, "{english}");
            assert_eq!(chinese.matches('`').count() % 2, 0, "{chinese}");
        }
        assert!(english.title.chars().count() <= 70 && !english.title.ends_with('.'));
        assert!(english.what.ends_with('.') && english.why.ends_with('.') && english.remedy.ends_with('.'));
        assert!(
            chinese.what.ends_with('。') && chinese.why.ends_with('。') && chinese.remedy.ends_with('。')
        );
    }
}

#[test]
fn examples_are_whole_documents() {
    for rule in Rule::ALL {
        let Example { document, old_document, policy, other_data_bytes, .. } =
            rule_doc(*rule, Language::English).example;
        let is_json = serde_json::from_str::<serde_json::Value>(document).is_ok();
        assert_eq!(is_json, *rule != Rule::NotJson, "{rule}: {document}");
        let update = matches!(rule, Rule::RegistriesDropped | Rule::CredentialsStripped);
        assert_eq!(old_document.is_some(), update, "{rule}");
        if let Some(old) = old_document {
            assert!(serde_json::from_str::<serde_json::Value>(old).is_ok(), "{rule}: {old}");
        }
        assert_eq!(policy.is_some(), *rule == Rule::RegistryDenied);
        if let Some(policy) = policy {
            let policy = Policy::parse(policy).expect("a policy");
            assert!(!policy.denied_registries.is_empty());
        }
        if *rule == Rule::TooLargeToFix {
            let size = document.len() + other_data_bytes;
            assert!(size <= MAX_SECRET_BYTES && size + ",\"auth\":\"\"".len() > MAX_SECRET_BYTES, "{size}");
        } else {
            assert_eq!(other_data_bytes, 0);
        }
    }
}

#[test]
fn each_example_breaks_its_rule_and_few_others() {
    for rule in Rule::ALL {
        let example = rule_doc(*rule, Language::English).example;
        let policy =
            example.policy.map_or_else(Policy::default, |text| Policy::parse(text).expect("a policy"));
        let requester = Requester { namespace: "default", user: "somebody", groups: &[] };
        let document = example.document.as_bytes();
        let secret = Secret {
            secret_type: example.secret_type,
            document,
            data_bytes: document.len() + example.other_data_bytes,
        };
        let old = example
            .old_document
            .map(|old| OldSecret { document: Some(OldDocument::Bytes(old.as_bytes())), immutable: false });
        let request = Request { requester, now: EXAMPLE_TIME, secret, old };
        let judgement = match example.misshapen() {
            Some(misshapen) => judge_shape(&policy, &requester, request.now, &misshapen),
            None => judge(&policy, &request),
        };
        let found: Vec<_> = judgement.findings.iter().map(Finding::rule).collect();
        assert!(found.contains(rule), "{rule}: {found:?}");
        // A finding that a repair would fix, or that stops the repair, belongs to it.
        assert!(found.iter().all(|other| other == rule || *other == Rule::MissingAuth), "{rule}: {found:?}");
        for finding in &judgement.findings {
            assert!(message(finding, Language::Both).contains(&format!("[regcred/{}] ", finding.rule())));
        }
    }
}

#[test]
fn the_reference_holds_every_rule_once() {
    for language in [Language::English, Language::Chinese] {
        let text = reference(language);
        for rule in Rule::ALL {
            let code = rule.code();
            assert_eq!(text.matches(&format!("\n## {code}\n")).count(), 1, "{code}");
            assert_eq!(
                text.matches(&format!("| [`{code}`](#{code}) | {} |", rule.default_action())).count(),
                1
            );
        }
        assert!(!text.contains("\n\n\n"), "an empty line too many");
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
        assert!(!text.contains("{title}") && !text.contains("{kind}") && !text.contains("{action}"));
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    }
}

#[test]
fn the_files_in_docs_are_the_reference() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for (name, language) in [("rules.md", Language::English), ("rules.zh-CN.md", Language::Chinese)] {
        let (path, wanted) = (docs.join(name), reference(language));
        if std::env::var_os("REGCRED_UPDATE").is_some_and(|value| value == "1") {
            std::fs::write(&path, &wanted).expect("docs can be written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == wanted,
            "docs/{name} is stale: run REGCRED_UPDATE=1 cargo test -p regcred-engine wording"
        );
    }
}
