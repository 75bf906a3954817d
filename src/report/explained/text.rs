//! Text for people: the sentence, what was checked, and the commands, which can be copied as they are.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use regcred_engine::escape::escaped;
use regcred_engine::policy::Language;
use regcred_engine::pull::{Cause, Certainty};
use regcred_engine::wording::Bilingual;

use super::{ConsumerUse, ExplainSummary, ExplainWriter, Explained, ExplainedPlace};
use crate::report::text::TextReport;
use crate::report::writer::ReportWriter as _;
use crate::report::{Region, Trouble};

/// A name or path from a file is cut at this many characters.
const MAX_NAME_CHARS: usize = 300;

/// Explanations as coloured text.
pub(super) struct ExplainText {
    language: Language,
}

impl ExplainText {
    pub(super) const fn new(language: Language) -> Self {
        ExplainText { language }
    }
}

impl<W: Write> ExplainWriter<W> for ExplainText {
    fn explained(&mut self, out: &mut W, explained: &Explained) -> io::Result<()> {
        if explained.cause == Cause::None && explained.consumers.is_empty() {
            return Ok(());
        }
        head(out, explained, self.language)?;
        details(out, explained, self.language)?;
        writeln!(out)
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        TextReport::new(self.language).trouble(out, trouble)
    }

    fn end(&mut self, out: &mut W, summary: &ExplainSummary) -> io::Result<()> {
        // A text or an image is no Pod.
        if summary.pods() == 0 && summary.containers() > 0 && summary.errors() == 0 {
            return Ok(());
        }
        writeln!(out, "{}", summary.line(self.language))
    }
}

/// The sentence, and what it is about.
fn head(out: &mut impl Write, explained: &Explained, language: Language) -> io::Result<()> {
    let message = explained.message.line(language);
    let codes: Vec<_> = match explained.certainty {
        Certainty::Open => explained.alternatives.iter().map(|cause| cause.code()).collect(),
        Certainty::Certain | Certainty::Likely => vec![explained.cause.code()],
    };
    let code = codes.join(" | ");
    let bold = Style::new().bold();
    if explained.cause == Cause::None {
        return writeln!(out, "{bold}{message}{bold:#}");
    }
    let red = bold.fg_color(Some(AnsiColor::Red.into()));
    writeln!(out, "{red}[{code}]{red:#} {bold}{message}{bold:#}")?;
    if let Some(subject) = &explained.subject {
        let shown = shown(&subject.shown());
        let container = explained.container.as_deref().map(self::shown).unwrap_or_default();
        let of =
            Bilingual::new(format!("{shown}, container {container}"), format!("{shown}，容器 {container}"));
        writeln!(out, "  {}", of.into_line(language))?;
    }
    if let Some(ExplainedPlace { path, region }) = &explained.place {
        let path = shown(path);
        match region {
            Some(Region { line, column, .. }) => writeln!(out, "  {path}:{line}:{column}")?,
            None => writeln!(out, "  {path}")?,
        }
    }
    Ok(())
}

/// What was checked, what each consumer uses, and the commands.
pub(super) fn details(out: &mut impl Write, explained: &Explained, language: Language) -> io::Result<()> {
    let say = |english, chinese| Bilingual { english, chinese }.line(language);
    let dim = Style::new().dimmed();
    for line in &explained.checked {
        writeln!(out, "  {dim}-{dim:#} {}", line.line(language))?;
    }
    for consumer in &explained.consumers {
        consumer_use(out, consumer, language)?;
    }
    if !explained.remedy.is_empty() {
        writeln!(out, "{}", say("To fix it:", "修复方法："))?;
        for command in &explained.remedy {
            for line in command.lines() {
                writeln!(out, "    {line}")?;
            }
        }
    }
    Ok(())
}

fn consumer_use(out: &mut impl Write, consumer: &ConsumerUse, language: Language) -> io::Result<()> {
    let ConsumerUse { name, uses, note, .. } = consumer;
    for (number, (secret, key)) in uses.iter().enumerate() {
        let name = if number == 0 { *name } else { "" };
        let of = Bilingual::new(format!("{key} in {secret}"), format!("{secret} 中的 {key}"));
        writeln!(out, "  {name:24} {}. {}", number + 1, of.into_line(language))?;
    }
    if let Some(note) = note {
        let name = if uses.is_empty() { *name } else { "" };
        writeln!(out, "  {name:24} {}", note.line(language))?;
    }
    Ok(())
}

/// A name from outside.
pub(super) fn shown(name: &str) -> String {
    escaped(name, MAX_NAME_CHARS)
}
