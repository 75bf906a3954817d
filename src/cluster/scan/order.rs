//! What is asked of a scan.

use jiff::Timestamp;
use regcred_engine::policy::Policy;

/// Where Secrets are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In all namespaces, as far as they may be read.
    Everywhere,
    /// In these namespaces.
    Namespaces(Vec<String>),
}

/// What is done about Secrets that can be repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// They are reported.
    No,
    /// They are repaired.
    Write {
        /// Also those that a controller would write back.
        include_owned: bool,
    },
    /// The API server is asked whether it would take the repair.
    DryRun {
        /// Also for those that a controller would write back.
        include_owned: bool,
    },
}

impl Fix {
    /// Whether a repair would also be one of Secrets that a controller would write back.
    pub(super) const fn includes_owned(self) -> bool {
        match self {
            Fix::No => false,
            Fix::Write { include_owned } | Fix::DryRun { include_owned } => include_owned,
        }
    }
}

/// What Secrets are judged by.
#[derive(Clone, Debug)]
pub struct Judging {
    /// The policy; it also says in which language.
    pub policy: Policy,
    /// The time, to the second.
    pub now: Timestamp,
}

/// What is asked of a scan.
#[derive(Clone, Debug)]
pub struct Order {
    /// Where.
    pub scope: Scope,
    /// A label selector, in the API server's syntax.
    pub selector: Option<String>,
    /// What is done about repairable Secrets.
    pub fix: Fix,
    /// What they are judged by.
    pub judging: Judging,
    /// Whether findings are also written as reports of the cluster.
    pub policy_reports: bool,
}
