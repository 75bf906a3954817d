//! What findings say to people, in English and Simplified Chinese: causes, warnings and denials. Each rule has its own
//! texts ([`crate::rules`]), and who is affected is computed ([`crate::affected`]).

mod line;
mod reference;
mod statement;

#[cfg(test)]
mod tests;

pub use crate::bilingual::Bilingual;
pub use reference::{RuleDoc, reference, rule_doc, rule_reference, rule_table};
pub use statement::{Statement, message, statement};

use std::fmt::Write as _;

use crate::bilingual::Language;
use crate::finding::Finding;
use crate::registry::RegistryKey;
use crate::rules::{Announcement, Rule};

use line::{MAX_WARNING_CHARS, cut};
use statement::{Parts, Subject};

/// A denial names at most this many findings; [`more`] says how many are left.
pub const MAX_NAMED_FINDINGS: usize = 10;

/// The names in a list of hosts take at most this many characters of a warning.
const MAX_LISTED_HOSTS_CHARS: usize = 120;

/// What a finding says as warnings of at most 256 characters: `[regcred/CODE] HOST: ` and a short English clause in
/// every language, then what to do. [`Language::Both`] gives two.
#[must_use]
pub fn warnings(finding: &Finding<'_>, language: Language) -> Vec<String> {
    let host = Subject::of(finding).shown_short();
    let Parts { clause, remedy, .. } = Parts::of(finding);
    let opening = format!("[regcred/{}] {host}: {}.", finding.rule(), clause.english);
    let rest = Bilingual::new(remedy.english, format!("{}。{}", clause.chinese, remedy.chinese));
    as_warnings(&opening, &rest, language)
}

/// Says what a repair did: `[regcred/missing-auth] HOST: auth added …`. `rule` is one that repairs, and `keys` are the
/// registry keys of the entries that were repaired; otherwise there is nothing to say.
#[must_use]
pub fn fix_announcement(rule: Rule, keys: &[&RegistryKey<'_>], language: Language) -> Vec<String> {
    let Some(Announcement { clause, rest }) = rule.announcement() else { return Vec::new() };
    let Some(hosts) = listed(keys) else { return Vec::new() };
    as_warnings(&format!("[regcred/{rule}] {hosts}: {clause}."), rest, language)
}

/// The whole of a refusal: what was refused, then a line for each of the first [`MAX_NAMED_FINDINGS`] findings, then one
/// that says how many are left.
#[must_use]
pub fn denial(findings: &[&Finding<'_>], language: Language) -> String {
    let count = findings.len();
    let plural = if count == 1 { "" } else { "s" };
    let opening = Bilingual {
        english: format!("regcred refused this image pull Secret ({count} finding{plural}):"),
        chinese: format!("regcred 拒绝了这个镜像拉取 Secret（{count} 项问题）："),
    };
    let mut text = opening.into_line(language);
    for finding in findings.iter().take(MAX_NAMED_FINDINGS) {
        text.push('\n');
        text.push_str(&message(finding, language));
    }
    if let Some(left) = findings.get(MAX_NAMED_FINDINGS..).filter(|left| !left.is_empty()) {
        text.push('\n');
        text.push_str(&more(left, language));
    }
    text
}

/// Says how many findings are left after those that were named, under the code of the first of them.
#[must_use]
pub fn more(left: &[&Finding<'_>], language: Language) -> String {
    let code = left.first().map_or("", |finding| finding.rule().code());
    format!("[regcred/{code}] {}", omitted(left.len(), language))
}

/// Says how many findings of a Secret are counted, but not listed.
#[must_use]
pub fn omitted(count: usize, language: Language) -> String {
    let plural = if count == 1 { "" } else { "s" };
    let text = Bilingual {
        english: format!("and {count} more finding{plural} in this Secret."),
        chinese: format!("该 Secret 另有 {count} 项问题。"),
    };
    text.into_line(language)
}

fn as_warnings(opening: &str, rest: &Bilingual<impl AsRef<str>>, language: Language) -> Vec<String> {
    let Bilingual { english, chinese } = rest;
    let one = |text: &str| cut([opening, " ", text].concat(), MAX_WARNING_CHARS);
    match language {
        Language::English => vec![one(english.as_ref())],
        Language::Chinese => vec![one(chinese.as_ref())],
        Language::Both => vec![one(english.as_ref()), one(chinese.as_ref())],
    }
}

/// The keys, as many as there is room for, and how many are left.
fn listed(keys: &[&RegistryKey<'_>]) -> Option<String> {
    let mut keys = keys.iter();
    let mut list = Subject::Registry(keys.next()?).shown_short();
    let mut left = 0;
    while let Some(key) = keys.next() {
        let key = Subject::Registry(key).shown_short();
        if list.chars().count() + key.chars().count() > MAX_LISTED_HOSTS_CHARS {
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
