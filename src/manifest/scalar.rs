//! Maps the bytes of a decoded text to the bytes of the file, so that the text can be located and edited in the file.
//!
//! The parser returns a scalar's text and its span. This module reads the span again, byte by byte, and compares the result
//! with the parser's text. If they differ, there is no map, and the file is not edited.

use std::ops::Range;

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// A JSON string, or a whole file that is the text itself when it has no quotation marks.
    Json,
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
    Folded,
    /// `!!binary`: the text is already decoded.
    Binary,
}

/// Maps bytes of a text to bytes of a file.
pub(super) struct Map {
    pieces: Vec<Piece>,
    text: String,
}

/// Bytes of the text, and the bytes of the file that they are written as. If both ranges have the same length, they correspond
/// byte by byte.
struct Piece {
    text: Range<usize>,
    file: Range<usize>,
}

impl Map {
    /// Maps the text of a scalar at `span`.
    pub(super) fn new(file: &str, span: &Range<usize>, style: Style, text: &str) -> Option<Map> {
        let mut writer = Writer { file, at: span.start, end: span.end, map: Map::empty() };
        match style {
            Style::Json | Style::DoubleQuoted => writer.quoted(b'"', style == Style::Json)?,
            Style::SingleQuoted => writer.quoted(b'\'', false)?,
            Style::Plain => writer.flow(None, false)?,
            Style::Literal | Style::Folded => {
                return Map::of_block(file, span, style == Style::Literal, text);
            }
            Style::Binary => return None,
        }
        Some(writer.map).filter(|map| map.text == text)
    }

    /// Maps the text of a block scalar, whose span begins after the indentation of its first line that is not empty.
    fn of_block(file: &str, span: &Range<usize>, literal: bool, text: &str) -> Option<Map> {
        let before = file.get(..span.start)?;
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        let indentation = span.start - line;
        let lines = before.get(..line)?;
        let blank = lines.split_inclusive('\n').rev().take_while(|line| line.trim().is_empty()).map(str::len);
        let at = line - blank.sum::<usize>();
        Writer { file, at, end: span.end, map: Map::empty() }.block(literal, indentation).ending_with(text)
    }

    /// Cuts the map to a text: the header of a block scalar decides whether line breaks at its end belong to it.
    fn ending_with(mut self, text: &str) -> Option<Map> {
        let map = &mut self;
        if !map.text.strip_prefix(text)?.bytes().all(|byte| byte == b'\n') {
            return None;
        }
        map.pieces.retain(|piece| piece.text.start < text.len());
        if let Some(last) = map.pieces.last_mut()
            && let Some(over) = last.text.end.checked_sub(text.len())
            && last.is_exact()
        {
            (last.text.end, last.file.end) = (text.len(), last.file.end - over);
        }
        map.text.truncate(text.len());
        Some(self)
    }

    /// Returns the map of a part of the text, as if that were all of it.
    pub(super) fn part(&self, range: &Range<usize>) -> Option<Map> {
        let mut part = Map { pieces: Vec::new(), text: self.text.get(range.clone())?.to_owned() };
        for piece in
            self.pieces.iter().filter(|piece| piece.text.start < range.end && piece.text.end > range.start)
        {
            let (mut text, mut file) = (piece.text.clone(), piece.file.clone());
            if piece.is_exact() {
                let (before, after) =
                    (range.start.saturating_sub(text.start), text.end.saturating_sub(range.end));
                (text, file) = (text.start + before..text.end - after, file.start + before..file.end - after);
            }
            // A part begins and ends between characters, and so between pieces.
            let text = text.start.checked_sub(range.start)?..text.end - range.start;
            part.pieces.push(Piece { text, file });
        }
        Some(part)
    }

    /// Maps a file that is itself the text.
    pub(super) fn of_file(file: &str) -> Map {
        let all = 0..file.len();
        Map { pieces: vec![Piece { text: all.clone(), file: all }], text: file.to_owned() }
    }

    fn empty() -> Map {
        Map { pieces: Vec::new(), text: String::new() }
    }

    /// Returns where the byte at `at` begins in the file.
    pub(super) fn start(&self, at: usize) -> Option<usize> {
        let index = self.pieces.partition_point(|piece| piece.text.end <= at);
        match self.pieces.get(index) {
            Some(piece) if piece.is_exact() => Some(piece.file.start + at.checked_sub(piece.text.start)?),
            Some(piece) => Some(piece.file.start),
            None => self.end(at),
        }
    }

