//! The arguments of `regcred serve`.

use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::BoolishValueParser;

use crate::cli::Failure;
use crate::cli::judging::Limit;
use crate::cli::log::{LogFormat, LogLevel};
use crate::cluster::self_managed::Names;
use crate::create::object::Name;
use crate::server::{
    AuditTarget, CertificateFiles, CertificateSource, ClientCa, Config, Limits, Listen, duration,
};

/// The folder of `--dev`, relative to the working directory.
const DEV_FOLDER: &str = "certs/dev";

/// Run the webhook
///
/// It answers the API server's admission reviews over HTTPS at /mutate and /validate, and serves /livez, /readyz and
/// /metrics over plain HTTP on a second port. It never calls an API server, except with --tls self-managed.
///
/// SIGTERM and SIGINT shut it down gracefully; a second one ends it immediately.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Try regcred on this machine
    ///
    /// Listens on loopback, makes a certificate in ./certs/dev or re-uses the one there, and prints a request to try.
    #[arg(long, env = "REGCRED_DEV", hide_env_values = true, value_parser = BoolishValueParser::new())]
    dev: bool,

    /// Address for admission reviews, HTTPS
    ///
    /// IP:PORT, or :PORT for every address of the machine. Port 0 takes a free port; the first line on standard error
    /// names it. Default: :8443, with --dev 127.0.0.1:8443.
    #[arg(long, env = "REGCRED_LISTEN", hide_env_values = true, value_name = "ADDR")]
    listen: Option<Listen>,

    /// Address for /livez, /readyz and /metrics, plain HTTP
    ///
    /// As for --listen; the second line on standard error names it. Default: :8080, with --dev 127.0.0.1:8080.
    #[arg(long, env = "REGCRED_OPS_LISTEN", hide_env_values = true, value_name = "ADDR")]
    ops_listen: Option<Listen>,

    /// Source of the serving certificate
    ///
    /// `self-managed` needs a cluster: the Pod's service account, or a kubeconfig.
    #[arg(
        long,
        env = "REGCRED_TLS",
        hide_env_values = true,
        value_name = "SOURCE",
        default_value = "files",
        ignore_case = true
    )]
    tls: TlsSource,

    /// Serving certificate, PEM; required with --tls files, unless --dev is set
    ///
    /// This server's own certificate first, then its intermediates. A new version is used without a restart; if it is
    /// invalid, the old one stays in use.
    #[arg(long, env = "REGCRED_TLS_CERT", hide_env_values = true, value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// Private key of the certificate, PEM, not encrypted; required with --tls-cert
    #[arg(long, env = "REGCRED_TLS_KEY", hide_env_values = true, value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// CAs of the clients that may connect, PEM; without it every client may
    ///
    /// Every client of the HTTPS port must then present a certificate by one of them; the operations port requires none. A
    /// new version is used together with the certificate and its key, or not at all.
    #[arg(long, env = "REGCRED_CLIENT_CA", hide_env_values = true, value_name = "FILE")]
    client_ca: Option<PathBuf>,

    /// Name that a client's certificate must have; without it every name is accepted
    ///
    /// The common name or a DNS name of the certificate. Can be repeated, or be a list with commas. Requires --client-ca.
    #[arg(
        long,
        env = "REGCRED_CLIENT_NAME",
        hide_env_values = true,
        value_name = "NAME",
        value_delimiter = ',',
        value_parser = parse_name
    )]
    client_name: Vec<String>,

    /// Policy file, YAML; without it the built-in defaults apply
    ///
    /// A new version is used without a restart; if it is invalid, the old one stays in use.
    #[arg(long, env = "REGCRED_POLICY", hide_env_values = true, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// The most that is enforced, whatever the policy's `enforcement` says
    ///
    /// The milder of the two applies.
    #[arg(
        long,
        env = "REGCRED_ENFORCEMENT",
        hide_env_values = true,
        value_name = "LIMIT",
        default_value = "enforce",
        ignore_case = true
    )]
    enforcement: Limit,

    /// File for audit records, one JSON object per line; - is standard output
    ///
    /// Records are appended, and the file is opened again after log rotation. A slow reader loses records (see the
    /// metric `regcred_audit_records_lost_total`); it never delays a request.
    #[arg(
        long,
        env = "REGCRED_AUDIT_LOG",
        hide_env_values = true,
        value_name = "FILE|-",
        default_value = "-"
    )]
    audit_log: PathBuf,

    /// Level of the log on standard error; no level logs the content of a request
    #[arg(
        long,
        env = "REGCRED_LOG_LEVEL",
        hide_env_values = true,
        value_name = "LEVEL",
        default_value = "info",
        ignore_case = true
    )]
    log_level: LogLevel,

    /// The format of the log
    ///
    /// With json, each line on standard error is an object, the two that name the addresses included. An error that keeps
    /// the server from starting is text in both formats.
    #[arg(
        long,
        env = "REGCRED_LOG_FORMAT",
        hide_env_values = true,
        value_name = "FORMAT",
        default_value = "text",
        ignore_case = true
    )]
    log_format: LogFormat,

    /// Time between SIGTERM and the end of accepting connections
    ///
    /// During this time the server is not ready and asks its clients to close their connections. It should be as long as
    /// the cluster needs to stop sending requests. Requests in flight then have 20s to finish. A duration such as 5s or
    /// 1m30s. Default: 5s, with --dev 0s.
    #[arg(
        long,
        env = "REGCRED_DRAIN_DELAY",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = parse_duration
    )]
    drain_delay: Option<Duration>,

    /// Time between two checks of the certificate, client CA and policy files for changes
    ///
    /// A duration such as 10s or 1m, at least 1s. Self-managed certificates do not depend on it.
    #[arg(
        long,
        env = "REGCRED_RELOAD_INTERVAL",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = parse_duration,
        default_value = "10s"
    )]
    reload_interval: Duration,

    /// Service by which the API server calls this webhook, in the namespace of the Pod
    ///
    /// With --tls self-managed, the certificate is issued for it.
    #[arg(
        long,
        env = "REGCRED_WEBHOOK_SERVICE",
        hide_env_values = true,
        value_name = "NAME",
        value_parser = parse_service_name,
        default_value = "regcred"
    )]
    webhook_service: String,

    /// Name of both webhook configurations
    ///
    /// With --tls self-managed, regcred writes its CA into their caBundle.
    #[arg(
        long,
        env = "REGCRED_WEBHOOK_CONFIGURATION",
        hide_env_values = true,
        value_name = "NAME",
        value_parser = parse_object_name,
        default_value = "regcred"
    )]
    webhook_configuration: String,

    /// Secret for the CA that all replicas share, in the namespace of the Pod
    ///
    /// With --tls self-managed. It is created if necessary.
    #[arg(
        long,
        env = "REGCRED_CA_SECRET",
        hide_env_values = true,
        value_name = "NAME",
        value_parser = parse_object_name,
        default_value = "regcred-self-managed"
    )]
    ca_secret: String,
}

