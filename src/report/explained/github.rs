//! GitHub's workflow commands.

use std::io::{self, Write};

use regcred_engine::policy::Language;
use regcred_engine::pull::{Cause, Certainty};

use super::{ExplainSummary, ExplainWriter, Explained};
use crate::report::Trouble;
use crate::report::github::{Annotation, Github, Level};
use crate::report::writer::ReportWriter as _;

/// Explanations as workflow commands, written at the end.
pub(super) struct ExplainGithub {
    language: Language,
    annotations: Github,
}

impl ExplainGithub {
    pub(super) const fn new(language: Language) -> Self {
        ExplainGithub { language, annotations: Github::new(language) }
    }
}

impl<W: Write> ExplainWriter<W> for ExplainGithub {
    fn explained(&mut self, out: &mut W, explained: &Explained) -> io::Result<()> {
        if explained.cause == Cause::None {
            return Ok(());
        }
        let subject = explained.subject.as_ref().map(super::ExplainedObject::shown).unwrap_or_default();
        let container = explained.container.as_deref().unwrap_or_default();
        let mut message = format!("{subject} ({container}): {}", explained.message.line(self.language));
        for command in &explained.remedy {
            message.push('\n');
            message.push_str(command);
        }
        let annotation = Annotation {
            level: if explained.certainty == Certainty::Open { Level::Warning } else { Level::Error },
            path: explained.place.as_ref().map(|place| place.path.clone()),
            region: explained.place.as_ref().and_then(|place| place.region.clone()),
            title: format!("regcred/{}", explained.cause.code()),
            message,
        };
        self.annotations.annotate(out, annotation)
    }

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()> {
        self.annotations.trouble(out, trouble)
    }

    fn end(&mut self, out: &mut W, summary: &ExplainSummary) -> io::Result<()> {
        self.annotations.write_all(out)?;
        writeln!(out, "{}", summary.line(self.language))
    }
}
