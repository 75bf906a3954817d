//! `regcred check`

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use regcred_engine::policy::Policy;
use regcred_engine::wording::Bilingual;
use rustix::process::Signal;

use super::judging::Judging;
use super::reporting::Reporting;
use super::{Exit, Failure, signals};
use crate::manifest::content::Content;
use crate::manifest::diff::Diff;
use crate::manifest::file_error::InputError;
use crate::manifest::input::Input;
use crate::manifest::replace::{none_under_way, replace, replaceable};
use crate::manifest::walk::{self, Inputs, Selection};
use crate::manifest::{Checked, ListedConfig, Manifest, Terms, after_repair};
use crate::report::{Report, Subject, Summary, Trouble, TroubleKind};

/// Check image pull Secrets in files before you apply them
///
/// Reads manifests in YAML and JSON, lists, the output of Helm and kustomize, and Docker configs (config.json). Files without
/// an image pull Secret are skipped. Policy files of regcred are checked as well.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct CheckArgs {
    /// Files, folders, or - for standard input
    ///
    /// In a folder and its subfolders: *.yaml, *.yml, *.json, .dockerconfigjson, .dockercfg, and any other file that begins as a
    /// Docker config ({"auths"). Hidden folders and files, and those that a .gitignore names, are left out. A file that is named
    /// here is always read.
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// Repair the files
    ///
    /// Only the bytes of the document change. Standard input (-) is written to standard output, repaired or not, and findings
    /// go to standard error.
    #[arg(long)]
    fix: bool,

    /// Print what --fix would change as a diff for patch -p1
    ///
    /// The diff contains the documents with their credentials. Findings go to standard error. If files are not below the
    /// working directory, the first line says in which folder to apply the diff.
    #[arg(long, conflicts_with = "fix")]
    diff: bool,

    /// Leave out files and folders that match, as in a .gitignore; can be repeated
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,

    /// Also read hidden files and folders
    #[arg(long)]
    hidden: bool,

    /// Also read what a .gitignore, a .ignore or another ignore file of git names
    #[arg(long)]
    no_ignore: bool,

    #[command(flatten)]
    reporting: Reporting,

    #[command(flatten)]
    judging: Judging,
}

impl CheckArgs {
    /// Whether standard input is checked.
    fn stdin(&self) -> bool {
        self.paths.iter().any(|path| path == OsStr::new("-"))
    }
}

/// Checks the files.
pub(crate) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let policy = args.judging.policy()?;
    let selection = Selection::new(&args.exclude, args.hidden, args.no_ignore)
        .map_err(|glob| Failure(format!("--exclude: `{glob}` is not a valid glob")))?;
    let stop = Arc::new(OnceLock::new());
    if args.fix {
        stop_on_signals(&stop, args.stdin())?;
    }
    let checked = check(args, &selection, &policy, &stop);
    let stopped = checked.as_ref().ok().and_then(|(_, stopped)| *stopped);
    let ended = args.reporting.exit(checked.map(|(summary, _)| summary))?;
    Ok(stopped.map_or(ended, Exit::Stopped))
}

/// A signal ends the repair after the current file, so that all repairs are reported. A second one ends the program at once,
/// and so does the first if the program may be waiting for standard input.
fn stop_on_signals(stop: &Arc<OnceLock<Signal>>, stdin: bool) -> Result<(), Failure> {
    let stop = Arc::clone(stop);
    let act = move |signal| {
        if stdin || stop.set(signal).is_err() {
            let _kept = none_under_way();
            process::exit(signals::exit_code(signal));
        }
    };
    signals::at_each(act).map_err(|error| Failure(format!("cannot receive signals: {error}")))
}

