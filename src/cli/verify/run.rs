//! A run of `verify`: it reads credentials from where the arguments say, and reports what becomes of each.

use std::io;
use std::path::Path;

use kube::Client;
use regcred_engine::policy::Language;
use regcred_engine::secret::SecretType;
use regcred_engine::wording::Bilingual;
use tokio::runtime::Runtime;

use super::args::VerifyArgs;
use super::asked_from::AskedFrom;
use super::metrics::VerifyMetrics;
use super::report::{CredentialSource, VerifyReport};
use crate::cli::connection::{READ_TIMEOUT, context_namespace};
use crate::cli::{Exit, Failure, say};
use crate::cluster::client::{Access, ClusterError, connect};
use crate::cluster::pull_secrets::{ClusterSecret, SecretPages, UsedImages};
use crate::manifest::Manifest;
use crate::manifest::content::Content;
use crate::manifest::input::Input;
use crate::manifest::walk::{Inputs, Selection};
use crate::registry::{
    LoginEntries, LoginEntry, MAX_ENTRIES, PullImage, UnreadableDocument, Verification, Verifier,
    VerifyOutcome, login_entries,
};

/// Why a run ends early.
pub(super) enum VerifyStop {
    Failed(Failure),
    Output(io::Error),
}

impl From<Failure> for VerifyStop {
    fn from(failure: Failure) -> Self {
        VerifyStop::Failed(failure)
    }
}

impl From<io::Error> for VerifyStop {
    fn from(error: io::Error) -> Self {
        VerifyStop::Output(error)
    }
}

/// A run in progress.
pub(super) struct VerifyRun<'a> {
    args: &'a VerifyArgs,
    language: Language,
    runtime: &'a Runtime,
    verifier: Verifier,
    report: VerifyReport<anstream::Stdout>,
    metrics: VerifyMetrics,
    /// The images of the command line for which no entry was found yet.
    missed: Vec<PullImage>,
}

impl<'a> VerifyRun<'a> {
    pub(super) fn new(
        args: &'a VerifyArgs,
        language: Language,
        runtime: &'a Runtime,
        verifier: Verifier,
    ) -> Self {
        let report = VerifyReport::new(args.output_format, language, anstream::stdout());
        let metrics = VerifyMetrics::default();
        VerifyRun { args, language, runtime, verifier, report, metrics, missed: args.images.clone() }
    }

    /// Verifies everything that the arguments name, and reports it.
    pub(super) fn run(mut self) -> Result<Exit, VerifyStop> {
        self.sources()?;
        for image in std::mem::take(&mut self.missed) {
            let words = Bilingual::new(
                "The kubelet finds no entry for this image in what was verified.",
                "在所验证的内容中，kubelet 找不到适用于该镜像的条目。",
            );
            self.report(&CredentialSource::default(), &undecided(Some(image.to_string()), words))?;
        }
        if let Some(file) = &self.args.metrics_file {
            let unwritten = |error| Failure(format!("{}: {error}", file.display()));
            self.metrics.write(file).map_err(unwritten)?;
        }
        let asked_from = AskedFrom::here(self.verifier.proxies().collect());
        Ok(self.report.end(self.verifier.attempts(), &asked_from)?)
    }

    fn sources(&mut self) -> Result<(), VerifyStop> {
        if let Some(file) = &self.args.docker_config {
            return self.docker_config(file);
        }
        if !self.args.files.is_empty() {
            return self.files();
        }
        self.cluster()
    }

    fn cluster(&mut self) -> Result<(), VerifyStop> {
        let language = self.language;
        let unusable = |error: ClusterError| Failure(error.into_words().into_line(language));
        let access = Access::from(self.args.connection.clone());
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

    fn cluster_secret(&mut self, secret: &ClusterSecret, used: &UsedImages) -> Result<(), VerifyStop> {
        let images: Vec<_> = used.of(&secret.namespace, &secret.name).filter_map(PullImage::parse).collect();
        let source = CredentialSource {
            namespace: Some(secret.namespace.clone()),
            secret: Some(secret.name.clone()),
            file: None,
        };
        self.document(&source, &secret.document, secret.secret_type, &images)
    }

    fn docker_config(&mut self, file: &Path) -> Result<(), VerifyStop> {
        let input = Input::File(file.to_owned());
        let bytes = input.read().map_err(|error| self.unreadable(&input.shown(), error.message()))?;
        let is_flat = file.file_name().is_some_and(|name| name == ".dockercfg");
        let secret_type = if is_flat { SecretType::DockerCfg } else { SecretType::DockerConfigJson };
        let source = CredentialSource { file: Some(input.shown()), ..CredentialSource::default() };
        self.document(&source, &bytes, secret_type, &[])
    }

    fn files(&mut self) -> Result<(), VerifyStop> {
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
        Err(Failure(words.into_line(self.language)).into())
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
    ) -> Result<(), VerifyStop> {
        let images: Vec<_> = self.args.images.iter().chain(used).cloned().collect();
        let LoginEntries { entries, omitted } = match login_entries(document, secret_type, &images) {
            Ok(read) => read,
            Err(why) => return self.report(source, &unusable(why)),
        };
        for entry in &entries {
            self.missed.retain(|image| !entry.images.contains(image));
            self.entry(source, entry)?;
        }
        if omitted > 0 {
            let words = Bilingual::new(
                format!("{omitted} more entries are not verified: at most {MAX_ENTRIES} of a document are."),
                format!("另有 {omitted} 个条目未验证：每份文档最多验证 {MAX_ENTRIES} 个。"),
            );
            self.report(source, &undecided(None, words))?;
        }
        Ok(())
    }

    fn entry(&mut self, source: &CredentialSource, entry: &LoginEntry) -> Result<(), VerifyStop> {
        let verifications = self.runtime.block_on(self.verifier.verify_entry(entry));
        verifications.iter().try_for_each(|verification| self.report(source, verification))
    }

    fn report(&mut self, source: &CredentialSource, verification: &Verification) -> Result<(), VerifyStop> {
        self.metrics.add(source, verification);
        Ok(self.report.verification(source, verification)?)
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
