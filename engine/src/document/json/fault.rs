//! Why a text is not JSON.

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

/// What a text that is not JSON probably is, as far as that can be known.
pub(super) fn likely_cause(source: &str, SyntaxError { reason, offset }: SyntaxError) -> Option<InvalidJson> {
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
