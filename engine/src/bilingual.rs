//! Texts in English and Simplified Chinese, and the choice between them.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Deserialize;

/// The language of what people read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[schemars(inline)]
pub enum Language {
    /// English.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Simplified Chinese.
    #[serde(rename = "zh")]
    Chinese,
    /// Both, English first.
    #[serde(rename = "both")]
    Both,
}

/// One thing in both languages. That neither can be written without the other is the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bilingual<T> {
    /// In English.
    pub english: T,
    /// In Simplified Chinese.
    pub chinese: T,
}

/// A text in both languages, fixed or built.
pub type Words = Bilingual<Cow<'static, str>>;

/// A fixed text.
#[must_use]
pub const fn text(english: &'static str, chinese: &'static str) -> Bilingual<&'static str> {
    Bilingual { english, chinese }
}

impl From<Bilingual<&'static str>> for Words {
    fn from(words: Bilingual<&'static str>) -> Self {
        Bilingual { english: words.english.into(), chinese: words.chinese.into() }
    }
}

impl From<Bilingual<String>> for Words {
    fn from(words: Bilingual<String>) -> Self {
        Bilingual { english: words.english.into(), chinese: words.chinese.into() }
    }
}

impl Bilingual<String> {
    /// Words of both languages.
    #[must_use]
    pub fn new(english: impl Into<String>, chinese: impl Into<String>) -> Self {
        Bilingual { english: english.into(), chinese: chinese.into() }
    }

    /// What is not translated.
    #[must_use]
    pub fn untranslated(words: impl Into<String>) -> Self {
        let english = words.into();
        Bilingual { chinese: english.clone(), english }
    }

    /// With the reason after a colon.
    #[must_use]
    pub fn because(&self, why: &Self) -> Self {
        Bilingual::new(
            format!("{}: {}", self.english, why.english),
            format!("{}：{}", self.chinese, why.chinese),
        )
    }

    /// In one language, or English and then Chinese; what is the same in both once.
    #[must_use]
    pub fn into_line(self, language: Language) -> String {
        match language {
            Language::English => self.english,
            Language::Chinese => self.chinese,
            Language::Both if self.english == self.chinese => self.english,
            Language::Both => format!("{} / {}", self.english, self.chinese),
        }
    }
}

impl<T: AsRef<str>> Bilingual<T> {
    /// In one language, or English and then Chinese.
    #[must_use]
    pub fn line(&self, language: Language) -> String {
        Bilingual::new(self.english.as_ref(), self.chinese.as_ref()).into_line(language)
    }
}
