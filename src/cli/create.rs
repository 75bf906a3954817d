//! `regcred create`

use std::path::PathBuf;

use jiff::Timestamp;
use regcred_engine::policy::{Language, Policy};
use regcred_engine::secret::MAX_SECRET_BYTES;
use regcred_engine::wording::Bilingual;
use zeroize::Zeroizing;

use super::judging::Judging;
use super::password::PasswordSource;
use super::{Exit, Failure, put, say};
use crate::create::docker_config::DockerConfig;
use crate::create::document::{Entries, Entry, Login};
use crate::create::object::{Form, Label, Metadata, Name, Namespace};
use crate::create::{Terms, Verdict, judged, repaired};
use crate::manifest::input::Input;
use crate::report::escaped;

/// Write a right image-pull Secret to standard output
///
/// The password comes from standard input or a file, or is asked for in a terminal, and is never an argument. What the
/// rules deny is refused as the webhook refuses it, with exit code 1. It asks no cluster.
///
///   regcred create acr --registry r.example.com --username robot | kubectl apply -f -
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, override_usage = usage("regcred"))]
pub(crate) struct Args {
    /// The Secret's name
    #[arg(value_name = "NAME")]
    name: Name,

    /// The registry's host, as image names begin with it
    ///
    /// With --from-docker-config: the registries that are taken; can be given several times.
    #[arg(
        long,
        env = "REGCRED_REGISTRY",
        hide_env_values = true,
        value_name = "HOST",
        value_delimiter = ',',
        required_unless_present = "from_docker_config"
    )]
    registry: Vec<String>,

    /// The username
    #[arg(
        long,
        env = "REGCRED_USERNAME",
        hide_env_values = true,
        value_name = "USERNAME",
        required_unless_present = "from_docker_config"
    )]
    username: Option<String>,

    #[command(flatten)]
    password: PasswordSource,

    /// The email address, which no registry asks for any more
    #[arg(long, env = "REGCRED_EMAIL", hide_env_values = true, value_name = "EMAIL", default_value = "")]
    email: String,

    /// Take the credentials from a Docker config, such as ~/.docker/config.json; - is standard input
    #[arg(
        long,
        env = "REGCRED_FROM_DOCKER_CONFIG",
        hide_env_values = true,
        value_name = "FILE",
        conflicts_with_all = ["username", "password_stdin", "password_file", "email"]
    )]
    from_docker_config: Option<PathBuf>,

    /// The Secret's namespace; without it kubectl's own counts
    #[arg(short, long, env = "REGCRED_NAMESPACE", hide_env_values = true, value_name = "NAME")]
    namespace: Option<Namespace>,

    /// A label of the Secret; can be given several times
    #[arg(
        long,
        env = "REGCRED_LABEL",
        hide_env_values = true,
        value_name = "KEY=VALUE",
        value_delimiter = ','
    )]
    label: Vec<Label>,

    /// In which form
    #[arg(
        short,
        long,
        env = "REGCRED_OUTPUT",
        hide_env_values = true,
        value_name = "FORM",
        default_value = "yaml",
        ignore_case = true
    )]
    output: Form,

    #[command(flatten)]
    judging: Judging,
}

/// Both ways to give credentials, for a program of this name: clap's own usage has only what is required with no flag given.
pub(crate) fn usage(program: &str) -> String {
    format!(
        "{program} create [OPTIONS] --registry <HOST> --username <USERNAME> <NAME>\n       \
         {program} create [OPTIONS] --from-docker-config <FILE> <NAME>"
    )
}

/// Makes a Secret.
pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let policy = args.judging.policy()?;
    let entries = match &args.from_docker_config {
        Some(path) => of_docker_config(path.clone(), &args.registry, policy.language)?,
        None => match of_flags(args, &policy)? {
            Ok(entries) => entries,
            Err(denial) => return Ok(refused(&denial)),
        },
    };
    let document = entries.document();
    if document.len() > MAX_SECRET_BYTES {
        return Err(Failure(TOO_LARGE.line(policy.language)));
    }
    let Verdict { warnings, denial } = judged(&entries, args.terms(&policy));
    for warning in &warnings {
        say(format_args!("Warning: {warning}"));
    }
    if let Some(denial) = denial {
        return Ok(refused(&denial));
    }
    let document = repaired(document, args.terms(&policy));
    let metadata = Metadata::new(&args.name, args.namespace.as_ref(), &args.label);
    put(&metadata.secret(&document, args.output)?)
}

const TOO_LARGE: Bilingual<&str> = Bilingual {
    english: "the document would be larger than 1 MiB, the most that a Secret holds",
    chinese: "该文档将超过 1 MiB，即 Secret 的上限",
};

fn refused(denial: &str) -> Exit {
    say(format_args!("{denial}"));
    Exit::Findings
}

impl Args {
    fn terms<'a>(&'a self, policy: &'a Policy) -> Terms<'a> {
        let namespace = self.namespace.as_ref().map_or("", Namespace::as_str);
        Terms { policy, namespace, now: Timestamp::now() }
    }
}

/// The one entry that the flags speak of; or why it is refused whatever the password is, before one is asked for.
fn of_flags(args: &Args, policy: &Policy) -> Result<Result<Entries, String>, Failure> {
    let [registry] = args.registry.as_slice() else {
        return Err(Failure("several registries can be named with --from-docker-config only".to_owned()));
    };
    let entries = |password: Zeroizing<String>| {
        let username = Zeroizing::new(args.username.clone().unwrap_or_default());
        let login = Login { username, password, email: args.email.clone() };
        let mut entries = Entries::default();
        entries.push(registry, Entry::Login(login));
        entries
    };
    args.password.check()?;
    let stand_in = entries(Zeroizing::new("x".to_owned()));
    if let Some(denial) = judged(&stand_in, args.terms(policy)).denial {
        return Ok(Err(denial));
    }
    Ok(Ok(entries(args.password.read(policy.language)?)))
}

fn of_docker_config(path: PathBuf, registries: &[String], language: Language) -> Result<Entries, Failure> {
    let input = if path.as_os_str() == "-" { Input::Stdin } else { Input::File(path) };
    let shown = escaped(&input.shown());
    let failure = |why: String| Failure(format!("{shown}: {why}"));
    let file = input.read().map_err(|error| failure(error.said().into_line(language)))?;
    let config = DockerConfig::read(&file).map_err(|why| failure(why.said(language)))?;
    config.choose(registries).map_err(|why| failure(why.said(language)))
}
