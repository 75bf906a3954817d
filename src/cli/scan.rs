//! `regcred scan`

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process;
use std::time::{Duration, Instant};

use clap::builder::BoolishValueParser;
use jiff::Timestamp;
use kube::Client;
use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

use super::judging;
use super::reporting::Reporting;
use super::{Exit, Failure, log, say, signals};
use crate::cluster::client::{Access, ClusterError, connect_within};
use crate::cluster::scan::{Fix, Judging, Listener, Order, Scope, scan};
use crate::create::object::Namespace;
use crate::report::{Format, Report, Summary, table};

/// How long the API server may be silent in an answer. It gives up on most requests by itself after a minute.
const ANSWER: Duration = Duration::from_secs(65);

/// Judge, and repair, the image-pull Secrets that are in a cluster
///
/// They are judged as the webhook would judge them if they were created now. Without -n and -A it is the namespace of the
/// kubeconfig's context that is looked at. What could not be read is named, and the exit code is then 2.
///
/// It needs the permission to list Secrets (in the namespaces that it looks at), and with --fix to get and patch them.
/// Kubernetes cannot limit that to pull Secrets.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Args {
    /// Look at all namespaces
    ///
    /// Who may not list the Secrets of the whole cluster but its namespaces is shown those that can be read.
    #[arg(
        short = 'A',
        long,
        env = "REGCRED_ALL_NAMESPACES",
        hide_env_values = true,
        value_parser = BoolishValueParser::new(),
        conflicts_with = "namespace"
    )]
    all_namespaces: bool,

    /// Look at this namespace; can be given several times
    #[arg(
        short,
        long,
        env = "REGCRED_SCAN_NAMESPACE",
        hide_env_values = true,
        value_name = "NAME",
        value_delimiter = ','
    )]
    namespace: Vec<Namespace>,

    /// Look at Secrets with these labels only, as in kubectl
    #[arg(short = 'l', long, env = "REGCRED_SELECTOR", hide_env_values = true, value_name = "SELECTOR")]
    selector: Option<String>,

    /// Repair what can be repaired
    ///
    /// Only the document changes, by a patch that fails if somebody else changed the Secret meanwhile, and is then made
    /// anew. Secrets that a controller would write back are left alone, and so are those that are immutable.
    #[arg(long, env = "REGCRED_SCAN_FIX", hide_env_values = true, value_parser = BoolishValueParser::new())]
    fix: bool,

    /// With --fix: ask the API server whether it would take the repair, show it with masked values, and store nothing
    #[arg(
        long,
        env = "REGCRED_DRY_RUN",
        hide_env_values = true,
        value_parser = BoolishValueParser::new(),
        requires = "fix",
        conflicts_with = "policy_reports"
    )]
    dry_run: bool,

    /// With --fix: also repair Secrets that a controller owns (Helm, Argo CD, Flux, Rancher, External Secrets…)
    #[arg(
        long,
        env = "REGCRED_INCLUDE_OWNED",
        hide_env_values = true,
        value_parser = BoolishValueParser::new(),
        requires = "fix"
    )]
    include_owned: bool,

    /// Also write the findings into the cluster, as reports of openreports.io or wgpolicyk8s.io
    ///
    /// One report a namespace, called regcred, about all of its pull Secrets; so it does not go with -l, nor with
    /// --dry-run, which stores nothing. It needs the permission to create, patch and delete them.
    #[arg(
        long,
        env = "REGCRED_POLICY_REPORTS",
        hide_env_values = true,
        value_parser = BoolishValueParser::new()
    )]
    policy_reports: bool,

    #[command(flatten)]
    reporting: Reporting,

    #[command(flatten)]
    judging: judging::Judging,

    /// The kubeconfig; without it KUBECONFIG, ~/.kube/config, or the service account of the pod
    #[arg(long, env = "REGCRED_KUBECONFIG", hide_env_values = true, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The kubeconfig's context; without it its current one
    #[arg(long, env = "REGCRED_CONTEXT", hide_env_values = true, value_name = "NAME")]
    context: Option<String>,
}

