//! Reads YAML into a type, and says in plain words why a text cannot be read.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_saphyr::granit_parser::{ErrorKind, ScanError};
use serde_saphyr::{Error, ExternalMessageSource, MessageFormatter as _, Spanned, UserMessageFormatter};

use super::error::{PolicyError, Position};
use crate::escape::{escaped, is_escaped};

/// As much as a `ConfigMap` can hold.
const MAX_FILE_BYTES: usize = 1 << 20;

/// Reads the one document of a file.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, PolicyError> {
    if text.len() > MAX_FILE_BYTES {
        let message = format!("the file has {} bytes; a policy has at most {MAX_FILE_BYTES}", text.len());
        return Err(PolicyError::one(Position::START, message));
    }
    // The types are read while the text is parsed. If the text is not YAML further down, that is the better answer, since it
    // is often why a type is wrong, and so is the name of another kind of file.
    parse(text).map_err(|error| match parse::<IgnoredAny>(text) {
        Err(error) => fault(&error, text),
        Ok(IgnoredAny) => another_file(text).unwrap_or_else(|| fault(&error, text)),
    })
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    // More than any policy needs, and little enough that aliases of aliases cost neither time nor memory.
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
        // The parser keeps only a limited number of comments, and nothing here reads them.
        emit_comments: false,
        no_schema: true,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options)
}

/// A file that was never meant as a policy, or has nothing in it.
fn another_file(text: &str) -> Option<PolicyError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        api_version: String,
        kind: Spanned<String>,
    }
    let Some(Head { api_version, kind }) = parse::<Option<Head>>(text).ok()? else {
        return Some(PolicyError::one(Position::START, EMPTY));
    };
    if api_version == "regcred/v1" || kind.value == "Policy" {
        return None;
    }
    let hint = match kind.value.as_str() {
        "ConfigMap" => "; the policy is the text under a key of its `data`",
        _ => "",
    };
    let (kind_shown, version) = (quoted(&kind.value), quoted(&api_version));
    let message = format!("expected kind `Policy` of `regcred/v1`, found {kind_shown} of {version}{hint}");
    Some(PolicyError::one(kind.referenced.into(), message))
}

const EMPTY: &str =
    "the file is empty; the smallest policy is the two lines `apiVersion: regcred/v1` and `kind: Policy`";
const UNKNOWN_ALIAS: &str =
    "a bare `*` starts a YAML alias, and there is no such anchor; put a pattern in quotes, as in \"*\"";
const TOO_LARGE: &str = "too large or too deeply nested for a policy";
const TAG: &str = "this YAML tag is not supported; put a text that begins with `!` in quotes";
const TAB: &str = "YAML is indented with spaces, not with tabs";
const INDENTATION: &str = "this line's indentation does not match the lines around it";
const NOT_A_KEY: &str = "unexpected text: is a colon missing in this line or the one above, does its indentation differ from the \
                         lines around it, or should a text with a colon be in quotes?";

/// Says what is wrong with the YAML or with a type.
fn fault(error: &Error, text: &str) -> PolicyError {
    let place = error.location().map_or(Position::START, Position::from);
    let mut error = error;
    while let Error::AliasError { error: inner, .. } | Error::WithSnippet { error: inner, .. } = error {
        error = inner;
    }
    let message = match error {
        Error::ExternalMessage { source, .. } => match source.as_ref() {
            ExternalMessageSource::Parser(error) => return syntax_fault(error, place, text),
            _ => "invalid YAML".to_owned(),
        },
        Error::Eof { .. } => return PolicyError::one(Position::START, EMPTY),
        Error::MultipleDocuments { .. } => {
            "a second YAML document begins here; a policy file has one".to_owned()
        }
        Error::UnknownAnchor { .. } => UNKNOWN_ALIAS.to_owned(),
        Error::MergeValueNotMapOrSeqOfMaps { .. } => {
            "`<<` takes an alias of a mapping, as in `<<: *name`".to_owned()
        }
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. } => TOO_LARGE.to_owned(),
        Error::UnsupportedTag { .. }
        | Error::InvalidScalar { .. }
        | Error::InvalidBooleanStrict { .. }
        | Error::InvalidBinaryBase64 { .. }
        | Error::BinaryNotUtf8 { .. }
        | Error::TaggedScalarCannotDeserializeIntoString { .. } => TAG.to_owned(),
        Error::SerdeUnknownField { field, expected, .. } => {
            let near = did_you_mean(field, expected.iter().copied()).unwrap_or_else(|| ".".to_owned());
            format!("unknown key {}{near} Allowed here: {}", quoted(field), expected.join(", "))
        }
        Error::SerdeMissingField { field, .. } => format!("`{field}` is missing{}", remedy(field)),
        Error::SerdeUnknownVariant { variant, expected, .. } => unknown_word(variant, expected),
        Error::QuotingRequired { value, .. } => {
            format!(
                "{} is not a text; put it in quotes if it is meant as one{}",
                quoted(value),
                off_hint(value)
            )
        }
        Error::SerdeInvalidType { unexpected, expected, .. } if unexpected == "unit value" => {
            no_value(expected)
        }
        Error::SerdeInvalidType { unexpected, expected, .. } => {
            let found = match unexpected.as_str() {
                "sequence" => "a list",
                "map" => "a mapping",
                other => other,
            };
            format!("expected {expected}, found {}", escaped(found, MAX_QUOTED_CHARS))
        }
        Error::NullIntoString { .. } => no_value("a text"),
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().map(quoted).unwrap_or_default();
            format!("key {key} is written twice; keep one of them")
        }
        Error::Unexpected { expected, .. } => format!("expected {}", event(expected)),
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => "expected one word".to_owned(),
        other => format!("invalid YAML: {}", escaped(&UserMessageFormatter.format_message(other), 160)),
    };
    PolicyError::one(place, message)
}

