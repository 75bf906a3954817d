//! What was found, on its way to people and to programs: one model, and a file for each format it is written in.
//!
//! A [`Report`] takes one [`Judged`] Secret after the other and writes at once, so that a run over a whole cluster
//! needs no more memory than one over a file; only JUnit, whose head holds the totals, is kept until the end.

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
use regcred_engine::finding;
use regcred_engine::policy::Language;
use regcred_engine::rules::{Action, Rule};
use regcred_engine::wording::{self, Bilingual, Statement};

pub use summary::{Counts, Summary};
pub(crate) use text::escaped;

/// In which form findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML, for GitLab and Jenkins
    Junit,
    /// Workflow commands, which GitHub shows beside the lines
    Github,
}

/// One pull Secret, or bare Docker config, and what was found in it.
#[derive(Debug)]
pub struct Judged {
    /// What was judged.
    pub subject: Subject,
    /// What was found, in the order of the document.
    pub findings: Vec<Finding>,
    /// What else is to be known of it, a sentence each: who owns it, why it was left alone.
    pub notes: Vec<String>,
}

/// What findings are about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Something in a file.
    File {
        /// The file as it was named; `-` for standard input.
        path: String,
        /// Which object of the file; `None` for the file itself and for a bare Docker config.
        object: Option<Object>,
    },
    /// An object of the cluster.
    Object(Object),
}

impl Subject {
    /// The Secret, where there is one.
    #[must_use]
    pub const fn object(&self) -> Option<&Object> {
        match self {
            Subject::File { object, .. } => object.as_ref(),
            Subject::Object(object) => Some(object),
        }
    }

    /// The file, where there is one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        match self {
            Subject::File { path, .. } => Some(path),
            Subject::Object(_) => None,
        }
    }
}

/// A Secret by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its namespace; a file need not say one.
    pub namespace: Option<String>,
    /// Its name; a file may leave it to the API server.
    pub name: Option<String>,
    /// The version that was judged; a file has none.
    pub resource_version: Option<String>,
}

impl Object {
    /// `NAMESPACE/NAME`, as far as they are known.
    #[must_use]
    pub fn shown(&self) -> String {
        let name = self.name.as_deref().unwrap_or("(no name)");
        self.namespace.as_ref().map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
    }
}

/// Something found in a document.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The rule that stands.
    pub rule: Rule,
    /// What the policy's rule says, before anything capped it.
    pub rule_action: Action,
    /// What happens.
    pub action: Action,
    /// What made `action` milder than `rule_action`.
    pub capped_by: Option<finding::Cap>,
    /// What it says.
    pub statement: Statement,
    /// The registry key that it is about, as far as it may be shown.
    pub registry: Option<String>,
    /// Where in the Secret: `data[.dockerconfigjson].auths["r.example.com"].auth`.
    pub field: String,
    /// Where in the file; `None` for an object of the cluster.
    pub region: Option<Region>,
    /// What each consumer makes of the entry, or of the document.
    pub affected: Affected,
    /// What the repair does about it.
    pub outcome: Outcome,
    /// What it is told in.
    pub language: Language,
}

/// The remedy of what was mended.
const REPAIRED: Bilingual<&str> = Bilingual { english: "It was repaired.", chinese: "已修复。" };

/// The remedy of what could be mended, were it not for the policy.
pub(crate) const UNDER_AUDIT: Bilingual<&str> = Bilingual {
    english: "regcred repairs this when the policy says enforcement: warn or enforce.",
    chinese: "将策略改为 enforcement: warn 或 enforce 后，regcred 可以修复此项。",
};

impl Finding {
    /// Takes over what the engine found. `holder` is what the document stands in, such as `data[.dockerconfigjson]`;
    /// empty for a bare Docker config. What is repairable is marked so, and `by_repair` is its remedy.
    #[must_use]
    pub fn new(
        found: &finding::Finding<'_>,
        holder: &str,
        by_repair: Bilingual<&str>,
        language: Language,
    ) -> Self {
        let path = found.place.path();
        let dot = if holder.is_empty() || path.is_empty() || path.starts_with('[') { "" } else { "." };
        let mut statement = wording::statement(found, language);
        if found.repairable {
            statement.remedy = by_repair.line(language);
        }
        Finding {
            rule: found.rule(),
            rule_action: found.rule_action,
            action: found.action,
            capped_by: found.capped_by,
            statement,
            registry: found.place.key().map(|key| key.shown().into_owned()),
            field: format!("{holder}{dot}{path}"),
            region: None,
            affected: found.affected,
            outcome: if found.repairable { Outcome::Repairable } else { Outcome::Stands },
            language,
        }
    }

