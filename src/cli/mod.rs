//! The command line: one file a subcommand, arguments in, calls out.

mod check;
mod create;
mod judging;
mod log;
mod password;
mod reporting;
mod rules;
mod scan;
mod serve;
mod shell;
mod signals;

use std::env;
use std::error::Error as _;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{self, ExitCode};

use clap::builder::{BoolishValueParser, Resettable, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use rustix::process::{Resource, Rlimit, Signal, setrlimit};

use crate::VERSION;

/// Kubernetes admission webhook that corrects and refuses image-pull Secrets.
///
/// Every flag can be given as an environment variable, named in its description. A variable means the same to every
/// command that reads it. Data goes to standard output, the program's own words to standard error.
#[derive(Debug, Parser)]
#[command(name = "regcred", version = VERSION, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  nothing to report
  1  findings that deny, a repair that was refused, or work that was cut off
  2  it could not do its job: wrong usage, unreadable input, no cluster
  130, 143  SIGINT or SIGTERM stopped check or create";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Check(check::Args),
    Scan(scan::Args),
    Create(create::Args),
    Rules(rules::Args),
    Completions(shell::Completions),
    Man(shell::Man),
}

/// How a run of the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Nothing to report.
    Clean,
    /// Findings that deny, a repair that was refused, or work that was cut off.
    Findings,
    /// It could not do all of its job, and said so where it says what it found.
    Incomplete,
    /// A signal stopped it in the middle of its job.
    Stopped(Signal),
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
    // A core file would hold the credentials of the last requests. Lowering a limit is always allowed. (Where the
    // kernel pipes cores to a program, that program has to honour the limit.)
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // Wrong usage ends here, with exit code 2 and the parser's own words.
    let mut command = command(&|name| env::var_os(name));
    if is_plugin() {
        let name = "kubectl regcred";
        command = command
            .bin_name(name)
            .mut_subcommand("create", |create| create.override_usage(create::usage(name)));
    }
    let matches = command
        .try_get_matches_from_mut(env::args_os())
        .unwrap_or_else(|error| wrong_usage(error, &mut command).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let result = match cli.command {
        Command::Serve(args) => serve::run(args),
        Command::Check(args) => check::run(&args),
        Command::Scan(args) => scan::run(args),
        Command::Create(args) => create::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Completions(args) => shell::completions(&args, Cli::command()),
        Command::Man(args) => shell::man(&args, Cli::command()),
    };
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

/// Variables that keep somebody out. Whoever sets one of them to nothing has lost its value on the way, and must not find
/// the door open.
const GUARDS: [&str; 2] = ["REGCRED_CLIENT_CA", "REGCRED_CLIENT_NAME"];

/// Whether kubectl runs the program as its plugin: then it has that name.
fn is_plugin() -> bool {
    let path = env::args_os().next();
    path.is_some_and(|path| Path::new(&path).file_name() == Some(OsStr::new("kubectl-regcred")))
}

/// The command line, without the variables that are as good as not set.
fn command(variable: &dyn Fn(&OsStr) -> Option<OsString>) -> clap::Command {
    let unset = |argument: &Arg| {
        let value = argument.get_env().and_then(variable);
        value.is_some_and(|value| is_unset(argument, &value))
    };
    Cli::command().mut_subcommands(|subcommand| {
        subcommand.mut_args(|arg| if unset(&arg) { arg.env(Resettable::Reset) } else { arg })
    })
}

/// Whether the variable of this flag is as good as not set. One that is set to nothing is, for every flag but the guards:
/// manifests write it that way. So is one that turns a switch off: otherwise the switch would count as given where it does
/// not go with another.
fn is_unset(argument: &Arg, value: &OsStr) -> bool {
    if value.is_empty() {
        return !GUARDS.iter().any(|guard| argument.get_env() == Some(OsStr::new(guard)));
    }
    let said = BoolishValueParser::new().parse_ref(&clap::Command::default(), None, value);
    matches!(argument.get_action(), ArgAction::SetTrue) && matches!(said, Ok(false))
}

/// What is said of wrong usage: no password, and which flags nobody typed.
fn wrong_usage(error: clap::Error, command: &mut clap::Command) -> clap::Error {
    let name = env::args_os().nth(1).unwrap_or_default();
    let Some(command) = command.find_subcommand_mut(&name) else { return error };
    let mut error = if name == "create" { without_password(error, command) } else { error };
    // What is missing may be what a flag requires that is in the usage alone.
    let about = match error.kind() {
        ErrorKind::ArgumentConflict => &[ContextKind::InvalidArg, ContextKind::PriorArg][..],
        ErrorKind::MissingRequiredArgument => &[ContextKind::Usage],
        _ => &[],
    };
    if !about.is_empty() {
        let said: Vec<_> =
            about.iter().filter_map(|kind| error.get(*kind)).map(ToString::to_string).collect();
        let said = said.join(" ");
        let is_named = |flag: &str| said.split([' ', ',', '[', ']', '|']).any(|word| word == flag);
        let is_typed =
            |flag: &str| env::args_os().any(|typed| typed.to_string_lossy().split('=').next() == Some(flag));
        let is_meant = |argument: &&Arg| {
            let flag = argument.get_long().map(|long| format!("--{long}"));
            flag.is_some_and(|flag| is_named(&flag) && !is_typed(&flag))
        };
        let variables = command.get_arguments().filter(is_meant).filter_map(Arg::get_env);
        let set = variables.filter(|variable| env::var_os(variable).is_some());
        let tip =
            |variable: &OsStr| format!("{} is set, which counts as its flag", variable.display()).into();
        let tips: Vec<_> = set.map(tip).collect();
        // Of none there would be an empty line.
        if !tips.is_empty() {
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
    }
    error
}

/// What was given to `create` may be a password in the wrong place, and is not repeated. The flag that it was given for is
/// named all the same, and one that it is similar to.
fn without_password(mut error: clap::Error, create: &mut clap::Command) -> clap::Error {
    if error.kind() == ErrorKind::UnknownArgument {
        error.remove(ContextKind::InvalidArg);
        error.remove(ContextKind::Suggested);
    } else if let (Some(argument), Some(value)) =
        (error.get(ContextKind::InvalidArg), error.get(ContextKind::InvalidValue))
        && !value.to_string().is_empty()
    {
        // The parser has no words for a value that it does not show.
        let why = match (error.source(), error.get(ContextKind::ValidValue)) {
            (Some(why), _) => format!(": {why}"),
            (None, Some(values)) => format!("; possible values: {values}"),
            (None, None) => ", which takes none".to_owned(),
        };
        return clap::Error::raw(error.kind(), format!("invalid value for '{argument}'{why}")).format(create);
    }
    error
}

/// Writes data to standard output, with colours only where it is a terminal that shows them. A reader that has seen
/// enough, such as `head`, is not told so: what that means depends on the data.
fn put(data: &[u8]) -> Result<Exit, Failure> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Exit::Clean),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Incomplete),
        Err(error) => Err(Failure(format!("standard output cannot be written: {error}"))),
    }
}

