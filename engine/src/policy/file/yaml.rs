//! YAML as such: a text becomes a tree in which every value knows its place, or one error that says why it is no
//! YAML. What the tree means is none of its business.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::granit_parser::{ErrorKind, ScanError};
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Error, ExternalMessageSource, MessageFormatter as _, Spanned, UserMessageFormatter};

use super::fault::{Place, PolicyError, plain};

/// A value and where it stands. What an alias stands for stands where the alias does.
#[derive(Debug)]
pub(super) struct Node<'t> {
    pub(super) place: Place,
    pub(super) value: Value<'t>,
}

/// A value as YAML 1.2 reads it.
#[derive(Debug)]
pub(super) enum Value<'t> {
    Null,
    Bool(bool),
    Number,
    Text(Cow<'t, str>),
    List(Vec<Node<'t>>),
    /// Keys that stand twice are both here.
    Map(Vec<(Node<'t>, Node<'t>)>),
}

/// As much as a `ConfigMap` can hold.
const LARGEST: usize = 1 << 20;

/// What an empty file is told.
pub(super) const EMPTY: &str =
    "the file is empty; the smallest policy is the two lines `apiVersion: regcred/v1` and `kind: Policy`";

/// Reads the one document of a file.
pub(super) fn read(text: &str) -> Result<Node<'_>, PolicyError> {
    if text.len() > LARGEST {
        let message = format!("the file has {} bytes; a policy has {LARGEST} at most", text.len());
        return Err(PolicyError::one(Place::START, message));
    }
    // More than any policy needs, and little enough that an alias of an alias of … costs neither time nor memory.
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 16,
            flow_nesting_limit: 16,
            max_nodes: 100_000,
            max_aliases: 1_000,
            enforce_alias_anchor_ratio: false,
            max_recorded_anchor_events: 100_000,
            max_recorded_anchor_bytes: 1 << 16,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: 100_000 },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| no_yaml(&error, text))
}

fn no_yaml(error: &Error, text: &str) -> PolicyError {
    let place = match error.location() {
        Some(location) if location.line() > 0 => Place { line: location.line(), column: location.column() },
        _ => Place::START,
    };
    let mut error = error;
    while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    let message = match error {
        Error::Eof { .. } => return PolicyError::one(Place::START, EMPTY),
        Error::MultipleDocuments { .. } => "a second YAML document begins here; a policy file holds one",
        Error::UnknownAnchor { .. } => STAR,
        Error::MergeValueNotMapOrSeqOfMaps { .. } => "`<<` takes an alias of a mapping, as `<<: *name`",
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => TOO_MUCH,
        Error::UnsupportedTag { .. }
        | Error::InvalidScalar { .. }
        | Error::InvalidBooleanStrict { .. }
        | Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. } => {
            "this YAML tag does not go with a policy; put a text that begins with `!` in quotes"
        }
        Error::ExternalMessage { source, .. } => match source.as_ref() {
            ExternalMessageSource::Parser(error) => return no_syntax(error, place, text),
            _ => "no valid YAML",
        },
        other => {
            let message = UserMessageFormatter.format_message(other);
            return PolicyError::one(place, format!("no valid YAML: {}", plain(&message, 160)));
        }
    };
    PolicyError::one(place, message)
}

const STAR: &str =
    "in YAML a bare `*` begins an alias, and there is no such anchor; put a pattern in quotes, as \"*\"";
const TOO_MUCH: &str = "too large or too deeply nested for a policy";

const TAB: &str = "YAML is not indented with tabs; use spaces";
const INDENTATION: &str = "this line is not indented as its neighbours";
const NO_KEY: &str = "no key can stand here: is a colon missing in this line or the one above, the line not indented as \
                      its neighbours, or should a text with a colon be in quotes?";

fn no_syntax(error: &ScanError, place: Place, text: &str) -> PolicyError {
    let message = in_plain_words(error.kind());
    // The parser names the beginning of what the tab ends, or takes the tab for white space between words; people
    // look for the tab.
    let tab = match message {
        Some(TAB) => first_tab(text, place.line),
        Some(NO_KEY | INDENTATION) => first_tab(text, place.line).filter(|tab| tab.line == place.line),
        _ => None,
    };
    match (tab, message) {
        (Some(tab), _) => PolicyError::one(tab, TAB),
        (None, Some(message)) => PolicyError::one(place, message),
        (None, None) => PolicyError::one(place, format!("no valid YAML: {}", plain(&error.info(), 160))),
    }
}

/// The first tab in the indentation of a line.
fn first_tab(text: &str, from_line: u64) -> Option<Place> {
    let skipped = usize::try_from(from_line.saturating_sub(1)).unwrap_or_default();
    (1..).zip(text.lines()).skip(skipped).find_map(|(line, text)| {
        let indentation = text.chars().take_while(|c| matches!(c, ' ' | '\t'));
        let (column, _) = (1..).zip(indentation).find(|(_, c)| *c == '\t')?;
        Some(Place { line, column })
    })
}

/// The mistakes that people make. The parser's own words for the rest are clear enough.
const fn in_plain_words(kind: &ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => TAB,
        ErrorKind::MissingAnchorOrAliasName => STAR,
        ErrorKind::RecursionLimitExceeded => TOO_MUCH,
        ErrorKind::UnclosedQuotedScalar => "the text that begins in quotes is not closed",
        ErrorKind::UnclosedFlowCollection { open: '[' } | ErrorKind::ExpectedFlowSequenceSeparator => {
            "the list that begins with `[` is not closed, or a comma is missing"
        }
        ErrorKind::UnclosedFlowCollection { open: '{' } | ErrorKind::ExpectedFlowMappingSeparator => {
            "the mapping that begins with `{` is not closed, or a comma is missing"
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => INDENTATION,
        ErrorKind::SimpleKeyExpected | ErrorKind::MappingValueNotAllowed => NO_KEY,
        ErrorKind::UnexpectedCharacter { .. } => "no text begins with this character unless it is in quotes",
        _ => return None,
    })
}

impl<'de> Deserialize<'de> for Node<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, referenced, .. } = Spanned::<Value<'de>>::deserialize(deserializer)?;
        Ok(Node { place: Place { line: referenced.line(), column: referenced.column() }, value })
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_string<E>(self, text: String) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value<'de>, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Value::Map(map))
    }
}
