//! What can stand under a key of the policy file.

use std::borrow::Cow;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::fault::{Faults, Step, did_you_mean, shown};
use super::shape::{At, Read, read_at, unfit};
use super::yaml::{Node, Value};
use crate::policy::{Enforcement, Glob, Language};
use crate::registry::{HostPattern, HostPatternError};
use crate::rule::Action;

/// A text, as a part of something.
pub(super) fn text<'n>(node: &'n Node<'n>, faults: &mut Faults, expected: &str) -> Option<&'n str> {
    match &node.value {
        Value::Text(text) => Some(text),
        Value::Bool(_) | Value::Number => unfit(node, faults, || format!("{expected} (a text, in quotes)")),
        _ => unfit(node, faults, || expected.to_owned()),
    }
}

/// `true` or `false`.
pub(super) struct Switch(pub(super) bool);

impl Read for Switch {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        match node.value {
            Value::Bool(value) => Some(Switch(value)),
            _ => unfit(node, faults, || "true or false".to_owned()),
        }
    }
}

impl JsonSchema for Switch {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Switch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "boolean" })
    }
}

/// One of a few words.
pub(super) trait Word: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
    /// What else is said to those who wrote one of these.
    const REMEDIES: &'static [(&'static str, &'static str)] = &[];
}

/// One of the words of `W`.
pub(super) struct OneOf<W>(pub(super) W);

/// `a, b or c`
fn choice(words: &[&str]) -> String {
    match words {
        [words @ .., last] if !words.is_empty() => format!("{} or {last}", words.join(", ")),
        _ => words.concat(),
    }
}

impl<W: Word> Read for OneOf<W> {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        let known = || W::WORDS.iter().map(|(word, _)| *word);
        let written = match &node.value {
            Value::Text(text) => text,
            Value::Bool(true) => "true",
            Value::Bool(false) => "false",
            _ => return unfit(node, faults, || choice(&known().collect::<Vec<_>>())),
        };
        if let Some((_, word)) = W::WORDS.iter().find(|(word, _)| *word == written) {
            return Some(OneOf(*word));
        }
        faults.add(node.place, || {
            let remedy = W::REMEDIES
                .iter()
                .find(|(word, _)| *word == written)
                .map(|(_, remedy)| format!("; {remedy}"));
            let remedy = remedy.or_else(|| did_you_mean(written, known())).unwrap_or_default();
            format!("expected {}, found {}{remedy}", choice(&known().collect::<Vec<_>>()), shown(written))
        });
        None
    }
}

impl<W: Word> JsonSchema for OneOf<W> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Word".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<&str> = W::WORDS.iter().map(|(word, _)| *word).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

#[derive(Clone, Copy)]
pub(super) struct ApiVersion;

impl Word for ApiVersion {
    const WORDS: &'static [(&'static str, Self)] = &[("regcred/v1", ApiVersion)];
}

#[derive(Clone, Copy)]
pub(super) struct Kind;

impl Word for Kind {
    const WORDS: &'static [(&'static str, Self)] = &[("Policy", Kind)];
}

impl Word for Enforcement {
    const WORDS: &'static [(&'static str, Self)] =
        &[("enforce", Enforcement::Enforce), ("warn", Enforcement::Warn), ("audit", Enforcement::Audit)];
}

impl Word for Language {
    const WORDS: &'static [(&'static str, Self)] =
        &[("en", Language::English), ("zh", Language::Chinese), ("both", Language::Both)];
}

/// What is said where a tool has made a boolean of the word.
const OFF_AS_BOOLEAN: (&str, &str) =
    ("false", "if `off` was meant, put it in quotes: some YAML tools rewrite it");

impl Word for Action {
    const WORDS: &'static [(&'static str, Self)] =
        &[("off", Action::Off), ("audit", Action::Audit), ("warn", Action::Warn), ("deny", Action::Deny)];
    const REMEDIES: &'static [(&'static str, &'static str)] = &[OFF_AS_BOOLEAN];
}

