//! The policy file: YAML in, a checked [`Policy`] or what is wrong with the file out.
//!
//! serde reads the keys and the types of their values ([`PolicyFile`], from which the JSON schema is derived, too). The
//! first mistake in them is the only one reported. Hosts, rule codes, dates and what a rule takes are checked after
//! that, and all mistakes in them are reported together.

mod error;
mod syntax;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use jiff::civil::Date;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::{Location, Spanned};

pub use error::{PolicyError, PolicyFault};

use self::error::{Faults, Position};
use self::syntax::{did_you_mean, quoted, unknown_word};
use super::{Enforcement, Exemption, Glob, Language, Policy, RuleSetting};
use crate::registry::{HostList, HostPattern, HostPatternError};
use crate::rules::{Action, Rule};

impl Policy {
    /// Reads the text of a policy file. What it does not say stays as in `Policy::default()`.
    ///
    /// # Errors
    /// With all wrong values, or with the first mistake in the YAML or in the names and types of the keys.
    pub fn parse(text: &str) -> Result<Policy, PolicyError> {
        let mut faults = Faults::default();
        let policy = syntax::read::<PolicyFile>(text)?.policy(&mut faults);
        faults.into_result(policy)
    }
}

/// Returns the JSON schema of the policy file, with a line break at its end. `docs/policy.schema.json` holds it for
/// editors.
#[must_use]
pub fn schema() -> String {
    // An optional key has no default that could be written.
    let no_null_default = RecursiveTransform(|schema: &mut Schema| {
        if schema.get("default").is_some_and(serde_json::Value::is_null) {
            schema.remove("default");
        }
    });
    let generator = SchemaSettings::draft2020_12().with_transform(no_null_default).into_generator();
    let mut schema = generator.into_root_schema_for::<PolicyFile>().to_value();
    schema.sort_all_objects(); // whatever features other crates enable in serde_json
    format!("{schema:#}\n")
}

/// A text whose value is checked after the file is read.
type Text = Spanned<String>;
type TextList = Spanned<Vec<Text>>;

/// The policy of regcred: what each rule does, for whom, and how far it is enforced.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "The policy file of regcred")]
struct PolicyFile {
    /// The version of this format.
    #[serde(rename = "apiVersion")]
    _api_version: ApiVersion,
    /// What the file is.
    #[serde(rename = "kind")]
    _kind: FileKind,
    /// The most severe action that is applied, whatever a rule says. enforce: as the rules say. warn: at most a warning.
    /// audit: recorded only; nothing is patched and nothing is warned of. Default: enforce.
    #[serde(default)]
    #[schemars(extend("default" = "enforce"))]
    enforcement: Enforcement,
    /// The language of warnings and denials. Default: en.
    #[serde(default)]
    #[schemars(extend("default" = "en"))]
    language: Language,
    /// Whether a warning says what was repaired. Default: true.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "bool", extend("default" = true))]
    announce_fixes: Option<Spanned<Switch>>,
    /// What each rule does, by its code. A rule that is not named keeps its default.
    #[serde(default)]
    #[schemars(schema_with = "rules_schema")]
    rules: HashMap<Text, Spanned<RuleEntry>>,
    /// The registries that may be used: hosts or globs, compared on `host[:port]`, one label to a `*`. Empty: any.
    #[serde(default)]
    #[schemars(with = "Vec<String>", inner(length(min = 1)))]
    allowed_registries: Vec<Text>,
    /// The registries that are refused: hosts or globs, compared on `host[:port]`, one label to a `*`.
    #[serde(default)]
    #[schemars(with = "Vec<String>", inner(length(min = 1)))]
    denied_registries: Vec<Text>,
    /// Requests for which some rules are milder. The exemptions are alternatives: of those that match a request, the
    /// mildest counts.
    #[serde(default)]
    exemptions: Vec<ExemptionEntry>,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
enum ApiVersion {
    #[serde(rename = "regcred/v1")]
    V1,
}

#[derive(Deserialize, JsonSchema)]
#[schemars(inline)]
enum FileKind {
    Policy,
}

/// What one rule does.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RuleSettings {
    /// What happens to what the rule finds. Left out: as by default.
    #[serde(default, deserialize_with = "present")]
    #[schemars(schema_with = "action_schema")]
    action: Option<Text>,
    /// Whether the rule repairs what it finds, if it can. Default: true.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "bool")]
    fix: Option<Spanned<Switch>>,
    /// Hosts or globs for which the rule reports nothing, if it judges hosts.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Vec<String>", inner(length(min = 1)))]
    allow: Option<TextList>,
}

