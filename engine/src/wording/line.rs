//! Lengths and characters of a line.

/// The API server cuts warnings that are longer than this once there are many.
pub(super) const MAX_WARNING_CHARS: usize = 256;

/// At most this much of a host is shown in a warning.
pub(super) const MAX_SHOWN_HOST_CHARS: usize = 80;

/// Cuts the end of a text that is longer than `chars`.
pub(super) fn cut(text: String, chars: usize) -> String {
    if text.len() <= chars || text.chars().count() <= chars {
        return text;
    }
    text.chars().take(chars.saturating_sub(1)).chain(['…']).collect()
}

/// Cuts the middle of a text that is longer than `chars`: both ends of a host are informative.
pub(super) fn cut_middle(text: String, chars: usize) -> String {
    if text.len() <= chars {
        return text;
    }
    let count = text.chars().count();
    if count <= chars {
        return text;
    }
    let tail = chars.saturating_sub(1) / 2;
    let head = chars.saturating_sub(1 + tail);
    text.chars().take(head).chain(['…']).chain(text.chars().skip(count - tail)).collect()
}

/// Escapes what is not ASCII. Browsers take the bytes of a warning for Latin-1, and in a registry key a letter that
/// only looks like an ASCII one is better seen.
pub(super) fn ascii(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() || c == '…' { shown.push(c) } else { shown.extend(c.escape_unicode()) }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("镜像".to_owned(), 2), "镜像");
        assert_eq!(cut("镜像拉取".to_owned(), 3), "镜像…");
        assert_eq!(cut("镜".to_owned(), 0), "…");
    }

    #[test]
    fn a_host_keeps_both_ends() {
        assert_eq!(cut_middle("abcdefgh".to_owned(), 8), "abcdefgh");
        assert_eq!(cut_middle("abcdefghi".to_owned(), 8), "abcd…ghi");
        assert_eq!(cut_middle("一二三四五六".to_owned(), 5), "一二…五六");
    }

    #[test]
    fn what_is_not_ascii_is_seen() {
        assert_eq!(ascii("r．example…".to_owned()), "r\\u{ff0e}example…");
    }
}
