//! A client of the cluster, and what went wrong with it in words that can be shown.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use kube::client::AuthError;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError, LoadDataError};
use kube::{Client, Config};
use regcred_engine::wording::Bilingual;

use super::words::quoted;

/// The time to connect to the API server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time for which a write to the API server may make no progress.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// At most this many characters of a message from the API server, or from a webhook through it, are shown.
pub(super) const MAX_QUOTED_CHARS: usize = 500;

/// Why the cluster cannot be used, in one line. It never contains a parser's message, which may quote a token, a key or a
/// Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterError(Bilingual<String>);

impl fmt::Display for ClusterError {
    /// In English, as logs are.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.english)
    }
}

impl std::error::Error for ClusterError {}

impl ClusterError {
    /// An error that only a log tells of.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        ClusterError(Bilingual::untranslated(message))
    }

    fn both(english: impl Into<String>, chinese: impl Into<String>) -> Self {
        ClusterError(Bilingual::new(english, chinese))
    }

    /// The error in both languages.
    pub(crate) fn into_words(self) -> Bilingual<String> {
        self.0
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
        InClusterError::ReadEnvironmentVariable(_) => ClusterError::both(
            "there is no cluster: this is no pod (KUBERNETES_SERVICE_HOST and _PORT are not set), and there is no \
             kubeconfig (KUBECONFIG, ~/.kube/config)",
            "没有可用的集群：当前不在 Pod 中（未设置 KUBERNETES_SERVICE_HOST 和 _PORT），也没有 kubeconfig\
             （KUBECONFIG、~/.kube/config）",
        ),
        InClusterError::ReadDefaultNamespace(error) | InClusterError::ReadCertificateBundle(error) => {
            let place =
                "/var/run/secrets/kubernetes.io/serviceaccount; automountServiceAccountToken must be true";
            let place_zh =
                "/var/run/secrets/kubernetes.io/serviceaccount；automountServiceAccountToken 须为 true";
            ClusterError::both(
                format!("the pod's service account cannot be read: {error} ({place})"),
                format!("无法读取 Pod 的 ServiceAccount：{error}（{place_zh}）"),
            )
        }
        _ => ClusterError::both(
            "the address or CA of the API server in this pod cannot be read",
            "无法读取 Pod 中 API server 的地址或 CA",
        ),
    })
}

/// Makes a client that never retries a call. A response may pause for at most `read_timeout`.
///
/// kube makes aws-lc-rs the process-wide default of rustls here if there is none. Nothing else in this program relies on a
/// default.
///
/// # Errors
/// When the credentials of the configuration cannot be used.
pub fn connect(mut config: Config, read_timeout: Option<Duration>) -> Result<Client, ClusterError> {
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = read_timeout;
    config.write_timeout = Some(WRITE_TIMEOUT);
    // Otherwise the time for which a connection was idle counts as well.
    config.reset_reader_on_write = true;
    config.default_retry = false;
    // kube panics over a token that is no header value, such as one with a line break at its end.
    catch_unwind(AssertUnwindSafe(|| Client::try_from(config).map_err(|error| describe(&error))))
        .unwrap_or_else(|_| {
            Err(ClusterError::both(
                "the token of the kubeconfig holds characters that no token has",
                "kubeconfig 中的 token 含有不合法的字符",
            ))
        })
}

/// What went wrong with a kubeconfig.
pub(crate) fn kubeconfig_error(error: &KubeconfigError) -> ClusterError {
    let both = |english: &str, chinese: &str| ClusterError::both(english, chinese);
    match error {
        KubeconfigError::ReadConfig(error, path) => {
            let path = path.display();
            ClusterError::both(
                format!("the kubeconfig {path} cannot be read: {error}"),
                format!("无法读取 kubeconfig {path}：{error}"),
            )
        }
        KubeconfigError::FindPath => {
            both("there is no kubeconfig: set KUBECONFIG", "没有 kubeconfig：请设置 KUBECONFIG")
        }
        KubeconfigError::Parse(_) => {
            both("the kubeconfig is not valid YAML of its kind", "kubeconfig 不是合法的 YAML，或内容不符")
        }
        KubeconfigError::CurrentContextNotSet => {
            both("the kubeconfig has no current context", "kubeconfig 没有当前上下文")
        }
        KubeconfigError::LoadContext(name) => ClusterError::both(
            format!("the kubeconfig has no context {name:?}"),
            format!("kubeconfig 中没有上下文 {name:?}"),
        ),
        KubeconfigError::LoadClusterOfContext(name) => ClusterError::both(
            format!("the kubeconfig has no cluster {name:?}"),
            format!("kubeconfig 中没有集群 {name:?}"),
        ),
        KubeconfigError::LoadCertificateAuthority(error) => {
            unreadable("certificate authority", "CA 证书", error)
        }
        KubeconfigError::LoadClientCertificate(error) => {
            unreadable("client certificate", "客户端证书", error)
        }
        KubeconfigError::LoadClientKey(error) => unreadable("client key", "客户端私钥", error),
        _ => both(
            "the kubeconfig cannot be used: check the address and certificates of its cluster",
            "kubeconfig 无法使用：请检查其中集群的地址和证书",
        ),
    }
}

