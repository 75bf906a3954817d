//! What holds for every document, tried on arbitrary bytes and on real documents that were mutated.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that meets something unexpected is to fail"
)]

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use regcred_engine::finding::Finding;
use regcred_engine::judge::{Judgement, Request, judge, judge_repair};
use regcred_engine::policy::{Enforcement, Language, Policy, Requester};
use regcred_engine::registry::RegistryKey;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::secret::{OldDocument, OldSecret, Secret, SecretType};
use regcred_engine::wording;
use serde_json::{Map, Value, json};

fn judged<'a>(secret_type: SecretType, document: &'a [u8], old: Option<&'a [u8]>) -> Judgement<'a> {
    judge(&Policy::default(), &request(secret_type, document, old))
}

fn request<'a>(secret_type: SecretType, document: &'a [u8], old: Option<&'a [u8]>) -> Request<'a> {
    Request {
        requester: Requester { namespace: "default", user: "u-abcde", groups: &["system:authenticated"] },
        now: Timestamp::constant(1_795_392_000, 0), // 2026-11-23
        secret: Secret { secret_type, document, data_bytes: document.len() },
        old: old.map(|document| OldSecret { document: Some(OldDocument::Bytes(document)), immutable: false }),
    }
}

fn repaired(secret_type: SecretType, document: &[u8]) -> Vec<u8> {
    judged(secret_type, document, None)
        .repair
        .map_or_else(|| document.to_vec(), |repair| repair.apply(document))
}

fn said(findings: &[Finding<'_>]) -> String {
    let all: Vec<&Finding<'_>> = findings.iter().collect();
    let each = findings.iter().map(|finding| {
        format!(
            "{finding:?} {} {}",
            wording::message(finding, Language::Both),
            wording::warnings(finding, Language::Both).join(" ")
        )
    });
    each.chain([wording::denial(&all, Language::Both)]).collect()
}

fn secret_type() -> impl Strategy<Value = SecretType> {
    select(&[SecretType::DockerConfigJson, SecretType::DockerCfg][..])
}

/// A policy with any action for each rule.
fn policy() -> impl Strategy<Value = Policy> {
    let settings =
        prop::collection::vec((select(Action::ALL.to_vec()), prop::bool::weighted(0.9)), Rule::ALL.len());
    let enforcement = select(vec![Enforcement::Enforce, Enforcement::Warn, Enforcement::Audit]);
    (settings, enforcement).prop_map(|(settings, enforcement)| {
        let mut policy = Policy { enforcement, ..Policy::default() };
        for (rule, (action, fix)) in Rule::ALL.iter().zip(settings) {
            let setting = policy.rules.get_mut(*rule);
            setting.action = action;
            setting.fix &= fix;
        }
        policy
    })
}

/// What an UPDATE replaces.
#[derive(Clone, Debug)]
enum Replaced {
    /// The same document.
    Same,
    /// The document when it had a token in each entry with a username: the update strips those.
    WithTokens,
    Other(Vec<u8>),
}

impl Replaced {
    fn of(self, document: &[u8]) -> Vec<u8> {
        match self {
            Replaced::Same => document.to_vec(),
            Replaced::WithTokens => {
                let with_token = r#""identitytoken":"example","username""#;
                String::from_utf8_lossy(document).replace(r#""username""#, with_token).into_bytes()
            }
            Replaced::Other(old) => old,
        }
    }
}

fn old_document() -> impl Strategy<Value = Replaced> {
    prop_oneof![
        Just(Replaced::Same),
        Just(Replaced::WithTokens),
        mutated_document().prop_map(Replaced::Other)
    ]
}

/// The documents of the cases: each was met in the wild or made up to be nasty.
fn case_documents() -> Vec<Vec<u8>> {
    include_str!("../../tests/cases/cases.jsonl")
        .lines()
        .map(|line| {
            let case: Value = serde_json::from_str(line).unwrap();
            STANDARD.decode(case["doc_b64"].as_str().unwrap_or_default()).unwrap()
        })
        .filter(|document| document.len() < 4096)
        .collect()
}

/// A document of the cases with some bytes changed, put in or taken out.
fn mutated_document() -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<Index>(), select(&b"{}[]\",:\\/@*?. \n\0\x80azAZ09=-"[..]), 0..4u8);
    (select(case_documents()), prop::collection::vec(edit, 0..6)).prop_map(|(mut document, edits)| {
        for (at, byte, what) in edits {
            let at = at.index(document.len() + 1);
            match what {
                0 if at < document.len() => drop(document.remove(at)),
                1 if at < document.len() => document[at] = byte,
                2 => document.truncate(at),
                _ => document.insert(at, byte),
            }
        }
        document
    })
}

