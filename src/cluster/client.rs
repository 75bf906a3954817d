//! A client of the cluster, and what went wrong with it in words that can be shown.

use std::fmt;
use std::io;
use std::time::Duration;

use kube::config::{InClusterError, KubeConfigOptions, KubeconfigError, LoadDataError};
use kube::{Client, Config};

/// How long a connection to the API server may take to be made, and how long an answer to begin.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(10);

/// Why the cluster cannot be used: one line. It never holds what a parser quotes, which may be a token, a key or
/// somebody's Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterError(String);

impl fmt::Display for ClusterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ClusterError {}

impl ClusterError {
    /// An error in the program's own words.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        ClusterError(message.into())
    }
}

/// The cluster that kubectl would talk to, or else the one that this program runs in.
///
/// # Errors
/// When there is neither a kubeconfig nor a service account, or what is there cannot be used.
pub async fn infer() -> Result<Config, ClusterError> {
    let error = match Config::from_kubeconfig(&KubeConfigOptions::default()).await {
        Ok(config) => return Ok(config),
        Err(error) => error,
    };
    // A kubeconfig that is there and broken is not passed over.
    let missing = match &error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(error, _) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    };
    if !missing {
        return Err(kubeconfig_error(&error));
    }
    Config::incluster().map_err(|error| match error {
        InClusterError::ReadEnvironmentVariable(_) => ClusterError::new(
            "there is no cluster: this is no pod (KUBERNETES_SERVICE_HOST and _PORT are not set), and there is no \
             kubeconfig (KUBECONFIG, ~/.kube/config)",
        ),
        InClusterError::ReadDefaultNamespace(error) | InClusterError::ReadCertificateBundle(error) => {
            ClusterError::new(format!(
                "the pod's service account cannot be read: {error} (/var/run/secrets/kubernetes.io/serviceaccount; \
                 automountServiceAccountToken must be true)"
            ))
        }
        _ => ClusterError::new("the address or CA of the API server in this pod cannot be read"),
    })
}

/// A client with a deadline for every call, and without attempts of its own to repeat one.
///
/// kube makes aws-lc-rs the process-wide default of rustls at this point if there is none; nothing else of this
/// program relies on a default.
///
/// # Errors
/// When the credentials of the configuration cannot be used.
pub fn connect(mut config: Config) -> Result<Client, ClusterError> {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(ANSWER);
    config.write_timeout = Some(ANSWER);
    // Otherwise the time that a connection was idle counts as waiting for an answer.
    config.reset_reader_on_write = true;
    config.default_retry = false;
    Client::try_from(config).map_err(|error| describe(&error))
}

/// What went wrong with a kubeconfig.
pub(crate) fn kubeconfig_error(error: &KubeconfigError) -> ClusterError {
    let unreadable = |what: &str, error: &LoadDataError| match error {
        LoadDataError::ReadFile(error, path) => {
            format!("the kubeconfig's {what} {} cannot be read: {error}", path.display())
        }
        LoadDataError::DecodeBase64(_) => format!("the kubeconfig's {what} is not base64"),
        LoadDataError::NoBase64DataOrFile => format!("the kubeconfig has no {what}"),
    };
    ClusterError(match error {
        KubeconfigError::ReadConfig(error, path) => {
            format!("the kubeconfig {} cannot be read: {error}", path.display())
        }
        KubeconfigError::FindPath => "there is no kubeconfig: set KUBECONFIG".to_owned(),
        KubeconfigError::Parse(_) => "the kubeconfig is not valid YAML of its kind".to_owned(),
        KubeconfigError::CurrentContextNotSet => "the kubeconfig has no current context".to_owned(),
        KubeconfigError::LoadContext(name) => format!("the kubeconfig has no context {name:?}"),
        KubeconfigError::LoadClusterOfContext(name) => format!("the kubeconfig has no cluster {name:?}"),
        KubeconfigError::LoadCertificateAuthority(error) => unreadable("certificate authority", error),
        KubeconfigError::LoadClientCertificate(error) => unreadable("client certificate", error),
        KubeconfigError::LoadClientKey(error) => unreadable("client key", error),
        _ => "the kubeconfig cannot be used: check the address and certificates of its cluster".to_owned(),
    })
}

/// What went wrong with a call.
pub(crate) fn describe(error: &kube::Error) -> ClusterError {
    ClusterError(match error {
        // The API server's own words. It redacts the content of Secrets.
        kube::Error::Api(status) => format!("the API server refuses: {}", one_line(&status.message)),
        kube::Error::HyperError(_) | kube::Error::Service(_) => {
            let mut innermost: &dyn std::error::Error = error;
            while let Some(source) = innermost.source() {
                innermost = source;
            }
            format!("the API server cannot be reached: {}", one_line(&innermost.to_string()))
        }
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            "the API server's answer cannot be read".to_owned()
        }
        kube::Error::Auth(_) => "the credentials for the API server cannot be used".to_owned(),
        kube::Error::RustlsTls(_) => "the certificates for the API server cannot be used".to_owned(),
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
            "the kubeconfig names a proxy, which is not supported".to_owned()
        }
        kube::Error::InferKubeconfig(error) => return kubeconfig_error(error),
        _ => "the API server cannot be asked".to_owned(),
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
