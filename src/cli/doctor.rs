//! `regcred doctor`

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use jiff::Timestamp;
use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;
use serde::Serialize;
use tokio::runtime::Builder;
use tokio::sync::watch;

use super::connection::{Connection, READ_TIMEOUT, context_namespace};
use super::judging;
use super::outcome::{Exit, Failure, put};
use super::scan::stop_on_signals;
use crate::cluster::client::{Access, ClusterError, connect};
use crate::cluster::doctor::{Category, Check, CheckVerdict, DoctorRequest, examine, worst};
use crate::create::object::{Name, Namespace};

/// The time between two examinations with `--wait`.
const PAUSE: Duration = Duration::from_secs(2);

/// Check whether the installation works
///
/// regcred sends four Secrets with made-up credentials through the API server as a dry run, which stores nothing, and compares the
/// results with its own. Then it reads the objects between the API server and the Pods: webhook configurations, Service,
/// endpoints, Deployment, Pods. Each line has a code, which docs/doctor.md explains.
///
/// You need permission to create Secrets in one namespace; what cannot be read is a warning.
#[derive(Debug, clap::Args)]
pub(crate) struct DoctorArgs {
    /// Check whether regcred can be installed
    #[arg(long)]
    pre: bool,

    /// Namespace of the dry runs; without it that of the kubeconfig's context
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<Namespace>,

    /// Namespace of the installation
    #[arg(long, value_name = "NAME", default_value = "regcred-system")]
    installed_in: Namespace,

    /// Name of the installation's objects
    #[arg(long, value_name = "NAME", default_value = "regcred")]
    name: Name,

    /// Repeat until nothing fails, for at most this many seconds
    #[arg(long, value_name = "SECONDS")]
    wait: Option<u64>,

    /// Format of the report
    #[arg(short, long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    output_format: DoctorFormat,

    #[command(flatten)]
    judging: judging::Judging,

    #[command(flatten)]
    connection: Connection,
}

/// The format of the doctor's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DoctorFormat {
    /// Every check, for people
    Text,
    /// Only what did not pass
    Short,
    /// One JSON object
    Json,
}

/// Examines a cluster.
pub(crate) fn run(args: DoctorArgs) -> Result<Exit, Failure> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("cannot create a file descriptor: {error}")))?;
    let given = args.judging.given_policy()?;
    let language = args.judging.language(given.as_ref());
    let unusable = |error: ClusterError| Failure(error.into_words().into_line(language));
    let access = Access::from(args.connection);
    let config = runtime.block_on(access.config()).map_err(unusable)?;
    let judged = match args.namespace {
        Some(namespace) => namespace.as_str().to_owned(),
        None => context_namespace(&config.default_namespace, language)?,
    };
    let client = runtime.block_on(async { connect(config, Some(READ_TIMEOUT)) }).map_err(unusable)?;
    let (stop, stopped) = watch::channel(false);
    let signal = stop_on_signals(stop)?;
    let until = Instant::now() + Duration::from_secs(args.wait.unwrap_or(0));
    let categories = loop {
        let request = DoctorRequest {
            pre: args.pre,
            judged: judged.clone(),
            namespace: args.installed_in.as_str().to_owned(),
            name: args.name.as_str().to_owned(),
            policy: given.clone(),
            now: Timestamp::now(),
        };
        let examined = examine(&runtime, client.clone(), stopped.clone(), &request);
        let works = examined.as_ref().is_ok_and(|categories| worst(categories) != CheckVerdict::Failed);
        if works || Instant::now() >= until || *stopped.borrow() {
            break examined.map_err(|why| Failure(why.into_line(language)))?;
        }
        std::thread::sleep(PAUSE);
    };
    let report = match args.output_format {
        DoctorFormat::Text => text(&categories, language, true),
        DoctorFormat::Short => text(&categories, language, false),
        DoctorFormat::Json => json(&categories, language),
    };
    put(report.as_bytes())?;
    runtime.shutdown_background();
    if let Some(signal) = signal.get() {
        return Ok(Exit::Stopped(*signal));
    }
    Ok(if worst(&categories) == CheckVerdict::Failed { Exit::Findings } else { Exit::Clean })
}

fn text(categories: &[Category], language: Language, all: bool) -> String {
    let mut out = String::new();
    for category in categories {
        let shown: Vec<_> =
            category.checks.iter().filter(|check| all || check.verdict != CheckVerdict::Passed).collect();
        if shown.is_empty() {
            continue;
        }
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}", category.name.line(language));
        for check in shown {
            let sign = match check.verdict {
                CheckVerdict::Passed => "√",
                CheckVerdict::Warning => "‼",
                CheckVerdict::Failed => "×",
            };
            let _ = writeln!(out, "{sign} {} [{}]", check.description.line(language), check.code);
            for words in [&check.detail, &check.remedy].into_iter().flatten() {
                let _ = writeln!(out, "    {}", words.line(language));
            }
        }
        out.push('\n');
    }
    let words = match worst(categories) {
        CheckVerdict::Passed => ("Everything is in order.", "一切正常。"),
        CheckVerdict::Warning => ("It works; the warnings need attention.", "可以工作；请留意警告。"),
        CheckVerdict::Failed => {
            ("It does not work. Explanations: docs/doctor.md", "无法正常工作。说明见 docs/doctor.md")
        }
    };
    out + &Bilingual::new(words.0, words.1).into_line(language) + "\n"
}

/// The report as `linkerd check -o json` has it, with a code for each check.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DoctorJson {
    success: bool,
    categories: Vec<CategoryJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CategoryJson {
    category_name: String,
    checks: Vec<CheckJson>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckJson {
    code: &'static str,
    description: String,
    result: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

fn json(categories: &[Category], language: Language) -> String {
    let check = |check: &Check| CheckJson {
        code: check.code,
        description: check.description.line(language),
        result: match check.verdict {
            CheckVerdict::Passed => "success",
            CheckVerdict::Warning => "warning",
            CheckVerdict::Failed => "error",
        },
        error: check.detail.as_ref().map(|words| words.line(language)),
        hint: check.remedy.as_ref().map(|words| words.line(language)),
    };
    let report = DoctorJson {
        success: worst(categories) != CheckVerdict::Failed,
        categories: categories
            .iter()
            .map(|category| CategoryJson {
                category_name: category.name.line(language),
                checks: category.checks.iter().map(check).collect(),
            })
            .collect(),
    };
    // Strings and a boolean: serialising cannot fail.
    serde_json::to_string(&report).unwrap_or_default() + "\n"
}