/// Credentials that are told from everything else that a document or a text holds.
fn canary() -> impl Strategy<Value = String> {
    "[GHJKMPQRVWXYZ]{12}".prop_map(|letters| format!("{letters}§"))
}

/// A field's value around a canary, of every type, so that every way to be wrong is met.
fn value_around(canary: &str) -> BoxedStrategy<Value> {
    prop_oneof![
        4 => Just(json!(canary)),
        1 => Just(json!(STANDARD.encode(format!("u:{canary}")))),
        1 => Just(json!(STANDARD.encode(canary))),
        1 => Just(json!(format!(" {canary}\u{7}"))),
        1 => Just(json!(format!("{canary}:{canary}"))),
        1 => Just(json!(STANDARD.encode(format!("{canary}:{canary}:{canary}")))),
        1 => Just(json!(STANDARD.encode(format!("AWS:{}", STANDARD.encode(json!({"expiration": 1, "x": canary}).to_string()))))),
        1 => Just(json!(STANDARD.encode(format!("_json_key:{{{canary}}}")))),
        1 => Just(json!(STANDARD.encode(format!("robot$${canary}:'{canary}'")))),
        1 => Just(json!(format!("${{{canary}}}"))),
        1 => Just(json!(format!("<{canary}>"))),
        1 => Just(json!(format!("\"{canary}\""))),
        1 => Just(json!(format!("e30.{}.", URL_SAFE_NO_PAD.encode(json!({"exp": 1, "x": canary}).to_string())))),
        1 => Just(json!([canary])),
        1 => Just(json!({ "x": canary })),
        1 => Just(json!(7)),
        1 => Just(json!(null)),
        1 => Just(json!("")),
    ]
    .boxed()
}