/// Makes some rules milder for some requests. All of namespaces, users and groups that are given must match.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ExemptionEntry {
    /// The Secret's namespace: globs over the whole name, `*` for any run of characters, `?` for one. Left out: every
    /// namespace.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Vec<String>", length(min = 1), inner(length(min = 1)))]
    namespaces: Option<TextList>,
    /// The requester's user name: globs over the whole name. Left out: every user.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Vec<String>", length(min = 1), inner(length(min = 1)))]
    users: Option<TextList>,
    /// One of the requester's groups: globs over the whole name. Left out: every user.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Vec<String>", length(min = 1), inner(length(min = 1)))]
    groups: Option<TextList>,
    /// The codes of the rules that become milder, or "*" for every rule.
    #[schemars(with = "Vec<RuleName>", length(min = 1))]
    rules: TextList,
    /// The most severe action that those rules keep.
    #[schemars(schema_with = "milder_action_schema")]
    action: Text,
    /// `false`: those rules do not repair.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "bool")]
    fix: Option<Spanned<Switch>>,
    /// The last day (UTC) on which the exemption applies. Left out: no end.
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "String", regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), extend("format" = "date"))]
    until: Option<Text>,
}

/// The actions of an exemption.
const MILDER_ACTIONS: [Action; 3] = [Action::Off, Action::Audit, Action::Warn];

/// Reads an optional key. If it is written, it has a value.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// `true` or `false`, or a text instead of it. serde's `bool` would take `"true"` in quotes.
enum Switch {
    Bool(bool),
    Text(String),
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SwitchVisitor;
        impl Visitor<'_> for SwitchVisitor {
            type Value = Switch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Switch, E> {
                Ok(Switch::Bool(value))
            }

            fn visit_str<E>(self, text: &str) -> Result<Switch, E> {
                Ok(Switch::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(SwitchVisitor)
    }
}

/// What is written for a rule. `CODE: ACTION` is short for `CODE: { action: ACTION }`.
enum RuleEntry {
    Action(String),
    Settings(Box<RuleSettings>),
}

impl<'de> Deserialize<'de> for RuleEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RuleEntryVisitor;
        impl<'de> Visitor<'de> for RuleEntryVisitor {
            type Value = RuleEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("off, audit, warn, deny or a mapping with the keys action, fix, allow")
            }

            fn visit_str<E>(self, word: &str) -> Result<RuleEntry, E> {
                Ok(RuleEntry::Action(word.to_owned()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<RuleEntry, E> {
                Ok(RuleEntry::Action(value.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RuleEntry, A::Error> {
                RuleSettings::deserialize(MapAccessDeserializer::new(map))
                    .map(|settings| RuleEntry::Settings(Box::new(settings)))
            }
        }
        deserializer.deserialize_any(RuleEntryVisitor)
    }
}

impl PolicyFile {
    fn policy(self, faults: &mut Faults) -> Policy {
        let mut policy = Policy {
            enforcement: self.enforcement,
            language: self.language,
            announce_fixes: self.announce_fixes.is_none_or(|announce| switch(&announce, faults)),
            allowed_registries: Some(hosts(&self.allowed_registries, faults))
                .filter(|hosts| !hosts.is_empty()),
            denied_registries: hosts(&self.denied_registries, faults),
            exemptions: self.exemptions.into_iter().map(|entry| entry.exemption(faults)).collect(),
            ..Policy::default()
        };
        let mut rules = Vec::from_iter(self.rules);
        rules.sort_by_key(|(code, _)| Position::from(code.referenced));
        for (code, Spanned { value, referenced, .. }) in rules {
            let Some(rule) = faults.check(rule(&code.value), code.referenced) else { continue };
            let setting = policy.rules.get_mut(rule);
            match value {
                RuleEntry::Settings(settings) => settings.apply(rule, setting, faults),
                RuleEntry::Action(word) => set_action(setting, &word, referenced, faults),
            }
        }
        policy
    }
}

impl RuleSettings {
    fn apply(self, rule: Rule, setting: &mut RuleSetting, faults: &mut Faults) {
        if let Some(action) = self.action {
            set_action(setting, &action.value, action.referenced, faults);
        }
        if let Some(fix) = self.fix {
            setting.fix = switch(&fix, faults);
            if setting.fix && !rule.is_fixable() {
                faults.add(fix.referenced, || {
                    let able = codes(Rule::is_fixable);
                    format!("{rule} cannot repair anything; remove `fix` (only {able} can)")
                });
            }
        }
        if let Some(allow) = self.allow {
            if !rule.takes_allow() {
                faults.add(allow.referenced, || {
                    let able = codes(Rule::takes_allow);
                    format!("{rule} takes no `allow` list; remove it (only {able} do)")
                });
            }
            setting.allow = hosts(&allow.value, faults);
        }
    }
}

impl ExemptionEntry {
    fn exemption(self, faults: &mut Faults) -> Exemption {
        let action = faults.check(action(&self.action.value, &MILDER_ACTIONS), self.action.referenced);
        let rules = not_empty(&self.rules, "write [\"*\"] for every rule", faults);
        Exemption {
            namespaces: globs(self.namespaces.as_ref(), faults),
            users: globs(self.users.as_ref(), faults),
            groups: globs(self.groups.as_ref(), faults),
            rules: checked(rules, rules_named, faults).flatten().collect(),
            action: action.unwrap_or(Action::Warn),
            fix: self.fix.is_none_or(|fix| switch(&fix, faults)),
            until: self.until.and_then(|until| faults.check(date(&until.value), until.referenced)),
        }
    }
}

fn not_empty<'a>(list: &'a TextList, instead: &str, faults: &mut Faults) -> &'a [Text] {
    if list.value.is_empty() {
        faults.add(list.referenced, || format!("an empty list matches nothing; {instead}"));
    }
    &list.value
}

/// The values of those texts that are correct. The others are faults.
fn checked<'a, T, E: FnOnce() -> String>(
    texts: &'a [Text],
    check: impl Fn(&'a str) -> Result<T, E>,
    faults: &mut Faults,
) -> impl Iterator<Item = T> {
    texts.iter().filter_map(move |text| faults.check(check(&text.value), text.referenced))
}

fn switch(value: &Spanned<Switch>, faults: &mut Faults) -> bool {
    match &value.value {
        Switch::Bool(value) => *value,
        Switch::Text(text) => {
            faults.add(value.referenced, || format!("expected true or false, found {}", quoted(text)));
            false
        }
    }
}

fn hosts(texts: &[Text], faults: &mut Faults) -> HostList {
    checked(texts, host, faults).collect()
}

fn globs(list: Option<&TextList>, faults: &mut Faults) -> Vec<Glob> {
    let texts = list.map_or(&[][..], |list| not_empty(list, "leave the key out to match all", faults));
    checked(texts, glob, faults).collect()
}

fn set_action(setting: &mut RuleSetting, word: &str, location: Location, faults: &mut Faults) {
    if let Some(action) = faults.check(action(word, &Action::ALL), location) {
        setting.action = action;
    }
}

fn action<'a>(word: &'a str, known: &'a [Action]) -> Result<Action, impl FnOnce() -> String> {
    let action = known.iter().find(|action| action.as_str() == word);
    action.copied().ok_or(|| unknown_word(word, &words(known)))
}

fn words(actions: &[Action]) -> Vec<&'static str> {
    actions.iter().map(|action| action.as_str()).collect()
}

