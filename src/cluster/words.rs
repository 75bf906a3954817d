//! Text from other programs in a cluster.

use regcred_engine::escape::escaped;

/// Quotes text from an API server, another webhook or the owner of an object: in one line, at most `max_chars` long, with
/// invisible characters escaped.
pub(super) fn quoted(text: &str, max_chars: usize) -> String {
    escaped(&text.split_whitespace().collect::<Vec<_>>().join(" "), max_chars)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_one_printable_line() {
        for (words, shown) in [
            (
                "admission webhook \"x\" denied\n\tthe request:  no",
                "admission webhook \"x\" denied the request: no",
            ),
            ("a\u{1b}[31mb\u{202e}c\u{ffff}\u{feff}", "a\\u{1b}[31mb\\u{202e}c\\u{ffff}\\u{feff}"),
            ("镜像", "镜像"),
        ] {
            assert_eq!(quoted(words, 50), shown);
        }
        assert_eq!(quoted("镜像拉取", 4), "镜像拉取");
        assert_eq!(quoted("镜像拉取凭据", 4), "镜像拉取…");
    }
}
