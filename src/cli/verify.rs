//! `regcred verify`

mod asked_from;
mod job;
mod metrics;
mod report;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use regcred_engine::policy::Language;
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;
use tokio::runtime::{Builder, Runtime};

use super::judging::Lang;
use super::scan::context_namespace;
use super::{Exit, Failure, put, say};
use crate::cluster::client::{Access, ClusterError, connect};
use crate::cluster::pull_secrets::{ClusterSecret, SecretPages, UsedImages};
use crate::create::object::Namespace;
use crate::files::{FileError, read_together};
use crate::manifest::Manifest;
use crate::manifest::content::Content;
use crate::manifest::input::Input;
use crate::manifest::walk::{Inputs, Selection};
use crate::registry::{
    LoginEntry, NamedHosts, PullImage, UnreadableDocument, Verification, Verifier, VerifyOptions,
    VerifyOutcome, login_entries,
};
use crate::server::duration;

use asked_from::AskedFrom;
use metrics::VerifyMetrics;
use report::{CredentialSource, VerifyFormat, VerifyReport};

/// The longest pause in a response of the API server, which gives up on most requests after a minute.
const READ_TIMEOUT: Duration = Duration::from_secs(65);

/// Ask registries whether credentials log in, and may pull
///
/// regcred sends the credentials of each entry once, and never again to a registry that refused them. Without an image it tries the
/// login alone, which says nothing about single repositories. The images of the Pods that use a Secret are asked for in the
/// cluster; elsewhere, name them with --image. Nothing is pulled.
///
/// Exit codes: 0 everything is valid, 1 some credentials would stop a pull, 2 nothing worse than that something could not be
/// found out.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("source").args(["secret", "all_namespaces", "namespace", "files", "docker_config"]).required(true).multiple(true)))]
pub(crate) struct Args {
    /// Verify this Secret in the cluster
    #[arg(value_name = "SECRET", conflicts_with_all = ["all_namespaces", "files", "docker_config"])]
    secret: Option<String>,

    /// Verify the pull Secrets of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "files", "docker_config"])]
    all_namespaces: bool,

    /// Namespace of the Secret; without SECRET, verify its pull Secrets
    #[arg(short, long, value_name = "NAME", conflicts_with_all = ["files", "docker_config"])]
    namespace: Option<Namespace>,

    /// Verify the pull Secrets in manifests; can be repeated, - is standard input
    #[arg(short, long = "filename", value_name = "FILE", conflicts_with = "docker_config")]
    files: Vec<PathBuf>,

    /// Verify the entries of a Docker config (config.json)
    #[arg(long, value_name = "FILE")]
    docker_config: Option<PathBuf>,

    /// Also ask whether this image can be pulled, with a HEAD of its manifest; can be repeated
    #[arg(long = "image", value_name = "REF", value_parser = image)]
    images: Vec<PullImage>,

    /// Send no more credentials to a registry after this many failed attempts
    ///
    /// Registries lock out users or addresses after failed logins: GitLab after 30 in 3 minutes, Docker Hub after fewer.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: u32,

    /// Time for each step of a request: connecting, TLS handshake, headers, body
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    timeout: Duration,

    /// Trust the certificate authorities in this PEM file, in addition to those of the system
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// Ask this registry over plain HTTP, without encryption; can be repeated
    #[arg(long, value_name = "HOST[:PORT]")]
    plain_http: Vec<String>,

    /// Send credentials to this token server if a registry names it; can be repeated
    ///
    /// Otherwise, a token server must have the host or the domain of the registry, or be known to belong to it.
    #[arg(long, value_name = "HOST[:PORT]")]
    allow_realm: Vec<String>,

    /// Also write the outcomes to this file as Prometheus metrics, for a textfile collector
    #[arg(long, value_name = "FILE")]
    metrics_file: Option<PathBuf>,

    /// Print a Job that verifies the Secret from inside the cluster, and ask nothing
    ///
    /// The Job mounts the Secret, and has no permission for anything else. It takes over --image and the other flags.
    #[arg(long, requires = "secret")]
    print_job: bool,

    /// Format of the report
    #[arg(short, long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    output_format: VerifyFormat,

    /// Language of messages
    #[arg(long, env = "REGCRED_LANG", hide_env_values = true)]
    lang: Option<Lang>,

    /// Path of the kubeconfig; without it KUBECONFIG, ~/.kube/config, or the service account of the Pod
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig; without it the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

fn image(text: &str) -> Result<PullImage, &'static str> {
    PullImage::parse(text).ok_or("not an image reference, such as registry.example.com/team/app:1.0")
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    let positive = duration::parse(text).filter(|duration| !duration.is_zero());
    positive.ok_or("not a duration, such as 10s or 1m30s")
}

