//! Texts from a cluster.

use regcred_engine::finding::is_escaped;

/// Makes a text from an API server, a webhook or an object safe to print: one line, at most `max` characters, control
/// characters escaped.
pub(super) fn quoted(text: &str, max: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = line.chars();
    let mut quoted = String::with_capacity(line.len().min(max));
    for c in chars.by_ref().take(max) {
        if is_escaped(c) { quoted.extend(c.escape_unicode()) } else { quoted.push(c) }
    }
    if chars.next().is_some() {
        quoted.push('…');
    }
    quoted
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
