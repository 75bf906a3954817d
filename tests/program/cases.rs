//! Every case of tests/cases through `/mutate`, and what came of it through `/validate`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::client::Connection;
use crate::support::regcred::Serve;
use crate::support::review::{
    Review, cause_codes, code, data_key, is_more, known_data_key, patch_of, recorded_codes, secret_of,
    secret_with, warnings,
};

pub const CASES: &str = include_str!("../cases/cases.jsonl");

/// A case of tests/cases.
pub struct Case(pub Value);

/// All of them, except those whose answer depends on the time, which the program takes from its clock.
fn all() -> impl Iterator<Item = Case> {
    let cases = CASES.lines().map(|line| Case(serde_json::from_str(line).unwrap()));
    cases.filter(|case| case.0["now"].is_null())
}

/// Those with a document under the data key of their type.
pub fn with_document() -> Vec<Case> {
    all().filter(|case| case.document("").is_some()).collect()
}

/// What the two webhooks said to a case.
struct Answers {
    mutate: Value,
    validate: Value,
    sent: Review,
    mutated: Review,
}

impl Case {
    pub fn id(&self) -> &str {
        self.0["id"].as_str().unwrap()
    }

    /// What is under the type's data key of the new object, or, with `old_`, of the old one.
    pub fn document(&self, old: &str) -> Option<Vec<u8>> {
        let key = known_data_key(self.0["type"].as_str().unwrap())?;
        let in_data = self.0[format!("{old}data_keys")][key].as_str();
        self.bytes(&format!("{old}doc_b64")).or_else(|| in_data.map(|text| STANDARD.decode(text).unwrap()))
    }

