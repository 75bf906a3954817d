//! What findings say to people, in English and Simplified Chinese.
//!
//! [`said`] holds what a single finding says and [`reference()`] what the rule reference says of each rule, both with the
//! two languages side by side. Here they become lines: causes, warnings and denials.

mod line;
mod reference;
mod said;

#[cfg(test)]
mod tests;

pub use reference::{Example, RuleDoc, reference, rule_doc, rule_reference, rule_table};

use std::fmt::Write as _;

use crate::finding::{Fault, Finding, RegistryKey, Repeated};
use crate::policy::Language;
use crate::rule::Rule;

use line::{SHOWN_HOST_CHARS, WARNING_CHARS, ascii, cut, cut_middle};
use said::Said;

/// A denial names so many findings; [`more`] says how many are left.
pub const NAMED_FINDINGS: usize = 10;

/// The names of a list of hosts take no more than this of a warning.
const LISTED_HOSTS_CHARS: usize = 120;

/// One thing in both languages. That neither can be written without the other is the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bilingual<T> {
    /// In English.
    pub english: T,
    /// In Simplified Chinese.
    pub chinese: T,
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

    /// With the reason behind a colon.
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

impl Bilingual<&str> {
    /// In one language, or English and then Chinese.
    #[must_use]
    pub fn line(self, language: Language) -> String {
        Bilingual { english: self.english.to_owned(), chinese: self.chinese.to_owned() }.into_line(language)
    }
}

/// What a finding says, complete in itself and in one line: `[regcred/CODE] REGISTRY: ` and then what is wrong, who is
/// affected, and the one thing to do.
#[must_use]
pub fn message(finding: &Finding<'_>, language: Language) -> String {
    let name = Subject::of(finding).named(language);
    format!("[regcred/{}] {name}: {}", finding.rule(), sentences(said::of(finding)).into_line(language))
}

/// What a finding says, in its parts. [`message`] is all of it in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The registry, or the document.
    pub subject: String,
    /// What is wrong, without a closing mark.
    pub clause: String,
    /// Who fails over it, and who does not.
    pub affected: String,
    /// The one thing to do.
    pub remedy: String,
}

/// What a finding says, in its parts.
#[must_use]
pub fn statement(finding: &Finding<'_>, language: Language) -> Statement {
    let Said { english, chinese } = said::of(finding);
    let part = |english, chinese| Bilingual { english, chinese }.into_line(language);
    Statement {
        subject: Subject::of(finding).named(language),
        clause: part(english.clause, chinese.clause),
        affected: part(english.affected, chinese.affected),
        remedy: part(english.remedy, chinese.remedy),
    }
}

/// What a finding says as warnings of at most 256 characters: `[regcred/CODE] HOST: ` and a short English clause in
/// every language, then what to do. [`Language::Both`] gives two.
#[must_use]
pub fn warnings(finding: &Finding<'_>, language: Language) -> Vec<String> {
    let host = Subject::of(finding).shown_short();
    let Said { english, chinese } = said::of(finding);
    let opening = format!("[regcred/{}] {host}: {}.", finding.rule(), english.clause);
    let behind =
        Bilingual { english: english.remedy, chinese: format!("{}。{}", chinese.clause, chinese.remedy) };
    as_warnings(&opening, &behind, language)
}