/// The source of the serving certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TlsSource {
    /// --tls-cert and --tls-key
    Files,
    /// regcred makes a CA, shares it between replicas in a Secret, issues its own certificates, and keeps the caBundle of
    /// the webhook configurations up to date
    SelfManaged,
}

fn parse_object_name(text: &str) -> Result<String, &'static str> {
    text.parse::<Name>().map(|_| text.to_owned())
}

/// A Service's name is also a DNS label.
fn parse_service_name(text: &str) -> Result<String, &'static str> {
    match parse_object_name(text) {
        Ok(name) if name.len() <= 63 && !name.contains('.') => Ok(name),
        _ => {
            Err("expected at most 63 small letters, digits and hyphens, with a letter or digit at both ends")
        }
    }
}

/// What the arguments ask for.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) server: Config,
    pub(super) log_level: LogLevel,
    pub(super) log_format: LogFormat,
    /// Only used with `--tls self-managed`.
    pub(super) names: Names,
}

fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    duration::parse(text).ok_or("expected a duration with its unit, such as 500ms, 10s or 1m30s")
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("expected a name from the client's certificate"),
        name => Ok(name.to_owned()),
    }
}

impl ServeArgs {
    /// Checks the arguments and applies the defaults that depend on other arguments.
    pub(super) fn validate(self) -> Result<Settings, Failure> {
        let certificate = self.certificate()?;
        let clients = self.clients()?;
        let default = |port| {
            if self.dev { Listen::At(([127, 0, 0, 1], port).into()) } else { Listen::Everywhere(port) }
        };
        let drain_delay = if self.dev { Duration::ZERO } else { Duration::from_secs(5) };
        if self.reload_interval < Duration::from_secs(1) {
            return Err(Failure::from("--reload-interval is too short: at least 1s"));
        }
        let server = Config {
            listen: self.listen.unwrap_or_else(|| default(8443)),
            ops_listen: self.ops_listen.unwrap_or_else(|| default(8080)),
            certificate,
            clients,
            policy: self.policy,
            enforcement: self.enforcement.into(),
            audit: if self.audit_log.as_os_str() == "-" {
                AuditTarget::Stdout
            } else {
                AuditTarget::File(self.audit_log)
            },
            drain_delay: self.drain_delay.unwrap_or(drain_delay),
            reload_interval: self.reload_interval,
            limits: Limits::default().within_descriptors(),
        };
        let names = Names {
            service: self.webhook_service,
            webhook_configuration: self.webhook_configuration,
            ca_secret: self.ca_secret,
        };
        Ok(Settings { server, log_level: self.log_level, log_format: self.log_format, names })
    }