fn syntax_fault(error: &ScanError, place: Position, text: &str) -> PolicyError {
    let message = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar
        | ErrorKind::TabAtBlockScalarStart => TAB,
        ErrorKind::MissingAnchorOrAliasName => UNKNOWN_ALIAS,
        ErrorKind::RecursionLimitExceeded => TOO_LARGE,
        ErrorKind::UnclosedQuotedScalar => "the text that begins with a quotation mark is not closed",
        ErrorKind::UnclosedFlowCollection { open: '[' } | ErrorKind::ExpectedFlowSequenceSeparator => {
            "the list that begins with `[` is not closed, or a comma is missing"
        }
        ErrorKind::UnclosedFlowCollection { open: '{' } | ErrorKind::ExpectedFlowMappingSeparator => {
            "the mapping that begins with `{` is not closed, or a comma is missing"
        }
        ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => INDENTATION,
        ErrorKind::SimpleKeyExpected | ErrorKind::MappingValueNotAllowed => NOT_A_KEY,
        ErrorKind::UnexpectedCharacter { character } if is_escaped(*character) => {
            "an invisible character that YAML does not allow; delete it"
        }
        ErrorKind::UnexpectedCharacter { .. } => "a text that begins with this character must be in quotes",
        _ => return PolicyError::one(place, format!("invalid YAML: {}", escaped(&error.info(), 160))),
    };
    // The parser names the beginning of what the tab ends, or takes the tab for white space between words; people look
    // for the tab.
    let tab = match message {
        TAB => first_tab(text, place.line),
        NOT_A_KEY | INDENTATION => first_tab(text, place.line).filter(|tab| tab.line == place.line),
        _ => None,
    };
    match tab {
        Some(tab) => PolicyError::one(tab, TAB),
        None => PolicyError::one(place, message),
    }
}

/// The first tab in the indentation of a line, from a line on.
fn first_tab(text: &str, from_line: u64) -> Option<Position> {
    let skipped = usize::try_from(from_line.saturating_sub(1)).unwrap_or_default();
    (1..).zip(text.lines()).skip(skipped).find_map(|(line, text)| {
        let indentation = text.chars().take_while(|c| matches!(c, ' ' | '\t'));
        let (column, _) = (1..).zip(indentation).find(|(_, c)| *c == '\t')?;
        Some(Position { line, column })
    })
}

fn no_value(expected: &str) -> String {
    format!("there is no value; expected {expected} (or remove the key)")
}

/// What the parser expected, in the words of the document.
fn event(expected: &str) -> &str {
    match expected {
        "sequence start" => "a list",
        "mapping start" => "a mapping",
        "string scalar" => "a text",
        other => other,
    }
}

/// What to write for a required key.
fn remedy(field: &str) -> &'static str {
    match field {
        "apiVersion" => ": write `apiVersion: regcred/v1`",
        "kind" => ": write `kind: Policy`",
        "rules" => ": list the codes of the rules, or write [\"*\"] for every rule",
        "action" => ": write what those rules do at most, off, audit or warn",
        _ => "",
    }
}

/// For a word that is not one of a few.
pub(super) fn unknown_word(word: &str, expected: &[&str]) -> String {
    let near = did_you_mean(word, expected.iter().copied()).unwrap_or_default();
    format!("expected {}, found {}{}{near}", choice(expected), quoted(word), off_hint(word))
}

/// For a boolean where a word is expected.
fn off_hint(word: &str) -> &'static str {
    if word == "false" { "; if `off` is meant, put it in quotes: some YAML tools rewrite it" } else { "" }
}

/// `a, b or c`
fn choice(words: &[&str]) -> String {
    match words {
        [words @ .., last] if !words.is_empty() => format!("{} or {last}", words.join(", ")),
        _ => words.concat(),
    }
}

const MAX_QUOTED_CHARS: usize = 80;

/// A key or value of the file as it is shown: between back-quotes, safe and short.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", escaped(text, MAX_QUOTED_CHARS))
}

/// `; did you mean …?` if one of the known words is near enough.
pub(super) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const MAX_LETTERS: usize = 64;
    let letters = |text: &str| -> String {
        let letters = text.chars().filter(|c| !matches!(c, '-' | '_' | ' '));
        letters.flat_map(char::to_lowercase).take(MAX_LETTERS).collect()
    };
    let word = letters(word);
    let max_distance = match word.chars().count() {
        0 => return None,
        1..=3 => 1,
        4..=8 => 2,
        _ => 3,
    };
    let near = known.into_iter().map(|known| (strsim::levenshtein(&word, &letters(known)), known));
    let (distance, near) = near.min_by_key(|(distance, _)| *distance)?;
    (distance <= max_distance).then(|| format!("; did you mean `{near}`?"))
}