    /// The data key of its type.
    pub fn data_key(&self) -> &'static str {
        data_key(self.0["type"].as_str().unwrap())
    }

    pub fn is_update(&self) -> bool {
        self.0["operation"] == "UPDATE"
    }

    pub fn bytes(&self, field: &str) -> Option<Vec<u8>> {
        self.0[field].as_str().map(|text| STANDARD.decode(text).unwrap())
    }

    pub fn object(&self, document: Option<&[u8]>, immutable: &str) -> Value {
        let secret_type = self.0["type"].as_str().unwrap();
        let mut object = match document {
            Some(document) => secret_of(secret_type, document),
            None => secret_with(secret_type, &json!({})),
        };
        if let Some(size) = self.0["extra_data_size"].as_u64() {
            object["data"]["filler"] = json!(STANDARD.encode(vec![b'x'; usize::try_from(size).unwrap()]));
        }
        let old = immutable.trim_end_matches("immutable");
        if let Some(data) = self.0[format!("{old}data_keys")].as_object() {
            object["data"] = json!(data);
        }
        if let Some(immutable) = self.0[immutable].as_bool() {
            object["immutable"] = json!(immutable);
        }
        if self.0["deleting"] == true {
            object["metadata"]["deletionTimestamp"] = json!("2026-11-23T19:20:00Z");
            object["metadata"]["deletionGracePeriodSeconds"] = json!(0);
            object["metadata"]["finalizers"] = json!(["example.com/wait"]);
        }
        object
    }

    /// The policy file that it asks for.
    pub fn policy(&self) -> String {
        policy_file(&self.0["policy"])
    }

    fn review(&self) -> Review {
        let object = self.object(self.document("").as_deref(), "immutable");
        let review = match self.0["operation"].as_str().unwrap() {
            "CREATE" => Review::create(&object),
            "UPDATE" => {
                Review::update(&self.object(self.document("old_").as_deref(), "old_immutable"), &object)
            }
            other => panic!("operation {other}"),
        };
        review.user(self.0["user"].as_str().unwrap_or("kubernetes-admin"))
    }

    fn ask(&self, connection: &mut Connection) -> Answers {
        let sent = self.review().uid(&format!("{}/mutate", self.id()));
        let response = connection.post("/mutate?timeout=5s", &sent.0);
        assert_eq!(response.status, 200, "{}", self.id());
        let mutate = response.json();
        let mutated = sent.mutated(&mutate).uid(&format!("{}/validate", self.id()));
        let response = connection.post("/validate?timeout=5s", &mutated.0);
        assert_eq!(response.status, 200, "{}", self.id());
        Answers { mutate, validate: response.json(), sent, mutated }
    }

    fn check(&self, answers: &Answers, records: &BTreeMap<&str, &Value>) -> Result<(), String> {
        let record = |webhook: &str| {
            let uid = format!("{}/{webhook}", self.id());
            records.get(uid.as_str()).copied().ok_or_else(|| format!("no audit record of {webhook}"))
        };
        self.check_mutate(answers)?;
        self.check_recorded_fixes(answers, record("mutate")?)?;
        self.check_validate(&answers.validate, record("validate")?)
    }

    fn check_mutate(&self, answers: &Answers) -> Result<(), String> {
        let expected = &self.0["expect"]["mutate"];
        same("allowed by /mutate", &answers.mutate["response"]["allowed"], &json!(true))?;
        let patch = patch_of(&answers.mutate);
        same("patched", &json!(patch.is_some()), &expected["patch"])?;
        if let Some(wanted) = expected["warn"].as_array() {
            let warnings = warnings(&answers.mutate);
            let warned: BTreeSet<_> = warnings.iter().map(|warning| code(warning)).collect();
            same("warned of by /mutate", &json!(warned), &json!(wanted))?;
        }
        let Some(patch) = patch else { return Ok(()) };
        let pointer = format!("/data/{}", self.data_key());
        let operations = patch.as_array().unwrap();
        let names =
            |operation: &Value| operation.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        if operations.len() != 1
            || operations[0]["op"] != "replace"
            || operations[0]["path"] != pointer.as_str()
            || names(&operations[0]) != ["op", "path", "value"].map(str::to_owned).into()
        {
            return Err("the patch is not one replace of the document".to_owned());
        }
        self.check_repaired(&answers.sent.document(), &answers.mutated.document())
    }

    /// Whether a document was repaired as it ought to be.
    pub fn check_repaired(&self, before: &[u8], after: &[u8]) -> Result<(), String> {
        let expected = &self.0["expect"]["mutate"];
        let wanted: BTreeMap<String, String> = serde_json::from_value(expected["auth"].clone()).unwrap();
        let old_auths = self.auths(before);
        let mut changed = self.auths(after);
        changed.retain(|key, auth| old_auths.get(key) != Some(auth));
        same("auth of the repaired entries", &changed, &wanted)?;
        only_repaired(before, after, &wanted)?;
        match expected["doc_after_b64"].as_str() {
            Some(wanted) if STANDARD.encode(after) != wanted => {
                Err(format!("repaired to {}", String::from_utf8_lossy(after)))
            }
            _ => Ok(()),
        }
    }

    /// What the record calls fixed is what the patch fixed.
    fn check_recorded_fixes(&self, answers: &Answers, record: &Value) -> Result<(), String> {
        let findings = record["findings"].as_array().into_iter().flatten();
        let fixed = findings.filter(|finding| finding["fixed"] == true).count();
        let wanted = self.0["expect"]["mutate"]["auth"].as_object().map_or(0, serde_json::Map::len);
        same("findings recorded as fixed", &fixed, &wanted)?;
        let patched = patch_of(&answers.mutate).is_some();
        same("recorded as patched", &(record["decision"] == "patched"), &patched)
    }

    fn check_validate(&self, answer: &Value, record: &Value) -> Result<(), String> {
        let expected = &self.0["expect"]["validate"];
        same("allowed by /validate", &answer["response"]["allowed"], &expected["allowed"])?;
        same("denial recorded", &(record["decision"] == "denied"), &(expected["allowed"] == false))?;
        for action in ["deny", "warn", "audit"] {
            let Some(wanted) = expected[action].as_array() else { continue };
            let wanted: BTreeSet<_> = wanted.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
            same(action, &recorded_codes(record, action).into_iter().collect(), &wanted)?;
        }
        // What is said agrees with what is recorded, as far as the caps let it.
        let denied = recorded_codes(record, "deny");
        same(
            "codes of the causes",
            &cause_codes(answer),
            &denied.iter().take(10).cloned().collect::<Vec<_>>(),
        )?;
        let causes = answer["response"]["status"]["details"]["causes"].as_array().map_or(0, Vec::len);
        same("causes", &causes, &denied.len().min(11))?;
        let warned = recorded_codes(record, "warn");
        let warnings = warnings(answer).into_iter().filter(|warning| !is_more(warning));
        let said: Vec<_> = warnings.map(|warning| code(&warning).to_owned()).collect();
        if said.len() > 15
            || (warned.len() <= 15 && said != warned)
            || !said.iter().all(|code| warned.contains(code))
        {
            return Err(format!("warned of {said:?}, recorded {warned:?}"));
        }
        Ok(())
    }

    /// The `auth` of every entry by registry key.
    fn auths(&self, document: &[u8]) -> BTreeMap<String, String> {
        let document: Value = serde_json::from_slice(document).unwrap();
        let entries = match self.0["type"].as_str().unwrap() {
            "kubernetes.io/dockercfg" => Some(&document),
            // Go folds the long s, too.
            _ => field(&document, |name| name.replace('ſ', "s").eq_ignore_ascii_case("auths")),
        };
        let entries = entries.unwrap().as_object().unwrap().iter();
        let auth =
            |entry| field(entry, |name| name.eq_ignore_ascii_case("auth"))?.as_str().map(str::to_owned);
        entries.filter_map(|(key, entry)| Some((key.clone(), auth(entry)?))).collect()
    }
}

