//! GitHub's workflow commands: `::error file=…,line=…::MESSAGE`, one a line.

use std::fmt::Write as _;
use std::io::{self, Write};

use regcred_engine::policy::Language;
use regcred_engine::rules::Action;

use super::{Form, Judged, Outcome, Region, Subject, Summary, Trouble, TroubleKind, text};

/// A report as workflow commands.
pub(super) struct Github {
    language: Language,
}

impl Github {
    pub(super) const fn new(language: Language) -> Self {
        Github { language }
    }
}

impl<W: Write> Form<W> for Github {
    fn judged(&mut self, out: &mut W, judged: &Judged) -> io::Result<()> {
        for finding in judged.findings.iter().filter(|finding| finding.outcome != Outcome::Fixed) {
            let command = match finding.action {
                Action::Deny => "error",
                Action::Warn => "warning",
                Action::Audit | Action::Off => "notice",
            };
            let title = format!("regcred/{}", finding.rule.code());
            let mut message = finding.message();
            if !finding.field.is_empty() {
                let _ = write!(message, " ({})", finding.field); // a String takes all
            }
            for note in &judged.notes {
                message.push('\n');
                message.push_str(note);
            }
            write(out, command, Some(&judged.subject), finding.region.as_ref(), &title, &message)?;
        }
        Ok(())
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        let title = format!("regcred/{}", trouble.kind.code());
        let command = if trouble.kind == TroubleKind::NotJudged { "notice" } else { "error" };
        write(out, command, trouble.subject.as_ref(), trouble.region.as_ref(), &title, &trouble.message)
    }

    /// The summary as a plain line: what does not begin with `::` is shown in the log as it is.
    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()> {
        writeln!(out, "{}", text::summary_line(summary, self.language))
    }
}

fn write(
    out: &mut impl Write,
    command: &str,
    subject: Option<&Subject>,
    region: Option<&Region>,
    title: &str,
    message: &str,
) -> io::Result<()> {
    write!(out, "::{command} ")?;
    if let Some(path) = subject.and_then(Subject::path) {
        write!(out, "file={},", property(path))?;
    }
    if let Some(region) = region {
        write!(out, "line={},endLine={},", region.line, region.end_line)?;
        // GitHub takes columns only where there is one line.
        if region.line == region.end_line {
            write!(out, "col={},endColumn={},", region.column, region.end_column)?;
        }
    }
    let object = subject.and_then(Subject::object).map(super::Object::shown);
    let about = object.map_or_else(String::new, |object| format!("Secret {object}: "));
    writeln!(out, "title={}::{}", property(title), data(&format!("{about}{message}")))
}

/// A message: the characters that end a command are escaped.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property: those, too, that end a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_or_a_property_is_escaped() {
        let subject = Subject::File { path: "a,b:c%0A\n::error::.yaml".to_owned(), object: None };
        let region = Region { line: 1, column: 2, end_line: 1, end_column: 5, excerpt: None };
        let mut out = Vec::new();
        write(&mut out, "error", Some(&subject), Some(&region), "t", "a: 100%,\r\nb").unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "::error file=a%2Cb%3Ac%250A%0A%3A%3Aerror%3A%3A.yaml,line=1,endLine=1,col=2,endColumn=5,title=t\
             ::a: 100%25,%0D%0Ab\n"
        );
    }
}
