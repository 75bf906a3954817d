//! A strict JSON reader (RFC 8259) that keeps where everything stands, down to the fields of an entry; what lies
//! deeper is checked and passed over. One pass; nesting is counted, not recursed into.
//!
//! No library is used here because none has all of these together: duplicates kept, spans, and the limits
//! of `invalid-json` (docs/rules.md).

use std::ops::Range;

use crate::finding::{InvalidJson, JsonType};

/// The document is level 1.
const MAX_DEPTH: usize = 64;

/// How deep members are kept: the top, the registries, the fields of an entry.
const KEPT_LEVELS: usize = 3;

/// Why a text is not JSON, and where that was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
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
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, Fault> {
    let fault = |reason, offset| Err(Fault { reason, offset });
    match bytes {
        [0xef, 0xbb, 0xbf, ..] | [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => fault(InvalidJson::ByteOrderMark, 0),
        _ => std::str::from_utf8(bytes).or_else(|error| fault(InvalidJson::NotUtf8, error.valid_up_to())),
    }
}

/// Reads the one value that a text holds.
pub(super) fn read(source: &str) -> Result<Tree, Fault> {
    if u32::try_from(source.len()).is_err() {
        // Four thousand times what a Secret can hold.
        return Err(Fault { reason: InvalidJson::Syntax, offset: 0 });
    }
    let mut reader = Reader { source, at: 0, levels: room_for_members(source.len()) };
    reader.blanks();
    if reader.peek().is_none() {
        return Err(reader.fault(InvalidJson::Empty));
    }
    let root = match reader.value(0) {
        Ok(value) => value.kind,
        Err(_) if is_base64_of_json(source) => {
            return Err(Fault { reason: InvalidJson::EncodedTwice, offset: 0 });
        }
        Err(fault) => return Err(fault),
    };
    reader.blanks();
    match reader.peek() {
        None => Ok(Tree { root, levels: reader.levels }),
        Some(_) => Err(reader.fault(InvalidJson::TrailingText)),
    }
}

/// Room for the members of a usual `dockerconfigjson` of this size, so that what is large is not copied again and again while
/// it grows: a registry, on the second level, takes some hundred bytes, and has two or three fields.
fn room_for_members(bytes: usize) -> [Vec<Member>; KEPT_LEVELS] {
    [1, 1 + bytes / 128, 2 + bytes / 48].map(Vec::with_capacity)
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

/// How many bytes stand before the first that ends a string, escapes something in it or may not be in one. Most of a
/// document is inside of strings, so they are looked at eight at a time: subtracting borrows from the highest bit of each
/// byte that is zero, or less than a space. A borrow can reach the bytes above, so that the lowest hit alone is one.
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

struct Value {
    kind: JsonType,
    escaped: bool,
    children: Span,
}

impl Value {
    const fn scalar(kind: JsonType) -> Self {
        Value { kind, escaped: false, children: Span { start: 0, end: 0 } }
    }
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
    levels: [Vec<Member>; KEPT_LEVELS],
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.source.as_bytes().get(self.at).copied()
    }

    fn fault(&self, reason: InvalidJson) -> Fault {
        Fault { reason, offset: self.at }
    }

    /// What is wrong where something else was expected.
    fn unexpected(&self) -> Fault {
        self.fault(if self.peek().is_none() { InvalidJson::CutOff } else { InvalidJson::Syntax })
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Reads a value that stands inside `level` objects whose members are kept.
    fn value(&mut self, level: usize) -> Result<Value, Fault> {
        match self.peek() {
            Some(b'{') if level < KEPT_LEVELS => self.object(level),
            Some(b'{') => self.pass_over(level).map(|()| Value::scalar(JsonType::Object)),
            Some(b'[') => self.pass_over(level).map(|()| Value::scalar(JsonType::Array)),
            _ => self.scalar(),
        }
    }

    /// An object whose members are kept. Calls itself through [`Reader::value`] no deeper than [`KEPT_LEVELS`].
    fn object(&mut self, level: usize) -> Result<Value, Fault> {
        self.expect(b'{')?;
        let first = self.levels.get(level).map_or(0, Vec::len);
        self.blanks();
        if !self.take(b'}') {
            loop {
                let member = self.member(level)?;
                if let Some(members) = self.levels.get_mut(level) {
                    members.push(member);
                }
                self.blanks();
                if self.take(b'}') {
                    break;
                }
                self.expect(b',')?;
                self.blanks();
            }
        }
        let end = self.levels.get(level).map_or(0, Vec::len);
        Ok(Value { kind: JsonType::Object, escaped: false, children: Span::new(first..end) })
    }

    fn member(&mut self, level: usize) -> Result<Member, Fault> {
        let name_start = self.at + 1;
        let name_escaped = self.string()?;
        let name = name_start..self.at - 1;
        self.blanks();
        self.expect(b':')?;
        self.blanks();
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

    fn scalar(&mut self) -> Result<Value, Fault> {
        match self.peek() {
            Some(b'"') => {
                let escaped = self.string()?;
                Ok(Value { escaped, ..Value::scalar(JsonType::String) })
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", JsonType::Boolean),
            Some(b'f') => self.word("false", JsonType::Boolean),
            Some(b'n') => self.word("null", JsonType::Null),
            _ => Err(self.unexpected()),
        }
    }

    fn word(&mut self, word: &str, kind: JsonType) -> Result<Value, Fault> {
        for byte in word.bytes() {
            self.expect(byte)?;
        }
        Ok(Value::scalar(kind))
    }

    /// Reads an array or object without keeping anything, `level` containers being open already. Which kind of
    /// container is open on each level is one bit of a word.
    fn pass_over(&mut self, level: usize) -> Result<(), Fault> {
        let mut open: u64 = 0;
        let mut depth = level;
        loop {
            let byte = self.peek();
            let container = matches!(byte, Some(b'{' | b'['));
            if container {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(self.fault(InvalidJson::TooDeep));
                }
                let object = byte == Some(b'{');
                open = open << 1 | u64::from(object);
                self.at += 1;
                self.blanks();
                if !self.take(if object { b'}' } else { b']' }) {
                    if object {
                        self.name()?;
                    }
                    continue;
                }
                open >>= 1;
                depth -= 1;
            } else {
                self.scalar()?;
            }
            // A value has ended: close what closes with it, then go on to the next.
            loop {
                if depth == level {
                    return Ok(());
                }
                self.blanks();
                let object = open & 1 == 1;
                if self.take(if object { b'}' } else { b']' }) {
                    open >>= 1;
                    depth -= 1;
                    continue;
                }
                self.expect(b',')?;
                self.blanks();
                if object {
                    self.name()?;
                }
                break;
            }
        }
    }

    /// A name and its colon, up to the value.
    fn name(&mut self) -> Result<(), Fault> {
        self.string()?;
        self.blanks();
        self.expect(b':')?;
        self.blanks();
        Ok(())
    }

    /// Reads a string; whether it holds an escape.
    fn string(&mut self) -> Result<bool, Fault> {
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

    fn escape(&mut self) -> Result<(), Fault> {
        self.expect(b'\\')?;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                let start = self.at - 1;
                let lone = Fault { reason: InvalidJson::LoneSurrogate, offset: start };
                self.at += 1;
                match self.hex4()? {
                    0xd800..=0xdbff if self.take(b'\\') && self.take(b'u') => match self.hex4()? {
                        0xdc00..=0xdfff => Ok(()),
                        _ => Err(lone),
                    },
                    0xd800..=0xdfff => Err(lone),
                    _ => Ok(()),
                }
            }
            _ => Err(self.unexpected()),
        }
    }

    fn hex4(&mut self) -> Result<u32, Fault> {
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

    fn number(&mut self) -> Result<Value, Fault> {
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
            Some(number) if number.is_finite() => Ok(Value::scalar(JsonType::Number)),
            _ => Err(Fault { reason: InvalidJson::NumberOutOfRange, offset: start }),
        }
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let rest = self.source.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.unexpected()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
