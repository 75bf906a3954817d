//! The arguments of `regcred verify`.

use std::path::PathBuf;

use super::report::VerifyFormat;
use crate::cli::asking::Asking;
use crate::cli::connection::Connection;
use crate::cli::judging::Lang;
use crate::create::object::Namespace;
use crate::registry::PullImage;

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
pub(crate) struct VerifyArgs {
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

    #[command(flatten)]
    pub(super) asking: Asking,

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

    #[command(flatten)]
    pub(super) connection: Connection,
}

fn image(text: &str) -> Result<PullImage, &'static str> {
    PullImage::parse(text).ok_or("not an image reference, such as registry.example.com/team/app:1.0")
}
