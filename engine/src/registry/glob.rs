//! Globs over host names, label by label, as the kubelet matches registry keys: Go's `filepath.Match` on each label,
//! and as many labels on both sides (docs/facts.md, "Globs").

/// The longest label worth comparing: no label of a host name is longer than 63 characters (RFC 1035), and what must
/// be longer than this cannot match one.
const LONGEST_LABEL: usize = 253;

/// Whether `text` would be read as a glob.
pub(super) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// A host of labels, each of which may be a glob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostGlob(Vec<Label>);

impl HostGlob {
    pub(super) fn new(host: &str) -> Self {
        HostGlob(host.split('.').map(Label::new).collect())
    }

    /// Whether some label is malformed, as `[abc` is.
    pub(super) fn is_malformed(&self) -> bool {
        self.0.iter().any(|Label(tokens)| tokens.is_none())
    }

    /// This host and no other, whatever characters it holds.
    pub(super) fn literal(host: &str) -> Self {
        HostGlob(host.split('.').map(Label::literal).collect())
    }

    /// Whether some host fits both.
    pub(super) fn intersects(&self, other: &HostGlob) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.intersects(b))
    }

    /// The labels, to match them one by one.
    pub(super) fn labels(&self) -> &[Label] {
        &self.0
    }
}

/// One label. A malformed one matches nothing, as in Go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Label(Option<Vec<Token>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Star,
    AnyOne,
    One(char),
    OneOf(Class),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Class {
    negated: bool,
    ranges: Vec<(char, char)>,
}

impl Class {
    fn holds(&self, c: char) -> bool {
        self.ranges.iter().any(|&(low, high)| low <= c && c <= high) != self.negated
    }

    /// Whether some character is in both. Where a class is negated the answer may be yes without being so: it
    /// decides what an operator's list refuses, and there the doubt goes against the glob.
    fn overlaps(&self, other: &Class) -> bool {
        self.negated
            || other.negated
            || self.ranges.iter().any(|a| other.ranges.iter().any(|b| a.0.max(b.0) <= a.1.min(b.1)))
    }
}

impl Token {
    fn overlaps(&self, other: &Token) -> bool {
        match (self, other) {
            (Token::One(a), Token::One(b)) => a == b,
            (Token::One(c), Token::OneOf(class)) | (Token::OneOf(class), Token::One(c)) => class.holds(*c),
            (Token::OneOf(a), Token::OneOf(b)) => a.overlaps(b),
            _ => true,
        }
    }
}

impl Label {
    fn new(text: &str) -> Self {
        let tokens = tokens(text);
        let fits = |tokens: &Vec<Token>| {
            tokens.iter().filter(|token| **token != Token::Star).count() <= LONGEST_LABEL
        };
        Label(tokens.filter(fits))
    }

    fn literal(text: &str) -> Self {
        Label(Some(text.chars().map(Token::One).collect()))
    }

    /// Whether this exact text fits.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.intersects(&Label::literal(text))
    }

    /// Whether some text of one or more characters, each of which is in `ranges`, fits.
    pub(super) fn matches_some_of(&self, ranges: &[(char, char)]) -> bool {
        let class = Token::OneOf(Class { negated: false, ranges: ranges.to_vec() });
        self.0
            .as_ref()
            .is_some_and(|tokens| !tokens.is_empty() && tokens.iter().all(|token| token.overlaps(&class)))
    }

    /// Whether some text fits both: a walk over the pairs of positions, one row at a time.
    fn intersects(&self, other: &Label) -> bool {
        let (Some(a), Some(b)) = (&self.0, &other.0) else { return false };
        // reachable[j]: the tokens of `a` so far and the first j tokens of `b` have a text in common.
        let mut reachable = Vec::with_capacity(b.len() + 1);
        reachable.push(true);
        for token in b {
            reachable.push(*token == Token::Star && reachable.last() == Some(&true));
        }
        for x in a {
            let mut next = Vec::with_capacity(reachable.len());
            next.push(*x == Token::Star && reachable.first() == Some(&true));
            for (y, pair) in b.iter().zip(reachable.windows(2)) {
                let (before_both, before_x) = match pair {
                    [before_both, before_x] => (*before_both, *before_x),
                    _ => (false, false),
                };
                let before_y = next.last() == Some(&true);
                next.push(match (x, y) {
                    (Token::Star, Token::Star) => before_x || before_y || before_both,
                    // A star takes nothing, or one more of what the other side asks for.
                    (Token::Star, _) | (_, Token::Star) => before_x || before_y,
                    _ => before_both && x.overlaps(y),
                });
            }
            reachable = next;
        }
        reachable.last() == Some(&true)
    }
}

/// Reads one label as Go's `filepath.Match` does; `None` where that reports a bad pattern.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let token = match c {
            '*' => Token::Star,
            '?' => Token::AnyOne,
            '\\' => Token::One(chars.next()?),
            '[' => Token::OneOf(class(&mut chars)?),
            c => Token::One(c),
        };
        if token != Token::Star || tokens.last() != Some(&Token::Star) {
            tokens.push(token);
        }
    }
    Some(tokens)
}

/// Reads a class after its `[`.
fn class(chars: &mut std::str::Chars<'_>) -> Option<Class> {
    let negated = chars.as_str().starts_with('^');
    if negated {
        chars.next();
    }
    let mut ranges = Vec::new();
    loop {
        if chars.as_str().starts_with(']') && !ranges.is_empty() {
            chars.next();
            return Some(Class { negated, ranges });
        }
        let low = class_char(chars)?;
        let high = if chars.as_str().starts_with('-') {
            chars.next();
            class_char(chars)?
        } else {
            low
        };
        ranges.push((low, high));
    }
}

/// One character of a class; a bare `-` or `]` is a bad pattern.
fn class_char(chars: &mut std::str::Chars<'_>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_matches_as_go_does() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("*", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abd", false),
            ("**b", "aab", true),
            ("?", "", false),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            ("registr[y]", "registry", true),
            ("[]a]", "]", false),
            ("[", "[", false),
            ("[-]", "-", false),
            ("\\*", "*", true),
            ("\\*", "a", false),
        ] {
            assert_eq!(Label::new(pattern).matches(text), fits, "{pattern} on {text}");
        }
    }

    #[test]
    fn two_globs_intersect_where_one_host_fits_both() {
        for (a, b, together) in [
            ("*.example.com", "old.example.com", true),
            ("*.example.com", "*.example.org", false),
            ("a*.example.com", "*b.example.com", true),
            ("a?.example.com", "*b.example.com", true),
            ("a.example.com", "*.*.example.com", false),
            ("[a-c]1.x", "[d-f]1.x", false),
            ("[a-d]1.x", "[d-f]?.x", true),
            ("*a*.x", "b*.x", true),
        ] {
            assert_eq!(HostGlob::new(a).intersects(&HostGlob::new(b)), together, "{a} and {b}");
            assert_eq!(HostGlob::new(b).intersects(&HostGlob::new(a)), together, "{b} and {a}");
        }
    }

    #[test]
    fn overlong_label_matches_nothing() {
        assert!(!Label::new(&"a?".repeat(200_000)).matches("a"));
        assert!(Label::new(&"*".repeat(200_000)).matches("a"));
    }
}
