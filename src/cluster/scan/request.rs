//! The request for a scan.

use jiff::Timestamp;
use regcred_engine::policy::Policy;

/// The namespaces to scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All namespaces that can be read.
    Everywhere,
    /// These namespaces.
    Namespaces(Vec<String>),
}

/// How to treat Secrets that can be repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Report them.
    No,
    /// Repair them.
    Write {
        /// Also Secrets that a controller would overwrite.
        include_owned: bool,
    },
    /// Ask the API server whether it would accept the repair.
    DryRun {
        /// Also Secrets that a controller would overwrite.
        include_owned: bool,
    },
}

impl Fix {
    /// Whether to repair Secrets that a controller would overwrite.
    pub(super) const fn includes_owned(self) -> bool {
        match self {
            Fix::No => false,
            Fix::Write { include_owned } | Fix::DryRun { include_owned } => include_owned,
        }
    }
}

/// The policy and the time for the judgement.
#[derive(Clone, Debug)]
pub struct Criteria {
    /// The policy, with the language.
    pub policy: Policy,
    /// The time of the scan.
    pub now: Timestamp,
}

/// The request for a scan.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// The namespaces.
    pub scope: Scope,
    /// A label selector in the syntax of the API server.
    pub selector: Option<String>,
    /// Whether to read Secrets of all types, to find pull Secrets of the wrong type.
    pub all_types: bool,
    /// How to treat Secrets that can be repaired.
    pub fix: Fix,
    /// The policy and the date.
    pub judging: Criteria,
    /// Whether to write the findings as reports into the cluster as well.
    pub policy_reports: bool,
}
