//! Every case of tests/cases/cases.jsonl through the engine: judge, repair, judge what stands.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test that meets something unexpected is to fail"
)]

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use regcred_engine::finding::Finding;
use regcred_engine::judge::{Judgement, Request, judge, judge_shape};
use regcred_engine::policy::{Enforcement, Exemption, Glob, Policy, Requester};
use regcred_engine::registry::{HostList, HostPattern};
use regcred_engine::rules::{Action, Rule};
use regcred_engine::secret::{OldDocument, OldSecret, Secret, SecretType};
use regcred_engine::shape::{MeantKey, MeantKeySearch, Misshapen, Shape};
use serde_json::Value;

const CASES: &str = include_str!("../../tests/cases/cases.jsonl");

/// For cases whose answer does not depend on the time: 2026-11-23.
const UNIMPORTANT_TIME: Timestamp = Timestamp::constant(1_795_392_000, 0);

struct Case(Value);

impl Case {
    /// What is under the type's data key.
    fn document(&self, doc: &str, data_keys: &str) -> Option<Vec<u8>> {
        let key = SecretType::from_name(self.0["type"].as_str().unwrap())?.data_key();
        let in_data = self.0[data_keys][key].as_str().map(|text| STANDARD.decode(text).unwrap());
        self.bytes(doc).or(in_data)
    }

    fn bytes(&self, field: &str) -> Option<Vec<u8>> {
        self.0[field].as_str().map(|text| STANDARD.decode(text).unwrap())
    }

    fn requester(&self) -> Requester<'_> {
        let user = self.0["user"].as_str().unwrap_or("kubernetes-admin");
        Requester { namespace: "default", user, groups: &[] }
    }

    fn meant_key(&self, secret_type: SecretType) -> Option<MeantKey> {
        let mut search = MeantKeySearch::new(secret_type);
        for (name, value) in self.0["data_keys"].as_object().into_iter().flatten() {
            if let Some(value) = value.as_str() {
                search.consider(name, || STANDARD.decode(value).ok());
            }
        }
        search.found()
    }

    fn codes(&self, action: &str) -> Option<BTreeSet<&str>> {
        let codes = self.0["expect"]["validate"][action].as_array()?;
        Some(codes.iter().map(|code| code.as_str().unwrap()).collect())
    }

    fn policy(&self) -> Policy {
        let wanted = &self.0["policy"];
        let mut policy = Policy::default();
        let hosts = |field: &str| -> Option<HostList> {
            let hosts = wanted[field].as_array()?.iter();
            Some(hosts.map(|host| HostPattern::parse(host.as_str().unwrap()).unwrap()).collect())
        };
        policy.allowed_registries = hosts("allowedRegistries");
        policy.denied_registries = hosts("deniedRegistries").unwrap_or_default();
        policy.rules.get_mut(Rule::GenericRegistryHost).allow =
            hosts("allowGenericHosts").unwrap_or_default();
        policy.enforcement = match wanted["enforcement"].as_str() {
            None | Some("enforce") => Enforcement::Enforce,
            Some("warn") => Enforcement::Warn,
            Some("audit") => Enforcement::Audit,
            Some(other) => panic!("enforcement {other}"),
        };
        for (code, setting) in wanted["rules"].as_object().into_iter().flatten() {
            let rule = policy.rules.get_mut(Rule::from_code(code).unwrap());
            if let Some(wanted) = setting["action"].as_str() {
                rule.action = action(wanted);
            }
            rule.fix = setting["fix"].as_bool().unwrap_or(rule.fix);
            if let Some(hosts) = setting["allow"].as_array() {
                rule.allow =
                    hosts.iter().map(|host| HostPattern::parse(host.as_str().unwrap()).unwrap()).collect();
            }
        }
        policy.exemptions = wanted["exemptions"].as_array().into_iter().flatten().map(exemption).collect();
        policy
    }
}

fn action(word: &str) -> Action {
    *Action::ALL.iter().find(|action| action.as_str() == word).unwrap()
}

fn exemption(wanted: &Value) -> Exemption {
    let globs = |field: &str| {
        wanted[field].as_array().into_iter().flatten().map(|glob| Glob::new(glob.as_str().unwrap())).collect()
    };
    let codes = wanted["rules"].as_array().unwrap().iter().map(|code| code.as_str().unwrap());
    Exemption {
        namespaces: globs("namespaces"),
        users: globs("users"),
        groups: globs("groups"),
        rules: codes
            .flat_map(
                |code| if code == "*" { Rule::ALL.to_vec() } else { vec![Rule::from_code(code).unwrap()] },
            )
            .collect(),
        action: action(wanted["action"].as_str().unwrap()),
        fix: wanted["fix"].as_bool().unwrap_or(true),
        until: wanted["until"].as_str().map(|day| day.parse().unwrap()),
    }
}

/// Judges the case's Secret with this document.
fn judged<'a>(case: &'a Case, policy: &Policy, document: &'a [u8], old: Option<&'a [u8]>) -> Judgement<'a> {
    let secret_type = SecretType::from_name(case.0["type"].as_str().unwrap()).unwrap();
    let filler = usize::try_from(case.0["extra_data_size"].as_u64().unwrap_or(0)).unwrap();
    let request = Request {
        requester: case.requester(),
        now: case.0["now"].as_str().map_or(UNIMPORTANT_TIME, |now| now.parse().unwrap()),
        secret: Secret { secret_type, document, data_bytes: document.len() + filler },
        old: (case.0["operation"] == "UPDATE").then(|| OldSecret {
            document: old.map(OldDocument::Bytes),
            immutable: case.0["old_immutable"] == true,
        }),
    };
    judge(policy, &request)
}

