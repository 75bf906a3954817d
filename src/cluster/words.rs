//! What others say in a cluster.

use regcred_engine::escape::is_escaped;

/// The words of others, such as an API server, a webhook behind it, or whoever made an object: in one line, in so many
/// characters at most, and with what is never shown as it is escaped.
pub(super) fn quoted(words: &str, most: usize) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = line.chars();
    let mut quoted = String::with_capacity(line.len().min(most));
    for c in chars.by_ref().take(most) {
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
    fn words_of_others_are_one_short_line_in_which_everything_can_be_seen() {
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
