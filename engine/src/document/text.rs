//! A JSON string as written, and its value.

use std::borrow::Cow;

/// The inside of a JSON string that the reader has accepted. It can be a credential: there is no `Debug`.
#[derive(Clone, Copy)]
pub(crate) struct JsonText<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> JsonText<'a> {
    pub(super) const fn new(raw: &'a str, escaped: bool) -> Self {
        JsonText { raw, escaped }
    }

    /// The text with its escapes resolved.
    pub(crate) fn decode(self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(self.chars().collect()) } else { Cow::Borrowed(self.raw) }
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.raw.is_empty()
    }

    /// Whether Go's encoding/json takes this for the name `known`, which is ASCII: Unicode simple folding, in which
    /// the long s and the Kelvin sign are the only other characters that fold to ASCII letters
    /// (docs/facts.md, "JSON dialect").
    pub(crate) fn folds_to(self, known: &str) -> bool {
        if !self.escaped && self.raw.len() == known.len() {
            return self.raw.eq_ignore_ascii_case(known);
        }
        // Text with escapes or with those two is longer than what it folds to.
        if self.raw.len() <= known.len() {
            return false;
        }
        self.chars().map(folded).eq(known.chars().map(folded))
    }

    /// Whether Go would take the end for these letters, as [`JsonText::folds_to`] does the whole.
    pub(crate) fn ends_with_folded(self, known: &str) -> bool {
        let letters = known.chars().count();
        let mut last: std::collections::VecDeque<char> = std::collections::VecDeque::with_capacity(letters);
        for c in self.chars() {
            if last.len() == letters {
                last.pop_front();
            }
            last.push_back(folded(c));
        }
        last.into_iter().eq(known.chars().map(folded))
    }

    /// The characters, escapes resolved.
    pub(crate) fn chars(self) -> impl Iterator<Item = char> + 'a {
        let mut rest = self.raw;
        std::iter::from_fn(move || {
            let (c, behind) = split_char(rest)?;
            rest = behind;
            Some(c)
        })
    }
}

fn folded(c: char) -> char {
    match c {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    }
}

/// Where, in the raw text, the line breaks at its end begin.
pub(crate) fn line_break_end(text: JsonText<'_>) -> usize {
    let mut rest = text.raw;
    let mut end = 0;
    while let Some((c, behind)) = split_char(rest) {
        rest = behind;
        if c != '\r' && c != '\n' {
            end = text.raw.len() - rest.len();
        }
    }
    end
}

/// Splits the first character off a raw text, resolving an escape. The reader has checked the escapes; what it would
/// not have accepted ends the text here.
fn split_char(raw: &str) -> Option<(char, &str)> {
    let mut chars = raw.chars();
    let c = chars.next()?;
    if c != '\\' {
        return Some((c, chars.as_str()));
    }
    let c = match chars.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let (unit, behind) = split_hex(chars.as_str())?;
            if let Some(c) = char::from_u32(unit) {
                return Some((c, behind));
            }
            let (low, behind) = split_hex(behind.strip_prefix("\\u")?)?;
            let code = 0x1_0000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
            return Some((char::from_u32(code)?, behind));
        }
        c => c,
    };
    Some((c, chars.as_str()))
}

/// Splits off four hexadecimal digits.
fn split_hex(raw: &str) -> Option<(u32, &str)> {
    let (digits, rest) = raw.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}
