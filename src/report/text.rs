//! Text for people: each finding looks like a compiler error, with the lines of the file if there is one.

use std::fmt::Write as _;
use std::io::{self, Write};

use annotate_snippets::{Annotation, AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};
use anstream::adapter::strip_str;
use regcred_engine::escape::escaped;
use regcred_engine::policy::Language;
use regcred_engine::rules::Action;
use regcred_engine::wording::Bilingual;

use super::findings::Omission;
use super::{
    Counts, Judged, LeftOut, Outcome, Region, ReportWriter, ReportedFinding, Subject, Summary, Trouble,
};

/// A report as coloured text.
pub(super) struct TextReport {
    language: Language,
    renderer: Renderer,
}

impl TextReport {
    pub(super) const fn new(language: Language) -> Self {
        TextReport { language, renderer: Renderer::styled() }
    }

    fn write(&self, out: &mut impl Write, group: Group<'_>) -> io::Result<()> {
        for line in self.renderer.render(&[group]).lines().filter(|line| !is_empty_head(line)) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)
    }

    fn finding(&self, finding: &ReportedFinding, judged: &Judged) -> Group<'static> {
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
        // Empty if the consumers were not asked.
        if !statement.affected.is_empty() {
            group = group.element(Level::NOTE.message(statement.affected.clone()));
        }
        group = group.element(Level::HELP.message(finding.remedy().into_owned()));
        if let Outcome::Held(why) | Outcome::Refused(why) = &finding.outcome {
            let not_fixed = say("not repaired", "未修复");
            group = group.element(Level::NOTE.message(format!("{not_fixed}: {why}")));
        }
        group.elements(judged.notes.iter().map(|note| Level::NOTE.message(note.clone())))
    }
}

impl<W: Write> ReportWriter<W> for TextReport {
    fn judged(&mut self, out: &mut W, judged: &Judged) -> io::Result<()> {
        let listed = judged.findings.listed();
        listed.iter().try_for_each(|finding| self.write(out, self.finding(finding, judged)))?;
        let Some(omission) = Omission::of(judged.findings.omitted()) else { return Ok(()) };
        let title = Level::NOTE.primary_title(omission.message(self.language));
        self.write(out, title.elements(place(Some(&judged.subject), None, "")))
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        let level = if trouble.kind.is_note() { Level::NOTE } else { Level::ERROR };
        let title = level.primary_title(trouble.message.clone()).id(trouble.kind.code());
        self.write(out, title.elements(place(trouble.subject.as_ref(), trouble.region.as_ref(), "")))
    }

    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()> {
        writeln!(out, "{}", summary_line(summary, self.language))
    }
}

/// Whether a line is the head of another file without a name. The renderer writes it above lines whose place was written
/// before.
fn is_empty_head(line: &str) -> bool {
    line.contains(":::") && strip_str(line).to_string().trim() == ":::"
}

/// `path:line:column`, the lines, and the place in the Secret.
fn place(subject: Option<&Subject>, region: Option<&Region>, field: &str) -> Vec<Element<'static>> {
    let object = subject.and_then(Subject::object).map(super::Object::shown);
    let inside: Vec<_> =
        [object.as_deref(), Some(field)].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let inside = inside.join(", ");
    let Some(path) = subject.and_then(Subject::path).map(|path| escaped(path, usize::MAX)) else {
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
            // If hidden text has moved the mark, the place is written above the lines.
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

/// The totals of a run in one line.
pub(super) fn summary_line(summary: &Summary, language: Language) -> String {
    let Counts { deny, warn, audit, repairable, refused, fixed } = summary.total();
    let errors = summary.unreadable() + summary.policy_faults();
    let (not_judged, notes) = (summary.not_judged(), summary.notes());
    let counts = [deny, warn, audit, repairable, refused, fixed, not_judged, notes, errors];
    let secrets = summary.secrets();
    let plural = |count| if count == 1 { "" } else { "s" };
    let errors = format!("error{}", plural(errors));
    let mut english = format!("{secrets} image pull Secret{}", plural(secrets));
    let mut chinese = format!("检查了 {secrets} 个镜像拉取 Secret");
    let policies = summary.policies();
    if policies > 0 {
        let unit = if policies == 1 { "policy" } else { "policies" };
        let _ = write!(english, " and {policies} {unit}"); // a String takes all
        let _ = write!(chinese, " 和 {policies} 个策略文件");
    }
    english.push_str(" checked");
    let refusals = format!("repair{} refused", plural(refused));
    let note_unit = format!("note{}", plural(notes));
    let units = [
        "deny",
        "warn",
        "for the record",
        "repairable",
        &refusals,
        "fixed",
        "not judged",
        &note_unit,
        &errors,
    ];
    let units_zh = [
        "项拒绝",
        "项警告",
        "项仅记录",
        "项可修复",
        "项修复被拒绝",
        "项已修复",
        "项未判断",
        "条提示",
        "个错误",
    ];
    let left_out = left_out(summary);
    Bilingual {
        english: counted(english, counts, units, [": ", ", ", ", nothing to report"]) + &left_out.english,
        chinese: counted(chinese, counts, units_zh, ["：", "，", "，没有发现问题"]) + &left_out.chinese,
    }
    .into_line(language)
}

/// What was not read, in brackets.
fn left_out(summary: &Summary) -> Bilingual<String> {
    let plural = |count, one: &'static str, several: &'static str| if count == 1 { one } else { several };
    let LeftOut { hidden_folders, ignored } = summary.left_out();
    let skipped = summary.skipped();
    let parts = [
        (hidden_folders, plural(hidden_folders, "hidden folder", "hidden folders"), "个隐藏目录"),
        (
            ignored,
            plural(ignored, "ignored file or folder", "ignored files and folders"),
            "个被忽略的文件或目录",
        ),
        (
            skipped,
            plural(skipped, "document that does not parse", "documents that do not parse"),
            "个无法解析的无关文档",
        ),
    ];
    let mut parts = parts.into_iter().filter(|(count, ..)| *count > 0).peekable();
    if parts.peek().is_none() {
        return Bilingual::new("", "");
    }
    let (english, chinese): (Vec<_>, Vec<_>) = parts
        .map(|(count, english, chinese)| (format!("{count} {english}"), format!("{count} {chinese}")))
        .unzip();
    Bilingual {
        english: format!(" (skipped: {})", english.join(", ")),
        chinese: format!("（已跳过 {}）", chinese.join("、")),
    }
}

/// Adds the counts that are not zero to a line, each with its unit. The marks come before the first count, before each
/// further count, and at the end if there is no count.
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
