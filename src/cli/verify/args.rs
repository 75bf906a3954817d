//! The arguments of `verify`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::report::VerifyFormat;
use crate::cli::Failure;
use crate::cli::judging::Lang;
use crate::create::object::Namespace;
use crate::files::{FileError, read_together};
use crate::registry::{NamedHosts, PullImage, VerifyOptions};
use crate::server::duration;

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
    pub(super) secret: Option<String>,

    /// Verify the pull Secrets of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "files", "docker_config"])]
    pub(super) all_namespaces: bool,

    /// Namespace of the Secret; without SECRET, verify its pull Secrets
    #[arg(short, long, value_name = "NAME", conflicts_with_all = ["files", "docker_config"])]
    pub(super) namespace: Option<Namespace>,

    /// Verify the pull Secrets in manifests; can be repeated, - is standard input
    #[arg(short, long = "filename", value_name = "FILE", conflicts_with = "docker_config")]
    pub(super) files: Vec<PathBuf>,

    /// Verify the entries of a Docker config (config.json)
    #[arg(long, value_name = "FILE")]
    pub(super) docker_config: Option<PathBuf>,

    /// Also ask whether this image can be pulled, with a HEAD of its manifest; can be repeated
    #[arg(long = "image", value_name = "REF", value_parser = image)]
    pub(super) images: Vec<PullImage>,

    /// Send no more credentials to a registry after this many failed attempts
    ///
    /// Registries lock out users or addresses after failed logins: GitLab after 30 in 3 minutes, Docker Hub after fewer.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) max_failures: u32,

    /// Time for each step of a request: connecting, TLS handshake, headers, body
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = timeout)]
    pub(super) timeout: Duration,

    /// Trust the certificate authorities in this PEM file, in addition to those of the system
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,

    /// Ask this registry over plain HTTP, without encryption; can be repeated
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) plain_http: Vec<String>,

    /// Send credentials to this token server if a registry names it; can be repeated
    ///
    /// Otherwise, a token server must have the host or the domain of the registry, or be known to belong to it.
    #[arg(long, value_name = "HOST[:PORT]")]
    pub(super) allow_realm: Vec<String>,

    /// Also write the outcomes to this file as Prometheus metrics, for a textfile collector
    #[arg(long, value_name = "FILE")]
    pub(super) metrics_file: Option<PathBuf>,

    /// Print a Job that verifies the Secret from inside the cluster, and ask nothing
    ///
    /// The Job mounts the Secret, and has no permission for anything else. It takes over --image and the other flags.
    // clap does not require an argument that another one excludes.
    #[arg(long, requires = "secret", conflicts_with_all = ["all_namespaces", "files", "docker_config"])]
    pub(super) print_job: bool,

    /// Format of the report
    #[arg(short, long, value_name = "FORMAT", default_value = "text", ignore_case = true)]
    pub(super) output_format: VerifyFormat,

    /// Language of messages
    #[arg(long, env = "REGCRED_LANG", hide_env_values = true)]
    pub(super) lang: Option<Lang>,

    /// Path of the kubeconfig; without it KUBECONFIG, ~/.kube/config, or the service account of the Pod
    #[arg(long, value_name = "FILE")]
    pub(super) kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig; without it the current one
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
}

fn image(text: &str) -> Result<PullImage, &'static str> {
    PullImage::parse(text).ok_or("not an image reference, such as registry.example.com/team/app:1.0")
}

fn timeout(text: &str) -> Result<Duration, &'static str> {
    let positive = duration::parse(text).filter(|duration| !duration.is_zero());
    positive.ok_or("not a duration, such as 10s or 1m30s")
}

impl Args {
    pub(super) fn options(&self) -> Result<VerifyOptions, Failure> {
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
pub(super) fn ca_bytes(file: &Path) -> Result<Vec<u8>, FileError> {
    Ok(read_together(&[file])?.first().map(|bytes| bytes.to_vec()).unwrap_or_default())
}