/// A document with canaries in the place of credentials, and those canaries.
fn document_with_canaries() -> impl Strategy<Value = (Vec<u8>, Vec<String>)> {
    let fields = select(
        &[
            "username",
            "password",
            "auth",
            "identitytoken",
            "registrytoken",
            "email",
            "Auth",
            "PASSWORD",
            "x-note",
        ][..],
    );
    let field = (fields, canary()).prop_flat_map(|(name, canary)| {
        value_around(&canary).prop_map(move |value| (name.to_owned(), value, canary.clone()))
    });
    let key = canary().prop_flat_map(|canary| {
        select(vec![
            "r.example.com".to_owned(),
            "registry.cn-hangzhou.aliyuncs.com".to_owned(),
            "index.docker.io/v1/".to_owned(),
            "https://r.example.com/team".to_owned(),
            "gcr.io".to_owned(),
            format!("${{{canary}}}@r.example.com"),
            format!("u:{canary}@r.example.com"),
            format!("https://u:{canary}/{canary}@registry.cn-hangzhou.aliyuncs.com"),
            format!("u:{canary}?{canary}@r.example.com/team"),
        ])
        .prop_map(move |key| (key, canary.clone()))
    });
    prop::collection::vec((key, prop::collection::vec(field, 0..6)), 1..4).prop_map(|entries| {
        let mut canaries = Vec::new();
        let mut auths = Map::new();
        for ((key, in_key), fields) in entries {
            canaries.push(in_key);
            let mut entry = Map::new();
            for (name, value, canary) in fields {
                canaries.push(canary);
                entry.insert(name, value);
            }
            auths.insert(key, Value::Object(entry));
        }
        (serde_json::to_vec(&json!({ "auths": auths })).unwrap(), canaries)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_end_in_a_panic(document: Vec<u8>, old: Vec<u8>, secret_type in secret_type()) {
        let judgement = judged(secret_type, &document, Some(&old));
        said(&judgement.findings);
    }

    #[test]
    fn no_mutated_document_ends_in_a_panic(
        document in mutated_document(),
        old in mutated_document(),
        secret_type in secret_type(),
    ) {
        let judgement = judged(secret_type, &document, Some(&old));
        said(&judgement.findings);
    }

    #[test]
    fn repair_only_inserts_and_fixes_its_finding(
        document in mutated_document(),
        secret_type in secret_type(),
    ) {
        let before = judged(secret_type, &document, None);
        let Some(repair) = &before.repair else { return Ok(()) };
        let after = repair.apply(&document);

        let (before_text, after_text) = (std::str::from_utf8(&document).unwrap(), std::str::from_utf8(&after).unwrap());
        prop_assert_eq!(only_repaired(before_text, after_text), Ok(repair.entries()));

        let again = judged(secret_type, &after, None);
        prop_assert!(again.repair.is_none());
        let mended = before.findings.iter().filter(|finding| finding.repairable);
        let left = |rule: Rule| again.findings.iter().filter(|finding| finding.rule() == rule).count();
        let stood = |rule: Rule| before.findings.iter().filter(|finding| finding.rule() == rule).count();
        for rule in mended.map(Finding::rule) {
            prop_assert!(left(rule) < stood(rule));
        }
    }

    #[test]
    fn repair_leaves_out_single_entries(
        document in mutated_document(), secret_type in secret_type(), left_out: u64
    ) {
        let before = judged(secret_type, &document, None);
        let Some(repair) = before.repair else { return Ok(()) };
        let mut bits = (0..64).cycle().map(|bit| left_out >> bit & 1 == 1);
        let (rest, left_out) = repair.without(|_| bits.next().unwrap_or_default());
        let after = rest.map_or_else(|| document.clone(), |repair| repair.apply(&document));
        // What stood in them stands, and nothing else does.
        let stood = before.findings.iter().filter(|finding| finding.repairable).filter(|finding| {
            left_out.iter().any(|entry| entry.contains(&finding.place.offset()))
        });
        prop_assert_eq!(stood.count(), left_out.len());
        let again = judged(secret_type, &after, None);
        prop_assert_eq!(again.findings.iter().filter(|finding| finding.repairable).count(), left_out.len());
    }

    #[test]
    fn repairing_twice_is_repairing_once(document in mutated_document(), secret_type in secret_type()) {
        let once = repaired(secret_type, &document);
        prop_assert_eq!(&repaired(secret_type, &once), &once);
        prop_assert_eq!(&repaired(secret_type, &document), &once);
    }

    #[test]
    fn repair_alone_is_that_of_the_whole_judgement(
        document in mutated_document(),
        old in prop::option::of((old_document(), any::<bool>())),
        secret_type in secret_type(),
        policy in policy(),
    ) {
        let mut request = request(secret_type, &document, None);
        let old = old.map(|(old, immutable)| (old.of(&document), immutable));
        let with_old = |lazy: bool| {
            old.as_ref().map(|(old, immutable)| {
                let document = if lazy && *old != document {
                    OldDocument::Changed(old)
                } else {
                    OldDocument::Bytes(old)
                };
                OldSecret { document: Some(document), immutable: *immutable }
            })
        };
        request.old = with_old(false);
        let whole = judge(&policy, &request);
        request.old = with_old(true);
        let alone = judge_repair(&policy, &request);
        let repaired = |judgement: &Judgement<'_>| {
            judgement.repair.as_ref().map(|repair| repair.apply(&document))
        };
        prop_assert_eq!(repaired(&alone), repaired(&whole));
        // A fixed finding is shown without its action, and why that is milder than the rule's is shown of one that is not.
        let shown = |judgement: &Judgement<'_>| -> Vec<String> {
            let findings = judgement.findings.iter();
            let shown = findings.filter(|finding| finding.repairable || judgement.refused_by_api_server);
            let cap = |finding: &Finding<'_>| finding.capped_by.filter(|_| judgement.repair_held_back);
            let action = |finding: &Finding<'_>| Some(finding.action).filter(|_| judgement.refused_by_api_server);
            shown
                .map(|finding| {
                    format!("{:?} {:?} {:?} {:?}", finding.fault, finding.place, cap(finding), action(finding))
                })
                .collect()
        };
        prop_assert_eq!(shown(&alone), shown(&whole));
        prop_assert_eq!(alone.repair_held_back, whole.repair_held_back);
        prop_assert_eq!(alone.refused_by_api_server, whole.refused_by_api_server);
        prop_assert_eq!(alone.skipped, whole.skipped);
        prop_assert_eq!(alone.registries, whole.registries);
        prop_assert_eq!(alone.registries_omitted, whole.registries_omitted);
    }

    #[test]
    fn any_pair_is_clean_after_repair(
        username in "[^:\\p{Cc}\\p{Cf}\\s][^:\\p{Cc}]{0,12}[^:\\p{Cc}\\p{Cf}\\s]",
        password in "[^\\p{Cc}\\p{Cf}\\s][^\\p{Cc}]{0,12}[^\\p{Cc}\\p{Cf}\\s]",
    ) {
        let document = json!({ "auths": { "r.example.com": { "username": username, "password": password } } });
        let document = serde_json::to_vec(&document).unwrap();
        let after = repaired(SecretType::DockerConfigJson, &document);
        let mut left = judged(SecretType::DockerConfigJson, &after, None).findings;
        // Quotation marks around it, for example.
        left.retain(|finding| finding.rule() != Rule::SuspiciousCredential);
        prop_assert_eq!(&left, &Vec::new());

        let auth = STANDARD.encode(format!("{username}:{password}"));
        let insertion = format!(",\"auth\":\"{auth}\"");
        let rest = String::from_utf8(after).unwrap().replacen(&insertion, "", 1);
        prop_assert_eq!(rest.as_bytes(), &document);
    }

    #[test]
    fn no_finding_holds_a_credential((document, canaries) in document_with_canaries(), cut: Option<Index>) {
        let document = match cut {
            Some(cut) => &document[..cut.index(document.len())],
            None => &document,
        };
        for secret_type in [SecretType::DockerConfigJson, SecretType::DockerCfg] {
            let judgement = judged(secret_type, document, None);
            let told = format!("{} {:?}", said(&judgement.findings), judgement.registries);
            let hosts: String = judgement.registries.iter().map(RegistryKey::shown_host).collect();
            for canary in &canaries {
                // The mark behind the letters keeps a base64 text from being searched for; the letters alone are shown
                // by a leak in any case.
                let letters = canary.trim_end_matches('§');
                prop_assert!(!told.contains(letters) && !hosts.contains(letters), "{told}");
                prop_assert!(!told.to_lowercase().contains(&letters.to_lowercase()), "{told}");
            }
        }
    }
}