fn codes(findings: &[Finding<'_>], action: Action) -> BTreeSet<&'static str> {
    findings.iter().filter(|finding| finding.action == action).map(|finding| finding.rule().code()).collect()
}

/// The `auth` of every entry, by registry key; of one written twice the last.
fn auths(document: &[u8], secret_type: &str) -> BTreeMap<String, String> {
    let document: Value = serde_json::from_slice(document).unwrap();
    let entries = if secret_type.ends_with("dockercfg") {
        Some(&document)
    } else {
        document
            .as_object()
            .unwrap()
            .iter()
            .find(|(name, _)| name.replace('ſ', "s").eq_ignore_ascii_case("auths"))
            .map(|(_, auths)| auths)
    };
    let entry_auth = |entry: &Value| {
        let (_, auth) = entry.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case("auth"))?;
        auth.as_str().map(str::to_owned)
    };
    let entries = entries.unwrap().as_object().unwrap().iter();
    entries.filter_map(|(key, entry)| Some((key.clone(), entry_auth(entry)?))).collect()
}

/// Whether the case holds; `None` if the engine is not asked: the webhook leaves the object alone, which is tested there.
fn check(case: &Case) -> Option<Result<(), String>> {
    if case.0["deleting"] == true {
        return None;
    }
    if let Some(document) = case.document("doc_b64", "data_keys") {
        return Some(check_document(case, &document));
    }
    let is_update = case.0["operation"] == "UPDATE";
    let value = |secret_type: SecretType| case.0["data_keys"][secret_type.data_key()].as_str();
    match Shape::of(case.0["type"].as_str().unwrap(), value) {
        Shape::PullSecret(..) => panic!("{} has a document", case.0["id"]),
        Shape::MissingDataKey(secret_type) => {
            let was_missing = is_update && case.document("old_doc_b64", "old_data_keys").is_none();
            let missing =
                Misshapen::MissingDataKey { secret_type, meant: case.meant_key(secret_type), was_missing };
            Some(check_shape(case, &missing))
        }
        Shape::WrongType(meant) if !is_update => Some(check_shape(case, &Misshapen::WrongType(meant))),
        Shape::WrongType(_) | Shape::Other => None,
    }
}

fn check_shape(case: &Case, secret: &Misshapen) -> Result<(), String> {
    let judgement = judge_shape(&case.policy(), &case.requester(), UNIMPORTANT_TIME, secret);
    if judgement.refused_by_api_server {
        let warn = case.0["expect"]["mutate"]["warn"].as_array().unwrap();
        let said: Vec<_> = judgement.findings.iter().map(|finding| finding.rule().code()).collect();
        if !warn.iter().map(Value::as_str).eq(said.iter().copied().map(Some)) {
            return Err(format!("/mutate warns of {said:?}"));
        }
    }
    check_findings(case, &judgement)
}

fn check_document(case: &Case, document: &[u8]) -> Result<(), String> {
    let policy = case.policy();
    let old = case.document("old_doc_b64", "old_data_keys");
    let expected = &case.0["expect"];
    let first = judged(case, &policy, document, old.as_deref());
    let repair = first.repair.as_ref();
    let wants_patch = expected["mutate"]["patch"] == true;
    if repair.is_some() != wants_patch {
        return Err(format!("patch: {}, expected {wants_patch}", repair.is_some()));
    }
    let after = repair.map_or_else(|| document.to_vec(), |repair| repair.apply(document));
    if wants_patch {
        let secret_type = case.0["type"].as_str().unwrap();
        let before = auths(document, secret_type);
        let changed: BTreeMap<_, _> = auths(&after, secret_type)
            .into_iter()
            .filter(|(key, auth)| before.get(key) != Some(auth))
            .collect();
        let wanted: BTreeMap<String, String> =
            serde_json::from_value(expected["mutate"]["auth"].clone()).unwrap();
        if changed != wanted {
            return Err(format!("repaired {:?}, expected {:?}", changed.keys(), wanted.keys()));
        }
    }
    if let Some(wanted) = expected["mutate"]["doc_after_b64"].as_str()
        && STANDARD.encode(&after) != wanted
    {
        return Err(format!("repaired to {}", String::from_utf8_lossy(&after)));
    }
    check_findings(case, &judged(case, &policy, &after, old.as_deref()))
}

fn check_findings(case: &Case, judgement: &Judgement<'_>) -> Result<(), String> {
    for (name, action) in [("deny", Action::Deny), ("warn", Action::Warn), ("audit", Action::Audit)] {
        let found = codes(&judgement.findings, action);
        if let Some(wanted) = case.codes(name).filter(|wanted| *wanted != found) {
            return Err(format!("{name}: {found:?}, expected {wanted:?}"));
        }
    }
    let allowed = !judgement.findings.iter().any(|finding| finding.action == Action::Deny);
    if case.0["expect"]["validate"]["allowed"] != allowed {
        return Err(format!("allowed: {allowed}"));
    }
    Ok(())
}

#[test]
fn every_case_is_judged_and_repaired_as_expected() {
    let cases: Vec<Case> = CASES.lines().map(|line| Case(serde_json::from_str(line).unwrap())).collect();
    let checked: Vec<_> = cases.iter().filter_map(|case| Some((case, check(case)?))).collect();
    println!("{} cases, {} checked", cases.len(), checked.len());
    assert!(checked.len() > 450);
    let failures: Vec<String> = checked
        .iter()
        .filter_map(|(case, result)| {
            Some(format!("{}: {}", case.0["id"].as_str().unwrap(), result.as_ref().err()?))
        })
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        checked.len(),
        failures.join("\n")
    );
}
