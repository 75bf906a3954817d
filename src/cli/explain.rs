//! `regcred explain`

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ArgGroup;
use jiff::Timestamp;
use regcred_engine::policy::Language;
use regcred_engine::pull::explain_message;
use regcred_engine::wording::Bilingual;
use tokio::runtime::{Builder, Runtime};

use super::asking::Asking;
use super::connection::{Connection, READ_TIMEOUT, context_namespace};
use super::judging::Lang;
use super::{Exit, Failure};
use crate::cluster::client::{Access, ClusterError, connect};
use crate::cluster::explain::{Question, SecretSource, explain_cluster};
use crate::create::object::Namespace;
use crate::explain::asked::RegistryAnswers;
use crate::explain::paths::{explain_files, explain_image_with_files};
use crate::explain::workload::Target;
use crate::report::explained::{Arrangement, ExplainFormat, ExplainReport, ExplainSummary, Explained};

/// Explain why an image pull fails, or would fail
///
/// regcred looks up the credentials as the kubelet does, and compares the result with what the kubelet and the container
/// runtime report. It says in one sentence what is wrong and how certain that is, what it checked, and the commands that fix it.
///
/// Without a name, it explains every Pod of the namespace that waits for an image. It needs the permissions of the ClusterRole
/// view; with permission to get Secrets it also checks what they contain. No credential is shown.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit codes: 0 nothing to report, 1 a cause was found, 2 regcred could not do its job",
    group(ArgGroup::new("subject").args(["target", "all_namespaces", "image", "message"]))
)]
pub(crate) struct ExplainArgs {
    /// Pod, or KIND/NAME of a workload: its newest Pod that waits for an image, or else its template
    ///
    /// The kinds are pod, deployment, statefulset, daemonset, replicaset, replicationcontroller, job and cronjob, with the short
    /// names of kubectl.
    #[arg(value_name = "POD|KIND/NAME")]
    target: Option<Target>,

    /// Explain the Pods of all namespaces that wait for an image, grouped by cause
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,

    /// Namespace; without it that of the kubeconfig's context
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<Namespace>,

    /// Read files in place of a cluster; can be repeated, - is standard input
    ///
    /// Either a dump (kubectl get pods,secrets,serviceaccounts,events -o yaml), or manifests before they are applied: would the
    /// pulls find credentials? With --image: the pull Secrets in these files.
    #[arg(short, long = "filename", value_name = "FILE", num_args = 1.., conflicts_with_all = ["target", "all_namespaces", "message"])]
    files: Vec<PathBuf>,

    /// Show which credentials each consumer would use for this image
    #[arg(long, value_name = "REF")]
    image: Option<String>,

    /// With --image: the ServiceAccount of the Pod
    #[arg(long, value_name = "NAME", default_value = "default", requires = "image")]
    service_account: String,

    /// With --image: this pull Secret only
    #[arg(long, value_name = "NAME", requires = "image", conflicts_with_all = ["service_account", "files"])]
    secret: Option<String>,

    /// Say what an error text proves: a line from a log, an event or a status
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["namespace"])]
    message: Option<String>,

    /// Also ask the registries, as `regcred verify` does
    ///
    /// Where they can tell more about a cause, regcred sends them the credentials that the kubelet would use: once each, and
    /// within the same limits. What they answer is among what was checked.
    #[arg(long, conflicts_with_all = ["image", "message"])]
    verify: bool,

    /// Format of the output
    #[arg(short, long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    output_format: ExplainFormat,

    /// Language of the output
    #[arg(long, env = "REGCRED_LANG", hide_env_values = true, default_value = "en")]
    lang: Lang,

    #[command(flatten)]
    connection: Connection,

    #[command(flatten, next_help_heading = "Options for --verify")]
    asking: Asking,
}

