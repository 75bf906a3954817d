//! `regcred check`

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, OnceLock};

use clap::builder::BoolishValueParser;
use jiff::Timestamp;
use regcred_engine::policy::Policy;
use regcred_engine::wording::Bilingual;
use rustix::process::Signal;

use super::judging::Judging;
use super::reporting::Reporting;
use super::{Exit, Failure, signals};
use crate::manifest::diff::Diff;
use crate::manifest::file_error::FileError;
use crate::manifest::input::{Input, inputs};
use crate::manifest::replace::{none_under_way, replace, replaceable};
use crate::manifest::{Checked, Manifest, Terms, mended, not_utf8};
use crate::report::{Report, Subject, Summary, Trouble, TroubleKind};

/// Judge the image-pull Secrets in files, before a cluster sees them
///
/// Reads manifests in YAML and JSON, lists, what Helm and kustomize print, and bare Docker configs (config.json).
/// Files that hold no image-pull Secret are passed over in silence; policy files of regcred are checked as such.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files, folders, or - for standard input
    ///
    /// In a folder: *.yaml, *.yml, *.json, .dockerconfigjson and .dockercfg, also in its subfolders; other hidden files and hidden
    /// folders are left out.
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,

    /// Write the repairs into the files
    ///
    /// Only the bytes of the document change. What - names is written to standard output, repaired or not, and what
    /// there is to say goes to standard error.
    #[arg(long, env = "REGCRED_FIX", hide_env_values = true, value_parser = BoolishValueParser::new())]
    fix: bool,

    /// Print what --fix would change, for patch -p1
    ///
    /// It holds the documents, credentials included. What there is to say goes to standard error. Where files are not below
    /// this folder, its first line says in which folder it is to be applied.
    #[arg(
        long,
        env = "REGCRED_DIFF",
        hide_env_values = true,
        value_parser = BoolishValueParser::new(),
        conflicts_with = "fix"
    )]
    diff: bool,

    #[command(flatten)]
    reporting: Reporting,

    #[command(flatten)]
    judging: Judging,
}

impl Args {
    /// Whether standard input is to be checked.
    fn stdin(&self) -> bool {
        self.paths.iter().any(|path| path == OsStr::new("-"))
    }
}

/// Checks what the arguments name.
pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let policy = args.judging.policy()?;
    let stop = Arc::new(OnceLock::new());
    if args.fix {
        stop_on_signals(&stop, args.stdin())?;
    }
    let checked = check(args, &policy, &stop);
    let stopped = checked.as_ref().ok().and_then(|(_, stopped)| *stopped);
    let ended = args.reporting.exit(checked.map(|(summary, _)| summary))?;
    Ok(stopped.map_or(ended, Exit::Stopped))
}

/// A signal ends the repair after the file that it is at, so that what was repaired is reported. A second one ends the
/// program at once, and so does the first where standard input may be what is waited for.
fn stop_on_signals(stop: &Arc<OnceLock<Signal>>, stdin: bool) -> Result<(), Failure> {
    let stop = Arc::clone(stop);
    let act = move |signal| {
        if stdin || stop.set(signal).is_err() {
            let _kept = none_under_way();
            process::exit(signals::exit_code(signal));
        }
    };
    signals::at_each(act).map_err(|error| Failure(format!("signals cannot be received: {error}")))
}