/// Returns the summary, and the signal that interrupted the run.
fn check(
    args: &CheckArgs,
    selection: &Selection,
    policy: &Policy,
    stop: &OnceLock<Signal>,
) -> io::Result<(Summary, Option<Signal>)> {
    let terms = Terms { policy, now: Timestamp::now() };
    // If standard output has manifests or a diff, findings go to standard error.
    let out: Box<dyn Write> = if args.diff || args.fix && args.stdin() {
        Box::new(anstream::stderr().lock())
    } else {
        Box::new(anstream::stdout().lock())
    };
    let report = Report::begin(args.reporting.output_format, policy.language, io::BufWriter::new(out))?;
    let mut run =
        Run { args, terms, report, diff: Diff::default(), listed: Vec::new(), read: HashSet::new() };
    let mut stopped = None;
    let mut inputs = Inputs::new(&args.paths, selection);
    // Standard input may be long in coming, and what edits files stops between two of them.
    let at_once = if args.fix || args.diff || args.stdin() { 1 } else { FILES_AT_ONCE };
    loop {
        let batch: Vec<_> = inputs.by_ref().take(at_once).collect();
        if batch.is_empty() {
            break;
        }
        stopped = stop.get().copied();
        if stopped.is_some() {
            run.interrupted()?;
            break;
        }
        run.batch(batch)?;
    }
    if stopped.is_none() {
        run.listed()?;
    }
    run.report.left_out(inputs.left_out());
    // Only a diff needs a working directory that still exists.
    if args.diff {
        put(run.diff.text(policy.language)?.as_bytes())?;
    }
    Ok((run.report.end()?, stopped))
}

/// Files that are read and judged by all cores before the next are looked for. What was found in them is kept until then.
const FILES_AT_ONCE: usize = 512;

/// A run in progress.
struct Run<'a> {
    args: &'a CheckArgs,
    terms: Terms<'a>,
    report: Report<io::BufWriter<Box<dyn Write>>>,
    diff: Diff,
    /// The Docker configs that kustomizations list, each with the folder of its kustomization.
    listed: Vec<(PathBuf, ListedConfig)>,
    /// The resolved paths of the Docker configs that were judged.
    read: HashSet<PathBuf>,
}

