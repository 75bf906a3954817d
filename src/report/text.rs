//! For people: each finding as a compiler shows an error, with the lines of the file where there is one.

use std::fmt::Write as _;
use std::io::{self, Write};

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use regcred_engine::policy::Language;
use regcred_engine::rule::Action;

use super::{Counts, Finding, Form, Judged, Outcome, Region, Subject, Summary, Trouble, TroubleKind};

/// A report as text, coloured.
pub(super) struct Text {
    language: Language,
    renderer: Renderer,
}

impl Text {
    pub(super) const fn new(language: Language) -> Self {
        Text { language, renderer: Renderer::styled() }
    }

    fn write(&self, out: &mut impl Write, group: Group<'_>) -> io::Result<()> {
        writeln!(out, "{}\n", self.renderer.render(&[group]))
    }

    fn finding(&self, finding: &Finding, judged: &Judged) -> Group<'static> {
        let statement = &finding.statement;
        let say = |english, chinese| said(self.language, english, chinese);
        let level = match (&finding.outcome, finding.action) {
            (Outcome::Fixed, _) => Level::HELP.with_name(say("fixed", "已修复")),
            (_, Action::Deny) => Level::ERROR,
            (_, Action::Warn) => Level::WARNING,
            (_, Action::Audit | Action::Off) => Level::NOTE,
        };
        let title = level.primary_title(format!("{}: {}", statement.subject, statement.clause));
        let mut group = title.id(finding.rule.code()).elements(place(
            Some(&judged.subject),
            finding.region.as_ref(),
            &finding.field,
        ));
        if finding.outcome == Outcome::Fixed {
            return group;
        }
        group = group
            .element(Level::NOTE.message(statement.affected.clone()))
            .element(Level::HELP.message(finding.remedy().to_owned()));
        if let Outcome::Held(why) | Outcome::Refused(why) = &finding.outcome {
            let not_fixed = say("not repaired", "未修复");
            group = group.element(Level::NOTE.message(format!("{not_fixed}: {why}")));
        }
        group.elements(judged.notes.iter().map(|note| Level::NOTE.message(note.clone())))
    }
}

impl<W: Write> Form<W> for Text {
    fn judged(&mut self, out: &mut W, judged: &Judged) -> io::Result<()> {
        judged.findings.iter().try_for_each(|finding| self.write(out, self.finding(finding, judged)))
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        let level = if trouble.kind == TroubleKind::NotJudged { Level::NOTE } else { Level::ERROR };
        let title = level.primary_title(trouble.message.clone()).id(trouble.kind.code());
        self.write(out, title.elements(place(trouble.subject.as_ref(), trouble.region.as_ref(), "")))
    }

    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()> {
        writeln!(out, "{}", summary_line(summary, self.language))
    }
}

/// `path:line:column`, the lines, and the place in the Secret.
fn place(subject: Option<&Subject>, region: Option<&Region>, field: &str) -> Vec<Element<'static>> {
    let object = subject.and_then(Subject::object).map(super::Object::shown);
    let inside: Vec<_> =
        [object.as_deref(), Some(field)].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let inside = inside.join(", ");
    let Some(path) = subject.and_then(Subject::path) else {
        return if inside.is_empty() { Vec::new() } else { vec![Origin::path(inside).into()] };
    };
    let mut elements = Vec::new();
    match region {
        None => elements.push(Origin::path(path.to_owned()).into()),
        Some(region) => {
            let lines = region.excerpt.as_ref().map(|excerpt| {
                let mark: Annotation<'static> = AnnotationKind::Primary.span(excerpt.mark.clone());
                let lines = Snippet::source(excerpt.text.clone()).line_start(excerpt.first_line);
                lines.fold(false).annotation(mark)
            });
            // What is kept back has moved the mark: then the place is said beside the lines.
            let in_place = region.excerpt.as_ref().is_some_and(|excerpt| excerpt.column() == region.column);
            match lines {
                Some(lines) if in_place => elements.push(lines.path(path.to_owned()).into()),
                lines => {
                    let origin = Origin::path(path.to_owned());
                    elements.push(origin.line(region.line).char_column(region.column).into());
                    elements.extend(lines.map(Element::from));
                }
            }
        }
    }
    if !inside.is_empty() {
        elements.push(Level::NOTE.no_name().message(inside).into());
    }
    elements
}

/// A word in one language; where both are asked for, in English.
const fn said(language: Language, english: &'static str, chinese: &'static str) -> &'static str {
    match language {
        Language::English | Language::Both => english,
        Language::Chinese => chinese,
    }
}

/// What a run came to, in one line.
pub(super) fn summary_line(summary: &Summary, language: Language) -> String {
    let secrets = summary.secrets();
    let Counts { deny, warn, audit, repairable, refused, fixed } = summary.total();
    let errors = summary.unreadable() + summary.policy_faults();
    let chinese = language == Language::Chinese;
    let mut line = match (chinese, secrets) {
        (true, _) => format!("检查了 {secrets} 个镜像拉取 Secret"),
        (false, 1) => "1 image-pull Secret checked".to_owned(),
        (false, _) => format!("{secrets} image-pull Secrets checked"),
    };
    let parts = [
        (deny, "deny", "项拒绝"),
        (warn, "warn", "项警告"),
        (audit, "for the record", "项仅记录"),
        (repairable, "repairable", "项可修复"),
        (refused, if refused == 1 { "repair refused" } else { "repairs refused" }, "项修复被拒绝"),
        (fixed, "fixed", "项已修复"),
        (summary.not_judged(), "not judged", "项未判断"),
        (errors, if errors == 1 { "error" } else { "errors" }, "个错误"),
    ];
    let mut nothing = true;
    for (count, english, zh) in parts.into_iter().filter(|(count, ..)| *count > 0) {
        let opening = if nothing {
            if chinese { "：" } else { ": " }
        } else if chinese {
            "，"
        } else {
            ", "
        };
        let _ = write!(line, "{opening}{count} {}", if chinese { zh } else { english }); // a String takes all
        nothing = false;
    }
    if nothing {
        line.push_str(if chinese { "，没有发现问题" } else { ", nothing to report" });
    }
    line
}
