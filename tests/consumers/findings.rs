//! What findings say of consumers is what the models say, which the rest of this program holds to the libraries.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use regcred_engine::consumers::{self, Consumer, Outcome};
use regcred_engine::finding::Finding;
use regcred_engine::judge::{Request, judge};
use regcred_engine::policy::{Policy, Requester};
use regcred_engine::secret::{OldDocument, OldSecret, Secret, SecretType};
use serde_json::Value;

type Outcomes = Vec<(Consumer, Outcome)>;

#[test]
fn findings_say_what_the_models_say() {
    let mut compared = 0;
    for line in include_str!("../cases/cases.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let bytes = |name: &str| case[name].as_str().map(|text| STANDARD.decode(text).unwrap());
        let Some(secret_type) = SecretType::from_name(case["type"].as_str().unwrap()) else { continue };
        let Some(document) = bytes("doc_b64") else { continue };
        let old = bytes("old_doc_b64");
        let request = Request {
            requester: Requester { namespace: "default", user: "somebody", groups: &[] },
            now: Timestamp::constant(1_795_392_000, 0), // 2026-11-23
            secret: Secret { secret_type, document: &document, data_bytes: document.len() },
            old: old
                .as_deref()
                .map(|old| OldSecret { document: Some(OldDocument::Bytes(old)), immutable: false }),
        };
        for finding in &judge(&Policy::default(), &request).findings {
            let said: Outcomes = finding.affected.outcomes().collect();
            let expected = expected(finding, &document, secret_type);
            assert!(expected.contains(&said), "{}: {finding:?}, expected one of {expected:?}", case["id"]);
            compared += usize::from(!said.is_empty());
        }
    }
    assert!(compared > 500, "{compared}");
}

/// What the models say of the entries with the key of a finding, or of the document.
fn expected(finding: &Finding<'_>, document: &[u8], secret_type: SecretType) -> Vec<Outcomes> {
    let of_models = consumers::ask(document, secret_type, |models| {
        let keys: Vec<_> = models.keys().collect();
        if keys.len() > regcred_engine::judge::MAX_MODELLED_ENTRIES {
            return vec![Vec::new()];
        }
        let of_entry = |entry| -> Outcomes {
            Consumer::ALL.into_iter().map(|consumer| (consumer, models.outcome(consumer, entry))).collect()
        };
        let key = finding.place.key().map(|key| key.as_written().to_owned());
        let same = (0..keys.len()).filter(|entry| Some(&*keys[*entry]) == key.as_deref());
        let entries: Vec<_> = same.map(of_entry).collect();
        if !entries.is_empty() {
            return entries;
        }
        let reads = Consumer::ALL.into_iter().filter(|consumer| consumer.reads(secret_type));
        let of_document = reads.filter_map(|consumer| {
            if models.refuses_document(consumer) {
                Some((consumer, Outcome::RefusesDocument))
            } else {
                keys.is_empty().then_some((consumer, Outcome::FindsNothing))
            }
        });
        vec![of_document.collect()]
    });
    // Nothing is known of a document that is not JSON.
    of_models.unwrap_or_else(|| vec![Vec::new()])
}
