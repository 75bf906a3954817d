//! The flags of the subcommands that report findings: the format and the exit code.

use std::io;

use clap::ValueEnum;
use regcred_engine::rules::Action;

use super::{Exit, Failure};
use crate::report::{Format, Summary};

/// The flags of every subcommand that reports findings.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Reporting {
    /// Format of the report
    #[arg(short, long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    pub(crate) output_format: Format,

    /// Mildest action for which the exit code is 1
    #[arg(long, value_name = "ACTION", default_value = "deny", ignore_case = true)]
    fail_on: FailOn,
}

/// The findings that make a run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Findings that deny
    Deny,
    /// Findings that deny or warn
    Warn,
    /// No findings
    Never,
}

impl Reporting {
    /// The exit of a run with this summary, or whose report could not be written.
    pub(crate) fn exit(self, reported: io::Result<Summary>) -> Result<Exit, Failure> {
        match reported {
            Ok(summary) if summary.unreadable() > 0 => Ok(Exit::Incomplete),
            Ok(summary) if self.fail_on.fails(&summary) => Ok(Exit::Findings),
            Ok(_) => Ok(Exit::Clean),
            // The reader closed the pipe early, as `head` does.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Incomplete),
            Err(error) => Err(Failure(format!("cannot write the report: {error}"))),
        }
    }
}

impl FailOn {
    fn fails(self, summary: &Summary) -> bool {
        // A refused repair is always a failure, because it was requested.
        if summary.total().refused > 0 {
            return true;
        }
        let least = match self {
            FailOn::Deny => Action::Deny,
            FailOn::Warn => Action::Warn,
            FailOn::Never => return false,
        };
        summary.worst().is_some_and(|worst| worst >= least)
    }
}
