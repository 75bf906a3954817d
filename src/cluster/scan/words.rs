//! The scan's own words beside those of the findings, in both languages.

use regcred_engine::policy::Language;

/// One text in both languages.
pub(super) struct Words {
    pub(super) english: String,
    pub(super) chinese: String,
}

/// A text in the language of the findings.
pub(super) fn in_language(language: Language, words: Words) -> String {
    let Words { english, chinese } = words;
    match language {
        Language::English => english,
        Language::Chinese => chinese,
        Language::Both => format!("{english} / {chinese}"),
    }
}
