//! Wraps paragraphs to the width of a terminal, in English and in Chinese.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Breaks a paragraph into lines of at most `columns`, at spaces and between Chinese characters. A longer word gets a line
/// of its own.
pub(super) fn wrapped(paragraph: &str, columns: usize) -> String {
    let mut text = String::with_capacity(paragraph.len() + 16);
    let mut used = 0;
    for piece in pieces(paragraph) {
        if used > 0 && used + piece.trim_end().width() > columns {
            text.truncate(text.trim_end().len());
            text.push('\n');
            used = 0;
        }
        text.push_str(piece);
        used += piece.width();
    }
    text.truncate(text.trim_end().len());
    text
}

/// Splits a paragraph after each place where a line can end.
fn pieces(paragraph: &str) -> impl Iterator<Item = &str> {
    let mut rest = paragraph;
    std::iter::from_fn(move || {
        let mut chars = rest.char_indices().peekable();
        while let Some((_, c)) = chars.next() {
            let Some(&(at, next)) = chars.peek() else { break };
            if may_end(c, next) {
                let (piece, after) = rest.split_at_checked(at)?;
                rest = after;
                return Some(piece);
            }
        }
        let last = std::mem::take(&mut rest);
        (!last.is_empty()).then_some(last)
    })
}

/// Whether a line can end between two characters: after a space, and before or after a Chinese character. Punctuation stays
/// with its word.
fn may_end(before: char, after: char) -> bool {
    let wide = |c: char| c.width() == Some(2);
    let closes = |c: char| "，。、；：！？）》」』”’".contains(c);
    let opens = |c: char| "（《「『“‘".contains(c);
    if before == ' ' {
        return after != ' ';
    }
    (wide(before) || wide(after)) && after != ' ' && !closes(after) && !opens(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrapped("one two three", 7), "one two\nthree");
        assert_eq!(wrapped("one two three", 8), "one two\nthree");
        assert_eq!(wrapped("incomprehensible word", 5), "incomprehensible\nword");
        assert_eq!(wrapped("", 5), "");
    }

    #[test]
    fn chinese_breaks_anywhere_but_before_punctuation() {
        assert_eq!(wrapped("镜像拉取凭据", 8), "镜像拉取\n凭据");
        assert_eq!(wrapped("镜像拉取，凭据", 8), "镜像拉\n取，凭据");
        assert_eq!(wrapped("读取 `auth` 字段。", 11), "读取 `auth`\n字段。");
        assert_eq!(wrapped("（镜像）", 2), "（镜\n像）");
    }
}
