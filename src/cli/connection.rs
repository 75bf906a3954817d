//! The flags of the subcommands that use a cluster: which one.

use std::path::PathBuf;
use std::time::Duration;

use regcred_engine::policy::Language;
use regcred_engine::wording::Bilingual;

use super::Failure;
use crate::cluster::client::Access;
use crate::create::object::Namespace;

/// The longest pause in a response of the API server, which gives up on most requests after a minute.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(65);

/// The flags of every subcommand that uses a cluster.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Connection {
    /// Path of the kubeconfig; without it KUBECONFIG, ~/.kube/config, or the service account of the Pod
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Context of the kubeconfig; without it the current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl From<Connection> for Access {
    fn from(Connection { kubeconfig, context }: Connection) -> Self {
        Access { kubeconfig, context }
    }
}

/// The namespace of the kubeconfig's context, or of the file in a Pod, which may end with a line break. An empty one means
/// `default`, as in kubectl; in the path of a request it would mean all namespaces.
pub(crate) fn context_namespace(namespace: &str, language: Language) -> Result<String, Failure> {
    let namespace = Some(namespace.trim()).filter(|namespace| !namespace.is_empty()).unwrap_or("default");
    let none = |why| {
        let english = format!("the namespace of the kubeconfig's context is invalid: {why}");
        Failure(Bilingual::new(english, "kubeconfig 上下文中的命名空间不是合法的名称").into_line(language))
    };
    namespace.parse().map(|namespace: Namespace| namespace.as_str().to_owned()).map_err(none)
}
