//! `regcred create`

use std::path::PathBuf;

use regcred_engine::policy::{Language, Policy};
use regcred_engine::secret::MAX_SECRET_BYTES;
use regcred_engine::wording::Bilingual;
use zeroize::Zeroizing;

use super::judging::{Judging, today};
use super::password::PasswordSource;
use super::{Exit, Failure, put, say};
use crate::create::docker_config::DockerConfig;
use crate::create::document::{Entries, Entry, Login};
use crate::create::object::{Form, Label, Metadata, Name, Namespace};
use crate::create::{Terms, Verdict, judged, repaired};
use crate::manifest::input::Input;
use crate::report::escaped;

/// Generate a valid image pull Secret
///
/// The password is read from standard input, a file or a prompt, and is never an argument. A Secret that the webhook would
/// deny is refused with exit code 1. No cluster is needed.
///
///   regcred create acr --registry r.example.com --username robot | kubectl apply -f -
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, override_usage = usage("regcred"))]
pub(crate) struct Args {
    /// Name of the Secret
    #[arg(value_name = "NAME")]
    name: Name,

    /// Host of the registry, as in image names
    ///
    /// With --from-docker-config: the registries to copy; can be repeated.
    #[arg(long, value_name = "HOST", value_delimiter = ',', required_unless_present = "from_docker_config")]
    registry: Vec<String>,

    /// Username for the registry
    #[arg(long, value_name = "USERNAME", required_unless_present = "from_docker_config")]
    username: Option<String>,

    #[command(flatten)]
    password: PasswordSource,

    /// Email address, which registries no longer require
    #[arg(long, value_name = "EMAIL", default_value = "")]
    email: String,

    /// Copy the credentials from a Docker config, such as ~/.docker/config.json; - is standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["username", "password_stdin", "password_file", "email"]
    )]
    from_docker_config: Option<PathBuf>,

    /// Namespace of the Secret; without it kubectl uses its own
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<Namespace>,

    /// Label of the Secret; can be repeated
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',')]
    label: Vec<Label>,

    /// Format of the output
    #[arg(short, long, value_name = "FORM", default_value = "yaml", ignore_case = true)]
    output: Form,

    #[command(flatten)]
    judging: Judging,
}

/// The usage with both sources of credentials. clap's own usage shows only one of them.
pub(crate) fn usage(program: &str) -> String {
    format!(
        "{program} create [OPTIONS] --registry <HOST> --username <USERNAME> <NAME>\n       \
         {program} create [OPTIONS] --from-docker-config <FILE> <NAME>"
    )
}

/// Generates a Secret.
pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let policy = args.judging.policy()?;
    let entries = match &args.from_docker_config {
        Some(path) => from_docker_config(path.clone(), &args.registry, policy.language)?,
        None => match from_flags(args, &policy)? {
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
    english: "the document would be larger than 1 MiB, the limit of a Secret",
    chinese: "该文档将超过 1 MiB，即 Secret 的上限",
};

fn refused(denial: &str) -> Exit {
    say(format_args!("{denial}"));
    Exit::Findings
}

impl Args {
    fn terms<'a>(&'a self, policy: &'a Policy) -> Terms<'a> {
        let namespace = self.namespace.as_ref().map_or("", Namespace::as_str);
        Terms { policy, namespace, today: today() }
    }
}

/// The entry from the flags, or why it is denied. It is judged before the password is read, since most denials do not depend
/// on it.
fn from_flags(args: &Args, policy: &Policy) -> Result<Result<Entries, String>, Failure> {
    let [registry] = args.registry.as_slice() else {
        return Err(Failure("several registries require --from-docker-config".to_owned()));
    };
    let entries = |password: Zeroizing<String>| {
        let username = Zeroizing::new(args.username.clone().unwrap_or_default());
        let login = Login { username, password, email: args.email.clone() };
        let mut entries = Entries::default();
        entries.push(registry, Entry::Login(login));
        entries
    };
    args.password.check()?;
    let placeholder = entries(Zeroizing::new("x".to_owned()));
    if let Some(denial) = judged(&placeholder, args.terms(policy)).denial {
        return Ok(Err(denial));
    }
    Ok(Ok(entries(args.password.read(policy.language)?)))
}

fn from_docker_config(path: PathBuf, registries: &[String], language: Language) -> Result<Entries, Failure> {
    let input = if path.as_os_str() == "-" { Input::Stdin } else { Input::File(path) };
    let shown = escaped(&input.shown());
    let failure = |why: String| Failure(format!("{shown}: {why}"));
    let file = input.read().map_err(|error| failure(error.said().into_line(language)))?;
    let config = DockerConfig::read(&file).map_err(|why| failure(why.said(language)))?;
    config.choose(registries).map_err(|why| failure(why.said(language)))
}
