//! Words that are no texts to YAML 1.1, by whose rules kubectl reads and writes it.

/// A word in one of the ways of writing it that count: small, with a capital, or in capitals.
fn is_one_of(text: &str, words: &[&str]) -> bool {
    let (small, capitals) = (|c: char| c.is_ascii_lowercase(), |c: char| c.is_ascii_uppercase());
    let rest = text.get(1..).unwrap_or_default();
    let counts = text.chars().all(small) || text.chars().all(capitals) || rest.chars().all(small);
    counts && words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Whether a word is a truth value.
pub(crate) fn is_bool(text: &str) -> bool {
    is_one_of(text, &["y", "n", "yes", "no", "on", "off", "true", "false"])
}

/// Whether a word is nothing.
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~") || is_one_of(text, &["null"])
}
