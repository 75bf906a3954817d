//! What a report contains: Secrets, their findings, and what could not be judged.

use super::findings::Findings;
use super::reported::Region;

/// One pull Secret, or bare Docker config, and what was found in it.
#[derive(Debug)]
pub struct Judged {
    /// The Secret or Docker config.
    pub subject: Subject,
    /// The findings, in the order of the document.
    pub findings: Findings,
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

/// An error or a note: why something was not judged.
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
    /// Its credentials are kept elsewhere, or are filled in later. This is a note, too.
    CredentialsElsewhere,
    /// A permission to read it is missing, and there is an answer without it. This is a note, too.
    NotPermitted,
}

impl TroubleKind {
    /// Returns the code, in the place of a rule's code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            TroubleKind::Unreadable => "unreadable",
            TroubleKind::Policy => "policy-file",
            TroubleKind::NotJudged => "not-judged",
            TroubleKind::CredentialsElsewhere => "note",
            TroubleKind::NotPermitted => "not-permitted",
        }
    }

    /// Whether this is a note: neither an error nor a finding, so that there is nothing to do about it. SARIF, GitHub
    /// annotations and JUnit contain no notes.
    #[must_use]
    pub const fn is_note(self) -> bool {
        match self {
            TroubleKind::NotJudged | TroubleKind::CredentialsElsewhere | TroubleKind::NotPermitted => true,
            TroubleKind::Unreadable | TroubleKind::Policy => false,
        }
    }
}
