//! `regcred scan`

use std::io::{self, IsTerminal as _, Write as _};
use std::process;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;
use rustix::process::Signal;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::connection::{Connection, READ_TIMEOUT, context_namespace};
use super::judging;
use super::reporting::Reporting;
use super::{Exit, Failure, say, signals};
use crate::cluster::client::{Access, ClusterError, connect};
use crate::cluster::scan::{Criteria, Fix, Listener, ScanRequest, Scope, scan};
use crate::create::object::Namespace;
use crate::report::{Format, Report, Summary, table};

/// Check, and optionally repair, the image pull Secrets in a cluster
///
/// regcred judges them as if they were created now. Without -n and -A it scans the namespace of the kubeconfig's context. If
/// something cannot be read, the report says so and the exit code is 2.
///
/// You need permission to list Secrets in these namespaces, and with --fix to get and patch them. Kubernetes cannot limit
/// that to pull Secrets.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct ScanArgs {
    /// Scan all namespaces
    ///
    /// Without permission to list Secrets cluster-wide, regcred reads each namespace that you can list.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,

    /// Scan this namespace; can be repeated, or be a list with commas
    #[arg(short, long, value_name = "NAME", value_delimiter = ',')]
    namespace: Vec<Namespace>,

    /// Scan only Secrets with these labels, as in kubectl
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    selector: Option<String>,

    /// Also report pull Secrets that have the wrong type, such as Opaque
    ///
    /// Otherwise the API server selects pull Secrets by their type. With this flag, it sends every Secret in these namespaces with
    /// its content, which takes longer in a cluster with many of them (Helm releases, for example).
    #[arg(long)]
    all_types: bool,

    /// Repair Secrets
    ///
    /// Only the document changes. If another client changes the Secret at the same time, the repair is retried. Immutable
    /// Secrets, and those that a controller would overwrite, are skipped.
    #[arg(long)]
    fix: bool,

    /// With --fix: only ask the API server whether it would accept the repair, and show it with masked values
    #[arg(long, requires = "fix", conflicts_with = "policy_reports")]
    dry_run: bool,

    /// With --fix: also repair Secrets that a controller manages (Helm, Argo CD, Flux, Rancher, External Secrets…)
    #[arg(long, requires = "fix")]
    include_owned: bool,

    /// Also write the findings as reports of openreports.io or wgpolicyk8s.io
    ///
    /// There is one report per namespace, called regcred, for all of its pull Secrets. So this cannot be combined with -l, nor
    /// with --dry-run. You need permission to create, patch and delete reports.
    #[arg(long)]
    policy_reports: bool,

    #[command(flatten)]
    reporting: Reporting,

    #[command(flatten)]
    judging: judging::Judging,

    #[command(flatten)]
    connection: Connection,
}

impl ScanArgs {
    const fn fix(&self) -> Fix {
        let include_owned = self.include_owned;
        match (self.fix, self.dry_run) {
            (false, _) => Fix::No,
            (true, false) => Fix::Write { include_owned },
            (true, true) => Fix::DryRun { include_owned },
        }
    }
}

/// Scans a cluster.
pub(crate) fn run(args: ScanArgs) -> Result<Exit, Failure> {
    // With one thread, memory is freed where it was allocated, so it does not grow with the size of the cluster.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("cannot create a file descriptor: {error}")))?;
    let ended = scan_with(&runtime, args);
    // Do not wait for open connections.
    runtime.shutdown_background();
    ended
}

