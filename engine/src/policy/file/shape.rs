//! The shape of the policy file: its keys and what each of them takes. Both the reading and the schema come from
//! here. What the values mean together is judged in [`super`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::fault::{Faults, Keys, Place, Step, did_you_mean, shown};
use super::rules::{RuleName, Rules};
use super::value::{ApiVersion, Cap, Day, Kind, NonEmpty, OneOf, Switch};
use super::yaml::{Node, Value};
use crate::policy::{Enforcement, Glob, Language};
use crate::registry::HostPattern;
use crate::rule::Action;

/// What can stand somewhere in the file.
pub(super) trait Read: JsonSchema + Sized {
    /// Reads it. `None`: it is something else, and `faults` says so.
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self>;
}

/// A value with its place.
pub(super) struct At<T> {
    pub(super) place: Place,
    pub(super) value: T,
}

pub(super) fn read_at<T: Read>(node: &Node<'_>, faults: &mut Faults) -> Option<At<T>> {
    T::read(node, faults).map(|value| At { place: node.place, value })
}

/// Declares a mapping: its keys, what they hold, and the remedy for those that must be there. The comments are the
/// descriptions in the schema.
macro_rules! mapping {
    ($(
        $(#[doc = $about:expr])*
        $name:ident {
            $( $(#[doc = $doc:expr])* $key:literal $field:ident: $type:ty $(, required: $remedy:literal)?; )+
        }
    )+) => { $(
        $(#[doc = $about])*
        #[derive(Default)]
        pub(super) struct $name {
            $( $(#[doc = $doc])* pub(super) $field: Option<At<$type>>, )+
        }

        impl Read for $name {
            fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
                const KEYS: &[&str] = &[$($key),+];
                const REQUIRED: &[(&str, &str)] = &[$($(($key, $remedy),)?)+];
                let mut read = Self::default();
                let mut keys = Keys::default();
                entries(node, faults, &mut keys, || expected_keys(KEYS), |key, place, value, faults| match key {
                    $( $key => read.$field = faults.within(Step::Key($key), |faults| read_at(value, faults)), )+
                    _ => faults.add(place, || {
                        let near = did_you_mean(key, KEYS.iter().copied());
                        let near = near.unwrap_or_else(|| ".".to_owned());
                        format!("unknown key {}{near} Allowed here: {}", shown(key), KEYS.join(", "))
                    }),
                })?;
                for (key, remedy) in REQUIRED.iter().filter(|(key, _)| !keys.has(key)) {
                    faults.add(node.place, || format!("`{key}` is missing: {remedy}"));
                }
                Some(read)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let required: &[&str] = &[$($({ let _ = $remedy; $key },)?)+];
                let properties = BTreeMap::from([$(
                    ($key, described(generator.subschema_for::<$type>(), &[$($doc),*])),
                )+]);
                let object = json_schema!({
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                });
                described(object, &[$($about),*])
            }
        }
    )+ };
}

mapping! {
    /// The policy of regcred: what each rule does, for whom, and how far it is enforced.
    PolicyFile {
        /// The version of this format.
        "apiVersion" api_version: OneOf<ApiVersion>, required: "write `apiVersion: regcred/v1`";
        /// What the file is.
        "kind" kind: OneOf<Kind>, required: "write `kind: Policy`";
        /// The most severe action that is applied, whatever a rule says. enforce: as the rules say. warn: at most a
        /// warning. audit: recorded only; nothing is patched and nothing is warned of. Default: enforce.
        "enforcement" enforcement: OneOf<Enforcement>;
        /// The language of warnings and denials. Default: en.
        "language" language: OneOf<Language>;
        /// Whether a warning says what was repaired. Default: true.
        "announceFixes" announce_fixes: Switch;
        /// What each rule does, by its code. A rule that is not named keeps its default.
        "rules" rules: Rules;
        /// The registries that may be used: hosts or globs, compared on `host[:port]`, one label to a `*`. Empty: any.
        "allowedRegistries" allowed_registries: Vec<At<HostPattern>>;
        /// The registries that are refused: hosts or globs, compared on `host[:port]`, one label to a `*`.
        "deniedRegistries" denied_registries: Vec<At<HostPattern>>;
        /// Requests for which some rules are milder. The exemptions are alternatives: of those that match a request,
        /// the mildest counts.
        "exemptions" exemptions: Vec<At<ExemptionEntry>>;
    }

    /// What one rule does.
    RuleEntry {
        /// What happens to what the rule finds. Left out: as by default.
        "action" action: OneOf<Action>;
        /// Whether the rule repairs what it finds, if it can. Default: true.
        "fix" fix: Switch;
        /// Hosts or globs that the rule passes over, if it judges hosts.
        "allow" allow: Vec<At<HostPattern>>;
    }

    /// Makes some rules milder for some requests. All of namespaces, users and groups that are given must match.
    ExemptionEntry {
        /// The Secret's namespace: globs over the whole name, `*` for any run of characters, `?` for one. Left out:
        /// every namespace.
        "namespaces" namespaces: NonEmpty<Glob>;
        /// The requester's user name: globs over the whole name. Left out: everybody.
        "users" users: NonEmpty<Glob>;
        /// One of the requester's groups: globs over the whole name. Left out: everybody.
        "groups" groups: NonEmpty<Glob>;
        /// The codes of the rules that it is about, or "*" for every rule.
        "rules" rules: NonEmpty<RuleName>, required: "list the codes of the rules, or [\"*\"] for every rule";
        /// The most severe action that those rules keep.
        "action" action: OneOf<Cap>, required: "say what those rules do at most: off, audit or warn";
        /// `false` keeps the repair away.
        "fix" fix: Switch;
        /// The last day (UTC) on which it holds. Left out: for ever.
        "until" until: Day;
    }
}

pub(super) fn described(mut schema: Schema, lines: &[&str]) -> Schema {
    let text: Vec<&str> = lines.iter().map(|line| line.trim()).collect();
    schema.insert("description".to_owned(), text.join(" ").into());
    schema
}

fn expected_keys(keys: &[&str]) -> String {
    format!("a mapping with the keys {}", keys.join(", "))
}

/// Walks through a mapping. Keys that are no text or stand twice are faults, and passed over.
pub(super) fn entries<'n>(
    node: &'n Node<'n>,
    faults: &mut Faults,
    keys: &mut Keys<'n>,
    expected: impl FnOnce() -> String,
    mut entry: impl FnMut(&'n str, Place, &'n Node<'n>, &mut Faults),
) -> Option<()> {
    let Value::Map(map) = &node.value else { return unfit(node, faults, expected) };
    for (key, value) in map {
        let Value::Text(text) = &key.value else {
            faults.add(key.place, || format!("a key is a text, found {}", found(key)));
            continue;
        };
        match keys.insert(text, key.place) {
            None => entry(text, key.place, value, faults),
            Some(first) => faults.add(key.place, || {
                format!("key {} stands twice, first in line {}; keep one of them", shown(text), first.line)
            }),
        }
    }
    Some(())
}

/// Says what was expected in the place of a value.
pub(super) fn unfit<T>(node: &Node<'_>, faults: &mut Faults, expected: impl FnOnce() -> String) -> Option<T> {
    faults.add(node.place, || match node.value {
        Value::Null => format!("there is no value; expected {} (or leave it out)", expected()),
        _ => format!("expected {}, found {}", expected(), found(node)),
    });
    None
}

fn found(node: &Node<'_>) -> String {
    match &node.value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number => "a number".to_owned(),
        Value::Text(text) => shown(text),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a mapping".to_owned(),
    }
}
