//! The value of `auth`: base64 of `username:password`, decoded as the kubelet decodes it.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Go's decoders ignore the unused bits of the last letter (docs/facts.md, "Base64").
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const PADDED: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, CONFIG.with_decode_padding_mode(DecodePaddingMode::RequireCanonical));
const UNPADDED: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, CONFIG.with_decode_padding_mode(DecodePaddingMode::RequireNone));

const URL_SAFE_UNPADDED: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, CONFIG.with_decode_padding_mode(DecodePaddingMode::RequireNone));

/// Why `auth` is likely not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotBase64 {
    /// It is plain `user:password`.
    PlainPair,
    /// It begins with `Basic `.
    BasicPrefix,
    /// It is a pair in the alphabet with `-` and `_`.
    UrlSafe,
    /// It holds spaces or tabs.
    Blanks,
    /// A placeholder such as `${AUTH}`, `{{ .auth }}` or `<auth>` was left in.
    Template,
    /// It is wrapped in quotation marks.
    Quoted,
    /// The padding is wrong.
    Padding,
    /// No likely cause.
    Other,
}

/// A decoded `auth`. It is a credential: there is no `Debug`.
pub(crate) struct Auth {
    /// What is not UTF-8 is replaced in it.
    text: String,
    /// The bytes, if they are not UTF-8.
    not_utf8: Option<Vec<u8>>,
    /// Where in the text the first colon is.
    colon: Option<usize>,
    /// How many `=` are missing.
    pub(crate) missing_padding: usize,
}

impl Auth {
    /// Decodes as the kubelet does: line breaks are skipped; a value that ends in `=` must be padded correctly, and any
    /// other must not be padded (docs/facts.md, "Base64").
    pub(crate) fn decode(value: &str) -> Option<Auth> {
        let is_line_break = |byte: u8| matches!(byte, b'\r' | b'\n');
        let letters: Cow<'_, [u8]> = if value.bytes().any(is_line_break) {
            value.bytes().filter(|byte| !is_line_break(*byte)).collect()
        } else {
            Cow::Borrowed(value.as_bytes())
        };
        let padded = value.trim_end().ends_with('=');
        let engine = if padded { &PADDED } else { &UNPADDED };
        let (text, not_utf8) = match String::from_utf8(engine.decode(&letters).ok()?) {
            Ok(text) => (text, None),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(error.into_bytes())),
        };
        let missing_padding = if padded { 0 } else { letters.len().wrapping_neg() % 4 };
        let colon = text.bytes().position(|byte| byte == b':');
        Some(Auth { text, not_utf8, colon, missing_padding })
    }

    /// All of its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.not_utf8.as_deref().unwrap_or(self.text.as_bytes())
    }

    /// Whether the bytes are UTF-8.
    pub(crate) const fn is_utf8(&self) -> bool {
        self.not_utf8.is_none()
    }

    /// Username and password: what is before and after the first colon.
    pub(crate) fn halves(&self) -> Option<(&[u8], &[u8])> {
        let Some(bytes) = &self.not_utf8 else {
            return self.text_halves().map(|(username, password)| (username.as_bytes(), password.as_bytes()));
        };
        let mut halves = bytes.splitn(2, |&byte| byte == b':');
        halves.next().zip(halves.next())
    }

    /// [`Auth::halves`] as text, in which anything that is not UTF-8 is replaced.
    pub(crate) fn text_halves(&self) -> Option<(&str, &str)> {
        let colon = self.colon?;
        self.text.get(..colon).zip(self.text.get(colon + 1..))
    }

    /// Whether it is base64 of base64 of a pair.
    pub(crate) fn is_encoded_twice(&self) -> bool {
        self.is_utf8() && Auth::decode(self.text.trim()).is_some_and(|inner| inner.halves().is_some())
    }
}

/// The `auth` of `username:password` between two texts.
pub(crate) fn encode_between(before: &str, pair: &str, after: &str) -> String {
    let mut text = String::with_capacity(before.len() + pair.len().div_ceil(3) * 4 + after.len());
    text.push_str(before);
    base64::engine::general_purpose::STANDARD.encode_string(pair, &mut text);
    text.push_str(after);
    text
}

/// Decodes base64url without padding.
pub(crate) fn decode_url_safe(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_UNPADDED.decode(text).ok()
}

/// What a value that cannot be decoded most likely is.
pub(crate) fn likely_cause(value: &str) -> NotBase64 {
    let is_url_safe_pair = || {
        let letters: String = value.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        decode_url_safe(letters.trim_end_matches('=')).is_some_and(|decoded| decoded.contains(&b':'))
    };
    let is_standard = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '\r' | '\n');
    let causes = [
        (NotBase64::Template, value.contains("${") || value.contains("{{") || value.contains('<')),
        (NotBase64::Quoted, value.starts_with(['"', '\''])),
        (NotBase64::BasicPrefix, value.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("basic "))),
        (NotBase64::PlainPair, value.contains(':')),
        (NotBase64::Blanks, value.contains([' ', '\t'])),
        (NotBase64::UrlSafe, value.contains(['-', '_']) && is_url_safe_pair()),
        (NotBase64::Padding, value.chars().all(is_standard)),
    ];
    causes.into_iter().find_map(|(cause, fits)| fits.then_some(cause)).unwrap_or(NotBase64::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_the_kubelet_decodes() {
        // docs/facts.md, "Base64"
        for (value, decoded) in [
            ("dTpw", Some("u:p")),
            ("dXM6cA==", Some("us:p")),
            ("dXM6cA", Some("us:p")),
            ("dXM6cB==", Some("us:p")),
            ("dT\r\npw\n", Some("u:p")),
            ("dXM6cA\n==", Some("us:p")),
            ("\n", Some("")),
            ("dXM6cA=", None),
            ("dXM6cA== ", None),
            ("dXM6cA==dXM6cA", None),
            (" dTpw", None),
            ("dTo_Pz5-Pw==", None),
            ("pants", None),
        ] {
            let auth = Auth::decode(value);
            assert_eq!(auth.as_ref().map(Auth::bytes), decoded.map(str::as_bytes), "{value:?}");
        }
    }

    #[test]
    fn likely_cause_of_invalid_base64_is_named() {
        for (value, cause) in [
            ("admin:Harbor12345", NotBase64::PlainPair),
            ("Basic dTpw", NotBase64::BasicPrefix),
            ("dTo_Pz5-Pw==", NotBase64::UrlSafe),
            ("my-robot_token", NotBase64::Other),
            ("dX M6cA==", NotBase64::Blanks),
            ("${REGISTRY_AUTH}", NotBase64::Template),
            ("{{ .Values.auth | b64enc }}", NotBase64::Template),
            ("\"dTpw\"", NotBase64::Quoted),
            ("dXM6cA=", NotBase64::Padding),
            ("pants", NotBase64::Padding),
            ("%%%%", NotBase64::Other),
        ] {
            assert!(Auth::decode(value).is_none(), "{value:?}");
            assert_eq!(likely_cause(value), cause, "{value:?}");
        }
    }
}