    fn certificate(&self) -> Result<CertificateSource, Failure> {
        if self.tls == TlsSource::SelfManaged {
            return match (self.dev, &self.tls_cert, &self.tls_key) {
                (false, None, None) => Ok(CertificateSource::Supplied),
                (true, ..) => Err(Failure::from(
                    "--dev makes its own certificate without a cluster: remove --tls self-managed or --dev",
                )),
                _ => Err(Failure::from(
                    "--tls self-managed issues its own certificate: remove --tls-cert and --tls-key, or --tls",
                )),
            };
        }
        match (self.dev, self.tls_cert.clone(), self.tls_key.clone()) {
            (true, None, None) => Ok(CertificateSource::Dev(DEV_FOLDER.into())),
            (true, ..) => Err(Failure::from(
                "--dev makes its own certificate: remove --tls-cert and --tls-key, or --dev",
            )),
            (false, Some(certificate), Some(key)) => {
                Ok(CertificateSource::Files(CertificateFiles { certificate, key }))
            }
            (false, Some(_), None) => {
                Err(Failure::from("--tls-cert requires --tls-key, the file with its private key"))
            }
            (false, None, Some(_)) => {
                Err(Failure::from("--tls-key requires --tls-cert, the file with its certificate"))
            }
            (false, None, None) => Err(Failure::from(
                "serve requires a certificate: use --tls-cert and --tls-key, or --tls self-managed in a cluster, or --dev \
                 to try it on this machine",
            )),
        }
    }