impl Args {
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
pub(crate) fn run(args: Args) -> Result<Exit, Failure> {
    log::quiet_panics();
    // One thread, which drives the connection while it waits: what is received is freed where it was allocated, so that
    // memory does not grow with what is read.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("the system refused a descriptor: {error}")))?;
    let ended = scan_with(&runtime, args);
    // A connection that is still open has nothing to say.
    runtime.shutdown_background();
    ended
}

fn scan_with(runtime: &Runtime, args: Args) -> Result<Exit, Failure> {
    let policy = args.judging.policy()?;
    let language = policy.language;
    if args.policy_reports && args.selector.is_some() {
        // It would take the others out of the report that is there, or the report itself away.
        let words = Bilingual::new(
            "--policy-reports is about all pull Secrets of a namespace: leave out --selector, or --policy-reports",
            "--policy-reports 针对命名空间中的所有镜像拉取 Secret：请去掉 --selector 或 --policy-reports",
        );
        return Err(Failure(words.into_line(language)));
    }
    let fix = args.fix();
    let access = Access { kubeconfig: args.kubeconfig, context: args.context };
    let unusable = |error: ClusterError| Failure(error.into_words().into_line(language));
    let config = runtime.block_on(access.config()).map_err(unusable)?;
    let scope = match (args.all_namespaces, args.namespace) {
        (true, _) => Scope::Everywhere,
        (false, names) if names.is_empty() => {
            Scope::Namespaces(vec![of_context(&config.default_namespace, language)?])
        }
        (false, names) => {
            let mut names: Vec<_> = names.iter().map(|name| name.as_str().to_owned()).collect();
            names.sort_unstable();
            names.dedup();
            Scope::Namespaces(names)
        }
    };
    let client = runtime.block_on(async { connect_within(config, ANSWER) }).map_err(unusable)?;
    let order = Order {
        scope,
        selector: args.selector,
        fix,
        judging: Judging { policy, now: Timestamp::now() },
        policy_reports: args.policy_reports,
    };
    let (stop, stopped) = watch::channel(false);
    // One ends the scan after the Secret that it is at, a second one ends the program at once.
    signals::at_each(move |_| {
        if stop.send_replace(true) {
            process::exit(2);
        }
    })
    .map_err(|error| Failure(format!("signals cannot be received: {error}")))?;
    let told = tell(runtime, client, stopped, &order, args.reporting.output_format);
    if told.as_ref().is_ok_and(|summary| summary.unreadable() > 0) {
        let words = Bilingual::new(
            "this report is not complete: it names what could not be read or done",
            "本报告不完整：其中列出了未能读取或完成的内容",
        );
        say(format_args!("regcred: {}", words.into_line(language)));
    }
    args.reporting.exit(told)
}

/// The namespace of the kubeconfig's context, or of the file in a pod, which may end a line. As to kubectl, an empty one is
/// none: as a part of a path it would be all.
fn of_context(namespace: &str, language: Language) -> Result<String, Failure> {
    let namespace = Some(namespace.trim()).filter(|namespace| !namespace.is_empty()).unwrap_or("default");
    let none = |why| {
        let english = format!("the namespace of the kubeconfig's context is no name of one: {why}");
        Failure(Bilingual::new(english, "kubeconfig 上下文中的命名空间不是合法的名称").into_line(language))
    };
    namespace.parse().map(|namespace: Namespace| namespace.as_str().to_owned()).map_err(none)
}

/// Scans, and writes what is found.
fn tell(
    runtime: &Runtime,
    client: Client,
    stop: watch::Receiver<bool>,
    order: &Order,
    format: Format,
) -> io::Result<Summary> {
    let language = order.judging.policy.language;
    let mut report = Report::begin(format, language, anstream::stdout())?;
    let mut progress = Progress::new(language);
    scan(runtime, client, stop, order, &mut report, &mut progress)?;
    progress.clear();
    let summary = report.end()?;
    if format == Format::Text {
        table::write(&summary, language, &mut anstream::stdout().lock())?;
    }
    Ok(summary)
}

/// A line on a terminal that says how far the scan is. Elsewhere nobody is watching.
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
        // It has to fit one line, so that it is never in two languages.
        let line = match self.language {
            Language::English | Language::Both => format!("{secrets} image-pull Secrets, now in {namespace}"),
            Language::Chinese => format!("已检查 {secrets} 个镜像拉取 Secret，正在检查 {namespace}"),
        };
        drop(write!(io::stderr(), "\r\x1b[K{line}"));
    }

    fn before_output(&mut self) {
        self.clear();
    }
}
