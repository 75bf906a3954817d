//! What in a document makes the kubelet refuse it.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::bilingual::{Bilingual, Language};
use crate::finding::Finding;
use crate::judge::{Request, judge};
use crate::policy::{Policy, Requester};
use crate::registry::RegistryKey;
use crate::rules::Rule;
use crate::secret::{Secret, SecretType};
use crate::wording::statement;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Malformation {
    /// The registry of the entry that the kubelet refuses; `None` for the document itself.
    pub(super) key: Option<RegistryKey<'static>>,
    /// The JSON path inside the Secret.
    pub(super) path: String,
    /// Line and column, from 1, in the document. The column counts characters.
    pub(super) position: (usize, usize),
    /// What is wrong, as a clause.
    pub(super) clause: Bilingual<String>,
}

/// The rules about what makes the kubelet refuse a document.
const RULES: [Rule; 5] =
    [Rule::NotJson, Rule::NotAnObject, Rule::FieldNotString, Rule::AuthNotBase64, Rule::AuthWithoutColon];

impl Malformation {
    /// Finds it in a document that the kubelet refuses, and if known in the entry of this key.
    pub(super) fn find(bytes: &[u8], secret_type: SecretType, key: Option<&str>) -> Self {
        let findings = findings(bytes, secret_type, Timestamp::UNIX_EPOCH);
        let is_there = |finding: &&Finding<'_>| finding.place.key().map(RegistryKey::as_written) == key;
        let mut known = findings.iter().filter(|finding| RULES.contains(&finding.rule()));
        let data_key = secret_type.data_key();
        match known.clone().find(is_there).or_else(|| known.next()) {
            Some(finding) => Malformation {
                key: finding.place.key().map(|key| RegistryKey::new(key.as_written().to_owned())),
                path: finding.place.path_in_secret(),
                position: position(bytes, finding.place.offset()),
                clause: clause(finding),
            },
            None => Malformation {
                key: key.map(|key| RegistryKey::new(key.to_owned())),
                path: format!("data[{data_key}]"),
                position: (1, 1),
                clause: Bilingual::new("the kubelet cannot parse the document", "kubelet 无法解析该文档"),
            },
        }
    }
}

/// What is wrong with a document that has no entries, if the rules know it.
pub(super) fn why_empty(bytes: &[u8], secret_type: SecretType) -> Option<Bilingual<String>> {
    findings(bytes, secret_type, Timestamp::UNIX_EPOCH).first().map(clause)
}

/// Everything that the rules find in a document, whatever the policy of a webhook is.
pub(super) fn findings(document: &[u8], secret_type: SecretType, now: Timestamp) -> Vec<Finding<'_>> {
    let request = Request {
        requester: Requester { namespace: "", user: "", groups: &[] },
        now,
        secret: Secret { secret_type, document, data_bytes: document.len() },
        old: None,
    };
    judge(&Policy::default(), &request).findings
}

/// What a finding says is wrong, as a clause.
pub(super) fn clause(finding: &Finding<'_>) -> Bilingual<String> {
    let of = |language| statement(finding, language).clause;
    Bilingual::new(of(Language::English), of(Language::Chinese))
}

/// Line and column of a byte of a text, from 1.
fn position(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before: Cow<'_, str> = String::from_utf8_lossy(bytes.get(..offset).unwrap_or(bytes));
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    (line, before.get(start..).unwrap_or_default().chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consumers::{Consumer, Models, PodKeyring, ask as ask_models};
    use crate::document::Document;

    fn find(bytes: &[u8]) -> Malformation {
        const FORM: SecretType = SecretType::DockerConfigJson;
        let Ok(document) = Document::read(bytes, FORM) else { return Malformation::find(bytes, FORM, None) };
        let keyring = PodKeyring::new([(0, &document)]);
        let refused = keyring.refused().first().expect("a document that the kubelet refuses");
        Malformation::find(bytes, FORM, refused.key.as_deref())
    }

    #[test]
    fn place_is_that_of_the_refused_entry() {
        for (document, path, position, clause) in [
            (
                "{\"auths\":{\"a\":{\"auth\":\"dTpw\",\"email\":\"密\"},\n \"b\":{\"auth\":\"!!!\"}}}",
                "data[.dockerconfigjson].auths[\"b\"].auth",
                (2, 7),
                "auth is not base64",
            ),
            (
                "{\"auths\":{\"密\":{}, \"b\":{\"email\":1}}}",
                "data[.dockerconfigjson].auths[\"b\"].email",
                (1, 24),
                "email is a number, not a string",
            ),
            ("{\"auths\":[]}", "data[.dockerconfigjson].auths", (1, 2), "auths is an array, not an object"),
            ("[]", "data[.dockerconfigjson]", (1, 1), "the document is an array, not an object"),
            ("{\"auths\":", "data[.dockerconfigjson]", (1, 10), "the JSON ends too early"),
        ] {
            let found = find(document.as_bytes());
            assert_eq!((&*found.path, found.position), (path, position), "{document}");
            assert_eq!(found.clause.english, clause, "{document}");
        }
    }

    #[test]
    fn rules_are_those_whose_example_the_kubelet_refuses() {
        let is_refused = |rule: Rule| {
            let example = rule.definition().example;
            let ask = |models: &Models<'_>| models.refuses_document(Consumer::Kubelet);
            // A document that is not JSON has no models.
            example.misplaced.is_none()
                && ask_models(example.document.as_bytes(), example.secret_type, ask).unwrap_or(true)
        };
        for rule in Rule::ALL {
            assert_eq!(RULES.contains(rule), is_refused(*rule), "{rule}");
        }
    }

    #[test]
    fn what_no_rule_names_is_still_malformed() {
        let found = find(br#"{"auths":{},"HttpHeaders":{"X":1}}"#);
        assert_eq!(found.key, None);
        assert!(found.path.starts_with("data[.dockerconfigjson]"), "{}", found.path);
    }
}