/// How many entries of `before` are repaired in `after`, if nothing else was done to its bytes: taking what is new out
/// again gives what was there.
fn only_repaired(before: &str, after: &str) -> Result<usize, String> {
    let (before, after) = (lexemes(before), lexemes(after));
    let (mut old, mut new, mut entries) = (0, 0, 0);
    while let Some(&token) = after.get(new) {
        let taken = match before.get(old) {
            Some(&there) if there == token => (1, 1),
            Some(&there)
                if is_auth(&before[..old]) && (is_filled(there, token) || is_padded(there, token)) =>
            {
                (1, 1)
            }
            _ if is_inserted(&after[..new], &after[new..]) => (0, 4),
            _ => return Err(format!("more was changed than an auth, at {token}")),
        };
        if taken != (1, 1) || before[old] != token {
            entries += 1;
        }
        (old, new) = (old + taken.0, new + taken.1);
    }
    if old == before.len() { Ok(entries) } else { Err(format!("taken away: {}", before[old])) }
}

/// Whether what follows is the value of an `auth`.
fn is_auth(before: &[&str]) -> bool {
    let mut back = before.iter().rev().filter(|token| !token.trim().is_empty());
    let name = |token: &str| {
        serde_json::from_str::<String>(token).is_ok_and(|name| name.eq_ignore_ascii_case("auth"))
    };
    back.next() == Some(&":") && back.next().is_some_and(|token| name(token))
}

/// Whether the value of a new `auth` stands in the place of null or of nothing.
fn is_filled(there: &str, token: &str) -> bool {
    matches!(there, "null" | "\"\"") && is_pair(token)
}

/// Whether nothing was added but padding, and nothing taken away but line breaks at the end.
fn is_padded(there: &str, token: &str) -> bool {
    let (Some(there), Some(padded)) = (unquoted(there), unquoted(token)) else { return false };
    ["=", "=="].into_iter().filter_map(|padding| there.strip_prefix(padded.strip_suffix(padding)?)).any(
        |end| {
            let end: Result<String, _> = serde_json::from_str(&format!("\"{end}\""));
            end.is_ok_and(|end| end.chars().all(|c| c == '\n' || c == '\r'))
        },
    )
}

