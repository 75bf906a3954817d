//! Lines of a file that are safe to show. They contain a document's structure, the field names that the rules know and the
//! registries; everything else is replaced by three asterisks.

use std::ops::Range;

use regcred_engine::document::{EntryField, TopField};
use regcred_engine::registry::RegistryKey;
use regcred_engine::secret::SecretType;

use super::lines::Lines;
use super::pull_secret::{Origin, PullSecret, Writing};
use super::scalar::{Map, Style};
use crate::report::Excerpt;

/// At most this many tokens are shown on each side of the mark if the document is a single line.
const SHOWN_TOKENS: usize = 12;

/// At most this many blanks are shown in a row: a file can consist of them, and each excerpt would repeat them.
const SHOWN_BLANKS: usize = 200;

/// The excerpts of one document.
pub(super) struct Excerpts<'f, 's> {
    file: &'f str,
    lines: &'s Lines<'f>,
    secret: &'s PullSecret,
    /// The document's tokens, if it is JSON.
    tokens: Vec<Token>,
}

/// A token of a document. A hostile document has one for each byte.
struct Token {
    start: u32,
    end: u32,
    kind: TokenKind,
}

impl Token {
    fn new(range: &Range<usize>, kind: TokenKind) -> Self {
        // A file has at most 64 MiB.
        let small = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Token { start: small(range.start), end: small(range.end), kind }
    }

    const fn start(&self) -> usize {
        self.start as usize
    }

    const fn range(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    /// Punctuation, `null`, or a name that may be shown.
    Shown,
    /// A string that is hidden.
    Text,
    /// A number or a boolean.
    Word,
}

impl<'f, 's> Excerpts<'f, 's> {
    pub(super) fn new(file: &'f str, lines: &'s Lines<'f>, secret: &'s PullSecret) -> Self {
        let text = match &secret.place.writing {
            Writing::Plain(Some(_)) => std::str::from_utf8(&secret.document).unwrap_or_default(),
            Writing::Plain(None) | Writing::Base64 => "",
        };
        let json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        let tokens = if json { tokens(text, secret.secret_type) } else { Vec::new() };
        Excerpts { file, lines, secret, tokens }
    }

    /// Returns the token that begins at an offset of the document, or the character there if the document is not JSON.
    pub(super) fn name_at(&self, offset: usize) -> Option<Range<usize>> {
        if let Ok(index) = self.tokens.binary_search_by_key(&offset, Token::start) {
            return self.tokens.get(index).map(Token::range);
        }
        let text = std::str::from_utf8(&self.secret.document).ok()?;
        let start = offset.min(text.len().saturating_sub(1));
        // An offset can be in the middle of a character.
        let start = (0..=start).rev().find(|at| text.is_char_boundary(*at))?;
        let width = text.get(start..)?.chars().next().map_or(0, char::len_utf8);
        Some(start..start + width)
    }

    /// Returns the line with the data key, without its value.
    pub(super) fn of_key(&self) -> Option<Excerpt> {
        if self.secret.place.holder.is_empty() {
            return None;
        }
        let key = self.secret.place.key.clone();
        let (line, _) = self.lines.place(key.start);
        let name = self.file.get(key.clone())?;
        let before = self.file.get(self.lines.range(line).start..key.start)?;
        let is_shown = before.len() <= SHOWN_BLANKS && before.bytes().all(|byte| byte == b' ');
        let indentation = if is_shown { before } else { "… " };
        let mark = indentation.len()..indentation.len() + name.len();
        let separator = if self.secret.origin == Origin::Generator { "=" } else { ": " };
        Some(Excerpt { first_line: line, text: format!("{indentation}{name}{separator}***"), mark })
    }

    /// Returns the line with a token of the document.
    pub(super) fn inside(&self, name: &Range<usize>) -> Option<Excerpt> {
        let Writing::Plain(Some(map)) = &self.secret.place.writing else { return None };
        let marked = self.tokens.binary_search_by_key(&name.start, Token::start).ok()?;
        let (number, _) = self.lines.place(map.start(name.start)?);
        let line = self.lines.range(number);
        let first = marked.saturating_sub(SHOWN_TOKENS);
        let mut text = String::new();
        let mut mark = 0..0;
        let mut shown_until: Option<usize> = None;
        let near = self.tokens.iter().enumerate().skip(first).take(2 * SHOWN_TOKENS + 1);
        for (index, token) in near {
            let file = map.range(&token.range())?;
            if file.start < line.start || file.start > line.end {
                continue;
            }
            match shown_until {
                Some(end) => self.blanks(end..file.start, &mut text),
                None => text.push_str(self.opening(line.start..file.start)),
            }
            let start = text.len();
            self.token(token, map, &mut text);
            if index == marked {
                mark = start..text.len();
            }
            shown_until = Some(file.end);
        }
        if shown_until.is_some_and(|end| end < line.end) {
            text.push('…');
        }
        Some(Excerpt { first_line: number, text, mark })
    }