    fn clients(&self) -> Result<Option<ClientCa>, Failure> {
        match self.client_ca.clone() {
            Some(_) if self.dev => Err(Failure::from(
                "--dev prints a request without a client certificate: remove --client-ca or --dev",
            )),
            Some(file) => Ok(Some(ClientCa { file, names: self.client_name.clone() })),
            None if self.client_name.is_empty() => Ok(None),
            None => {
                Err(Failure::from("--client-name requires --client-ca, the file with the CA of that client"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use regcred_engine::policy::Enforcement;

    use super::*;
    use crate::cli::{Cli, Command};

    fn validate(arguments: &[&str]) -> Result<Config, String> {
        let cli = Cli::try_parse_from(["regcred", "serve"].iter().chain(arguments));
        let Command::Serve(args) = cli.map_err(|error| error.to_string())?.command else {
            panic!("another subcommand")
        };
        args.validate().map(|settings| settings.server).map_err(|Failure(message)| message)
    }

    #[test]
    fn dev_listens_on_loopback_and_stops_at_once() {
        let config = validate(&["--dev"]).unwrap();
        assert_eq!(
            (config.listen.to_string(), config.ops_listen.to_string()),
            ("127.0.0.1:8443".into(), "127.0.0.1:8080".into())
        );
        assert_eq!(
            (config.certificate, config.drain_delay),
            (CertificateSource::Dev("certs/dev".into()), Duration::ZERO)
        );
        assert_eq!(validate(&["--dev", "--drain-delay", "1m"]).unwrap().drain_delay, Duration::from_secs(60));
    }

    #[test]
    fn defaults_fit_a_cluster() {
        let config = validate(&["--tls-cert", "c", "--tls-key", "k"]).unwrap();
        assert_eq!((config.listen, config.ops_listen), (Listen::Everywhere(8443), Listen::Everywhere(8080)));
        assert_eq!(
            (config.drain_delay, config.reload_interval),
            (Duration::from_secs(5), Duration::from_secs(10))
        );
        assert_eq!((config.audit, config.policy), (AuditTarget::Stdout, None));
        assert_eq!(validate(&["--dev", "--audit-log", "a"]).unwrap().audit, AuditTarget::File("a".into()));
    }

    #[test]
    fn enforcement_is_the_policys_unless_limited() {
        let mut arguments = vec!["--dev"];
        assert_eq!(validate(&arguments).unwrap().enforcement, Enforcement::Enforce);
        arguments.extend(["--enforcement", "Warn"]);
        assert_eq!(validate(&arguments).unwrap().enforcement, Enforcement::Warn);
    }

    #[test]
    fn client_name_is_repeated_or_a_list() {
        let mut arguments = vec!["--tls-cert", "c", "--tls-key", "k"];
        assert_eq!(validate(&arguments).unwrap().clients, None);
        arguments.extend(["--client-ca", "ca"]);
        let names = |arguments: &[&str]| validate(arguments).unwrap().clients.unwrap().names;
        assert_eq!(names(&arguments), [""; 0]);
        arguments.extend(["--client-name", "a, b", "--client-name", "c"]);
        assert_eq!(names(&arguments), ["a", "b", "c"]);
    }

    #[test]
    fn errors_say_what_to_do() {
        for (arguments, says) in [
            (&[][..], "--dev to try it"),
            (&["--tls-cert", "c"], "requires --tls-key"),
            (&["--tls-key", "k"], "requires --tls-cert"),
            (&["--tls-key", "k", "--tls-cert", ""], "a value is required"),
            (&["--dev", "--tls-key", "k"], "remove"),
            (&["--dev", "--client-ca", "ca"], "remove --client-ca"),
            (&["--tls-cert", "c", "--tls-key", "k", "--client-name", "n"], "requires --client-ca"),
            (
                &["--tls-cert", "c", "--tls-key", "k", "--client-ca", "ca", "--client-name", "n,"],
                "expected a name",
            ),
            (&["--dev", "--tls", "self-managed"], "remove"),
            (&["--tls", "self-managed", "--tls-key", "k"], "remove"),
            (&["--dev", "--listen", "8443"], "such as 127.0.0.1:8443"),
            (&["--dev", "--drain-delay", "5"], "such as 500ms"),
            (&["--dev", "--reload-interval", "999ms"], "at least 1s"),
            (&["--dev", "--webhook-service", "a.b"], "at most 63"),
            (&["--dev", "--ca-secret", "A"], "at most 253"),
        ] {
            let error = validate(arguments).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