    /// Returns where the byte before `at` ends in the file.
    pub(super) fn end(&self, at: usize) -> Option<usize> {
        let index = self.pieces.partition_point(|piece| piece.text.start < at).checked_sub(1)?;
        let piece = self.pieces.get(index)?;
        Some(if piece.is_exact() {
            piece.file.end.min(piece.file.start + at.checked_sub(piece.text.start)?)
        } else {
            piece.file.end
        })
    }

    /// Returns the range of the file to replace in order to replace this range of the text.
    pub(super) fn range(&self, text: &Range<usize>) -> Option<Range<usize>> {
        if text.is_empty() {
            let at = self.end(text.start)?;
            return Some(at..at);
        }
        Some(self.start(text.start)?..self.end(text.end)?)
    }

    fn push(&mut self, text: &str, file: Range<usize>) {
        if text.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(text);
        let text = start..self.text.len();
        if let Some(last) = self.pieces.last_mut()
            && last.is_exact()
            && text.len() == file.len()
            && last.file.end == file.start
        {
            (last.text.end, last.file.end) = (text.end, file.end);
            return;
        }
        self.pieces.push(Piece { text, file });
    }
}

impl Piece {
    fn is_exact(&self) -> bool {
        self.text.len() == self.file.len()
    }
}

/// Returns how a text without line breaks, apostrophes and control characters is written inside a scalar.
pub(super) fn written(text: &str, style: Style) -> String {
    match style {
        Style::Json | Style::DoubleQuoted => text.replace('\\', "\\\\").replace('"', "\\\""),
        Style::SingleQuoted => text.replace('\'', "''"),
        Style::Plain | Style::Literal | Style::Folded | Style::Binary => text.to_owned(),
    }
}

/// Reads a scalar and writes its map.
struct Writer<'f> {
    file: &'f str,
    at: usize,
    end: usize,
    map: Map,
}

