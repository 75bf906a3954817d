//! Explanations of pulls, written for people and programs: one model, and a file for each output format.

mod github;
mod groups;
mod json;
mod model;
mod sarif;
mod summary;
mod text;
mod writer;

use std::io::{self, Write};

use clap::ValueEnum;
use regcred_engine::policy::Language;

use super::Trouble;
pub use model::{ConsumerUse, Explained, ExplainedObject, ExplainedPlace, POD};
pub use summary::ExplainSummary;
use writer::ExplainWriter;

/// The format of explanations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
    /// SARIF 2.1.0, for code scanning; only for files
    Sarif,
    /// Workflow commands, which GitHub shows next to the lines; only for files
    Github,
}

/// How explanations are arranged in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// One after the other.
    Each,
    /// By cause, at the end.
    ByCause,
}

/// Explanations while they are written.
pub struct ExplainReport<W: Write> {
    writer: Box<dyn ExplainWriter<W>>,
    out: W,
    language: Language,
    summary: ExplainSummary,
}

impl<W: Write + 'static> ExplainReport<W> {
    /// Begins a report. Text is coloured; `out` removes the colours if it is not a terminal.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn begin(
        format: ExplainFormat,
        arrangement: Arrangement,
        language: Language,
        mut out: W,
    ) -> io::Result<Self> {
        let mut writer: Box<dyn ExplainWriter<W>> = match (format, arrangement) {
            (ExplainFormat::Text, Arrangement::Each) => Box::new(text::ExplainText::new(language)),
            (ExplainFormat::Text, Arrangement::ByCause) => Box::new(groups::GroupedText::new(language)),
            (ExplainFormat::Json, _) => Box::new(json::ExplainJson::new(language)),
            (ExplainFormat::Sarif, _) => Box::new(sarif::ExplainSarif::new(language)),
            (ExplainFormat::Github, _) => Box::new(github::ExplainGithub::new(language)),
        };
        writer.begin(&mut out)?;
        Ok(ExplainReport { writer, out, language, summary: ExplainSummary::default() })
    }

    /// The language of the texts.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// Counts a Pod or template that was checked.
    pub const fn pod(&mut self) {
        self.summary.pod();
    }

    /// Reports one container.
    ///
    /// # Errors
    /// If the output cannot be written to.
    pub fn explained(&mut self, explained: &Explained) -> io::Result<()> {
        self.summary.explained(explained);
        self.writer.explained(&mut self.out, explained)
    }

    /// Reports something that could not be read.
    ///
    /// # Errors
    /// If the output cannot be written to.
    pub fn trouble(&mut self, trouble: &Trouble) -> io::Result<()> {
        self.summary.trouble(trouble.kind);
        self.writer.trouble(&mut self.out, trouble)
    }

    /// Returns the counts so far.
    pub const fn summary(&self) -> &ExplainSummary {
        &self.summary
    }

    /// Ends the report.
    ///
    /// # Errors
    /// If the output cannot be written to.
    pub fn end(mut self) -> io::Result<ExplainSummary> {
        self.writer.end(&mut self.out, &self.summary)?;
        self.out.flush()?;
        Ok(self.summary)
    }
}
