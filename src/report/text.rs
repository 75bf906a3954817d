//! For people: each finding as a compiler shows an error, with the lines of the file where there is one.

use std::fmt::Write as _;
use std::io::{self, Write};

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use anstream::adapter::strip_str;
use regcred_engine::escape::is_escaped;
use regcred_engine::policy::Language;
use regcred_engine::rules::Action;
use regcred_engine::wording::Bilingual;

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
        for line in self.renderer.render(&[group]).lines().filter(|line| !is_empty_head(line)) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)
    }

    fn finding(&self, finding: &Finding, judged: &Judged) -> Group<'static> {
        let statement = &finding.statement;
        let say = |english, chinese| Bilingual { english, chinese }.line(self.language);
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
            .element(Level::HELP.message(finding.remedy().into_owned()));
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

/// Whether a line says that what follows is of another file, and not of which. That stands over lines whose place was said
/// before them.
fn is_empty_head(line: &str) -> bool {
    line.contains(":::") && strip_str(line).to_string().trim() == ":::"
}

/// A path with nothing in it that a terminal obeys, or that can be taken for the end of a line.
pub(crate) fn escaped(path: &str) -> String {
    let mut shown = String::with_capacity(path.len());
    for c in path.chars() {
        if is_escaped(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    shown
}

/// `path:line:column`, the lines, and the place in the Secret.
fn place(subject: Option<&Subject>, region: Option<&Region>, field: &str) -> Vec<Element<'static>> {
    let object = subject.and_then(Subject::object).map(super::Object::shown);
    let inside: Vec<_> =
        [object.as_deref(), Some(field)].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let inside = inside.join(", ");
    let Some(path) = subject.and_then(Subject::path).map(escaped) else {
        return if inside.is_empty() { Vec::new() } else { vec![Origin::path(inside).into()] };
    };
    let mut elements = Vec::new();
    match region {
        None => elements.push(Origin::path(path).into()),
        Some(region) => {
            let lines = region.excerpt.as_ref().map(|excerpt| {
                let mark: Annotation<'static> = AnnotationKind::Primary.span(excerpt.mark.clone());
                let lines = Snippet::source(excerpt.text.clone()).line_start(excerpt.first_line);
                lines.fold(false).annotation(mark)
            });
            // What is kept back has moved the mark: then the place is said beside the lines.
            let in_place = region.excerpt.as_ref().is_some_and(|excerpt| excerpt.column() == region.column);
            match lines {
                Some(lines) if in_place => elements.push(lines.path(path).into()),
                lines => {
                    let origin = Origin::path(path);
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

/// What a run came to, in one line.
pub(super) fn summary_line(summary: &Summary, language: Language) -> String {
    let Counts { deny, warn, audit, repairable, refused, fixed } = summary.total();
    let errors = summary.unreadable() + summary.policy_faults();
    let counts = [deny, warn, audit, repairable, refused, fixed, summary.not_judged(), errors];
    let secrets = summary.secrets();
    let plural = |count| if count == 1 { "" } else { "s" };
    let errors = format!("error{}", plural(errors));
    let mut english = format!("{secrets} image-pull Secret{}", plural(secrets));
    let mut chinese = format!("检查了 {secrets} 个镜像拉取 Secret");
    let policies = summary.policies();
    if policies > 0 {
        let unit = if policies == 1 { "policy" } else { "policies" };
        let _ = write!(english, " and {policies} {unit}"); // a String takes all
        let _ = write!(chinese, " 和 {policies} 个策略文件");
    }
    english.push_str(" checked");
    let refusals = format!("repair{} refused", plural(refused));
    let units = ["deny", "warn", "for the record", "repairable", &refusals, "fixed", "not judged", &errors];
    let units_zh =
        ["项拒绝", "项警告", "项仅记录", "项可修复", "项修复被拒绝", "项已修复", "项未判断", "个错误"];
    Bilingual {
        english: counted(english, counts, units, [": ", ", ", ", nothing to report"]),
        chinese: counted(chinese, counts, units_zh, ["：", "，", "，没有发现问题"]),
    }
    .into_line(language)
}

/// A line with those counts behind it that are not zero, each with its unit. The marks are what stands before the first of
/// them and before each other, and what stands there where there is none.
fn counted<const N: usize>(
    mut line: String,
    counts: [u64; N],
    units: [&str; N],
    [colon, comma, nothing]: [&str; 3],
) -> String {
    let mut mark = colon;
    for (count, unit) in counts.into_iter().zip(units).filter(|(count, _)| *count > 0) {
        let _ = write!(line, "{mark}{count} {unit}"); // a String takes all
        mark = comma;
    }
    if mark == colon {
        line.push_str(nothing);
    }
    line
}
