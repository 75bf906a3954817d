//! The command line: one file per subcommand.

mod asking;
mod backstop;
mod check;
mod connection;
mod create;
mod doctor;
mod explain;
mod judging;
mod log;
mod outcome;
mod password;
mod reporting;
mod rules;
mod scan;
mod serve;
mod shell;
mod signals;
mod verify;

use std::env;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{self, ExitCode};

use clap::builder::Resettable;
use clap::error::{ContextKind, ErrorKind};
use clap::{Arg, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::VERSION;
use crate::guarded::guarded;
use outcome::{Exit, Failure, put, say};

/// Kubernetes admission webhook that corrects and refuses image pull Secrets.
///
/// Every flag of serve, and --policy and --lang of the other commands, can also be set by an environment variable: --tls-cert
/// by `REGCRED_TLS_CERT`. Data goes to standard output, messages to standard error.
#[derive(Debug, Parser)]
#[command(name = "regcred", version = VERSION, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing to report
  1  findings that deny, credentials that do not work, a refused repair, or requests that were cut off
  2  regcred could not do its job: wrong usage, unreadable input, no cluster
  130, 143  SIGINT or SIGTERM stopped check, scan or create";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::ServeArgs),
    Check(check::CheckArgs),
    Scan(scan::ScanArgs),
    Explain(explain::ExplainArgs),
    Verify(verify::VerifyArgs),
    Create(create::CreateArgs),
    Doctor(doctor::DoctorArgs),
    Backstop(backstop::BackstopArgs),
    Rules(rules::RulesArgs),
    Completions(shell::Completions),
    Man(shell::Man),
}

/// Reads the arguments, runs the subcommand and returns the exit code.
#[must_use]
pub fn main() -> ExitCode {
    // A core file would contain the credentials of recent requests. Lowering a limit is always allowed. (If the kernel
    // pipes cores to a program, that program must respect the limit.)
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    log::quiet_panics();
    let called_as = called_as();
    if called_as == "kubectl_complete-regcred" {
        return exit_code(completed(|| shell::complete_plugin(Cli::command(), env::args_os().collect())));
    }
    let mut command = command(&|name| env::var_os(name));
    if called_as == "kubectl-regcred" {
        let name = "kubectl regcred";
        command = command
            .bin_name(name)
            .mut_subcommand("create", |create| create.override_usage(create::usage(name)));
    }
    let matches = command
        .try_get_matches_from_mut(env::args_os())
        .unwrap_or_else(|error| without_password(error, &mut command).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let run = || match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(&args),
        Command::Scan(args) => scan::run(args),
        Command::Explain(args) => explain::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Create(args) => create::run(&args),
        Command::Doctor(args) => doctor::run(args),
        Command::Backstop(args) => backstop::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Completions(args) => shell::completions(&args, Cli::command()),
        Command::Man(args) => shell::man(&args, Cli::command()),
    };
    exit_code(completed(run))
}

/// Converts the result of a subcommand. A failure is written to standard error.
fn exit_code(result: Result<Exit, Failure>) -> ExitCode {
    match result {
        Ok(Exit::Clean) => ExitCode::SUCCESS,
        Ok(Exit::Findings) => ExitCode::from(1),
        Ok(Exit::Incomplete) => ExitCode::from(2),
        Ok(Exit::Stopped(signal)) => process::exit(signals::exit_code(signal)),
        Err(Failure(message)) => {
            for line in message.lines() {
                say(format_args!("regcred: {line}"));
            }
            ExitCode::from(2)
        }
    }
}

/// Runs a subcommand. A panic is a failure like any other: its place is on standard error already.
fn completed(run: impl FnOnce() -> Result<Exit, Failure>) -> Result<Exit, Failure> {
    guarded(run)
        .unwrap_or_else(|| Err(Failure("internal error: please report this bug of regcred".to_owned())))
}

/// Variables that restrict who may connect. An empty one is an error: its value was lost, and must not admit every client.
const GUARDS: [&str; 2] = ["REGCRED_CLIENT_CA", "REGCRED_CLIENT_NAME"];

/// The name by which the program was called. kubectl calls its plugin, and the completion of that, by names of their own.
fn called_as() -> OsString {
    let path = env::args_os().next().unwrap_or_default();
    Path::new(&path).file_name().unwrap_or_default().to_owned()
}

