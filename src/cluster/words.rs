//! Words beside those of findings: the program's own about a cluster, and what others say in it.

use regcred_engine::finding::is_escaped;
use regcred_engine::policy::Language;

/// The same in both languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) english: String,
    pub(crate) chinese: String,
}

impl Words {
    pub(crate) fn new(english: impl Into<String>, chinese: impl Into<String>) -> Self {
        Words { english: english.into(), chinese: chinese.into() }
    }

    /// What is not translated.
    pub(super) fn untranslated(words: impl Into<String>) -> Self {
        let english = words.into();
        Words { chinese: english.clone(), english }
    }

    /// With the reason behind a colon.
    pub(crate) fn because(&self, why: &Words) -> Self {
        Words::new(format!("{}: {}", self.english, why.english), format!("{}：{}", self.chinese, why.chinese))
    }

    /// In the language of the findings.
    pub(crate) fn said(&self, language: Language) -> String {
        let Words { english, chinese } = self;
        match language {
            Language::English => english.clone(),
            Language::Chinese => chinese.clone(),
            Language::Both if english == chinese => english.clone(),
            Language::Both => format!("{english} / {chinese}"),
        }
    }
}

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
