//! What a template left unfilled.

/// Whether a value is a placeholder: white space around it aside, and one pair of quotation marks, it is a template from
/// its beginning to its end; or it contains what Go prints for a missing value.
pub(super) fn is_placeholder(value: &str) -> bool {
    // Every form has one of these.
    if !value.bytes().any(|byte| matches!(byte, b'{' | b'$' | b'<' | b'%')) {
        return false;
    }
    let value = value.trim();
    let inner = ['"', '\'', '`']
        .into_iter()
        .find_map(|mark| value.strip_prefix(mark)?.strip_suffix(mark))
        .unwrap_or(value);
    let is_within =
        |open: &str, close: &str| inner.strip_prefix(open).is_some_and(|rest| rest.ends_with(close));
    inner == "<no value>"
        || is_within("{{", "}}")
        || is_within("${", "}")
        || is_within("$(", ")")
        || has_go_mark(value)
}

/// Whether a registry key contains, anywhere, what a template left unfilled.
pub(super) fn is_unfilled_key(key: &str) -> bool {
    let has_between =
        |open: &str, close: &str| key.split_once(open).is_some_and(|(_, rest)| rest.contains(close));
    let has_variable = || {
        key.split('$').skip(1).any(|rest| {
            variable_name(rest)
                .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        })
    };
    key.contains("%!")
        || has_between("{{", "}}")
        || has_between("${", "}")
        || has_between("$(", ")")
        || has_variable()
}

/// Whether this is `$NAME` and nothing else.
pub(super) fn is_variable(value: &str) -> bool {
    value.strip_prefix('$').and_then(variable_name) == Some("")
}

/// What follows the name of a shell variable: a capital letter or `_`, then any number of these and of digits.
fn variable_name(text: &str) -> Option<&str> {
    let is_first = |c: char| c.is_ascii_uppercase() || c == '_';
    let after = text.trim_start_matches(|c: char| is_first(c) || c.is_ascii_digit());
    text.starts_with(is_first).then_some(after)
}

/// Whether a text contains what Go prints for a missing value, an unknown verb or an operand too many
/// (go1.26, fmt: "Format errors").
fn has_go_mark(text: &str) -> bool {
    if !text.as_bytes().contains(&b'%') {
        return false;
    }
    // The text after one `%` that is searched contains no other one.
    text.split('%').skip(1).filter_map(|rest| rest.strip_prefix('!')).any(|rest| {
        let mut chars = rest.chars();
        let after_letter = chars.next().filter(|c| c.is_alphabetic()).map_or(rest, |_| chars.as_str());
        let Some(mark) = after_letter.strip_prefix('(') else { return false };
        let is_type = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '*' | '[' | ']');
        let after_type = mark.trim_start_matches(is_type);
        ["<nil>)", "MISSING)", "NOVERB)", "BADINDEX)", "EXTRA "]
            .into_iter()
            .any(|known| mark.starts_with(known))
            || (after_type.len() < mark.len() && after_type.starts_with('='))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_the_whole_value() {
        for (value, expected) in [
            ("{{}}", true),
            ("{{ .a }}:{{ .b }}", true),
            ("${}", true),
            ("$()", true),
            ("\" ${X}\"", false),
            (" '${X}'\n", true),
            ("`<no value>`", true),
            ("\"'${X}'\"", false),
            ("${X", false),
            ("{{}", false),
            ("a${X}", false),
            ("$X", false),
            ("<no value>x", false),
            ("\"", false),
        ] {
            assert_eq!(is_placeholder(value), expected, "{value}");
        }
    }

    #[test]
    fn go_text_of_missing_value_is_found() {
        for (value, expected) in [
            ("a%!s(<nil>)b", true),
            ("%!(NOVERB)", true),
            ("%!d(BADINDEX)", true),
            ("%!v(MISSING)", true),
            ("%!(EXTRA string=x)", true),
            ("%!(EXTRA)", false),
            ("%!d(string=x)", true),
            ("%!d(map[string]*int.x_1=", true),
            ("%!d(=x)", false),
            ("%!dd(string=x)", false),
            ("%!d(a b=x)", false),
            ("%!%!s(<nil>)", true),
            ("100%!", false),
        ] {
            assert_eq!(has_go_mark(value), expected, "{value}");
        }
    }

    #[test]
    fn a_key_is_unfilled_wherever_the_template_is() {
        for (key, expected) in [
            ("r.example.com/${X}", true),
            ("{{ .host }}", true),
            ("}}{{", false),
            ("r.example.com:$(PORT)", true),
            ("$REGISTRY", true),
            ("$REGISTRY.example.com", true),
            ("$_/x", true),
            ("$REGISTRYx", false),
            ("$REGISTRYé", false),
            ("$x", false),
            ("$1A", false),
            ("$$A", true),
            ("%!s(<nil>)", true),
            ("<HOST>", false),
        ] {
            assert_eq!(is_unfilled_key(key), expected, "{key}");
        }
    }
}
