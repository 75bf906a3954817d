//! Findings written for people and programs: one model, and a file for each output format.
//!
//! A [`Report`] writes each [`Judged`] Secret as it comes, so that a run over a whole cluster needs no more memory than one
//! over a file. Only JUnit is kept until the end, because its head contains the totals.

pub mod explained;
mod findings;
mod github;
mod json;
mod junit;
mod model;
mod paragraph;
mod reported;
pub mod rules;
mod sarif;
mod summary;
pub mod table;
mod text;
mod writer;

use std::io::{self, Write};

use clap::ValueEnum;
use regcred_engine::policy::Language;

pub(crate) use findings::BriefFinding;
pub use findings::{Findings, MAX_REPORTED_FINDINGS};
pub use model::{Judged, Object, Subject, Trouble, TroubleKind};
pub(crate) use reported::UNDER_AUDIT;
pub use reported::{Excerpt, Outcome, Region, ReportedFinding};
pub use summary::{Counts, LeftOut, Summary};
use writer::ReportWriter;

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object per line
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for GitLab and Jenkins
    Junit,
    /// Workflow commands, which GitHub shows next to the lines
    Github,
}

/// A report while it is written.
pub struct Report<W: Write> {
    writer: Box<dyn ReportWriter<W>>,
    out: W,
    summary: Summary,
}

impl<W: Write + 'static> Report<W> {
    /// Begins a report. [`Format::Text`] is coloured; `out` removes the colours if it is not a terminal.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn begin(format: Format, language: Language, mut out: W) -> io::Result<Self> {
        let mut writer: Box<dyn ReportWriter<W>> = match format {
            Format::Text => Box::new(text::TextReport::new(language)),
            Format::Json => Box::new(json::Json { language }),
            Format::Sarif => Box::new(sarif::Sarif::new(language)),
            Format::Junit => Box::new(junit::Junit::new(language)),
            Format::Github => Box::new(github::Github::new(language)),
        };
        writer.begin(&mut out)?;
        Ok(Report { writer, out, summary: Summary::default() })
    }

    /// Reports one Secret, also if it has no findings.
    ///
    /// # Errors
    /// If the output cannot be written to.
    pub fn judged(&mut self, judged: &Judged) -> io::Result<()> {
        self.summary.judged(judged);
        self.writer.judged(&mut self.out, judged)
    }

    /// Counts policy files that were checked. Their errors are reported by [`Report::trouble`].
    pub const fn policies(&mut self, count: usize) {
        self.summary.policies_checked(count as u64);
    }

    /// Counts documents that were passed over, since they do not parse and are about something else.
    pub const fn skipped(&mut self, count: usize) {
        self.summary.skip(count as u64);
    }

    /// Counts what was left out of folders.
    pub const fn left_out(&mut self, left_out: LeftOut) {
        self.summary.leave_out(left_out);
    }

    /// Reports something that could not be judged.
    ///
    /// # Errors
    /// If the output cannot be written to.
    pub fn trouble(&mut self, trouble: &Trouble) -> io::Result<()> {
        self.summary.trouble(trouble.kind);
        self.writer.trouble(&mut self.out, trouble)
    }

    /// Flushes the output, so that the findings so far can be read if the format allows it.
    ///
    /// # Errors
    /// If the output cannot be written to.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Returns the counts so far.
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Ends the report.
    ///
    /// # Errors
    /// If the output cannot be written to.
    pub fn end(mut self) -> io::Result<Summary> {
        self.writer.end(&mut self.out, &self.summary)?;
        self.out.flush()?;
        Ok(self.summary)
    }
}