fn unreadable(what: &str, what_zh: &str, error: &LoadDataError) -> ClusterError {
    match error {
        LoadDataError::ReadFile(error, path) => {
            let path = path.display();
            ClusterError::both(
                format!("the kubeconfig's {what} {path} cannot be read: {error}"),
                format!("无法读取 kubeconfig 的{what_zh} {path}：{error}"),
            )
        }
        LoadDataError::DecodeBase64(_) => ClusterError::both(
            format!("the kubeconfig's {what} is not base64"),
            format!("kubeconfig 的{what_zh}不是 base64"),
        ),
        LoadDataError::NoBase64DataOrFile => {
            ClusterError::both(format!("the kubeconfig has no {what}"), format!("kubeconfig 没有{what_zh}"))
        }
    }
}

/// What went wrong with a call.
pub(crate) fn describe(error: &kube::Error) -> ClusterError {
    let both = |english: &str, chinese: &str| ClusterError::both(english, chinese);
    match error {
        // The API server's own words. It redacts the content of Secrets.
        kube::Error::Api(status) => {
            let said = quoted(&status.message, MAX_QUOTED_CHARS);
            ClusterError::both(format!("the API server refuses: {said}"), format!("API server 拒绝：{said}"))
        }
        kube::Error::HyperError(_) | kube::Error::Service(_) => unreachable_server(error),
        kube::Error::SerdeError(_) | kube::Error::FromUtf8(_) => {
            both("the API server's answer cannot be read", "无法解析 API server 的应答")
        }
        kube::Error::Auth(error) => credentials_error(error),
        kube::Error::RustlsTls(_) => {
            both("the certificates for the API server cannot be used", "用于 API server 的证书无法使用")
        }
        kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
            both("the kubeconfig names a proxy, which is not supported", "kubeconfig 中的代理不受支持")
        }
        kube::Error::InferKubeconfig(error) => kubeconfig_error(error),
        _ => both("the API server cannot be asked", "无法向 API server 发出请求"),
    }
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
    let why = why.map(|why| quoted(&why.to_string(), MAX_QUOTED_CHARS));
    ClusterError::both(
        format!(
            "cannot reach the API server{}",
            why.as_ref().map_or_else(String::new, |why| format!(": {why}"))
        ),
        format!("无法连接 API server{}", why.as_ref().map_or_else(String::new, |why| format!("：{why}"))),
    )
}

/// What went wrong with the credentials, without any.
fn credentials_error(error: &AuthError) -> ClusterError {
    match error {
        AuthError::AuthExecStart(error) => ClusterError::both(
            format!("the credential plugin of the kubeconfig cannot be started: {error}"),
            format!("无法启动 kubeconfig 的凭据插件：{error}"),
        ),
        AuthError::AuthExecRun { out, .. } => ClusterError::both(
            format!("the credential plugin of the kubeconfig failed ({}); log in again with it", out.status),
            format!("kubeconfig 的凭据插件执行失败（{}）；请用它重新登录", out.status),
        ),
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed | AuthError::AuthExec(_) => {
            ClusterError::both(
                "the credential plugin of the kubeconfig gave no credentials",
                "kubeconfig 的凭据插件没有给出凭据",
            )
        }
        AuthError::ReadTokenFile(error, path) => {
            let path = path.display();
            ClusterError::both(
                format!("the token file {path} cannot be read: {error}"),
                format!("无法读取 token 文件 {path}：{error}"),
            )
        }
        _ => ClusterError::both(
            "the credentials for the API server cannot be used",
            "用于 API server 的凭据无法使用",
        ),
    }
}