/// Whether a new `auth` stands there, directly behind the value of the member before it.
fn is_inserted(behind: &[&str], tokens: &[&str]) -> bool {
    let of_value = behind.last().is_some_and(|token| !token.trim().is_empty() && !"{[:,".contains(token));
    of_value && matches!(tokens, [",", "\"auth\"", ":", auth, ..] if is_pair(auth))
}

/// Whether this is base64, as it is written anywhere, of a pair.
fn is_pair(token: &str) -> bool {
    let decoded = unquoted(token).and_then(|text| STANDARD.decode(text).ok());
    decoded.is_some_and(|pair| pair.contains(&b':'))
}

fn unquoted(token: &str) -> Option<&str> {
    token.strip_prefix('"')?.strip_suffix('"')
}

/// Cuts JSON into strings, punctuation, white space and the rest.
fn lexemes(mut rest: &str) -> Vec<&str> {
    let punctuation = |c: char| "{}[]:,".contains(c);
    let mut lexemes = Vec::new();
    while let Some(first) = rest.chars().next() {
        let end = if first == '"' {
            let mut escaped = false;
            let closing = rest.char_indices().skip(1).find(|&(_, c)| {
                let closes = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                closes
            });
            closing.map(|(index, _)| index + 1)
        } else if punctuation(first) {
            Some(1)
        } else if first.is_whitespace() {
            rest.find(|c: char| !c.is_whitespace())
        } else {
            rest.find(|c: char| punctuation(c) || c.is_whitespace() || c == '"')
        };
        let (lexeme, behind) = rest.split_at(end.unwrap_or(rest.len()));
        lexemes.push(lexeme);
        rest = behind;
    }
    lexemes
}

#[test]
fn insertion_law_detects_other_changes() {
    let before = r#"{ "auths":{"r":{"username":"\u0075","password":"p" }}}"#;
    let repaired = r#"{ "auths":{"r":{"username":"\u0075","password":"p","auth":"dTpw" }}}"#;
    assert_eq!(only_repaired(before, repaired), Ok(1));
    assert_eq!(only_repaired(before, before), Ok(0));
    let reserialised: Value = serde_json::from_str(repaired).unwrap();
    for none in [
        reserialised.to_string(),
        serde_json::to_string_pretty(&reserialised).unwrap(),
        repaired.replace("\\u0075", "u"),
        repaired.replace("{ ", "{"),
        repaired.replace("\"p\",", "\"p\" ,"),
        repaired.replace("\"p\",", "\"q\","),
        repaired.replace("\"auth\":", "\"auth\": "),
        repaired.replace("dTpw", "dTp"),
        repaired.replace("}}}", "}}}\n"),
        repaired[..repaired.len() - 1].to_owned(),
        repaired.replacen('{', "{\"auth\":\"dTpw\",", 1),
    ] {
        assert!(only_repaired(before, &none).is_err(), "{none}");
    }
    let auth = |before: &str, after: &str| {
        only_repaired(
            &format!("{{\"r\":{{\"Auth\" : {before}}}}}"),
            &format!("{{\"r\":{{\"Auth\" : {after}}}}}"),
        )
    };
    for (before, after) in [
        ("null", "\"dTpw\""),
        ("\"\"", "\"dTpw\""),
        ("\"dTpwYQ\"", "\"dTpwYQ==\""),
        ("\"dTpwYQ=\"", "\"dTpwYQ==\""),
        ("\"dTpw\\nYQ\\r\\n\"", "\"dTpw\\nYQ==\""),
    ] {
        assert_eq!(auth(before, after), Ok(1), "{before} {after}");
    }
    for (before, after) in [
        ("7", "\"dTpw\""),
        ("\"eDp5\"", "\"dTpw\""),
        ("\"dTpwYg\"", "\"dTpwYQ==\""),
        ("\"dTpw\\nYQ\"", "\"dTpwYQ==\""),
        ("\"dTpwYQ \"", "\"dTpwYQ==\""),
        ("\"dTpwYQ\\n\"", "\"dTpwYQ\""),
    ] {
        assert!(auth(before, after).is_err(), "{before} {after}");
    }
    assert!(only_repaired(r#"{"password":null}"#, r#"{"password":"dTpw"}"#).is_err());
}
