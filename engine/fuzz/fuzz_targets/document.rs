//! Any two documents: no panic, every finding has texts, and a repaired document needs no repair.
//!
//! `cd engine && cargo +nightly fuzz run document`

#![no_main]

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use regcred_engine::judge::{Request, judge};
use regcred_engine::policy::{Language, Policy, Requester};
use regcred_engine::secret::{OldDocument, OldSecret, Secret, SecretType};
use regcred_engine::wording;

fuzz_target!(|input: (bool, Vec<u8>, Option<Vec<u8>>)| {
    let (legacy, document, old) = &input;
    let secret_type = if *legacy { SecretType::DockerCfg } else { SecretType::DockerConfigJson };
    let policy = Policy::default();
    let request = |document| Request {
        requester: Requester { namespace: "default", user: "u-abcde", groups: &[] },
        now: Timestamp::constant(1_795_392_000, 0), // 2026-11-23
        secret: Secret { secret_type, document, data_bytes: document.len() },
        old: old
            .as_deref()
            .map(|old| OldSecret { document: Some(OldDocument::Bytes(old)), immutable: false }),
    };
    let judgement = judge(&policy, &request(document));
    for finding in &judgement.findings {
        let _ = wording::message(finding, Language::Both);
        let _ = wording::warnings(finding, Language::Both);
    }
    if let Some(repair) = judgement.repair {
        let repaired = repair.apply(document);
        assert!(judge(&policy, &request(&repaired)).repair.is_none());
    }
});
