//! What the API server did with a Secret, and what `check` said that it would do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::support::client::Response;
use crate::support::regcred::command;
use crate::support::review::data_key;

/// What the API server did.
#[derive(Debug)]
pub enum Treatment {
    /// It refused the Secret itself.
    RefusedItself,
    /// A policy refused it, by this rule.
    Refused(String),
    Repaired(Vec<u8>),
    LeftAlone,
}

impl Treatment {
    /// Reads an answer to a dry run with a Secret. It is an error if a policy could not be evaluated.
    pub fn read(answer: &Response, sent: &Value) -> Result<Treatment, String> {
        if answer.status >= 300 {
            let text = answer.text();
            return match text.split_once("[regcred/").and_then(|(_, rest)| rest.split_once(']')) {
                Some((code, _)) => Ok(Treatment::Refused(code.to_owned())),
                None if text.contains("expression") || text.contains("cost limit") => Err(text),
                None => Ok(Treatment::RefusedItself),
            };
        }
        let key = data_key(sent["type"].as_str().unwrap());
        let after = answer.json()["data"][key].clone();
        Ok(if after == sent["data"][key] {
            Treatment::LeftAlone
        } else {
            Treatment::Repaired(BASE64_STANDARD.decode(after.as_str().unwrap()).unwrap())
        })
    }
}

/// What `check` says of a Secret in the field `backstop` of its findings: the rules for which the policies refuse it, and
/// whether they repair it.
#[derive(Default, Debug)]
pub struct Foretold {
    pub refuses: BTreeSet<String>,
    pub repairs: bool,
}

impl Foretold {
    /// Whether it happened, for a Secret that is created by somebody unknown.
    pub fn is(&self, treatment: &Treatment) -> bool {
        match treatment {
            Treatment::RefusedItself => true,
            Treatment::Refused(code) => self.refuses.contains(code),
            Treatment::Repaired(_) => self.repairs && self.refuses.is_empty(),
            Treatment::LeftAlone => !self.repairs && self.refuses.is_empty(),
        }
    }
}

/// What `check` says of Secrets, by their names.
pub fn foretold_by_check(policy: &Path, secrets: &[Value]) -> BTreeMap<String, Foretold> {
    let folder = tempfile::tempdir().unwrap();
    for secret in secrets {
        let file = format!("{}.json", secret["metadata"]["name"].as_str().unwrap());
        fs::write(folder.path().join(file), secret.to_string()).unwrap();
    }
    let arguments = ["check", "--output-format", "json", "--policy", policy.to_str().unwrap()];
    let output = command().args(arguments).arg(folder.path()).output().unwrap();
    let mut all: BTreeMap<String, Foretold> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(name) = line["secret"]["name"].as_str().filter(|_| line["kind"] == "Finding") else {
            continue;
        };
        let foretold = all.entry(name.to_owned()).or_default();
        match line["backstop"].as_str().unwrap() {
            "repairs" => foretold.repairs = true,
            "refuses" => drop(foretold.refuses.insert(line["code"].as_str().unwrap().to_owned())),
            "warns" | "records" | "nothing" => {}
            other => panic!("backstop: {other}"),
        }
    }
    all
}