/// The summary, and the signal that kept it from being one of everything.
fn check(args: &Args, policy: &Policy, stop: &OnceLock<Signal>) -> io::Result<(Summary, Option<Signal>)> {
    let terms = Terms { policy, now: Timestamp::now() };
    // Standard output is for data: where that is manifests or a diff, findings are talk.
    let out: Box<dyn Write> = if args.diff || args.fix && args.stdin() {
        Box::new(anstream::stderr().lock())
    } else {
        Box::new(anstream::stdout().lock())
    };
    let report = Report::begin(args.reporting.output_format, policy.language, io::BufWriter::new(out))?;
    let mut run = Run { args, terms, report, diff: Diff::default() };
    let mut stopped = None;
    for input in args.paths.iter().flat_map(|path| inputs(path)) {
        stopped = stop.get().copied();
        if stopped.is_some() {
            run.interrupted()?;
            break;
        }
        match input {
            Ok(input) => run.input(&input)?,
            Err((path, error)) => run.unreadable(&shown(&path), &error)?,
        }
    }
    // Without one, it does not matter whether there still is a folder that the program runs in.
    if args.diff {
        put(run.diff.text(policy.language)?.as_bytes())?;
    }
    Ok((run.report.end()?, stopped))
}

/// A run in progress.
struct Run<'a> {
    args: &'a Args,
    terms: Terms<'a>,
    report: Report<io::BufWriter<Box<dyn Write>>>,
    diff: Diff,
}

impl Run<'_> {
    fn input(&mut self, input: &Input) -> io::Result<()> {
        let path = input.shown();
        if self.args.fix
            && let Input::File(file) = input
            && let Err(error) = replaceable(file)
        {
            return self.unreadable(&path, &error);
        }
        if matches!(input, Input::Stdin) {
            // It may be long in coming.
            self.report.flush()?;
        }
        let bytes = match input.read() {
            Ok(bytes) => bytes,
            Err(error) => {
                if let FileError::TooLarge(head) = &error
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
        let Ok(text) = std::str::from_utf8(&bytes) else {
            if self.args.fix && matches!(input, Input::Stdin) {
                put(&bytes)?;
            }
            return self.report.trouble(&not_utf8(&path, self.terms));
        };
        let manifest = Manifest::read(&path, text);
        let repaired = if self.args.fix || self.args.diff { manifest.repaired(self.terms) } else { None };
        if let Some(repaired) = repaired.as_ref().filter(|_| self.args.diff) {
            self.diff.add(input.path(), text, repaired);
        }
        let checked = manifest.check(self.terms);
        if !self.args.fix {
            return self.tell(&checked);
        }
        match (input, &repaired) {
            (Input::Stdin, _) => {
                put(repaired.as_ref().map_or(text, |text| text.as_str()).as_bytes())?;
            }
            (Input::File(file), Some(repaired)) => {
                if let Err(error) = replace(file, text.as_bytes(), repaired.as_bytes()) {
                    self.tell(&checked)?;
                    return self.unreadable(&path, &error);
                }
            }
            (Input::File(_), None) => {}
        }
        let after = repaired.as_ref().map(|text| text.as_str());
        self.tell(&mended(checked, &path, after, self.terms))
    }

    /// Reports on a file.
    fn tell(&mut self, checked: &Checked) -> io::Result<()> {
        self.report.policies(checked.policies);
        checked.judged.iter().try_for_each(|judged| self.report.judged(judged))?;
        checked.troubles.iter().try_for_each(|trouble| self.report.trouble(trouble))
    }

    fn interrupted(&mut self) -> io::Result<()> {
        let message = Bilingual::new(
            "interrupted: what was not looked at yet is not in this report",
            "已中断：尚未检查的内容不在本报告中",
        );
        let message = message.into_line(self.terms.policy.language);
        self.report.trouble(&Trouble { kind: TroubleKind::Unreadable, subject: None, region: None, message })
    }

    fn unreadable(&mut self, path: &str, error: &FileError) -> io::Result<()> {
        self.report.trouble(&Trouble {
            kind: TroubleKind::Unreadable,
            subject: Some(Subject::File { path: path.to_owned(), object: None }),
            region: None,
            message: error.said().into_line(self.terms.policy.language),
        })
    }
}

fn shown(path: &Path) -> String {
    Input::File(path.to_owned()).shown()
}

/// Writes data to standard output, all of it: what is kept back behind the last line end would be lost in silence.
fn put(data: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(data)?;
    out.flush()
}