impl Writer<'_> {
    fn peek(&self) -> Option<char> {
        self.file.get(self.at..self.end)?.chars().next()
    }

    fn rest(&self) -> &str {
        self.file.get(self.at..self.end).unwrap_or_default()
    }

    /// Skips one line break and returns its position.
    fn line_break(&mut self) -> Option<Range<usize>> {
        let length = match self.rest().as_bytes() {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => return None,
        };
        let start = self.at;
        self.at += length;
        Some(start..self.at)
    }

    /// Skips spaces and tabs and returns their position.
    fn blanks(&mut self) -> Range<usize> {
        let start = self.at;
        self.at += self.rest().bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        start..self.at
    }

    fn copy(&mut self, range: Range<usize>) {
        let text = self.file.get(range.clone()).unwrap_or_default();
        self.map.push(text, range);
    }

    fn quoted(&mut self, mark: u8, json: bool) -> Option<()> {
        let inner = self.rest();
        if inner.as_bytes().first() != Some(&mark)
            || inner.len() < 2
            || inner.as_bytes().last() != Some(&mark)
        {
            return None;
        }
        self.at += 1;
        self.end -= 1;
        self.flow(Some(mark), json)
    }

    /// The inside of a quoted or plain scalar, line folding included.
    fn flow(&mut self, mark: Option<u8>, json: bool) -> Option<()> {
        while let Some(c) = self.peek() {
            match c {
                ' ' | '\t' => {
                    let blanks = self.blanks();
                    let at_break = matches!(self.peek(), Some('\n' | '\r'));
                    // White space at the end of a line is removed with the line break.
                    if !at_break && (self.peek().is_some() || mark.is_some()) {
                        self.copy(blanks);
                    }
                }
                '\n' | '\r' => self.fold(),
                '\\' if mark == Some(b'"') => self.escape(json)?,
                '\'' if mark == Some(b'\'') => {
                    if !self.rest().starts_with("''") {
                        return None;
                    }
                    self.map.push("'", self.at..self.at + 2);
                    self.at += 2;
                }
                _ => {
                    let next = self.at + c.len_utf8();
                    self.copy(self.at..next);
                    self.at = next;
                }
            }
        }
        Some(())
    }

    /// A line break reads as a space, and further ones are line breaks.
    fn fold(&mut self) {
        let Some(first) = self.line_break() else { return };
        let mut breaks = Vec::new();
        loop {
            self.blanks();
            match self.line_break() {
                Some(range) => breaks.push(range),
                None => break,
            }
        }
        if breaks.is_empty() {
            self.map.push(" ", first);
        }
        for range in breaks {
            self.map.push("\n", range);
        }
    }

    fn escape(&mut self, json: bool) -> Option<()> {
        let start = self.at;
        self.at += 1;
        let c = self.peek()?;
        if !json && matches!(c, '\n' | '\r') {
            // The line break and the indentation of the next line are removed; further line breaks are kept.
            self.line_break();
            loop {
                self.blanks();
                match self.line_break() {
                    Some(range) => self.map.push("\n", range),
                    None => return Some(()),
                }
            }
        }
        self.at += c.len_utf8();
        let decoded = match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => self.hex_escape(4, json)?,
            _ if json => return None,
            '0' => '\0',
            'a' => '\u{7}',
            'v' => '\u{b}',
            'e' => '\u{1b}',
            '\'' | ' ' | '\t' => c,
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' => self.hex_escape(2, false)?,
            'U' => self.hex_escape(8, false)?,
            _ => return None,
        };
        let mut bytes = [0; 4];
        self.map.push(decoded.encode_utf8(&mut bytes), start..self.at);
        Some(())
    }

    fn hex_escape(&mut self, digits: usize, pairs: bool) -> Option<char> {
        let code = self.hex(digits)?;
        if pairs && (0xd800..0xdc00).contains(&code) && self.rest().starts_with("\\u") {
            self.at += 2;
            let low = self.hex(4)?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
            return char::from_u32(0x1_0000 + ((code - 0xd800) << 10) + low);
        }
        char::from_u32(code)
    }

    fn hex(&mut self, digits: usize) -> Option<u32> {
        let code = u32::from_str_radix(self.rest().get(..digits)?, 16).ok()?;
        self.at += digits;
        Some(code)
    }

    /// The lines of a block scalar.
    fn block(mut self, literal: bool, indentation: usize) -> Map {
        let (mut pending, mut blank_before): (Vec<Range<usize>>, bool) = (Vec::new(), false);
        let mut first = true;
        while !self.rest().is_empty() {
            let spaces = self.rest().bytes().take_while(|byte| *byte == b' ').count().min(indentation);
            let after = self.rest().get(spaces..).unwrap_or_default();
            if after.is_empty() || after.starts_with(['\n', '\r']) {
                self.at += spaces;
                match self.line_break() {
                    Some(range) => pending.push(range),
                    None => break,
                }
                continue;
            }
            if spaces < indentation {
                break;
            }
            self.at += spaces;
            let blank = self.rest().starts_with([' ', '\t']);
            self.breaks(&mut pending, literal || first || blank || blank_before);
            (blank_before, first) = (blank, false);
            let line = self.rest().find(['\n', '\r']).unwrap_or(self.rest().len());
            self.copy(self.at..self.at + line);
            self.at += line;
            // kubectl reads the last line of a file as if it ended in a line break.
            pending.push(self.line_break().unwrap_or(self.at..self.at));
        }
        self.breaks(&mut pending, true);
        self.map
    }

    /// The breaks between two lines: all of them, or folded.
    fn breaks(&mut self, pending: &mut Vec<Range<usize>>, all: bool) {
        let breaks = std::mem::take(pending);
        match breaks.as_slice() {
            [] => {}
            [one] if !all => self.map.push(" ", one.clone()),
            several => {
                for range in several.iter().skip(usize::from(!all)) {
                    self.map.push("\n", range.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folded_line_breaks_have_a_place() {
        for (file, text) in [("\"ab\ncd\"", "ab cd"), ("\"ab\r\ncd\"", "ab cd"), ("\"ab\n  cd\"", "ab cd")] {
            let map = Map::new(file, &(0..file.len()), Style::DoubleQuoted, text).unwrap();
            let written = |range: Range<usize>| file.get(map.range(&range).unwrap()).unwrap();
            assert_eq!((written(0..2), written(3..5)), ("ab", "cd"), "{file:?}");
            assert_eq!(written(2..3).trim_matches(['\r', '\n']), "", "{file:?}");
            assert_eq!(written(0..5), file.trim_matches('"'), "{file:?}");
        }
    }
}