impl Args {
    fn options(&self) -> Result<VerifyOptions, Failure> {
        let ca = self.ca_file.as_deref().map(ca_bytes).transpose()?;
        Ok(VerifyOptions {
            named: NamedHosts {
                plain_http: self.plain_http.clone(),
                allowed_realms: self.allow_realm.clone(),
            },
            ca,
            timeout: self.timeout,
            max_failures: self.max_failures,
            now: Timestamp::now(),
        })
    }
}

/// Reads the file of certificate authorities.
fn ca_bytes(file: &Path) -> Result<Vec<u8>, FileError> {
    Ok(read_together(&[file])?.first().map(|bytes| bytes.to_vec()).unwrap_or_default())
}

/// Verifies credentials.
pub(crate) fn run(args: &Args) -> Result<Exit, Failure> {
    let language = args.lang.map_or_else(Language::default, Language::from);
    if args.print_job {
        return put(job::manifests(args)?.as_bytes());
    }
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure(format!("cannot create a file descriptor: {error}")))?;
    let verifier = Verifier::new(args.options()?).map_err(|_| {
        let file = args.ca_file.as_deref().unwrap_or(Path::new("")).display().to_string();
        let words = Bilingual::new(
            format!("{file}: has no valid certificate: expected PEM CERTIFICATE blocks"),
            format!("{file}：没有有效的证书：应为 PEM 格式的 CERTIFICATE 块"),
        );
        Failure(words.into_line(language))
    })?;
    let report = VerifyReport::new(args.output_format, language, anstream::stdout());
    let metrics = VerifyMetrics::default();
    let mut run =
        VerifyRun { args, language, runtime, verifier, report, metrics, missed: args.images.clone() };
    run.sources()?;
    if let Some(file) = &args.metrics_file {
        run.metrics.write(file).map_err(|error| Failure(format!("{}: {error}", file.display())))?;
    }
    run.end().map_err(|error| written(&error))
}

fn written(error: &io::Error) -> Failure {
    Failure(format!("cannot write the report: {error}"))
}

/// A run in progress.
struct VerifyRun<'a> {
    args: &'a Args,
    language: Language,
    runtime: Runtime,
    verifier: Verifier,
    report: VerifyReport<anstream::Stdout>,
    metrics: VerifyMetrics,
    /// The images of the command line for which no entry was found yet.
    missed: Vec<PullImage>,
}

