//! The value of `auth`: base64 of `username:password`, decoded as the kubelet decodes it.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::finding::NotBase64;

/// Go's decoders bear bits behind the last letter that count for nothing (docs/facts.md, "Base64").
const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
const PADDED: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, CONFIG.with_decode_padding_mode(DecodePaddingMode::RequireCanonical));
const UNPADDED: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, CONFIG.with_decode_padding_mode(DecodePaddingMode::RequireNone));

/// A decoded `auth`. It is a credential: there is no `Debug`.
pub(crate) struct Auth {
    decoded: Vec<u8>,
    /// How many `=` are missing: docker and podman want them, the kubelet does not.
    pub(crate) missing_padding: usize,
}

impl Auth {
    /// Decodes as the kubelet does: line breaks do not count; a value that ends in `=` must be padded rightly, any
    /// other must not be padded (docs/facts.md, "Base64").
    pub(crate) fn decode(value: &str) -> Result<Auth, NotBase64> {
        let letters: Cow<'_, [u8]> = if value.contains(['\r', '\n']) {
            value.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect()
        } else {
            Cow::Borrowed(value.as_bytes())
        };
        let padded = value.trim_end().ends_with('=');
        let engine = if padded { &PADDED } else { &UNPADDED };
        let decoded = engine.decode(&letters).map_err(|_| likely_cause(value))?;
        let missing_padding = if padded { 0 } else { letters.len().wrapping_neg() % 4 };
        Ok(Auth { decoded, missing_padding })
    }

    /// The whole of it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.decoded
    }

    /// Username and password: what stands before and behind the first colon.
    pub(crate) fn halves(&self) -> Option<(&[u8], &[u8])> {
        let colon = self.decoded.iter().position(|&byte| byte == b':')?;
        Some((self.decoded.get(..colon)?, self.decoded.get(colon + 1..)?))
    }

    /// Whether it is base64 of base64 of a pair.
    pub(crate) fn is_encoded_twice(&self) -> bool {
        std::str::from_utf8(&self.decoded)
            .is_ok_and(|text| Auth::decode(text.trim()).is_ok_and(|inner| inner.halves().is_some()))
    }
}

/// Appends the `auth` of `username:password`.
pub(crate) fn encode(pair: &[u8], text: &mut Vec<u8>) {
    let start = text.len();
    text.resize(start + base64::encoded_len(pair.len(), true).unwrap_or_default(), 0);
    if let Some(room) = text.get_mut(start..) {
        // The room is exactly what it takes.
        let _ = base64::engine::general_purpose::STANDARD.encode_slice(pair, room);
    }
}

/// What a value that cannot be decoded most likely is.
fn likely_cause(value: &str) -> NotBase64 {
    let is_url_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '\r' | '\n');
    let is_standard = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '\r' | '\n');
    let causes = [
        (NotBase64::Template, value.contains("${") || value.contains("{{") || value.contains('<')),
        (NotBase64::Quoted, value.starts_with(['"', '\''])),
        (NotBase64::BasicPrefix, value.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("basic "))),
        (NotBase64::PlainPair, value.contains(':')),
        (NotBase64::Blanks, value.contains([' ', '\t'])),
        (NotBase64::UrlSafe, value.contains(['-', '_']) && value.chars().all(is_url_safe)),
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
            let bytes = Auth::decode(value).ok().map(|auth| auth.decoded);
            assert_eq!(bytes.as_deref(), decoded.map(str::as_bytes), "{value:?}");
        }
    }

    #[test]
    fn a_value_that_is_no_base64_is_told_by_its_likely_cause() {
        for (value, cause) in [
            ("admin:Harbor12345", NotBase64::PlainPair),
            ("Basic dTpw", NotBase64::BasicPrefix),
            ("dTo_Pz5-Pw==", NotBase64::UrlSafe),
            ("dX M6cA==", NotBase64::Blanks),
            ("${REGISTRY_AUTH}", NotBase64::Template),
            ("{{ .Values.auth | b64enc }}", NotBase64::Template),
            ("\"dTpw\"", NotBase64::Quoted),
            ("dXM6cA=", NotBase64::Padding),
            ("pants", NotBase64::Padding),
            ("%%%%", NotBase64::Other),
        ] {
            assert_eq!(Auth::decode(value).err(), Some(cause), "{value:?}");
        }
    }
}