/// The action of an exemption.
#[derive(Clone, Copy)]
pub(super) struct Cap(pub(super) Action);

impl Word for Cap {
    const WORDS: &'static [(&'static str, Self)] =
        &[("off", Cap(Action::Off)), ("audit", Cap(Action::Audit)), ("warn", Cap(Action::Warn))];
    const REMEDIES: &'static [(&'static str, &'static str)] =
        &[OFF_AS_BOOLEAN, ("deny", "an exemption only makes rules milder")];
}

impl<T: Read> Read for Vec<At<T>> {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        let Value::List(list) = &node.value else { return unfit(node, faults, || "a list".to_owned()) };
        let items = list.iter().enumerate();
        Some(
            items
                .filter_map(|(at, item)| faults.within(Step::Item(at), |faults| read_at(item, faults)))
                .collect(),
        )
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A list that names something.
pub(super) struct NonEmpty<T>(pub(super) Vec<At<T>>);

/// What a list is never empty of.
pub(super) trait Named: Read {
    /// How to say what an empty list was meant to say.
    const INSTEAD: &'static str;
}

impl Named for Glob {
    const INSTEAD: &'static str = "leave the key out if any will do";
}

impl<T: Named> Read for NonEmpty<T> {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        if matches!(&node.value, Value::List(list) if list.is_empty()) {
            faults.add(node.place, || format!("an empty list matches nothing; {}", T::INSTEAD));
            return None;
        }
        Vec::read(node, faults).map(NonEmpty)
    }
}

impl<T: JsonSchema> JsonSchema for NonEmpty<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "List".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items, "minItems": 1 })
    }
}

impl Read for Glob {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        let text = text(node, faults, "a name or a glob")?;
        if text.is_empty() {
            faults.add(node.place, || "the pattern is empty; no name is".to_owned());
            return None;
        }
        Some(Glob::new(text))
    }
}

impl JsonSchema for Glob {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Glob".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

impl Read for HostPattern {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        let text = text(node, faults, "a host or a glob")?;
        let wrong = match HostPattern::parse(text) {
            Ok(pattern) => return Some(pattern),
            Err(HostPatternError::Empty) => "the host is empty",
            Err(HostPatternError::NotAHost) => {
                "is no host: write host[:port] without scheme, path, user or white space, as registry.example.com \
                 or *.example.com:5000"
            }
            Err(HostPatternError::Port) => "has a port that is no number up to 65535",
            Err(HostPatternError::Glob) => {
                "is a glob that matches nothing: a bracket in it is not closed, or is empty"
            }
        };
        faults.add(node.place, || {
            if text.is_empty() { wrong.to_owned() } else { format!("{} {wrong}", shown(text)) }
        });
        None
    }
}

impl JsonSchema for HostPattern {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HostPattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "minLength": 1 })
    }
}

/// A day of the calendar.
pub(super) struct Day(pub(super) Date);

impl Read for Day {
    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<Self> {
        let expected = || "a date as 2027-01-31".to_owned();
        let Value::Text(text) = &node.value else { return unfit(node, faults, expected) };
        let mut parts = text.splitn(3, '-');
        let mut number = |digits| {
            let part = parts.next()?;
            let is_number = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { part.parse::<i16>().ok() } else { None }
        };
        let (Some(year), Some(month), Some(day)) = (number(4), number(2), number(2)) else {
            return unfit(node, faults, expected);
        };
        let month_and_day = i8::try_from(month).ok().zip(i8::try_from(day).ok());
        let date = month_and_day.and_then(|(month, day)| Date::new(year, month, day).ok());
        if date.is_none() {
            faults.add(node.place, || format!("there is no day {} in the calendar", shown(text)));
        }
        date.map(Day)
    }
}

impl JsonSchema for Day {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" })
    }
}