impl VerifyRun<'_> {
    fn sources(&mut self) -> Result<(), Failure> {
        if let Some(file) = &self.args.docker_config {
            return self.docker_config(file);
        }
        if !self.args.files.is_empty() {
            return self.files();
        }
        self.cluster()
    }

    fn cluster(&mut self) -> Result<(), Failure> {
        let language = self.language;
        let unusable = |error: ClusterError| Failure(error.into_words().into_line(language));
        let access = Access { kubeconfig: self.args.kubeconfig.clone(), context: self.args.context.clone() };
        let config = self.runtime.block_on(access.config()).map_err(unusable)?;
        let namespace = match (&self.args.namespace, self.args.all_namespaces) {
            (_, true) => None,
            (Some(namespace), false) => Some(namespace.as_str().to_owned()),
            (None, false) => Some(context_namespace(&config.default_namespace, language)?),
        };
        let client =
            self.runtime.block_on(async { connect(config, Some(READ_TIMEOUT)) }).map_err(unusable)?;
        let secret = match (&self.args.secret, &namespace) {
            (Some(name), Some(namespace)) => {
                let found = self.runtime.block_on(ClusterSecret::get(&client, namespace, name));
                Some(found.map_err(|error| Failure(error.words(namespace, name).into_line(language)))?)
            }
            _ => None,
        };
        let used = self.used_images(&client, namespace.as_deref());
        if let Some(secret) = secret {
            return self.cluster_secret(&secret, &used);
        }
        let mut pages = SecretPages::new(&client, namespace.as_deref());
        while let Some(page) = self.runtime.block_on(pages.next()).map_err(unusable)? {
            page.iter().try_for_each(|secret| self.cluster_secret(secret, &used))?;
        }
        Ok(())
    }

    /// The images of the Pods, unless the user names the images. Without permission to list Pods, logins are tried alone.
    fn used_images(&self, client: &Client, namespace: Option<&str>) -> UsedImages {
        if !self.args.images.is_empty() {
            return UsedImages::default();
        }
        self.runtime.block_on(UsedImages::read(client, namespace)).unwrap_or_else(|error| {
            let unread = Bilingual::new(
                "cannot list the pods that use the Secrets, so only logins are tried",
                "无法列出使用这些 Secret 的 Pod（pods），因此只验证登录",
            );
            say(format_args!("regcred: {}", unread.because(&error.into_words()).into_line(self.language)));
            UsedImages::default()
        })
    }

    fn cluster_secret(&mut self, secret: &ClusterSecret, used: &UsedImages) -> Result<(), Failure> {
        let images: Vec<_> = used.of(&secret.namespace, &secret.name).filter_map(PullImage::parse).collect();
        let source = CredentialSource {
            namespace: Some(secret.namespace.clone()),
            secret: Some(secret.name.clone()),
            file: None,
        };
        self.document(&source, &secret.document, secret.secret_type, &images)
    }

    fn docker_config(&mut self, file: &Path) -> Result<(), Failure> {
        let input = Input::File(file.to_owned());
        let bytes = input.read().map_err(|error| self.unreadable(&input.shown(), error.message()))?;
        let is_flat = file.file_name().is_some_and(|name| name == ".dockercfg");
        let secret_type = if is_flat { SecretType::DockerCfg } else { SecretType::DockerConfigJson };
        let source = CredentialSource { file: Some(input.shown()), ..CredentialSource::default() };
        self.document(&source, &bytes, secret_type, &[])
    }

    fn files(&mut self) -> Result<(), Failure> {
        let selection = Selection::new(&[], false, false).map_err(Failure)?;
        let mut found = false;
        for input in Inputs::new(&self.args.files, &selection) {
            let input = input
                .map_err(|(path, error)| self.unreadable(&Input::File(path).shown(), error.message()))?;
            if !input.counts() {
                continue;
            }
            let path = input.shown();
            let bytes = input.read().map_err(|error| self.unreadable(&path, error.message()))?;
            let content = Content::new(&bytes);
            for document in Manifest::read(&path, &content).documents() {
                found = true;
                let source = CredentialSource {
                    namespace: document.object.and_then(|object| object.namespace.clone()),
                    secret: document.object.and_then(|object| object.name.clone()),
                    file: Some(path.clone()),
                };
                self.document(&source, document.bytes, document.secret_type, &[])?;
            }
        }
        if found {
            return Ok(());
        }
        let words = Bilingual::new("no image pull Secret in these files", "这些文件中没有镜像拉取 Secret");
        Err(Failure(words.into_line(self.language)))
    }

    fn unreadable(&self, path: &str, why: Bilingual<String>) -> Failure {
        Failure(format!("{path}: {}", why.into_line(self.language)))
    }

    /// Verifies the entries of a document, and reports each as soon as it is known. `used` are the images that use them.
    fn document(
        &mut self,
        source: &CredentialSource,
        document: &[u8],
        secret_type: SecretType,
        used: &[PullImage],
    ) -> Result<(), Failure> {
        let images: Vec<_> = self.args.images.iter().chain(used).cloned().collect();
        let entries = match login_entries(document, secret_type, &images) {
            Ok(entries) => entries,
            Err(why) => return self.report(source, &unusable(why)),
        };
        for entry in &entries {
            self.missed.retain(|image| !entry.images.contains(image));
            self.entry(source, entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, source: &CredentialSource, entry: &LoginEntry) -> Result<(), Failure> {
        let verifications = self.runtime.block_on(self.verifier.verify_entry(entry));
        verifications.iter().try_for_each(|verification| self.report(source, verification))
    }

    fn report(&mut self, source: &CredentialSource, verification: &Verification) -> Result<(), Failure> {
        self.metrics.add(source, verification);
        self.report.verification(source, verification).map_err(|error| written(&error))
    }

    fn end(mut self) -> io::Result<Exit> {
        for image in std::mem::take(&mut self.missed) {
            let words = Bilingual::new(
                "The kubelet finds no entry for this image in what was verified.",
                "在所验证的内容中，kubelet 找不到适用于该镜像的条目。",
            );
            let missed = undecided(Some(image.to_string()), words);
            self.report.verification(&CredentialSource::default(), &missed)?;
        }
        let asked_from = AskedFrom::here(self.verifier.proxies().collect());
        self.report.end(self.verifier.attempts(), &asked_from)
    }
}

/// The verification of a document without an entry that can be verified.
fn unusable(why: UnreadableDocument) -> Verification {
    let words = match why {
        UnreadableDocument::NotJson => Bilingual::new(
            "The document is not JSON; `regcred check` shows where.",
            "文档不是 JSON；`regcred check` 会指出位置。",
        ),
        UnreadableDocument::RefusedByKubelet => Bilingual::new(
            "The kubelet refuses the whole document, so none of its entries is used; `regcred check` shows why.",
            "kubelet 会拒绝整份文档，其中的条目都不会被使用；原因见 `regcred check`。",
        ),
        UnreadableDocument::Empty => Bilingual::new("The document has no registry.", "文档中没有任何仓库。"),
    };
    undecided(None, words)
}

fn undecided(image: Option<String>, message: Bilingual<String>) -> Verification {
    let outcome = VerifyOutcome::Undecided;
    Verification { registry: None, image, outcome, message, attempts: 0, expires: None }
}
