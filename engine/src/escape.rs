//! Text from outside, made safe to show.

use crate::finding::is_escaped;

/// Returns `text` with the characters of [`is_escaped`] written as `\u{…}`, cut at `max_chars` characters and then
/// marked with `…`.
#[must_use]
pub fn escaped(text: &str, max_chars: usize) -> String {
    let mut shown = String::new();
    let mut room = max_chars;
    for c in text.chars() {
        let escape = is_escaped(c).then(|| c.escape_unicode());
        let Some(left) = room.checked_sub(escape.as_ref().map_or(1, ExactSizeIterator::len)) else {
            shown.push('…');
            break;
        };
        room = left;
        match escape {
            Some(escape) => shown.extend(escape),
            None => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_are_escaped_and_long_text_is_cut() {
        assert_eq!(escaped("a\u{7}\u{202e}密", 80), "a\\u{7}\\u{202e}密");
        assert_eq!(escaped("密码密码", 4), "密码密码");
        assert_eq!(escaped("密码密码", 3), "密码密…");
        // an escape is not cut in the middle
        assert_eq!(escaped("a\u{7}b", 5), "a…");
    }
}