/// The command line, ignoring empty variables: manifests often set one for a setting that is not used.
fn command(variable: &dyn Fn(&OsStr) -> Option<OsString>) -> clap::Command {
    let is_unset = |argument: &Arg| {
        argument.get_env().is_some_and(|name| {
            variable(name).is_some_and(|value| value.is_empty()) && !GUARDS.iter().any(|guard| name == *guard)
        })
    };
    Cli::command().mut_subcommands(|subcommand| {
        subcommand.mut_args(|arg| if is_unset(&arg) { arg.env(Resettable::Reset) } else { arg })
    })
}

/// Removes the argument from an error of `create`: it may be a password in the wrong place. The name of the flag is kept.
fn without_password(mut error: clap::Error, command: &mut clap::Command) -> clap::Error {
    if env::args_os().nth(1).is_none_or(|name| name != "create") {
        return error;
    }
    let Some(create) = command.find_subcommand_mut("create") else { return error };
    if error.kind() == ErrorKind::UnknownArgument {
        error.remove(ContextKind::InvalidArg);
        error.remove(ContextKind::Suggested);
    } else if let (Some(argument), Some(value)) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
        && !value.to_string().is_empty()
    {
        // clap has no message without the value.
        let why = match (error.source(), error.get(ContextKind::ValidValue)) {
            (Some(why), _) => format!(": {why}"),
            (None, Some(values)) => format!("; possible values: {values}"),
            (None, None) => ", which takes no value".to_owned(),
        };
        return clap::Error::raw(error.kind(), format!("invalid value for '{argument}'{why}")).format(create);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_variables_are_ignored_except_guards() {
        let twins = |command: clap::Command| {
            let arguments = command.get_subcommands().flat_map(clap::Command::get_arguments);
            arguments.filter_map(|argument| argument.get_env().map(OsStr::to_owned)).collect::<Vec<_>>()
        };
        let all = twins(Cli::command());
        assert!(all.len() > 5);
        assert_eq!(twins(command(&|_| None)), all);
        for name in &all {
            let guards = |other: &OsStr| GUARDS.iter().any(|guard| other == *guard);
            let others: Vec<_> =
                all.iter().filter(|other| *other != name || guards(other)).cloned().collect();
            assert_eq!(twins(command(&|other| (other == name).then(OsString::new))), others);
        }
    }

    #[test]
    fn panic_of_a_subcommand_is_a_failure() {
        assert!(matches!(completed(|| Ok(Exit::Clean)), Ok(Exit::Clean)));
        assert!(
            matches!(completed(|| panic!("a bug")), Err(Failure(message)) if message.starts_with("internal error"))
        );
    }

    #[test]
    fn only_serve_policy_and_lang_have_variables() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
            for argument in subcommand
                .get_arguments()
                .filter(|argument| argument.get_long().is_some_and(|long| long != "help"))
            {
                let long = argument.get_long().unwrap_or_default();
                let variable = argument.get_env().and_then(OsStr::to_str);
                if subcommand.get_name() == "serve" || ["policy", "lang"].contains(&long) {
                    let name = format!("REGCRED_{}", long.to_uppercase().replace('-', "_"));
                    assert_eq!(variable, Some(name.as_str()), "--{long}");
                    assert!(!is_injected(&name), "--{long}");
                } else {
                    assert_eq!(variable, None, "--{long}");
                }
            }
        }
    }

    /// Whether Kubernetes may set a variable of this name for a Service, such as `REGCRED_PORT` for `regcred`:
    /// <https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables>.
    fn is_injected(name: &str) -> bool {
        ["_SERVICE_HOST", "_PORT"].iter().any(|end| name.ends_with(end))
            || ["_SERVICE_PORT_", "_PORT_"].iter().any(|part| name.contains(part))
    }

    #[test]
    fn output_format_is_o() {
        let command = Cli::command();
        for subcommand in command.get_subcommands() {
            let long = |argument: &&Arg| argument.get_long() == Some("output-format");
            if let Some(argument) = subcommand.get_arguments().find(long) {
                assert_eq!(argument.get_short(), Some('o'), "{}", subcommand.get_name());
            }
        }
    }
}