/// A line on standard error. When nobody can hear it, there is nobody to tell that either.
fn say(line: fmt::Arguments<'_>) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn variables_that_are_set_to_nothing_are_not_looked_at_but_for_those_that_keep_somebody_out() {
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

    /// Flags that mean something else in another command: their variables bear the name of the command, so that none is
    /// read by both. What is set for `check --fix` must not make `scan` write into a cluster.
    const OWN: [(&str, &str); 3] = [("scan", "fix"), ("scan", "namespace"), ("rules", "output-format")];

    /// What is read by several commands, and means the same to each.
    const SHARED: [&str; 4] = ["REGCRED_FAIL_ON", "REGCRED_LANG", "REGCRED_OUTPUT_FORMAT", "REGCRED_POLICY"];

    #[test]
    fn a_variable_that_several_commands_read_means_the_same_to_each() {
        let command = Cli::command();
        let mut readers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for argument in command.get_subcommands().flat_map(clap::Command::get_arguments) {
            if let Some(variable) = argument.get_env().and_then(OsStr::to_str) {
                let values = argument.get_possible_values();
                let values: Vec<_> = values.iter().map(|value| value.get_name().to_owned()).collect();
                let takes = (values, format!("{:?}", argument.get_action()), argument.get_value_delimiter());
                readers.entry(variable).or_default().push(takes);
            }
        }
        readers.retain(|_, readers| readers.len() > 1);
        assert_eq!(readers.keys().copied().collect::<Vec<_>>(), SHARED);
        for (variable, readers) in readers {
            assert!(readers.iter().all(|takes| *takes == readers[0]), "{variable}: {readers:?}");
        }
    }

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
                let own = OWN.contains(&(subcommand.get_name(), long));
                let name = if own { format!("{}_{long}", subcommand.get_name()) } else { long.to_owned() };
                let twin = format!("REGCRED_{}", name.to_uppercase().replace('-', "_"));
                assert_eq!(argument.get_env().and_then(|env| env.to_str()), Some(twin.as_str()), "--{long}");
                assert!(!long.starts_with("port") && !long.starts_with("service"), "--{long}");
            }
        }
    }
}
