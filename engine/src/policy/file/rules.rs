//! How rules are named in the policy file, and what each of them takes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::fault::{Faults, Keys, Step, did_you_mean, shown};
use super::shape::{Read, RuleEntry, described, entries, read_at, unfit};
use super::value::{Named, OneOf, text};
use super::yaml::{Node, Value};
use crate::rule::{Action, Rule};

/// The rules that an exemption names in one word.
pub(super) enum RuleName {
    One(Rule),
    Every,
}

impl RuleName {
    pub(super) fn rules(&self) -> &[Rule] {
        match self {
            RuleName::One(rule) => std::slice::from_ref(rule),
            RuleName::Every => Rule::ALL,
        }
    }
}

fn codes() -> impl Iterator<Item = &'static str> {
    Rule::ALL.iter().map(|rule| rule.code())
}

fn unknown_rule(code: &str) -> String {
    let near = did_you_mean(code, codes());
    let near = near.unwrap_or_else(|| format!(". The rules are {}", codes().collect::<Vec<_>>().join(", ")));
    format!("unknown rule {}{near}", shown(code))
}

impl Read for RuleName {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        let code = text(node, faults, "the code of a rule")?;
        let name = if code == "*" { Some(RuleName::Every) } else { Rule::from_code(code).map(RuleName::One) };
        if name.is_none() {
            faults.add(node.place, || unknown_rule(code));
        }
        name
    }
}

impl Named for RuleName {
    const INSTEAD: &'static str = "[\"*\"] means every rule";
}

impl JsonSchema for RuleName {
    fn schema_name() -> Cow<'static, str> {
        "RuleName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = std::iter::once("*").chain(codes()).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// What each rule does.
pub(super) struct Rules(pub(super) Vec<(Rule, RuleEntry)>);

impl Read for Rules {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        let expected = || "a mapping of rule codes, as `missing-auth: warn`".to_owned();
        let mut rules = Vec::new();
        entries(node, faults, &mut Keys::default(), expected, |code, place, value, faults| {
            let Some(rule) = Rule::from_code(code) else { return faults.add(place, || unknown_rule(code)) };
            let entry = faults.within(Step::Key(rule.code()), |faults| rule_entry(value, faults));
            rules.extend(entry.map(|entry| (rule, entry)));
        })?;
        Some(Rules(rules))
    }
}

/// A word is short for a mapping with nothing but the action.
fn rule_entry(node: &Node<'_>, faults: &mut Faults) -> Option<RuleEntry> {
    match node.value {
        Value::Map(_) => RuleEntry::read(node, faults),
        Value::Text(_) | Value::Bool(_) => {
            read_at(node, faults).map(|action| RuleEntry { action: Some(action), ..RuleEntry::default() })
        }
        _ => unfit(node, faults, || {
            "off, audit, warn, deny or a mapping with the keys action, fix, allow".to_owned()
        }),
    }
}

impl JsonSchema for Rules {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Rules".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = BTreeMap::new();
        for rule in Rule::ALL {
            let word = generator.subschema_for::<OneOf<Action>>();
            let entry = generator.subschema_for::<RuleEntry>();
            // What this rule does not take, for the case that it is a mapping.
            let mut refused = BTreeMap::new();
            if !rule.is_fixable() {
                refused.insert("fix", json_schema!({ "const": false }));
            }
            if !rule.judges_host() {
                refused.insert("allow", json_schema!(false));
            }
            let property = json_schema!({ "anyOf": [word, entry], "properties": refused });
            properties
                .insert(rule.code(), described(property, &[&format!("Default: {}.", rule.default_action())]));
        }
        json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
    }
}
