//! A client of the cluster, and what went wrong with it in words that can be shown.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use kube::client::AuthError;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError};
use kube::{Client, Config};

use super::words::quoted;

/// How long a connection to the API server may take to be made, and how long an answer to begin.
const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(10);

/// Of what the API server, or a webhook through it, says, no more is shown.
pub(super) const SHOWN_CHARS: usize = 500;

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

/// Which cluster is meant.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The kubeconfig; without one those that kubectl reads.
    pub kubeconfig: Option<PathBuf>,
    /// The context; without one the kubeconfig's current one.
    pub context: Option<String>,
}

impl Access {
    /// The cluster that kubectl would talk to; or else, where there is no kubeconfig and none was asked for, the one that
    /// this program runs in.
    ///
    /// # Errors
    /// When there is neither a kubeconfig nor a service account, or what is there cannot be used.
    pub async fn config(self) -> Result<Config, ClusterError> {
        let asked_for = self.kubeconfig.is_some() || self.context.is_some();
        let options = KubeConfigOptions { context: self.context, ..KubeConfigOptions::default() };
        let config = match self.kubeconfig {
            None => Config::from_kubeconfig(&options).await,
            Some(path) => match Kubeconfig::read_from(path) {
                Ok(kubeconfig) => Config::from_custom_kubeconfig(kubeconfig, &options).await,
                Err(error) => Err(error),
            },
        };
        match config {
            Ok(config) => Ok(config),
            Err(error) if asked_for => Err(kubeconfig_error(&error)),
            Err(error) => in_cluster(&error),
        }
    }
}

/// The cluster that kubectl would talk to, or else the one that this program runs in.
///
/// # Errors
/// When there is neither a kubeconfig nor a service account, or what is there cannot be used.
pub async fn infer() -> Result<Config, ClusterError> {
    Access::default().config().await
}

/// The cluster that this program runs in, unless there is a kubeconfig: one that is broken is not passed over.
fn in_cluster(error: &KubeconfigError) -> Result<Config, ClusterError> {
    let missing = match error {
        KubeconfigError::FindPath => true,
        KubeconfigError::ReadConfig(error, _) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    };
    if !missing {
        return Err(kubeconfig_error(error));
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
pub fn connect(config: Config) -> Result<Client, ClusterError> {
    connect_within(config, ANSWER)
}

/// As [`connect`], with another deadline for what an answer may be silent.
///
/// # Errors
/// When the credentials of the configuration cannot be used.
pub fn connect_within(mut config: Config, answer: Duration) -> Result<Client, ClusterError> {
    config.connect_timeout = Some(CONNECT);
    config.read_timeout = Some(answer);
    config.write_timeout = Some(ANSWER);
    // Otherwise the time that a connection was idle counts as waiting for an answer.
    config.reset_reader_on_write = true;
    config.default_retry = false;
    // kube panics over a token that is no header value, such as one with a line break at its end.
    catch_unwind(AssertUnwindSafe(|| Client::try_from(config).map_err(|error| describe(&error))))
        .unwrap_or_else(|_| {
            Err(ClusterError::new("the token of the kubeconfig holds characters that no token has"))
        })
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
        kube::Error::Api(status) => {
            format!("the API server refuses: {}", quoted(&status.message, SHOWN_CHARS))
        }
        kube::Error::HyperError(_) | kube::Error::Service(_) => return unreachable_server(error),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            "the API server's answer cannot be read".to_owned()
        }
        kube::Error::Auth(error) => return credentials_error(error),
        kube::Error::RustlsTls(_) => "the certificates for the API server cannot be used".to_owned(),
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
            "the kubeconfig names a proxy, which is not supported".to_owned()
        }
        kube::Error::InferKubeconfig(error) => return kubeconfig_error(error),
        _ => "the API server cannot be asked".to_owned(),
    })
}

/// Why there is no answer. Only errors of the transport are quoted: what gives credentials quotes them.
fn unreachable_server(error: &kube::Error) -> ClusterError {
    let mut why = None;
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<AuthError>() {
            return credentials_error(error);
        }
        if error.is::<io::Error>() || error.is::<hyper::Error>() || error.is::<rustls::Error>() {
            why = Some(error);
        }
        next = error.source();
    }
    let why = why.map_or_else(String::new, |why| format!(": {}", quoted(&why.to_string(), SHOWN_CHARS)));
    ClusterError(format!("the API server cannot be reached{why}"))
}

/// What went wrong with the credentials, without any.
fn credentials_error(error: &AuthError) -> ClusterError {
    ClusterError(match error {
        AuthError::AuthExecStart(error) => {
            format!("the credential plugin of the kubeconfig cannot be started: {error}")
        }
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential plugin of the kubeconfig failed ({}); log in again with it", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed | AuthError::AuthExec(_) => {
            "the credential plugin of the kubeconfig gave no credentials".to_owned()
        }
        AuthError::ReadTokenFile(error, path) => {
            format!("the token file {} cannot be read: {error}", path.display())
        }
        _ => "the credentials for the API server cannot be used".to_owned(),
    })
}
