//! Text from outside, made safe to show.

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

/// Whether a character is never shown as it is: control characters; line and paragraph separators; the characters that turn
/// the direction of writing or that are invisible (Unicode's `Bidi_Control` and `Default_Ignorable_Code_Point`); and
/// noncharacters, over which readers of XML and YAML refuse the whole text.
#[must_use]
pub fn is_escaped(c: char) -> bool {
    let invisible = matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    );
    let noncharacter = matches!(c, '\u{fdd0}'..='\u{fdef}') || u32::from(c) & 0xfffe == 0xfffe;
    c.is_control() || invisible || noncharacter
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_is_escaped_and_long_is_cut() {
        assert_eq!(escaped("a\u{7}\u{202e}密", 80), "a\\u{7}\\u{202e}密");
        assert_eq!(escaped("密码密码", 4), "密码密码");
        assert_eq!(escaped("密码密码", 3), "密码密…");
        // an escape is not cut in the middle
        assert_eq!(escaped("a\u{7}b", 5), "a…");
    }
}