fn field(object: &Value, is_it: impl Fn(&str) -> bool) -> Option<&Value> {
    object.as_object()?.iter().find(|(name, _)| is_it(name)).map(|(_, value)| value)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, wanted: &T) -> Result<(), String> {
    if is == wanted { Ok(()) } else { Err(format!("{what}: {is:?}, expected {wanted:?}")) }
}

/// Whether `after` is `before` with nothing but `,"auth":"VALUE"` put in, or a VALUE put in the place of null, of an
/// empty string, or of the same letters less well padded; each once.
fn only_repaired(before: &[u8], after: &[u8], auths: &BTreeMap<String, String>) -> Result<(), String> {
    let (before, after) = (lexemes(before), lexemes(after));
    let mut values: Vec<String> = auths.values().map(|auth| format!("\"{auth}\"")).collect();
    let mut take =
        |text: &str| values.iter().position(|value| value == text).map(|index| values.swap_remove(index));
    let (mut old, mut new) = (before.iter().peekable(), after.iter());
    while let Some(token) = new.next() {
        if old.next_if(|old| *old == token).is_some() {
            continue;
        }
        if *token == "," {
            let member: Vec<_> = new.by_ref().take(3).copied().collect();
            if member.len() == 3 && member[0] == "\"auth\"" && member[1] == ":" && take(member[2]).is_some() {
                continue;
            }
        } else if take(token).is_some()
            && old.next_if(|old| **old == "null" || same_letters(old, token)).is_some()
        {
            continue;
        }
        return Err(format!("more was changed than an auth, at {token}"));
    }
    if old.next().is_some() || !values.is_empty() {
        return Err("something is missing from the repaired document".to_owned());
    }
    Ok(())
}

/// Two string literals that differ in padding and trailing line breaks only; the empty one is like any.
fn same_letters(old: &str, new: &str) -> bool {
    let Ok(old) = serde_json::from_str::<String>(old) else { return false };
    let letters = old.trim_end_matches(['\n', '\r']).trim_end_matches('=').to_owned();
    letters.is_empty() || new.trim_matches('"').trim_end_matches('=') == letters
}

