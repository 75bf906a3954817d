//! Completions and manual pages, generated from the definitions of the arguments.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

use clap_complete::{CompletionCandidate, Shell};

use super::{Exit, Failure, put};

/// Print completions for a shell
///
///   source <(regcred completions bash)
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Completions {
    /// Name of the shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn completions(args: &Completions, mut command: clap::Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "regcred", &mut script);
    put(&script)?;
    Ok(Exit::Clean)
}

/// Prints what can follow in `kubectl regcred …`. kubectl runs `kubectl_complete-regcred` with the plugin's arguments, of which the
/// last is incomplete, and expects one candidate per line, a description after a tab, and a number that says how to continue:
/// <https://github.com/kubernetes/kubernetes/blob/v1.37.2/staging/src/k8s.io/kubectl/pkg/cmd/plugin/plugin_completion.go>.
pub(crate) fn complete_plugin(mut command: clap::Command, words: Vec<OsString>) -> Result<Exit, Failure> {
    let last = words.len().saturating_sub(1);
    let candidates =
        clap_complete::engine::complete(&mut command, words, last, env::current_dir().ok().as_deref())
            .unwrap_or_default();
    let lines: Vec<String> = candidates.iter().filter_map(candidate_line).collect();
    // https://pkg.go.dev/github.com/spf13/cobra#ShellCompDirective: files are among the candidates already, and a folder is
    // continued without a blank.
    let no_file_completion = 4;
    let no_space = if lines.iter().any(|line| line.ends_with("/\n")) { 2 } else { 0 };
    put(format!("{}:{}\n", lines.concat(), no_file_completion | no_space).as_bytes())?;
    Ok(Exit::Clean)
}

/// The candidate as a line, unless it is a file whose name would be more than a line.
fn candidate_line(candidate: &CompletionCandidate) -> Option<String> {
    let value = candidate.get_value().to_str().filter(|value| !value.contains(char::is_control))?;
    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    Some(match help.lines().next() {
        Some(help) => format!("{value}\t{help}\n"),
        None => format!("{value}\n"),
    })
}

/// Write the manual pages into a folder
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// Folder, such as /usr/local/share/man/man1; it is created if necessary
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

/// Writes the pages.
pub(crate) fn man(args: &Man, command: clap::Command) -> Result<Exit, Failure> {
    fs::create_dir_all(&args.folder)
        .and_then(|()| clap_mangen::generate_to(command, &args.folder))
        .map_err(|error| Failure(format!("{}: cannot write: {error}", args.folder.display())))?;
    Ok(Exit::Clean)
}
