//! The command line: one file a subcommand, arguments in, calls out.

mod log;
mod serve;

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Kubernetes admission webhook that corrects and refuses image-pull Secrets.
///
/// Every flag can be given as an environment variable, named in its description. Data goes to standard output, the
/// program's own words to standard error.
#[derive(Debug, Parser)]
#[command(name = "regcred", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing to report
  1  findings that deny, or work that was cut off
  2  it could not do its job: wrong usage, unreadable input, no cluster";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
}

/// How a run of the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Nothing to report.
    Clean,
    /// Findings that deny, a refused action, or work that was cut off.
    Findings,
}

/// Why the program could not do its job: a line, or several that each stand for themselves.
struct Failure(String);

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

/// Reads the arguments, runs what they ask for, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    // Wrong usage ends here, with exit code 2 and the parser's own words.
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Serve(args) => serve::run(args),
    };
    match result {
        Ok(Exit::Clean) => ExitCode::SUCCESS,
        Ok(Exit::Findings) => ExitCode::from(1),
        Err(Failure(message)) => {
            for line in message.lines() {
                say(format_args!("regcred: {line}"));
            }
            ExitCode::from(2)
        }
    }
}

/// A line on standard error. When nobody can hear it, there is nobody to tell that either.
fn say(line: fmt::Arguments<'_>) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_flag_has_its_environment_twin_and_none_takes_what_kubernetes_injects() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
            for argument in subcommand
                .get_arguments()
                .filter(|argument| argument.get_long().is_some_and(|long| long != "help"))
            {
                let long = argument.get_long().unwrap_or_default();
                let twin = format!("REGCRED_{}", long.to_uppercase().replace('-', "_"));
                assert_eq!(argument.get_env().and_then(|env| env.to_str()), Some(twin.as_str()), "--{long}");
                assert!(!long.starts_with("port") && !long.starts_with("service"), "--{long}");
            }
        }
    }
}