    /// Returns the text before the first token that is shown of a line.
    fn opening(&self, range: Range<usize>) -> &'f str {
        let before = self.file.get(range).unwrap_or_default();
        let known =
            |word: &str| matches!(word, "" | "data" | "stringData" | "dockerconfigjson" | "dockercfg");
        let harmless = before.len() < 80
            && before
                .split(|c: char| {
                    c.is_ascii_whitespace()
                        || matches!(c, '.' | ':' | '\'' | '"' | '{' | ',' | '|' | '-' | '=')
                })
                .all(known);
        if harmless { before } else { "… " }
    }

    fn blanks(&self, range: Range<usize>, text: &mut String) {
        let between = self.file.get(range).unwrap_or_default();
        text.extend(between.chars().filter(|c| matches!(c, ' ' | '\t')).take(SHOWN_BLANKS));
    }

    fn token(&self, token: &Token, map: &Map, text: &mut String) {
        let mark = match self.secret.place.style {
            Style::DoubleQuoted | Style::Json => "\\\"",
            _ => "\"",
        };
        match token.kind {
            TokenKind::Shown => {
                let written = map.range(&token.range()).and_then(|range| self.file.get(range));
                text.push_str(written.unwrap_or("***"));
            }
            TokenKind::Text => {
                text.push_str(mark);
                text.push_str("***");
                text.push_str(mark);
            }
            TokenKind::Word => text.push_str("***"),
        }
    }
}

/// Splits JSON into its tokens. Which names may be shown depends on their position.
fn tokens(text: &str, secret_type: SecretType) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut depth = 0_usize;
    // Whether the current member at the top level contains the registries.
    let mut in_auths = secret_type == SecretType::DockerCfg;
    let registries_at = if secret_type == SecretType::DockerCfg { 1 } else { 2 };
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        let start = at;
        let kind = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            b'"' => {
                at = string_end(text, at);
                let inner = text.get(start + 1..at.saturating_sub(1)).unwrap_or_default();
                let is_name = text.get(at..).is_some_and(|rest| rest.trim_start().starts_with(':'));
                if is_name && depth == 1 && secret_type == SecretType::DockerConfigJson {
                    in_auths = inner.eq_ignore_ascii_case("auths");
                }
                let shown = is_name
                    && match depth {
                        1 if registries_at == 2 => is_field(inner, &TopField::ALL.map(TopField::name)),
                        level if in_auths && level == registries_at => is_registry(inner),
                        level if in_auths && level == registries_at + 1 => {
                            is_field(inner, &EntryField::ALL.map(EntryField::name))
                        }
                        _ => false,
                    };
                if shown { TokenKind::Shown } else { TokenKind::Text }
            }
            b'{' | b'}' | b'[' | b']' | b':' | b',' => {
                at += 1;
                match byte {
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                TokenKind::Shown
            }
            _ => {
                let rest = text.get(at..).unwrap_or_default();
                at += rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(rest.len()).max(1);
                if text.get(start..at) == Some("null") { TokenKind::Shown } else { TokenKind::Word }
            }
        };
        tokens.push(Token::new(&(start..at), kind));
    }
    tokens
}

/// Returns the index after the closing quotation mark.
fn string_end(text: &str, start: usize) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(start + 1) {
        match byte {
            b'"' if !escaped => return index + 1,
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    text.len()
}

fn is_field(name: &str, known: &[&str]) -> bool {
    known.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Whether messages show the whole key, too.
fn is_registry(name: &str) -> bool {
    !name.contains('\\') && RegistryKey::new(name).to_string() == name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_structure_and_known_names_are_shown() {
        let text = r#"{"auths":{"r.example.com":{"username":"u","password":"p\"q","n":{"auth":7},"auth":null},"u:p@r":{}},"x":"y","HttpHeaders":{"auth":"h"}}"#;
        let shown: String = tokens(text, SecretType::DockerConfigJson)
            .iter()
            .map(|token| match token.kind {
                TokenKind::Shown => text.get(token.range()).unwrap(),
                TokenKind::Text => "\"*\"",
                TokenKind::Word => "*",
            })
            .collect();
        assert_eq!(
            shown,
            r#"{"auths":{"r.example.com":{"username":"*","password":"*","*":{"*":*},"auth":null},"*":{}},"*":"*","HttpHeaders":{"*":"*"}}"#
        );
    }
}
