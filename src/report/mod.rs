//! Findings written for people and programs: one model, and a file for each output format.
//!
//! A [`Report`] writes each [`Judged`] Secret as it comes, so that a run over a whole cluster needs no more memory than one
//! over a file. Only JUnit is kept until the end, because its head contains the totals.

mod github;
mod json;
mod junit;
mod paragraph;
pub mod rules;
mod sarif;
mod summary;
pub mod table;
mod text;

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::Range;

use clap::ValueEnum;
use regcred_engine::affected::Affected;
use regcred_engine::finding::{Cap, Finding};
use regcred_engine::policy::Language;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::wording::{self, Bilingual, Statement};

pub use summary::{Counts, LeftOut, Summary};

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

/// One pull Secret, or bare Docker config, and what was found in it.
#[derive(Debug)]
pub struct Judged {
    /// The Secret or Docker config.
    pub subject: Subject,
    /// The findings, in the order of the document.
    pub findings: Vec<ReportedFinding>,
    /// Further remarks, a sentence each: who owns it, why it was not repaired.
    pub notes: Vec<String>,
}

/// What a finding is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An object in a file, or the file itself.
    File {
        /// The file as it was named; `-` for standard input.
        path: String,
        /// The object in the file; `None` for the file itself and for a bare Docker config.
        object: Option<Object>,
    },
    /// An object of the cluster.
    Object(Object),
}

impl Subject {
    /// Returns the Secret, if there is one.
    #[must_use]
    pub const fn object(&self) -> Option<&Object> {
        match self {
            Subject::File { object, .. } => object.as_ref(),
            Subject::Object(object) => Some(object),
        }
    }

    /// Returns the path of the file, if it is in one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Subject::File { path, .. } => Some(path),
            Subject::Object(_) => None,
        }
    }
}

/// The name of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// The namespace, unless a file leaves it out.
    pub namespace: Option<String>,
    /// The name, unless a file leaves it to the API server.
    pub name: Option<String>,
    /// The version that was judged; `None` in a file.
    pub resource_version: Option<String>,
}

impl Object {
    /// Returns `NAMESPACE/NAME`, or the parts of it that are known.
    #[must_use]
    pub fn shown(&self) -> String {
        let name = self.name.as_deref().unwrap_or("(no name)");
        self.namespace.as_ref().map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
    }
}

/// A finding of the engine, as it is reported.
#[derive(Clone, Debug)]
pub struct ReportedFinding {
    /// The rule that applies.
    pub rule: Rule,
    /// The rule's action in the policy, before anything capped it.
    pub rule_action: Action,
    /// The action that applies.
    pub action: Action,
    /// What made `action` milder than `rule_action`.
    pub capped_by: Option<Cap>,
    /// The text.
    pub statement: Statement,
    /// The registry key that it is about, as far as it may be shown.
    pub registry: Option<String>,
    /// Where in the Secret: `data[.dockerconfigjson].auths["r.example.com"].auth`, or `type`.
    pub field: String,
    /// Where in the file; `None` for an object of the cluster.
    pub region: Option<Region>,
    /// What each consumer makes of the entry, or of the document.
    pub affected: Affected,
    /// What the repair did or would do.
    pub outcome: Outcome,
    /// The language of the text.
    pub language: Language,
}

/// The remedy of a finding that was repaired.
const REPAIRED: Bilingual<&str> = Bilingual { english: "It was repaired.", chinese: "已修复。" };

/// The remedy of a finding that the policy keeps from being repaired.
pub(crate) const UNDER_AUDIT: Bilingual<&str> = Bilingual {
    english: "regcred repairs this when the policy says enforcement: warn or enforce.",
    chinese: "将策略改为 enforcement: warn 或 enforce 后，regcred 可以修复此项。",
};