fn host(text: &str) -> Result<HostPattern, impl FnOnce() -> String> {
    HostPattern::parse(text).map_err(|error| {
        move || match error {
            HostPatternError::Empty => "the host is empty".to_owned(),
            HostPatternError::NotAHost => format!(
                "{} is not a host: write host[:port] without scheme, path, user or white space, for example \
                 registry.example.com or *.example.com:5000",
                quoted(text)
            ),
            HostPatternError::Port => format!("{} has a port that is not a number up to 65535", quoted(text)),
            HostPatternError::Glob => {
                format!("{} matches nothing: a bracket in it is not closed, or is empty", quoted(text))
            }
        }
    })
}

fn glob(text: &str) -> Result<Glob, impl FnOnce() -> String> {
    let glob = (!text.is_empty()).then(|| Glob::new(text));
    glob.ok_or(|| "the pattern is empty and matches nothing".to_owned())
}

/// Reads `YYYY-MM-DD`. jiff also reads other forms of ISO 8601, such as `20270131`.
fn date(text: &str) -> Result<Date, impl FnOnce() -> String> {
    let date = text.parse().ok().filter(|date: &Date| date.to_string() == text);
    date.ok_or(|| format!("{} is not a date of the calendar, written like 2027-01-31", quoted(text)))
}

fn rule(code: &str) -> Result<Rule, impl FnOnce() -> String> {
    Rule::from_code(code).ok_or(|| {
        let near = did_you_mean(code, Rule::ALL.iter().map(|rule| rule.code()));
        let near = near.unwrap_or_else(|| format!("; the rules are {}", codes(|_| true)));
        format!("unknown rule {}{near}", quoted(code))
    })
}

/// The rules that are named in an exemption.
fn rules_named(name: &str) -> Result<Vec<Rule>, impl FnOnce() -> String> {
    if name == "*" { Ok(Rule::ALL.to_vec()) } else { rule(name).map(|rule| vec![rule]) }
}

fn codes(which: fn(Rule) -> bool) -> String {
    let codes: Vec<&str> = Rule::ALL.iter().filter(|rule| which(**rule)).map(|rule| rule.code()).collect();
    codes.join(", ")
}

/// The schema of a rule's code or `*`.
struct RuleName;

impl JsonSchema for RuleName {
    fn schema_name() -> Cow<'static, str> {
        "RuleName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = std::iter::once("*").chain(Rule::ALL.iter().map(|rule| rule.code())).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

fn action_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": words(&Action::ALL) })
}

fn milder_action_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": words(&MILDER_ACTIONS) })
}

/// The schema of `rules`: which codes there are, and what each of them takes.
fn rules_schema(generator: &mut SchemaGenerator) -> Schema {
    let mut properties = BTreeMap::new();
    for rule in Rule::ALL {
        let word = action_schema(generator);
        let settings = generator.subschema_for::<RuleSettings>();
        let mut refused = BTreeMap::new();
        if !rule.is_fixable() {
            refused.insert("fix", json_schema!({ "const": false }));
        }
        if !rule.takes_allow() {
            refused.insert("allow", json_schema!(false));
        }
        let property = json_schema!({
            "description": format!("Default: {}.", rule.default_action()),
            "anyOf": [word, settings],
            "properties": refused,
        });
        properties.insert(rule.code(), property);
    }
    json_schema!({ "type": "object", "properties": properties, "additionalProperties": false })
}
