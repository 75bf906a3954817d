//! The policy file: YAML in, a checked [`Policy`] or everything that is wrong with it out.
//!
//! Text → [`yaml`] (a tree with places) → [`shape`] (the keys and what each takes) → [`Policy`] (what they mean
//! together). Every stage goes on after a fault, so that one look at the answer mends the whole file.

mod fault;
mod rules;
mod shape;
mod value;
mod yaml;

#[cfg(test)]
mod tests;

use schemars::generate::SchemaSettings;

pub use fault::{PolicyError, PolicyFault};

use self::fault::{Faults, Place, Step, shown};
use self::shape::{At, ExemptionEntry, PolicyFile, Read as _, RuleEntry};
use self::value::{NonEmpty, OneOf, Switch};
use self::yaml::{Node, Value};
use super::{Exemption, Glob, Policy};
use crate::registry::{HostList, HostPattern};
use crate::rule::Rule;

impl Policy {
    /// Reads the text of a policy file. What it does not say stays as in `Policy::default()`.
    ///
    /// # Errors
    /// With everything that is wrong in it; if it is no YAML, with the first reason for that.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let root = yaml::read(text)?;
        if let Some(error) = no_policy(&root) {
            return Err(error);
        }
        let mut faults = Faults::default();
        let policy = PolicyFile::read(&root, &mut faults).map(|file| policy(file, &mut faults));
        faults.verdict(policy)
    }
}

/// The JSON schema of the policy file, with a line break at its end. `docs/policy.schema.json` holds it for editors.
#[must_use]
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<PolicyFile>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("title".to_owned(), "The policy file of regcred".into());
    }
    schema.sort_all_objects(); // whatever features some other crate gave serde_json
    format!("{schema:#}\n")
}

/// One word for a file that was never meant as a policy, in the place of a fault for each of its keys.
fn no_policy(root: &Node<'_>) -> Option<PolicyError> {
    let map = match &root.value {
        Value::Null => return Some(PolicyError::one(Place::START, yaml::EMPTY)),
        Value::Map(map) => map,
        _ => return None,
    };
    let text_of = |wanted: &str| {
        map.iter().find_map(|(key, node)| match (&key.value, &node.value) {
            (Value::Text(key), Value::Text(text)) if key == wanted => Some((node.place, &**text)),
            _ => None,
        })
    };
    let ((_, version), (place, kind)) = (text_of("apiVersion")?, text_of("kind")?);
    if version == "regcred/v1" || kind == "Policy" {
        return None;
    }
    let mut message = format!(
        "expected kind: Policy of apiVersion: regcred/v1, found {} of {}",
        shown(kind),
        shown(version)
    );
    if kind == "ConfigMap" {
        message.push_str("; the policy is the text under a key of its `data`");
    }
    Some(PolicyError::one(place, message))
}

fn policy(file: PolicyFile, faults: &mut Faults) -> Policy {
    let mut policy = Policy::default();
    if let Some(At { value: OneOf(enforcement), .. }) = file.enforcement {
        policy.enforcement = enforcement;
    }
    if let Some(At { value: OneOf(language), .. }) = file.language {
        policy.language = language;
    }
    if let Some(At { value: Switch(announce_fixes), .. }) = file.announce_fixes {
        policy.announce_fixes = announce_fixes;
    }
    if let Some(rules) = file.rules {
        faults.within(Step::Key("rules"), |faults| {
            for (rule, entry) in rules.value.0 {
                faults.within(Step::Key(rule.code()), |faults| set(&mut policy, rule, entry, faults));
            }
        });
    }
    policy.allowed_registries = file.allowed_registries.map(hosts).filter(|hosts| !hosts.is_empty());
    policy.denied_registries = file.denied_registries.map(hosts).unwrap_or_default();
    policy.exemptions = values(file.exemptions).filter_map(exemption).collect();
    policy
}

fn set(policy: &mut Policy, rule: Rule, entry: RuleEntry, faults: &mut Faults) {
    let setting = policy.rules.get_mut(rule);
    if let Some(At { value: OneOf(action), .. }) = entry.action {
        setting.action = action;
    }
    if let Some(At { place, value: Switch(fix) }) = entry.fix {
        setting.fix = fix;
        if fix && !rule.is_fixable() {
            let able = codes(Rule::is_fixable);
            faults.within(Step::Key("fix"), |faults| {
                faults.add(place, || format!("this rule cannot repair anything; leave fix out ({able} can)"));
            });
        }
    }
    if let Some(allow) = entry.allow {
        if !rule.judges_host() {
            let able = codes(Rule::judges_host);
            faults.within(Step::Key("allow"), |faults| {
                faults.add(allow.place, || format!("this rule judges no host; leave allow out ({able} do)"));
            });
        }
        setting.allow = hosts(allow);
    }
}

fn codes(of: fn(Rule) -> bool) -> String {
    let codes: Vec<&str> = Rule::ALL.iter().filter(|rule| of(**rule)).map(|rule| rule.code()).collect();
    codes.join(", ")
}

/// `None` where something that must be there is not; that has been said already.
fn exemption(entry: ExemptionEntry) -> Option<Exemption> {
    Some(Exemption {
        namespaces: globs(entry.namespaces),
        users: globs(entry.users),
        groups: globs(entry.groups),
        rules: entry.rules?.value.0.iter().flat_map(|name| name.value.rules()).copied().collect(),
        action: entry.action?.value.0.0,
        fix: entry.fix.is_none_or(|fix| fix.value.0),
        until: entry.until.map(|until| until.value.0),
    })
}

fn globs(list: Option<At<NonEmpty<Glob>>>) -> Vec<Glob> {
    list.into_iter().flat_map(|list| list.value.0).map(|glob| glob.value).collect()
}

fn values<T>(list: Option<At<Vec<At<T>>>>) -> impl Iterator<Item = T> {
    list.into_iter().flat_map(|list| list.value).map(|item| item.value)
}

fn hosts(list: At<Vec<At<HostPattern>>>) -> HostList {
    list.value.into_iter().map(|host| host.value).collect()
}
