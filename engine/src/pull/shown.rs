//! Names and images, made safe to show.

use crate::escape::escaped;

/// A name or an image is cut at this many characters where it is shown.
const SHOWN_CHARS: usize = 253;

/// A name or a reference, safe to show.
pub(super) fn shown(text: &str) -> String {
    escaped(text, SHOWN_CHARS)
}

/// An image, safe to show: without what is before an `@`, which can be a password, unless a digest follows it.
pub(super) fn shown_image(image: &str) -> String {
    let is_digest = |text: &str| {
        let (algorithm, hex) = text.split_once(':').unwrap_or_default();
        algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && hex.len() >= 32
            && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let digest = image.rsplit_once('@').filter(|(_, digest)| is_digest(digest));
    let name = digest.map_or(image, |(name, _)| name);
    match name.rfind('@') {
        Some(at) => shown(image.get(at + 1..).unwrap_or_default()),
        None => shown(image),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_of_an_image_is_not_shown() {
        let digest = format!("r.example.com/app@sha256:{}", "0".repeat(64));
        for (image, expected) in [
            ("r.example.com/app:1", "r.example.com/app:1"),
            (&*digest, &*digest),
            (&format!("bob:secret@{digest}"), &*digest),
            ("https://bob:secret@r.example.com/app", "r.example.com/app"),
            ("bob:secret@r.example.com", "r.example.com"),
            ("a\u{7}b", "a\\u{7}b"),
        ] {
            assert_eq!(shown_image(image), expected, "{image}");
        }
    }
}
