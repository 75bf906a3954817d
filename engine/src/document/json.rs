//! A strict JSON reader (RFC 8259) that keeps where everything is, down to the fields of an entry; deeper values are
//! checked and skipped. One pass; nesting is counted, not recursed into.
//!
//! No library is used here because none has all of these together: duplicates kept, spans, and the limits
//! of `invalid-json` (docs/rules.md).

use std::ops::Range;

use super::fields::JsonType;

/// The document is level 1.
const MAX_DEPTH: usize = 64;

/// The levels that Go's reader accepts (go1.26, encoding/json/scanner.go: `maxNestingDepth`).
const GO_MAX_DEPTH: usize = 10_000;

/// How deep members are kept: the top, the registries, the fields of an entry.
const KEPT_LEVELS: usize = 3;

/// Why a document is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InvalidJson {
    /// Nothing, or white space only.
    Empty,
    /// It begins with a byte order mark.
    ByteOrderMark,
    /// UTF-16.
    Utf16,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// The document is base64 of a document.
    EncodedTwice,
    /// Single quotation marks around it.
    SingleQuoted,
    /// A dictionary as Python prints it.
    PythonDict,
    /// Its quotation marks are escaped once too often.
    EscapedQuotes,
    /// YAML.
    Yaml,
    /// A map as Go prints it.
    GoMap,
    /// It contains what Go prints for a missing value.
    GoMissingValue,
    /// A quotation mark inside a value is not escaped.
    UnescapedQuote,
    /// A comma before a closing brace or bracket.
    TrailingComma,
    /// A comment.
    Comment,
    /// It ends in the middle.
    CutOff,
    /// More text follows the value.
    TrailingText,
    /// More than 64 levels of objects and arrays.
    TooDeep,
    /// A `\u` escape that is half of a pair.
    LoneSurrogate,
    /// A number that no float64 can hold.
    NumberOutOfRange,
    /// A raw control character, such as a line break, inside a string.
    RawControl,
    /// Anything else that JSON does not allow here.
    Syntax,
}

/// Why a text is not JSON, and where that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SyntaxError {
    pub(crate) reason: InvalidJson,
    pub(crate) offset: usize,
}

/// A member of an object. There can be 100 000 in a document, so it is kept small.
pub(crate) struct Member {
    name: Span,
    value: Span,
    /// Its own members: which of those of the next level.
    children: Span,
    level: u8,
    pub(crate) name_escaped: bool,
    pub(crate) value_escaped: bool,
    pub(crate) kind: JsonType,
}

impl Member {
    /// The name without its quotation marks.
    pub(crate) fn name(&self) -> Range<usize> {
        self.name.range()
    }

    /// The value, quotation marks included.
    pub(crate) fn value(&self) -> Range<usize> {
        self.value.range()
    }
}

/// A range of a document, of which [`read`] takes none that is larger than this can hold.
#[derive(Clone, Copy, Default)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub(crate) fn new(range: Range<usize>) -> Self {
        // `read` takes no document with more bytes, and no document has more members than bytes.
        let narrow = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Span { start: narrow(range.start), end: narrow(range.end) }
    }

    pub(crate) fn range(self) -> Range<usize> {
        let wide = |at| usize::try_from(at).unwrap_or(usize::MAX);
        wide(self.start)..wide(self.end)
    }
}

/// The members of the first levels, those of one object next to each other.
pub(super) struct Tree {
    pub(super) root: JsonType,
    levels: [Vec<Member>; KEPT_LEVELS],
}

impl Tree {
    pub(super) fn top(&self) -> &[Member] {
        let [top, ..] = &self.levels;
        top
    }

    pub(super) fn members(&self, parent: &Member) -> &[Member] {
        let next = self.levels.get(usize::from(parent.level) + 1);
        next.and_then(|members| members.get(parent.children.range())).unwrap_or_default()
    }
}