/// Explains.
pub(crate) fn run(args: &ExplainArgs) -> Result<Exit, Failure> {
    let language = args.lang.into();
    let is_of_files = !args.files.is_empty() && args.image.is_none();
    if matches!(args.output_format, ExplainFormat::Sarif | ExplainFormat::Github) && !is_of_files {
        let words = Bilingual::new(
            "the formats sarif and github are for files: use them with -f, or use -o json",
            "sarif 和 github 格式用于文件：请与 -f 一起使用，或使用 -o json",
        );
        return Err(Failure(words.into_line(language)));
    }
    if args.asking.names_something() && !args.verify {
        let words = Bilingual::new(
            "--ca-file, --plain-http and --allow-realm are about asking registries: use them with --verify",
            "--ca-file、--plain-http 和 --allow-realm 用于询问仓库：请与 --verify 一起使用",
        );
        return Err(Failure(words.into_line(language)));
    }
    let asks_for_one = args.target.is_some() || args.image.is_some() || args.message.is_some();
    let asks_for_all = !asks_for_one && args.files.is_empty();
    let arrangement = if asks_for_all { Arrangement::ByCause } else { Arrangement::Each };
    let out = io::BufWriter::new(anstream::stdout());
    let report = ExplainReport::begin(args.output_format, arrangement, language, out);
    let reported = report.map_err(Reported::Output).and_then(|report| answer(args, language, report));
    match reported {
        Ok(summary) if summary.errors() > 0 => Ok(Exit::Incomplete),
        Ok(summary) if summary.has_cause() => Ok(Exit::Findings),
        Ok(_) => Ok(Exit::Clean),
        // The reader closed the pipe early, as `head` does.
        Err(Reported::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Incomplete),
        Err(Reported::Output(error)) => Err(Failure(format!("cannot write the report: {error}"))),
        Err(Reported::Failed(failure)) => Err(failure),
    }
}

/// Why there is no report.
enum Reported {
    Output(io::Error),
    Failed(Failure),
}

impl From<io::Error> for Reported {
    fn from(error: io::Error) -> Self {
        Reported::Output(error)
    }
}

impl From<Failure> for Reported {
    fn from(failure: Failure) -> Self {
        Reported::Failed(failure)
    }
}

fn answer<W: Write + 'static>(
    args: &ExplainArgs,
    language: Language,
    mut report: ExplainReport<W>,
) -> Result<ExplainSummary, Reported> {
    let now = Timestamp::now();
    let namespace = args.namespace.as_ref().map(|namespace| namespace.as_str().to_owned());
    // With one thread, memory is freed where it was allocated.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("cannot create a file descriptor: {error}")))?;
    let asking = if args.verify {
        Some(RegistryAnswers::new(&runtime, args.asking.verifier(language)?))
    } else {
        None
    };
    if let Some(message) = &args.message {
        report.explained(&Explained::of_message(explain_message(message)))?;
    } else if args.files.is_empty() {
        let of_namespace = |namespace| question(args, namespace);
        let cluster = ClusterQuestion { connection: args.connection.clone(), namespace, language, now };
        cluster.explain(&runtime, of_namespace, asking, &mut report)?;
    } else {
        let namespace = namespace.as_deref().unwrap_or("default");
        match &args.image {
            Some(image) => explain_image_with_files(image, &args.files, namespace, now, &mut report)?,
            None => explain_files(&args.files, namespace, now, asking, &mut report)?,
        }
    }
    // Do not wait for open connections, nor for a name server.
    runtime.shutdown_background();
    Ok(report.end()?)
}

/// What is asked about a cluster, in this namespace.
fn question(args: &ExplainArgs, namespace: String) -> Question {
    match (&args.target, &args.image) {
        (Some(target), _) => Question::Target { namespace, target: target.clone() },
        (None, Some(image)) => {
            let source = match &args.secret {
                Some(name) => SecretSource::Secret(name.clone()),
                None => SecretSource::ServiceAccount(args.service_account.clone()),
            };
            Question::Image { namespace, image: image.clone(), source }
        }
        (None, None) => Question::All { namespace: (!args.all_namespaces).then_some(namespace) },
    }
}

/// Where the cluster is that a question is about.
struct ClusterQuestion {
    connection: Connection,
    namespace: Option<String>,
    language: Language,
    now: Timestamp,
}

impl ClusterQuestion {
    fn explain<W: Write + 'static>(
        self,
        runtime: &Runtime,
        question: impl FnOnce(String) -> Question,
        asking: Option<RegistryAnswers<'_>>,
        report: &mut ExplainReport<W>,
    ) -> Result<(), Reported> {
        let ClusterQuestion { connection, namespace, language, now } = self;
        let unusable = |error: ClusterError| Failure(error.into_words().into_line(language));
        let config = runtime.block_on(Access::from(connection).config()).map_err(unusable)?;
        let namespace = match namespace {
            Some(namespace) => namespace,
            None => context_namespace(&config.default_namespace, language)?,
        };
        let client = runtime.block_on(async { connect(config, Some(READ_TIMEOUT)) }).map_err(unusable)?;
        Ok(explain_cluster(runtime, client, &question(namespace), now, asking, report)?)
    }
}