fn scan_with(runtime: &Runtime, args: ScanArgs) -> Result<Exit, Failure> {
    let policy = args.judging.policy()?;
    let language = policy.language;
    if args.policy_reports && args.selector.is_some() {
        // The report would lose the findings of all other Secrets.
        let words = Bilingual::new(
            "--policy-reports covers all pull Secrets of a namespace: remove --selector or --policy-reports",
            "--policy-reports 针对命名空间中的所有镜像拉取 Secret：请去掉 --selector 或 --policy-reports",
        );
        return Err(Failure(words.into_line(language)));
    }
    let fix = args.fix();
    let access = Access::from(args.connection);
    let unusable = |error: ClusterError| Failure(error.into_words().into_line(language));
    let config = runtime.block_on(access.config()).map_err(unusable)?;
    let scope = match (args.all_namespaces, args.namespace) {
        (true, _) => Scope::Everywhere,
        (false, names) if names.is_empty() => {
            Scope::Namespaces(vec![context_namespace(&config.default_namespace, language)?])
        }
        (false, names) => {
            let mut names: Vec<_> = names.iter().map(|name| name.as_str().to_owned()).collect();
            names.sort_unstable();
            names.dedup();
            Scope::Namespaces(names)
        }
    };
    let client = runtime.block_on(async { connect(config, Some(READ_TIMEOUT)) }).map_err(unusable)?;
    let request = ScanRequest {
        scope,
        selector: args.selector,
        all_types: args.all_types,
        fix,
        judging: Criteria { policy, now: Timestamp::now() },
        policy_reports: args.policy_reports,
    };
    let (stop, stopped) = watch::channel(false);
    let signal = stop_on_signals(stop)?;
    let summary = report(runtime, client, stopped, &request, args.reporting.output_format);
    let incomplete = summary.as_ref().is_ok_and(|summary| summary.unreadable() > 0);
    if incomplete {
        let words = Bilingual::new(
            "this report is incomplete: it says what could not be read or done",
            "本报告不完整：其中列出了未能读取或完成的内容",
        );
        say(format_args!("regcred: {}", words.into_line(language)));
    }
    let exit = args.reporting.exit(summary)?;
    Ok(signal.get().filter(|_| incomplete).map_or(exit, |signal| Exit::Stopped(*signal)))
}

/// A signal ends the scan after the current Secret. A second one ends the program at once. Returns the first one.
pub(super) fn stop_on_signals(stop: watch::Sender<bool>) -> Result<Arc<OnceLock<Signal>>, Failure> {
    let first = Arc::new(OnceLock::new());
    let received = Arc::clone(&first);
    let act = move |signal| {
        if received.set(signal).is_err() {
            process::exit(signals::exit_code(signal));
        }
        stop.send_replace(true);
    };
    signals::at_each(act).map_err(|error| Failure(format!("cannot receive signals: {error}")))?;
    Ok(first)
}

/// Scans, and writes the report.
fn report(
    runtime: &Runtime,
    client: Client,
    stop: watch::Receiver<bool>,
    request: &ScanRequest,
    format: Format,
) -> io::Result<Summary> {
    let language = request.judging.policy.language;
    let mut report = Report::begin(format, language, anstream::stdout())?;
    let mut progress = Progress::new(language);
    scan(runtime, client, stop, request, &mut report, &mut progress)?;
    progress.clear();
    let summary = report.end()?;
    if format == Format::Text {
        table::write(&summary, language, &mut anstream::stdout().lock())?;
    }
    Ok(summary)
}

/// A line with the progress of the scan, on a terminal only.
struct Progress {
    language: Language,
    shown: bool,
    last: Option<Instant>,
    terminal: bool,
}

impl Progress {
    fn new(language: Language) -> Self {
        Progress { language, shown: false, last: None, terminal: io::stderr().is_terminal() }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            drop(write!(io::stderr(), "\r\x1b[K"));
        }
    }
}

impl Listener for Progress {
    fn say(&mut self, line: &str) {
        self.clear();
        say(format_args!("regcred: {line}"));
    }

    fn progress(&mut self, secrets: u64, namespace: &str) {
        let often = Duration::from_millis(100);
        if !self.terminal || self.last.is_some_and(|last| last.elapsed() < often) {
            return;
        }
        self.last = Some(Instant::now());
        self.shown = true;
        // In one language, so that it fits on one line.
        let line = match self.language {
            Language::English | Language::Both => format!("{secrets} image pull Secrets, now in {namespace}"),
            Language::Chinese => format!("已检查 {secrets} 个镜像拉取 Secret，正在检查 {namespace}"),
        };
        drop(write!(io::stderr(), "\r\x1b[K{line}"));
    }

    fn before_output(&mut self) {
        self.clear();
    }
}