/// Says what a repair did: `[regcred/missing-auth] HOST: auth added …`. `rule` is one that repairs, and `keys` are the
/// registry keys of the entries that were repaired; otherwise there is nothing to say.
#[must_use]
pub fn fix_announcement(rule: Rule, keys: &[&RegistryKey<'_>], language: Language) -> Vec<String> {
    let clause = match rule {
        Rule::MissingAuth => "auth added",
        Rule::AuthUnpadded => "padding of auth added",
        _ => return Vec::new(),
    };
    let Some(hosts) = listed(keys) else { return Vec::new() };
    let behind = if rule == Rule::MissingAuth {
        Bilingual {
            english: "It encodes the username and password that stand there; nothing else was changed.",
            chinese: "已补上 auth，由条目中的 username 和 password 编码得到，其余内容未改动。",
        }
    } else {
        Bilingual {
            english: "It decodes to the same credentials; nothing else was changed.",
            chinese: "已补齐 auth 的 base64 填充，解码结果不变，其余内容未改动。",
        }
    };
    let opening = ["[regcred/", rule.code(), "] ", &hosts, ": ", clause, "."].concat();
    as_warnings(&opening, &behind, language)
}

/// The whole of a refusal: what was refused, then a line for each of the first [`NAMED_FINDINGS`] findings, then one
/// that says how many are left.
#[must_use]
pub fn denial(findings: &[&Finding<'_>], language: Language) -> String {
    let count = findings.len();
    let plural = if count == 1 { "" } else { "s" };
    let opening = Bilingual {
        english: format!("regcred refused this image-pull Secret ({count} finding{plural}):"),
        chinese: format!("regcred 拒绝了这个镜像拉取 Secret（{count} 项问题）："),
    };
    let mut text = opening.into_line(language);
    for finding in findings.iter().take(NAMED_FINDINGS) {
        text.push('\n');
        text.push_str(&message(finding, language));
    }
    if let Some(left) = findings.get(NAMED_FINDINGS..).filter(|left| !left.is_empty()) {
        text.push('\n');
        text.push_str(&more(left, language));
    }
    text
}

/// Says how many findings are left behind those that were named, under the code of the first of them.
#[must_use]
pub fn more(left: &[&Finding<'_>], language: Language) -> String {
    let count = left.len();
    let plural = if count == 1 { "" } else { "s" };
    let text = Bilingual {
        english: format!("and {count} more finding{plural} in this Secret."),
        chinese: format!("该 Secret 另有 {count} 项问题。"),
    };
    let code = left.first().map_or("", |finding| finding.rule().code());
    format!("[regcred/{code}] {}", text.into_line(language))
}

/// The clause, who is affected and what to do, as sentences.
fn sentences(said: Said) -> Bilingual<String> {
    let Said { english, chinese } = said;
    Bilingual {
        english: format!("{}. {} {}", english.clause, english.affected, english.remedy),
        chinese: format!("{}。{}{}", chinese.clause, chinese.affected, chinese.remedy),
    }
}

fn as_warnings(opening: &str, behind: &Bilingual<impl AsRef<str>>, language: Language) -> Vec<String> {
    let Bilingual { english, chinese } = behind;
    let one = |text: &str| cut([opening, " ", text].concat(), WARNING_CHARS);
    match language {
        Language::English => vec![one(english.as_ref())],
        Language::Chinese => vec![one(chinese.as_ref())],
        Language::Both => vec![one(english.as_ref()), one(chinese.as_ref())],
    }
}

/// Whom a finding is about.
enum Subject<'f, 'a> {
    Document,
    Registry(&'f RegistryKey<'a>),
}

impl<'f, 'a> Subject<'f, 'a> {
    fn of(finding: &'f Finding<'a>) -> Self {
        match &finding.fault {
            Fault::AmbiguousJson(Repeated::Registry(key)) => Subject::Registry(key),
            _ => finding.place.key().map_or(Subject::Document, Subject::Registry),
        }
    }

    fn named(&self, language: Language) -> String {
        match (self, language) {
            (Subject::Document, Language::Chinese) => "整份文档".to_owned(),
            _ => self.shown(),
        }
    }

    fn shown(&self) -> String {
        match self {
            Subject::Document => "the document".to_owned(),
            Subject::Registry(key) => match key.to_string() {
                shown if shown.is_empty() => "\"\"".to_owned(),
                shown => shown,
            },
        }
    }

    /// As a warning shows it: what browsers would garble is escaped, and the middle of what is long is left out.
    fn shown_short(&self) -> String {
        cut_middle(ascii(self.shown()), SHOWN_HOST_CHARS)
    }
}

/// The keys, as many as there is room for, and how many are left.
fn listed(keys: &[&RegistryKey<'_>]) -> Option<String> {
    let mut keys = keys.iter();
    let mut list = Subject::Registry(keys.next()?).shown_short();
    let mut left = 0;
    while let Some(key) = keys.next() {
        let key = Subject::Registry(key).shown_short();
        if list.chars().count() + key.chars().count() > LISTED_HOSTS_CHARS {
            left = 1 + keys.len();
            break;
        }
        list.push_str(", ");
        list.push_str(&key);
    }
    if left > 0 {
        let _ = write!(list, " and {left} more"); // a String takes everything
    }
    Some(list)
}