    /// The one thing to do.
    #[must_use]
    pub fn remedy(&self) -> Cow<'_, str> {
        match self.outcome {
            Outcome::Fixed => REPAIRED.line(self.language).into(),
            Outcome::Stands | Outcome::Repairable | Outcome::Held(_) | Outcome::Refused(_) => {
                (&self.statement.remedy).into()
            }
        }
    }

    /// What it says, in one line.
    #[must_use]
    pub fn message(&self) -> String {
        let Statement { subject, clause, affected, .. } = &self.statement;
        let remedy = self.remedy();
        let (stop, space) = if clause.is_ascii() { (". ", " ") } else { ("。", "") };
        let space = if affected.is_empty() { "" } else { space };
        format!("{subject}: {clause}{stop}{affected}{space}{remedy}")
    }
}

/// What the repair does about a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing: it stands.
    Stands,
    /// It can be repaired.
    Repairable,
    /// It could be repaired, and was not; the sentence says why.
    Held(String),
    /// Its repair was tried and refused; the sentence says by whom and why.
    Refused(String),
    /// It was repaired, so it does not stand any more.
    Fixed,
}

/// A stretch of a file. Lines and columns are counted from 1, columns in characters; the end is exclusive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The line that it ends on.
    pub end_line: usize,
    /// The column behind its end.
    pub end_column: usize,
    /// The lines of the file, to be shown to people.
    pub excerpt: Option<Excerpt>,
}

/// Lines of a file in which nothing that may be a credential can be read any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of the first line.
    pub first_line: usize,
    /// The lines.
    pub text: String,
    /// What is marked: bytes of `text`.
    pub mark: Range<usize>,
}

impl Excerpt {
    /// The column of the mark, counted from 1 in characters.
    fn column(&self) -> usize {
        1 + self.text.get(..self.mark.start).map_or(0, |text| text.chars().count())
    }
}

/// Something about what was to be judged that kept it from being judged.
#[derive(Debug)]
pub struct Trouble {
    /// Which kind it is.
    pub kind: TroubleKind,
    /// The file or the object.
    pub subject: Option<Subject>,
    /// Where in the file.
    pub region: Option<Region>,
    /// What is wrong, in one line. Never a parser's words, which may quote what it read.
    pub message: String,
}

/// Kinds of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// It could not be read, or written: the program could not do its job.
    Unreadable,
    /// It is a policy file, and a broken one.
    Policy,
    /// There was nothing in it that can be judged: no error, but to be known.
    NotJudged,
}

impl TroubleKind {
    /// The code, as findings have one.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            TroubleKind::Unreadable => "unreadable",
            TroubleKind::Policy => "policy-file",
            TroubleKind::NotJudged => "not-judged",
        }
    }
}

/// One format.
trait Form<W: Write> {
    /// What stands before everything.
    fn begin(&mut self, _out: &mut W) -> io::Result<()> {
        Ok(())
    }

    fn judged(&mut self, out: &mut W, judged: &Judged) -> io::Result<()>;

    fn trouble(&mut self, out: &mut W, trouble: &Trouble) -> io::Result<()>;

    /// What stands behind everything.
    fn end(&mut self, out: &mut W, summary: &Summary) -> io::Result<()>;
}

/// A report in the making.
pub struct Report<W: Write> {
    form: Box<dyn Form<W>>,
    out: W,
    summary: Summary,
}

impl<W: Write + 'static> Report<W> {
    /// Begins a report. Colours are written in [`Format::Text`]; `out` takes them away where they do not belong.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn begin(format: Format, language: Language, mut out: W) -> io::Result<Self> {
        let mut form: Box<dyn Form<W>> = match format {
            Format::Text => Box::new(text::Text::new(language)),
            Format::Json => Box::new(json::Json),
            Format::Sarif => Box::new(sarif::Sarif::new(language)),
            Format::Junit => Box::new(junit::Junit::default()),
            Format::Github => Box::new(github::Github::new(language)),
        };
        form.begin(&mut out)?;
        Ok(Report { form, out, summary: Summary::default() })
    }

    /// Tells of one Secret, also of one in which nothing was found.
    ///
    /// # Errors
    /// When the output cannot be written to.
    pub fn judged(&mut self, judged: &Judged) -> io::Result<()> {
        self.summary.judged(judged);
        self.form.judged(&mut self.out, judged)
    }

    /// Counts policy files that were checked; what is wrong in them is told as trouble.
    pub const fn policies(&mut self, count: usize) {
        self.summary.policies_checked(count as u64);
    }

    /// Tells of something that could not be judged.
    ///
    /// # Errors
    /// When the output cannot be written to.
    pub fn trouble(&mut self, trouble: &Trouble) -> io::Result<()> {
        self.summary.trouble(trouble.kind);
        self.form.trouble(&mut self.out, trouble)
    }

    /// Lets what was told so far be seen, as far as the format can be written in pieces.
    ///
    /// # Errors
    /// When the output cannot be written to.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// What was told so far.
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Ends the report.
    ///
    /// # Errors
    /// When the output cannot be written to.
    pub fn end(mut self) -> io::Result<Summary> {
        self.form.end(&mut self.out, &self.summary)?;
        self.out.flush()?;
        Ok(self.summary)
    }
}
