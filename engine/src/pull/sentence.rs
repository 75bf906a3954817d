//! The one sentence of an explanation: the cause, and how certain it is.

use super::cause::{Cause, Certainty};
use super::verdict::Verdict;
use super::words::{ClauseSubject, clause};
use crate::bilingual::Bilingual;

/// The one sentence of an explanation.
pub(super) fn sentence(verdict: &Verdict, subject: &ClauseSubject<'_>) -> Bilingual<String> {
    let Bilingual { english, chinese } = spaced_sentence(verdict, subject);
    Bilingual { english, chinese: without_inner_spaces(&chinese) }
}

/// Without the spaces that are left where there was no name, or a mark: Chinese has them only around other letters.
fn without_inner_spaces(text: &str) -> String {
    let is_mark = |c: Option<char>| {
        c.is_none_or(|c| matches!(c, ' ' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff5e}'))
    };
    let is_chinese = |c: Option<char>| is_mark(c) || c.is_some_and(|c| matches!(c, '\u{4e00}'..='\u{9fff}'));
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let (before, after) = (kept.chars().next_back(), rest.clone().next());
        if c != ' ' || !(is_mark(before) || is_mark(after) || (is_chinese(before) && is_chinese(after))) {
            kept.push(c);
        }
    }
    kept
}

fn spaced_sentence(verdict: &Verdict, subject: &ClauseSubject<'_>) -> Bilingual<String> {
    let first = clause(verdict.cause(), subject);
    match verdict.certainty {
        Certainty::Certain => {
            Bilingual::new(format!("{}.", capitalised(&first.english)), format!("{}。", first.chinese))
        }
        Certainty::Likely => Bilingual::new(
            format!("The likely cause is that {}.", first.english),
            format!("可能的原因：{}。", first.chinese),
        ),
        // Of a template: a failed pull does not have the alternative that there is nothing to report.
        Certainty::Open if verdict.causes().any(|cause| cause == Cause::None) => {
            let image = subject.shown_image();
            Bilingual::new(
                format!(
                    "Nothing visible tells whether a pull of {} finds credentials: a pull Secret could not be read or is not in the input.",
                    image.english
                ),
                format!(
                    "无法判断拉取 {} 时能否找到凭据：有拉取 Secret 无法读取，或不在输入中。",
                    image.chinese
                ),
            )
        }
        Certainty::Open if verdict.causes().count() == 1 => {
            Bilingual::new(format!("{}.", capitalised(&first.english)), format!("{}。", first.chinese))
        }
        Certainty::Open => {
            let clauses: Vec<_> = verdict.causes().map(|cause| clause(cause, subject)).collect();
            let english: Vec<_> = clauses.iter().map(|clause| &*clause.english).collect();
            let chinese: Vec<_> = clauses.iter().map(|clause| &*clause.chinese).collect();
            Bilingual::new(
                format!(
                    "The cause is one of these, and nothing visible tells which: {}.",
                    english.join("; or ")
                ),
                format!("原因是以下之一，但无法从现有信息判断：{}。", chinese.join("；或者：")),
            )
        }
    }
}

fn capitalised(clause: &str) -> String {
    for (start, with) in [("the ", "The "), ("a ", "A "), ("what ", "What "), ("one ", "One ")] {
        if let Some(rest) = clause.strip_prefix(start) {
            return format!("{with}{rest}");
        }
    }
    clause.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_has_spaces_only_around_other_letters() {
        for (text, expected) in [
            ("拉取 Secret a  在 b 中。", "拉取 Secret a 在 b 中。"),
            ("忽略拉取 Secret a 。", "忽略拉取 Secret a。"),
            ("原因： Secret a", "原因：Secret a"),
            ("镜像仓库 限制了", "镜像仓库限制了"),
        ] {
            assert_eq!(without_inner_spaces(text), expected);
        }
    }
}
