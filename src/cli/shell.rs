//! `regcred completions` and `regcred man`, generated from the definitions of the arguments.

use std::fs;
use std::path::PathBuf;

use clap_complete::Shell;

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