/// Cuts JSON into strings, punctuation, white space and the rest.
fn lexemes(document: &[u8]) -> Vec<&str> {
    let mut rest = std::str::from_utf8(document).unwrap();
    let mut lexemes = Vec::new();
    while let Some(first) = rest.chars().next() {
        let punctuation = |c: char| "{}[]:,".contains(c);
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

/// The policy file that a case asks for.
pub fn policy_file(wanted: &Value) -> String {
    let mut policy = json!({"apiVersion": "regcred/v1", "kind": "Policy"});
    for (name, value) in wanted.as_object().into_iter().flatten() {
        match name.as_str() {
            "allowGenericHosts" => policy["rules"]["generic-registry-host"]["allow"] = value.clone(),
            "rules" => {
                for (code, setting) in value.as_object().unwrap() {
                    for (name, value) in setting.as_object().unwrap() {
                        policy["rules"][code.as_str()][name.as_str()] = value.clone();
                    }
                }
            }
            "allowedRegistries" | "deniedRegistries" | "enforcement" | "exemptions" => {
                policy[name.as_str()] = value.clone();
            }
            other => panic!("policy field {other}"),
        }
    }
    let mut yaml = String::new();
    write_yaml(&mut yaml, &policy, 0);
    yaml
}

/// Block style, as people write it.
fn write_yaml(yaml: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                write!(yaml, "{:indent$}{name}:", "").unwrap();
                write_yaml_value(yaml, value, indent + 2);
            }
        }
        Value::Array(items) => {
            for item in items {
                write!(yaml, "{:indent$}-", "").unwrap();
                write_yaml_value(yaml, item, indent + 2);
            }
        }
        scalar => writeln!(yaml, "{:indent$}{scalar}", "").unwrap(),
    }
}

fn write_yaml_value(yaml: &mut String, value: &Value, indent: usize) {
    if value.is_object() || value.is_array() {
        yaml.push('\n');
        write_yaml(yaml, value, indent);
    } else {
        writeln!(yaml, " {value}").unwrap();
    }
}

#[test]
fn every_case_is_answered_as_expected() {
    let cases: Vec<Case> = all().collect();
    assert!(cases.len() > 470);
    let mut by_policy: BTreeMap<String, Vec<&Case>> = BTreeMap::new();
    for case in &cases {
        by_policy.entry(case.policy()).or_default().push(case);
    }
    let mut failures = Vec::new();
    for (policy, cases) in by_policy {
        let regcred = Serve::dev().policy(&policy).start();
        // One connection carries them all, as the API server's do.
        let mut connection = regcred.client().connect();
        let answers: Vec<Answers> = cases.iter().map(|case| case.ask(&mut connection)).collect();
        drop(connection);
        let audit = regcred.stop().audit();
        assert_eq!(audit.len(), cases.len() * 2, "one record for each call");
        let records = audit.iter().map(|record| (record["uid"].as_str().unwrap(), record)).collect();
        for (case, answers) in cases.iter().zip(&answers) {
            if let Err(why) = case.check(answers, &records) {
                failures.push(format!("{}: {why}", case.id()));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
}

#[test]
fn more_than_an_added_auth_is_noticed() {
    let auths = |auth: &str| BTreeMap::from([("r".to_owned(), auth.to_owned())]);
    let check = |before: &str, after: &str, auth: &str| {
        only_repaired(before.as_bytes(), after.as_bytes(), &auths(auth))
    };
    let before = r#"{ "auths":{"r":{"username":"u","password":"p" }}}"#;
    assert_eq!(
        check(before, r#"{ "auths":{"r":{"username":"u","password":"p","auth":"dTpw" }}}"#, "dTpw"),
        Ok(())
    );
    for after in [
        r#"{"auths":{"r":{"username":"u","password":"p","auth":"dTpw" }}}"#,
        r#"{ "auths":{"r":{"username":"u","password":"p" ,"auth":"dTpw"}}}"#.replace("p\" ,", "q\" ,").as_str(),
        r#"{ "auths":{"r":{"username":"u","password":"p","auth":"dTpx" }}}"#,
        r#"{ "auths":{"r":{"username":"u","password":"p","auth":"dTpw","auth":"dTpw" }}}"#,
        before,
    ] {
        assert!(check(before, after, "dTpw").is_err(), "{after}");
    }
    assert_eq!(check(r#"{"a":{"auth" : null}}"#, r#"{"a":{"auth" : "dTpw"}}"#, "dTpw"), Ok(()));
    assert_eq!(check(r#"{"a":{"auth":"dTpwYQ\n"}}"#, r#"{"a":{"auth":"dTpwYQ=="}}"#, "dTpwYQ=="), Ok(()));
    assert!(check(r#"{"a":{"auth":"dTpwYg"}}"#, r#"{"a":{"auth":"dTpwYQ=="}}"#, "dTpwYQ==").is_err());
}