impl ReportedFinding {
    /// Converts a finding of the engine. `holder` is the field that contains the document, such as `data[.dockerconfigjson]`;
    /// it is empty for a bare Docker config. `by_repair` is the remedy if the finding is repairable.
    #[must_use]
    pub fn new(found: &Finding<'_>, holder: &str, by_repair: Bilingual<&str>, language: Language) -> Self {
        let path = found.place.path();
        let holder = if found.place.is_in_document() { holder } else { "" };
        let dot = if holder.is_empty() || path.is_empty() || path.starts_with('[') { "" } else { "." };
        let mut statement = wording::statement(found, language);
        if found.repairable {
            statement.remedy = by_repair.line(language);
        }
        ReportedFinding {
            rule: found.rule(),
            rule_action: found.rule_action,
            action: found.action,
            capped_by: found.capped_by,
            statement,
            registry: found.place.key().map(|key| key.shown().into_owned()),
            field: format!("{holder}{dot}{path}"),
            region: None,
            affected: found.affected,
            outcome: if found.repairable { Outcome::Repairable } else { Outcome::Remains },
            language,
        }
    }

    /// Returns the one thing to do.
    #[must_use]
    pub fn remedy(&self) -> Cow<'_, str> {
        match self.outcome {
            Outcome::Fixed => REPAIRED.line(self.language).into(),
            Outcome::Remains | Outcome::Repairable | Outcome::Held(_) | Outcome::Refused(_) => {
                (&self.statement.remedy).into()
            }
        }
    }

    /// Returns the whole text in one line.
    #[must_use]
    pub fn message(&self) -> String {
        let Statement { subject, clause, affected, .. } = &self.statement;
        let remedy = self.remedy();
        let (stop, space) = if clause.is_ascii() { (". ", " ") } else { ("。", "") };
        let space = if affected.is_empty() { "" } else { space };
        format!("{subject}: {clause}{stop}{affected}{space}{remedy}")
    }
}

/// What the repair did, or would do, about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: it remains.
    Remains,
    /// It can be repaired.
    Repairable,
    /// It could be repaired, but was not; the sentence says why.
    Held(String),
    /// Its repair was tried and refused; the sentence says by whom and why.
    Refused(String),
    /// It was repaired, so it no longer applies.
    Fixed,
}

/// A range of a file. Lines and columns are counted from 1, columns in characters; the end is exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The line that it ends on.
    pub end_line: usize,
    /// The column after its end.
    pub end_column: usize,
    /// The lines of the file, for people.
    pub excerpt: Option<Excerpt>,
}

/// Lines of a file in which everything that could be a credential is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of the first line.
    pub first_line: usize,
    /// The lines.
    pub text: String,
    /// The marked bytes of `text`.
    pub mark: Range<usize>,
}

impl Excerpt {
    /// The column of the mark, counted from 1 in characters.
    fn column(&self) -> usize {
        1 + self.text.get(..self.mark.start).map_or(0, |text| text.chars().count())
    }
}

/// Why something could not be judged.
#[derive(Debug)]
pub struct Trouble {
    /// The kind.
    pub kind: TroubleKind,
    /// The file or the object.
    pub subject: Option<Subject>,
    /// Where in the file.
    pub region: Option<Region>,
    /// What is wrong, in one line. Never the text of a parser error, which can quote its input.
    pub message: String,
}

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// It could not be read or written: the program could not do its job.
    Unreadable,
    /// It is a policy file with an error.
    Policy,
    /// It contains nothing that can be judged. This is a note, not an error.
    NotJudged,
}

impl TroubleKind {
    /// Returns the code, in the place of a rule's code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            TroubleKind::Unreadable => "unreadable",
            TroubleKind::Policy => "policy-file",
            TroubleKind::NotJudged => "not-judged",
        }
    }
}

/// Writes a report in one format.
trait ReportWriter<W: Write> {
    /// Writes what comes before the first Secret.
    fn begin(&mut self, _out: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn judged(&mut self, out: &mut W, judged: &Judged) -> io::Result<()>;

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()>;

    /// Writes what comes after the last Secret.
    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()>;
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
            Format::Json => Box::new(json::Json),
            Format::Sarif => Box::new(sarif::Sarif::new(language)),
            Format::Junit => Box::new(junit::Junit::default()),
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
