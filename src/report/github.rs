//! GitHub's workflow commands: `::error file=…,line=…::MESSAGE`, one per line.

use std::fmt::Write as _;
use std::io::{self, Write};

use regcred_engine::escape::escaped;
use regcred_engine::policy::Language;
use regcred_engine::rules::Action;

use super::findings::{BriefFinding, Omission};
use super::{Judged, Outcome, Region, ReportWriter, Subject, Summary, Trouble, text};

/// GitHub shows no more annotations of one level in a step (github.com/orgs/community/discussions/26680).
const MAX_ANNOTATIONS: usize = 10;

/// A report as workflow commands. They are written at its end, the worst first; what GitHub would not show is written
/// before them as plain lines of the log.
pub(super) struct Github {
    language: Language,
    errors: Vec<Annotation>,
    warnings: Vec<Annotation>,
    notices: Vec<Annotation>,
}

/// One finding or error.
pub(super) struct Annotation {
    pub(super) level: Level,
    pub(super) path: Option<String>,
    pub(super) region: Option<Region>,
    pub(super) title: String,
    pub(super) message: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Notice => "notice",
        }
    }
}

impl From<Action> for Level {
    fn from(action: Action) -> Self {
        match action {
            Action::Deny => Level::Error,
            Action::Warn => Level::Warning,
            Action::Audit | Action::Off => Level::Notice,
        }
    }
}

impl Github {
    pub(super) const fn new(language: Language) -> Self {
        Github { language, errors: Vec::new(), warnings: Vec::new(), notices: Vec::new() }
    }

    pub(super) fn annotate(&mut self, out: &mut impl Write, annotation: Annotation) -> io::Result<()> {
        let annotations = match annotation.level {
            Level::Error => &mut self.errors,
            Level::Warning => &mut self.warnings,
            Level::Notice => &mut self.notices,
        };
        if annotations.len() == MAX_ANNOTATIONS {
            return annotation.write_plain(out);
        }
        annotations.push(annotation);
        Ok(())
    }

    /// Writes the annotations that GitHub shows.
    pub(super) fn write_all(&self, out: &mut impl Write) -> io::Result<()> {
        let all = self.errors.iter().chain(&self.warnings).chain(&self.notices);
        all.into_iter().try_for_each(|annotation| annotation.write(out))
    }
}

impl<W: Write> ReportWriter<W> for Github {
    fn judged(&mut self, out: &mut W, judged: &Judged) -> io::Result<()> {
        for finding in judged.findings.listed().iter().filter(|finding| finding.outcome != Outcome::Fixed) {
            let level = Level::from(finding.action);
            let title = format!("regcred/{}", finding.rule.code());
            let mut message = about(Some(&judged.subject)) + &finding.message();
            if !finding.field.is_empty() {
                let _ = write!(message, " ({})", finding.field); // a String takes all
            }
            for note in &judged.notes {
                message.push('\n');
                message.push_str(note);
            }
            let path = judged.subject.path().map(str::to_owned);
            let region = finding.region.clone();
            self.annotate(out, Annotation { level, path, region, title, message })?;
        }
        let Some(omission) = Omission::of(judged.findings.omitted().filter(BriefFinding::remains)) else {
            return Ok(());
        };
        let annotation = Annotation {
            level: Level::from(omission.action),
            path: judged.subject.path().map(str::to_owned),
            region: None,
            title: format!("regcred/{}", omission.rule.code()),
            message: about(Some(&judged.subject)) + &omission.message(self.language),
        };
        self.annotate(out, annotation)
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        if trouble.kind.is_note() {
            return Ok(());
        }
        let subject = trouble.subject.as_ref();
        let annotation = Annotation {
            level: Level::Error,
            path: subject.and_then(Subject::path).map(str::to_owned),
            region: trouble.region.clone(),
            title: format!("regcred/{}", trouble.kind.code()),
            message: about(subject) + &trouble.message,
        };
        self.annotate(out, annotation)
    }

    /// Writes the summary as a plain line: GitHub shows lines without `::` unchanged in the log.
    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()> {
        self.write_all(out)?;
        writeln!(out, "{}", text::summary_line(summary, self.language))
    }
}

/// The name of the Secret.
fn about(subject: Option<&Subject>) -> String {
    let object = subject.and_then(Subject::object).map(super::Object::shown);
    object.map_or_else(String::new, |object| format!("Secret {object}: "))
}

impl Annotation {
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "::{} ", self.level.as_str())?;
        if let Some(path) = &self.path {
            write!(out, "file={},", property(path))?;
        }
        if let Some(region) = &self.region {
            write!(out, "line={},endLine={},", region.line, region.end_line)?;
            // GitHub takes columns only where there is one line.
            if region.line == region.end_line {
                write!(out, "col={},endColumn={},", region.column, region.end_column)?;
            }
        }
        writeln!(out, "title={}::{}", property(&self.title), data(&self.message))
    }

    /// As a line of the log: `error: PATH:LINE:COLUMN: [CODE] MESSAGE`.
    fn write_plain(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{}: ", self.level.as_str())?;
        if let Some(path) = &self.path {
            write!(out, "{}:", escaped(path, usize::MAX))?;
            if let Some(Region { line, column, .. }) = &self.region {
                write!(out, "{line}:{column}:")?;
            }
            write!(out, " ")?;
        }
        writeln!(out, "[{}] {}", self.title, data(&self.message))
    }
}

/// A message: the characters that end a command are escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property: the characters that end a property are escaped, too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_commands_and_properties_are_escaped() {
        let annotation = Annotation {
            level: Level::Error,
            path: Some("a,b:c%0A\n::error::.yaml".to_owned()),
            region: Some(Region { line: 1, column: 2, end_line: 1, end_column: 5, excerpt: None }),
            title: "t".to_owned(),
            message: "a: 100%,\r\nb".to_owned(),
        };
        let mut out = Vec::new();
        annotation.write(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "::error file=a%2Cb%3Ac%250A%0A%3A%3Aerror%3A%3A.yaml,line=1,endLine=1,col=2,endColumn=5,title=t\
             ::a: 100%25,%0D%0Ab\n"
        );
    }
}
