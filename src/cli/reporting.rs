//! What the subcommands that report findings have in common: in which form, and what the exit code makes of them.

use std::io;

use clap::ValueEnum;
use regcred_engine::rules::Action;

use super::{Exit, Failure};
use crate::report::{Format, Summary};

/// The flags of every subcommand that reports findings.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Reporting {
    /// How findings are written
    #[arg(
        long,
        env = "REGCRED_OUTPUT_FORMAT",
        hide_env_values = true,
        value_name = "FORMAT",
        default_value = "text",
        ignore_case = true
    )]
    pub(crate) output_format: Format,

    /// From which findings on the exit code is 1
    #[arg(
        long,
        env = "REGCRED_FAIL_ON",
        hide_env_values = true,
        value_name = "ACTION",
        default_value = "deny",
        ignore_case = true
    )]
    fail_on: FailOn,
}

/// From which findings on a run has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Findings that deny
    Deny,
    /// Findings that deny or warn
    Warn,
    /// None
    Never,
}

impl Reporting {
    /// How a run ends whose report came to this, or could not be written.
    pub(crate) fn exit(self, reported: io::Result<Summary>) -> Result<Exit, Failure> {
        match reported {
            Ok(summary) if summary.unreadable() > 0 => Ok(Exit::Incomplete),
            Ok(summary) if self.fail_on.fails(&summary) => Ok(Exit::Findings),
            Ok(_) => Ok(Exit::Clean),
            // A reader that has seen enough, such as `head`, is not told so.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Incomplete),
            Err(error) => Err(Failure(format!("what was found cannot be written: {error}"))),
        }
    }
}

impl FailOn {
    fn fails(self, summary: &Summary) -> bool {
        // Whatever findings are taken for: what was asked for was not done.
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
