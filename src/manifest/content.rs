//! The content of a file: text in UTF-8, text in UTF-16 as PowerShell writes it, or anything else.

use zeroize::Zeroizing;

/// The content of a file. It can contain credentials: there is no `Debug`.
pub struct Content<'f> {
    bytes: &'f [u8],
    text: Decoded<'f>,
}

/// The text of a file.
enum Decoded<'f> {
    Utf8(&'f str),
    Utf16(Zeroizing<String>),
    None,
}

impl<'f> Content<'f> {
    /// Decodes the bytes of a file as kubectl does: UTF-16 where they begin with its byte order mark.
    #[must_use]
    pub fn new(bytes: &'f [u8]) -> Self {
        let text = match bytes {
            [0xff, 0xfe, rest @ ..] => Decoded::Utf16(utf16(rest, u16::from_le_bytes)),
            [0xfe, 0xff, rest @ ..] => Decoded::Utf16(utf16(rest, u16::from_be_bytes)),
            bytes => std::str::from_utf8(bytes).map_or(Decoded::None, Decoded::Utf8),
        };
        Content { bytes, text }
    }

    /// Returns the text; it is empty if the file is not text.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.text {
            Decoded::Utf8(text) => text,
            Decoded::Utf16(text) => text,
            Decoded::None => "",
        }
    }

    /// Returns the bytes as they are in the file.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        self.bytes
    }

    /// Whether it is text at all.
    #[must_use]
    pub const fn is_text(&self) -> bool {
        !matches!(self.text, Decoded::None)
    }

    /// Whether it is UTF-16.
    #[must_use]
    pub const fn is_utf16(&self) -> bool {
        matches!(self.text, Decoded::Utf16(_))
    }
}

/// What is not a character becomes U+FFFD, as in kubectl's decoder (golang.org/x/text/encoding/unicode).
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Zeroizing<String> {
    let (units, rest) = bytes.as_chunks();
    let characters = char::decode_utf16(units.iter().copied().map(unit));
    let mut text = Zeroizing::new(String::with_capacity(bytes.len()));
    text.extend(characters.map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)));
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}
