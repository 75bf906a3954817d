//! A strict JSON reader (RFC 8259) that keeps where everything is, down to the fields of an entry; deeper values are
//! checked and skipped. One pass; nesting is counted, not recursed into.
//!
//! No library is used here because none has all of these together: duplicates kept, spans, and the limits
//! of `invalid-json` (docs/rules.md).

mod fault;
#[cfg(test)]
mod tests;
mod tree;

use super::fields::JsonType;

pub use fault::InvalidJson;
pub(crate) use fault::SyntaxError;
pub(crate) use tree::{Member, Span, Tree};

use fault::likely_cause;
use tree::KEPT_LEVELS;

/// The document is level 1.
const MAX_DEPTH: usize = 64;

/// The levels that Go's reader accepts (go1.26, encoding/json/scanner.go: `maxNestingDepth`).
const GO_MAX_DEPTH: usize = 10_000;

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

/// Whether Go's reader accepts bytes that [`utf8`] or [`read`] refuses: it replaces what is not UTF-8 and lone
/// surrogates, and nests deeper.
pub(super) fn go_accepts(bytes: &[u8]) -> bool {
    Reader::new(&String::from_utf8_lossy(bytes), true).document().is_ok()
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