/// The bytes as text.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, SyntaxError> {
    let fault = |reason, offset| Err(SyntaxError { reason, offset });
    match bytes {
        [0xef, 0xbb, 0xbf, ..] => fault(InvalidJson::ByteOrderMark, 0),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, b'{', ..] | [b'{', 0, ..] => fault(InvalidJson::Utf16, 0),
        _ => std::str::from_utf8(bytes).or_else(|error| fault(InvalidJson::NotUtf8, error.valid_up_to())),
    }
}

/// Reads the one value of a text.
pub(super) fn read(source: &str) -> Result<Tree, SyntaxError> {
    if u32::try_from(source.len()).is_err() {
        // Four thousand times what a Secret can hold.
        return Err(SyntaxError { reason: InvalidJson::Syntax, offset: 0 });
    }
    Reader::new(source, false).document().map_err(|error| match likely_cause(source, error) {
        Some(reason) => SyntaxError { reason, ..error },
        None => error,
    })
}

/// What a text that is not JSON probably is, as far as that can be known.
fn likely_cause(source: &str, SyntaxError { reason, offset }: SyntaxError) -> Option<InvalidJson> {
    let text = source.trim_start();
    let (before, rest) = source.split_at_checked(offset)?;
    let begins = |start: &str| text.starts_with(start);
    let is_key_and_colon = || {
        let line = text.lines().next().unwrap_or_default();
        line.split_once(':').is_some_and(|(key, value)| {
            !key.starts_with('{') && !key.contains(['{', ' ']) && (value.is_empty() || value.starts_with(' '))
        })
    };
    let causes = [
        (InvalidJson::SingleQuoted, begins("'")),
        (InvalidJson::PythonDict, begins("{'")),
        (InvalidJson::EscapedQuotes, begins("{\\\"")),
        (InvalidJson::GoMap, begins("map[")),
        (InvalidJson::GoMissingValue, rest.starts_with("%!")),
        (InvalidJson::EncodedTwice, is_base64_of_json(source)),
        (InvalidJson::Comment, rest.starts_with("//") || rest.starts_with("/*") || rest.starts_with('#')),
        (InvalidJson::TrailingComma, rest.starts_with(['}', ']']) && before.trim_end().ends_with(',')),
        (InvalidJson::UnescapedQuote, before.ends_with('"') && !rest.starts_with(['"', '{', '['])),
        (InvalidJson::Yaml, is_key_and_colon()),
    ];
    let is_syntax = matches!(reason, InvalidJson::Syntax | InvalidJson::TrailingText);
    causes.into_iter().find_map(|(cause, fits)| (is_syntax && fits).then_some(cause))
}

/// Whether Go's reader accepts bytes that [`utf8`] or [`read`] refuses: it replaces what is not UTF-8 and lone
/// surrogates, and nests deeper.
pub(super) fn go_accepts(bytes: &[u8]) -> bool {
    Reader::new(&String::from_utf8_lossy(bytes), true).document().is_ok()
}

/// Whether a text that is not JSON looks like base64 of an object.
fn is_base64_of_json(source: &str) -> bool {
    let mut letters = source.bytes().filter(|byte| !byte.is_ascii_whitespace());
    // `{"` and `{ ` and `{` with a line break begin so in base64.
    let begins = matches!(
        (letters.next(), letters.next()),
        (Some(b'e'), Some(b'y' | b'w')) // {" … {<LF>
    );
    begins && letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

/// The number of bytes before the first that ends a string, begins an escape or is not allowed in a string. Most of a
/// document is inside strings, so eight bytes are checked at a time with Mycroft's algorithm
/// (<https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>): subtracting borrows from the highest bit of each
/// byte that is zero, or less than a space. A borrow can reach the bytes above, so only the lowest hit is certain.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST: u64 = ONES << 7;
    const QUOTE: u64 = ONES * b'"' as u64;
    const BACKSLASH: u64 = ONES * b'\\' as u64;
    const SPACE: u64 = ONES * b' ' as u64;
    let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let hits = zero_in(word ^ QUOTE) | zero_in(word ^ BACKSLASH) | word.wrapping_sub(SPACE) & !word;
        if hits & HIGHEST != 0 {
            let byte = (hits & HIGHEST).trailing_zeros() / 8;
            return index * 8 + usize::try_from(byte).unwrap_or_default();
        }
    }
    let is_plain = |byte: &&u8| **byte != b'"' && **byte != b'\\' && **byte >= b' ';
    words.len() * 8 + rest.iter().take_while(is_plain).count()
}