impl Run<'_> {
    /// Checks some inputs and reports them in their order.
    fn batch(&mut self, batch: Vec<walk::FoundInput>) -> io::Result<()> {
        if self.args.fix || self.args.diff {
            return batch.into_iter().try_for_each(|found| match found {
                Ok(input) if input.counts() => self.edited(&input),
                Ok(_) => Ok(()),
                Err((path, error)) => self.unreadable(&shown(&path), &error),
            });
        }
        if matches!(batch.as_slice(), [Ok(Input::Stdin)]) {
            self.report.flush()?;
        }
        let terms = self.terms;
        let checked: Vec<_> = batch.into_par_iter().map(|found| examined(found, terms)).collect();
        checked.into_iter().try_for_each(|examined| match examined {
            Ok((input, checked)) => self.report_all(&input, checked),
            Err((path, error)) => self.unreadable(&path, &error),
        })
    }

    /// Repairs an input, or shows what would be repaired, and reports on it.
    fn edited(&mut self, input: &Input) -> io::Result<()> {
        let path = input.shown();
        if self.args.fix
            && let Input::File(file) | Input::Other(file) = input
            && let Err(error) = replaceable(file)
        {
            return self.unreadable(&path, &error);
        }
        if matches!(input, Input::Stdin) {
            // Reading it may take long.
            self.report.flush()?;
        }
        let bytes = match input.read() {
            Ok(bytes) => bytes,
            Err(error) => {
                if let InputError::TooLarge(head) = &error
                    && self.args.fix
                    && matches!(input, Input::Stdin)
                {
                    let mut out = io::stdout().lock();
                    out.write_all(head)?;
                    io::copy(&mut io::stdin().lock(), &mut out)?;
                    out.flush()?;
                }
                return self.unreadable(&path, &error);
            }
        };
        let content = Content::new(&bytes);
        let manifest = Manifest::read(&path, &content);
        let repaired = manifest.repaired(self.terms);
        if let Some(repaired) = repaired.as_ref().filter(|_| self.args.diff) {
            self.diff.add(input.path(), content.text(), repaired);
        }
        let checked = manifest.check(self.terms);
        if !self.args.fix {
            return self.report_all(input, checked);
        }
        match (input, &repaired) {
            (Input::Stdin, _) => put(repaired.as_ref().map_or(&bytes, |text| text.as_bytes()))?,
            (Input::File(file) | Input::Other(file), Some(repaired)) => {
                if let Err(error) = replace(file, &bytes, repaired.as_bytes()) {
                    self.report_all(input, checked)?;
                    return self.unreadable(&path, &error);
                }
            }
            (Input::File(_) | Input::Other(_), None) => {}
        }
        let after = repaired.as_ref().map(|text| text.as_str());
        self.report_all(input, after_repair(checked, &path, after, self.terms))
    }

    /// Reports what was found in an input, and remembers the files that it lists.
    fn report_all(&mut self, input: &Input, checked: Checked) -> io::Result<()> {
        if checked.is_docker_config {
            self.read.extend(fs::canonicalize(input.path()));
        }
        let folder = input.path().parent().unwrap_or(Path::new(""));
        self.report(&checked)?;
        self.listed.extend(checked.listed.into_iter().map(|listed| (folder.to_owned(), listed)));
        Ok(())
    }

    /// Checks the Docker configs that kustomizations list, unless they were read before. They are not repaired.
    fn listed(&mut self) -> io::Result<()> {
        for (folder, listed) in std::mem::take(&mut self.listed) {
            let input = Input::File(folder.join(&listed.path));
            let is_file = fs::metadata(input.path()).is_ok_and(|metadata| metadata.is_file());
            let Some(resolved) = fs::canonicalize(input.path()).ok().filter(|_| is_file) else {
                self.report.trouble(&listed.missing)?;
                continue;
            };
            if !self.read.insert(resolved) {
                continue;
            }
            let path = input.shown();
            match input.read() {
                Ok(bytes) => {
                    let content = Content::new(&bytes);
                    let checked = Manifest::read_listed(&path, &content, &listed).check(self.terms);
                    self.report(&checked)?;
                }
                Err(error) => self.unreadable(&path, &error)?,
            }
        }
        Ok(())
    }

    fn report(&mut self, checked: &Checked) -> io::Result<()> {
        self.report.policies(checked.policies);
        self.report.skipped(checked.skipped);
        checked.judged.iter().try_for_each(|judged| self.report.judged(judged))?;
        checked.troubles.iter().try_for_each(|trouble| self.report.trouble(trouble))
    }

    fn interrupted(&mut self) -> io::Result<()> {
        let message =
            Bilingual::new("interrupted: the remaining files were not checked", "已中断：其余文件未检查");
        let message = message.into_line(self.terms.policy.language);
        self.report.trouble(&Trouble { kind: TroubleKind::Unreadable, subject: None, region: None, message })
    }

    fn unreadable(&mut self, path: &str, error: &InputError) -> io::Result<()> {
        self.report.trouble(&Trouble {
            kind: TroubleKind::Unreadable,
            subject: Some(Subject::File { path: path.to_owned(), object: None }),
            region: None,
            message: error.message().into_line(self.terms.policy.language),
        })
    }
}

/// Reads an input and judges what is in it.
fn examined(found: walk::FoundInput, terms: Terms<'_>) -> Result<(Input, Checked), (String, InputError)> {
    let input = found.map_err(|(path, error)| (shown(&path), error))?;
    if !input.counts() {
        return Ok((input, Checked::default()));
    }
    let path = input.shown();
    match input.read() {
        Ok(bytes) => {
            let checked = Manifest::read(&path, &Content::new(&bytes)).check(terms);
            Ok((input, checked))
        }
        Err(error) => Err((path, error)),
    }
}

fn shown(path: &Path) -> String {
    Input::File(path.to_owned()).shown()
}

/// Writes data to standard output and flushes it, since an error at exit would be lost.
fn put(data: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(data)?;
    out.flush()
}
