//! `regcred create`

use std::path::PathBuf;

use jiff::Timestamp;
use regcred_engine::consumers::ImageRef;
use regcred_engine::policy::{Language, Policy};
use regcred_engine::secret::MAX_SECRET_BYTES;
use regcred_engine::wording::Bilingual;
use zeroize::Zeroizing;

use super::judging::Judging;
use super::password::PasswordSource;
use super::{Exit, Failure, put, say};
use crate::create::docker_config::DockerConfig;
use crate::create::document::{Entries, Entry, Login};
use crate::create::object::{Label, Metadata, Name, Namespace, SecretFormat};
use crate::create::registry_kind::{RegistryKind, RegistryLogin};
use crate::create::{NewSecretContext, Verdict, judged, repaired};
use crate::manifest::input::Input;
use regcred_engine::escape::escaped;

/// Generate a valid image pull Secret
///
/// The password is read from standard input, a file or a prompt, and is never an argument. No
/// cluster is needed. A Secret that the webhook would deny is refused with exit code 1.
///
///   regcred create acr --registry r.example.com --username robot | kubectl apply -f -
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, override_usage = usage("regcred"))]
pub(crate) struct CreateArgs {
    /// Name of the Secret
    #[arg(value_name = "NAME")]
    name: Name,

    /// Host of the registry, as in image names
    ///
    /// With --from-docker-config: the registries to copy; can be repeated.
    #[arg(
        long,
        value_name = "HOST",
        value_delimiter = ',',
        required_unless_present_any = ["from_docker_config", "image", "for"]
    )]
    registry: Vec<String>,

    /// Take the registry from an image name
    ///
    /// For an image of Docker Hub the key is `https://index.docker.io/v1/`.
    #[arg(long, value_name = "REF", conflicts_with_all = ["registry", "from_docker_config"])]
    image: Option<String>,

    /// Kind of registry
    ///
    /// Provides the key of a public registry and the username that the password needs. Credentials that such a registry does
    /// not accept are refused.
    #[arg(long = "for", id = "for", value_name = "KIND", conflicts_with = "from_docker_config")]
    kind: Option<RegistryKind>,

    /// Username for the registry; some kinds of --for provide it
    #[arg(long, value_name = "USERNAME", required_unless_present_any = ["from_docker_config", "for"])]
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
    output: SecretFormat,

    #[command(flatten)]
    judging: Judging,
}

/// The usage with both sources of credentials. clap's own usage shows only one of them.
pub(crate) fn usage(program: &str) -> String {
    format!(
        "{program} create [OPTIONS] (--registry <HOST> | --image <REF> | --for <KIND>) --username <USERNAME> <NAME>\n       \
         {program} create [OPTIONS] --from-docker-config <FILE> <NAME>"
    )
}

/// Generates a Secret.
pub(crate) fn run(args: &CreateArgs) -> Result<Exit, Failure> {
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

const NOT_AN_IMAGE: Bilingual<&str> = Bilingual {
    english: "--image: this is not a valid image reference",
    chinese: "--image：这不是合法的镜像引用",
};

fn refused(denial: &str) -> Exit {
    say(format_args!("{denial}"));
    Exit::Findings
}

impl CreateArgs {
    fn terms<'a>(&'a self, policy: &'a Policy) -> NewSecretContext<'a> {
        let namespace = self.namespace.as_ref().map_or("", Namespace::as_str);
        NewSecretContext { policy, namespace, now: Timestamp::now() }
    }
}

/// The entry from the flags, or why it is denied. It is judged before the password is read, since most denials do not depend
/// on it.
fn from_flags(args: &CreateArgs, policy: &Policy) -> Result<Result<Entries, String>, Failure> {
    let language = policy.language;
    let registry = args.registry_key(language)?;
    let entries = |username: String, password: Zeroizing<String>| {
        let login = Login { username: Zeroizing::new(username), password, email: args.email.clone() };
        let mut entries = Entries::default();
        entries.push(&*registry, Entry::Login(login));
        entries
    };
    args.password.check()?;
    let placeholder = args.username.clone().unwrap_or_else(|| "x".to_owned());
    let placeholder = entries(placeholder, Zeroizing::new("x".to_owned()));
    if let Some(denial) = judged(&placeholder, args.terms(policy)).denial {
        return Ok(Err(denial));
    }
    let password = args.password.read(language)?;
    let Some(kind) = args.kind else {
        return Ok(Ok(entries(args.username.clone().unwrap_or_default(), password)));
    };
    match kind.check(args.username.as_deref(), &password) {
        Ok(RegistryLogin { username, lasts }) => {
            if let Some(lasts) = lasts {
                let Bilingual { english, chinese } = lasts;
                let note = Bilingual::new(
                    format!("this credential lasts for {english}; renew the Secret before it ends"),
                    format!("该凭据的有效期为 {chinese}；请在到期前更新该 Secret"),
                );
                say(format_args!("Note: {}", note.into_line(language)));
            }
            Ok(Ok(entries(username, password)))
        }
        Err(wrong) => Err(Failure(wrong.message(kind).into_line(language))),
    }
}

impl CreateArgs {
    /// The registry key: as given, of the image, or of the kind of registry.
    fn registry_key(&self, language: Language) -> Result<String, Failure> {
        let key = match (self.registry.as_slice(), &self.image, self.kind) {
            ([registry], ..) => registry.clone(),
            ([], Some(image), _) => {
                let image = ImageRef::parse(image).filter(|image| !image.domain().is_empty());
                let domain = image.as_ref().map(ImageRef::domain);
                match domain.ok_or_else(|| Failure(NOT_AN_IMAGE.line(language)))? {
                    "docker.io" => "https://index.docker.io/v1/".to_owned(),
                    domain => domain.to_owned(),
                }
            }
            ([], None, Some(kind)) => kind.key().map(str::to_owned).ok_or_else(|| {
                let hosts = kind.hosts().unwrap_or("registry.example.com");
                let words = Bilingual::new(
                    format!("{} has no common host: use --registry or --image ({hosts})", kind.name()),
                    format!("{} 没有公共的仓库地址：请用 --registry 或 --image 指定（{hosts}）", kind.name()),
                );
                Failure(words.into_line(language))
            })?,
            (_, _, _) => {
                return Err(Failure("several registries require --from-docker-config".to_owned()));
            }
        };
        if let Some((kind, hosts)) = self.kind.and_then(|kind| Some((kind, kind.hosts()?)))
            && !kind.has_host(&key)
        {
            let words = Bilingual::new(
                format!("this is not a host of {} (expected: {hosts})", kind.name()),
                format!("这不是 {} 的仓库地址，其形式为 {hosts}", kind.name()),
            );
            return Err(Failure(words.into_line(language)));
        }
        Ok(key)
    }
}

fn from_docker_config(path: PathBuf, registries: &[String], language: Language) -> Result<Entries, Failure> {
    let input = if path.as_os_str() == "-" { Input::Stdin } else { Input::File(path) };
    let shown = escaped(&input.shown(), usize::MAX);
    let failure = |why: String| Failure(format!("{shown}: {why}"));
    let file = input.read().map_err(|error| failure(error.message().into_line(language)))?;
    let config = DockerConfig::read(&file).map_err(|why| failure(why.message(language)))?;
    config.choose(registries).map_err(|why| failure(why.message(language)))
}