struct ValueShape {
    kind: JsonType,
    escaped: bool,
    children: Span,
}

impl ValueShape {
    const fn scalar(kind: JsonType) -> Self {
        ValueShape { kind, escaped: false, children: Span { start: 0, end: 0 } }
    }
}

struct Reader<'a> {
    source: &'a str,
    /// Accept what Go's reader accepts: lone surrogates and [`GO_MAX_DEPTH`].
    lenient: bool,
    at: usize,
    levels: [Vec<Member>; KEPT_LEVELS],
}

impl<'a> Reader<'a> {
    fn new(source: &'a str, lenient: bool) -> Self {
        // Room for the registries and fields of usual documents. A list that grows step by step touches twice the memory.
        let levels = [0, source.len() / 64, source.len() / 32].map(Vec::with_capacity);
        Reader { source, lenient, at: 0, levels }
    }

    /// The one value, with white space around it.
    fn document(mut self) -> Result<Tree, SyntaxError> {
        self.skip_white_space();
        if self.peek().is_none() {
            return Err(self.fault(InvalidJson::Empty));
        }
        let root = self.value(0)?.kind;
        self.skip_white_space();
        match self.peek() {
            None => Ok(Tree { root, levels: self.levels }),
            Some(_) => Err(self.fault(InvalidJson::TrailingText)),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn fault(&self, reason: InvalidJson) -> SyntaxError {
        SyntaxError { reason, offset: self.at }
    }

    /// What is wrong where something else was expected.
    fn unexpected(&self) -> SyntaxError {
        self.fault(if self.peek().is_none() { InvalidJson::CutOff } else { InvalidJson::Syntax })
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), SyntaxError> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn skip_white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Reads a value inside `level` objects whose members are kept.
    fn value(&mut self, level: usize) -> Result<ValueShape, SyntaxError> {
        match self.peek() {
            Some(b'{') if level < KEPT_LEVELS => self.object(level),
            Some(b'{') => self.skip(level).map(|()| ValueShape::scalar(JsonType::Object)),
            Some(b'[') => self.skip(level).map(|()| ValueShape::scalar(JsonType::Array)),
            _ => self.scalar(),
        }
    }

    /// An object whose members are kept. Calls itself through [`Reader::value`] no deeper than [`KEPT_LEVELS`].
    fn object(&mut self, level: usize) -> Result<ValueShape, SyntaxError> {
        self.expect(b'{')?;
        let first = self.levels.get(level).map_or(0, Vec::len);
        self.skip_white_space();
        if !self.take(b'}') {
            loop {
                let member = self.member(level)?;
                if let Some(members) = self.levels.get_mut(level) {
                    members.push(member);
                }
                self.skip_white_space();
                if self.take(b'}') {
                    break;
                }
                self.expect(b',')?;
                self.skip_white_space();
            }
        }
        let end = self.levels.get(level).map_or(0, Vec::len);
        Ok(ValueShape { kind: JsonType::Object, escaped: false, children: Span::new(first..end) })
    }

    fn member(&mut self, level: usize) -> Result<Member, SyntaxError> {
        let name_start = self.at + 1;
        let name_escaped = self.string()?;
        let name = name_start..self.at - 1;
        self.skip_white_space();
        self.expect(b':')?;
        self.skip_white_space();
        let value_start = self.at;
        let value = self.value(level + 1)?;
        Ok(Member {
            name: Span::new(name),
            value: Span::new(value_start..self.at),
            children: value.children,
            level: u8::try_from(level).unwrap_or(u8::MAX),
            name_escaped,
            value_escaped: value.escaped,
            kind: value.kind,
        })
    }

    fn scalar(&mut self) -> Result<ValueShape, SyntaxError> {
        match self.peek() {
            Some(b'"') => {
                let escaped = self.string()?;
                Ok(ValueShape { escaped, ..ValueShape::scalar(JsonType::String) })
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", JsonType::Boolean),
            Some(b'f') => self.word("false", JsonType::Boolean),
            Some(b'n') => self.word("null", JsonType::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str, kind: JsonType) -> Result<ValueShape, SyntaxError> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        Ok(ValueShape::scalar(kind))
    }

    /// Reads an array or object without keeping anything, `level` containers being open already.
    fn skip(&mut self, level: usize) -> Result<(), SyntaxError> {
        let mut open = Vec::new();
        let max_depth = if self.lenient { GO_MAX_DEPTH } else { MAX_DEPTH };
        loop {
            let byte = self.peek();
            let container = matches!(byte, Some(b'{' | b'['));
            if container {
                if level + open.len() == max_depth {
                    return Err(self.fault(InvalidJson::TooDeep));
                }
                let object = byte == Some(b'{');
                open.push(object);
                self.at += 1;
                self.skip_white_space();
                if !self.take(if object { b'}' } else { b']' }) {
                    if object {
                        self.name()?;
                    }
                    continue;
                }
                open.pop();
            } else {
                self.scalar()?;
            }
            // A value has ended: close what closes with it, then go on to the next.
            loop {
                let Some(&object) = open.last() else { return Ok(()) };
                self.skip_white_space();
                if self.take(if object { b'}' } else { b']' }) {
                    open.pop();
                    continue;
                }
                self.expect(b',')?;
                self.skip_white_space();
                if object {
                    self.name()?;
                }
                break;
            }
        }
    }

    /// A name and its colon, up to the value.
    fn name(&mut self) -> Result<(), SyntaxError> {
        self.string()?;
        self.skip_white_space();
        self.expect(b':')?;
        self.skip_white_space();
        Ok(())
    }

    /// Reads a string. Returns whether it has an escape.
    fn string(&mut self) -> Result<bool, SyntaxError> {
        self.expect(b'"')?;
        let mut escaped = false;
        loop {
            let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
            self.at += plain_length(rest);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.fault(InvalidJson::RawControl)),
                None => return Err(self.fault(InvalidJson::CutOff)),
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxError> {
        self.expect(b'\\')?;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                let start = self.at - 1;
                let lone = SyntaxError { reason: InvalidJson::LoneSurrogate, offset: start };
                self.at += 1;
                let unit = self.hex4()?;
                if !matches!(unit, 0xd800..=0xdfff) || self.lenient {
                    return Ok(());
                }
                let is_pair = unit < 0xdc00
                    && self.take(b'\\')
                    && self.take(b'u')
                    && matches!(self.hex4()?, 0xdc00..=0xdfff);
                if is_pair { Ok(()) } else { Err(lone) }
            }
            _ => Err(self.unexpected()),
        }
    }

    fn hex4(&mut self) -> Result<u32, SyntaxError> {
        let mut code = 0;
        for _ in 0..4 {
            let digit = self
                .peek()
                .and_then(|byte| char::from(byte).to_digit(16))
                .ok_or_else(|| self.unexpected())?;
            code = code << 4 | digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<ValueShape, SyntaxError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let number = self.source.get(start..self.at).and_then(|text| text.parse::<f64>().ok());
        match number {
            Some(number) if number.is_finite() => Ok(ValueShape::scalar(JsonType::Number)),
            _ => Err(SyntaxError { reason: InvalidJson::NumberOutOfRange, offset: start }),
        }
    }

    fn digits(&mut self) -> Result<(), SyntaxError> {
        let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.unexpected()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
