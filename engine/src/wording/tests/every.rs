//! Findings of every rule, with every text: the documents of the cases and of the rules' examples, under every policy that
//! they need.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

use crate::judge::{Request, judge, judge_shape};
use crate::policy::{Policy, Requester};
use crate::registry::HostPattern;
use crate::rules::Rule;
use crate::secret::{OldDocument, OldSecret, Secret, SecretType};
use crate::shape::{MeantKeySearch, Misshapen};

/// A Secret to judge.
pub(super) struct Judged {
    secret_type: SecretType,
    document: Vec<u8>,
    old: Option<Vec<u8>>,
    other_data_bytes: usize,
    policy: Policy,
    /// Judged in place of the document.
    misshapen: Option<Misshapen>,
}

impl Judged {
    pub(super) fn findings(&self) -> Vec<crate::finding::Finding<'_>> {
        let requester = Requester { namespace: "default", user: "somebody", groups: &[] };
        let now = Timestamp::constant(1_795_392_000, 0); // 2026-11-23
        if let Some(misshapen) = &self.misshapen {
            return judge_shape(&self.policy, &requester, now, misshapen).findings;
        }
        let request = Request {
            requester,
            now,
            secret: Secret {
                secret_type: self.secret_type,
                document: &self.document,
                data_bytes: self.document.len() + self.other_data_bytes,
            },
            old: self
                .old
                .as_deref()
                .map(|old| OldSecret { document: Some(OldDocument::Bytes(old)), immutable: false }),
        };
        judge(&self.policy, &request).findings
    }
}

pub(super) fn all() -> Vec<Judged> {
    let examples = Rule::ALL.iter().map(|rule| {
        let example = rule.definition().example;
        Judged {
            secret_type: example.secret_type,
            document: example.document.into(),
            old: example.old_document.map(Into::into),
            other_data_bytes: example.other_data_bytes,
            policy: example.policy.map_or_else(Policy::default, |file| Policy::parse(file).unwrap()),
            misshapen: example.misshapen(),
        }
    });
    let unfixed = examples.clone().map(|mut judged| {
        for rule in Rule::ALL {
            judged.policy.rules.get_mut(*rule).fix = false;
        }
        judged
    });
    let not_allowed = examples.clone().map(|mut judged| {
        judged.policy.allowed_registries = Some(HostPattern::parse("only.example.org").into_iter().collect());
        judged
    });
    let cases = include_str!("../../../../tests/cases/cases.jsonl").lines().filter_map(|line| {
        let case: Value = serde_json::from_str(line).unwrap();
        let bytes = |field: &str| case[field].as_str().map(|text| STANDARD.decode(text).unwrap());
        Some(Judged {
            secret_type: SecretType::from_name(case["type"].as_str()?)?,
            document: bytes("doc_b64").filter(|document| document.len() < 4096)?,
            old: bytes("old_doc_b64"),
            other_data_bytes: 0,
            policy: Policy::default(),
            misshapen: None,
        })
    });
    examples.chain(unfixed).chain(not_allowed).chain(cases).chain(misshapen()).collect()
}

/// Each text about a Secret without a document that can be judged.
fn misshapen() -> impl Iterator<Item = Judged> {
    let missing = SecretType::ALL.into_iter().flat_map(|secret_type| {
        [
            ("note", ""),
            ("config.json", ""),
            (".dockercfg", ""),
            (".dockerconfigjson", ""),
            ("a-name-of-46-characters-for-docker-config.json", r#"{"auths":{}}"#),
            ("flat", r#"{"r.example.com":{"auth":"dTpw"}}"#),
        ]
        .map(|(name, value)| {
            let mut search = MeantKeySearch::new(secret_type);
            search.consider(name, || Some(value));
            Misshapen::MissingDataKey { secret_type, meant: search.found(), was_missing: false }
        })
    });
    let all = SecretType::ALL.map(Misshapen::WrongType).into_iter().chain(missing);
    all.map(|misshapen| Judged { misshapen: Some(misshapen), ..of("{}") })
}

/// A dockerconfigjson under the default policy.
pub(super) fn of(document: &str) -> Judged {
    Judged {
        secret_type: SecretType::DockerConfigJson,
        document: document.into(),
        old: None,
        other_data_bytes: 0,
        policy: Policy::default(),
        misshapen: None,
    }
}
