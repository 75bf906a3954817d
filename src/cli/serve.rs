//! `regcred serve`

mod self_managed;

use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::BoolishValueParser;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;

use super::log::{self, Log, LogFormat, LogLevel};
use super::{Exit, Failure};
use crate::admission;
use crate::cluster;
use crate::server::{
    AuditTarget, CertificateFiles, CertificateSource, ClientCa, Config, Ended, Limits, Listen, Server,
    duration,
};

/// Reviews that are too large for a connection's own thread, at a time. Each can take some 15 MiB for some 10 ms, and one
/// that is made to be costly four times that, so that more of them would cost memory and gain nothing on the processors
/// that a webhook has.
const LARGE_REVIEWS: usize = 2;

/// Threads that answer, on a machine that has so many processors. Each keeps some MiB of the allocator's: one for every
/// processor of a large node would be more than the pod may have, and a review takes microseconds.
const WORKERS: usize = 4;

/// Run the webhook.
///
/// It answers the API server's admission reviews over HTTPS at /mutate and /validate, and serves /livez, /readyz and
/// /metrics over plain HTTP on a second port. It makes no call to any API server, except with --tls self-managed.
///
/// SIGTERM and SIGINT end it in an orderly way; a second one ends it at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Try it on this machine
    ///
    /// Listens on loopback, makes a certificate in ./certs/dev or re-uses the one that is there, and prints a request
    /// to try.
    #[arg(long, env = "REGCRED_DEV", hide_env_values = true, value_parser = BoolishValueParser::new())]
    dev: bool,

    /// Where to answer admission reviews, HTTPS
    ///
    /// IP:PORT, or :PORT for every address of the machine. Port 0 takes a free one; the first line on standard error
    /// names it. Default: :8443, with --dev 127.0.0.1:8443.
    #[arg(long, env = "REGCRED_LISTEN", hide_env_values = true, value_name = "ADDR")]
    listen: Option<Listen>,

    /// Where to answer /livez, /readyz and /metrics, plain HTTP
    ///
    /// As for --listen; the second line on standard error names it. Default: :8080, with --dev 127.0.0.1:8080.
    #[arg(long, env = "REGCRED_OPS_LISTEN", hide_env_values = true, value_name = "ADDR")]
    ops_listen: Option<Listen>,

    /// Where the serving certificate comes from
    ///
    /// `self-managed` needs a cluster: the pod's service account, or a kubeconfig.
    #[arg(
        long,
        env = "REGCRED_TLS",
        hide_env_values = true,
        value_name = "SOURCE",
        default_value = "files",
        ignore_case = true
    )]
    tls: TlsSource,

    /// The serving certificate, PEM; needed with --tls files and without --dev
    ///
    /// This server's own certificate first, then its intermediates. A new version is served as soon as it is noticed
    /// and found good; until then, and if it is not, the old one is.
    #[arg(long, env = "REGCRED_TLS_CERT", hide_env_values = true, value_name = "FILE")]
    tls_cert: Option<PathBuf>,

    /// The private key of the certificate, PEM, not encrypted; needed together with it
    #[arg(long, env = "REGCRED_TLS_KEY", hide_env_values = true, value_name = "FILE")]
    tls_key: Option<PathBuf>,

    /// The CAs of those who may connect, PEM; anybody may without it
    ///
    /// Then every client of the HTTPS port has to present a certificate by one of them; the operations port asks for
    /// none. A new version is in force together with the certificate and its key, or not at all.
    #[arg(long, env = "REGCRED_CLIENT_CA", hide_env_values = true, value_name = "FILE")]
    client_ca: Option<PathBuf>,

    /// A name that a client's certificate may have; any name is good without it
    ///
    /// Its common name or one of its DNS names. Can be given several times, or as a list with commas. Needs
    /// --client-ca.
    #[arg(
        long,
        env = "REGCRED_CLIENT_NAME",
        hide_env_values = true,
        value_name = "NAME",
        value_delimiter = ',',
        value_parser = parse_name
    )]
    client_name: Vec<String>,

    /// The policy file, YAML; the built-in defaults hold without one
    ///
    /// A new version is in force as soon as it is noticed and found good; until then, and if it is not, the old one
    /// is.
    #[arg(long, env = "REGCRED_POLICY", hide_env_values = true, value_name = "FILE")]
    policy: Option<PathBuf>,

    /// Where audit records go, one JSON object a line: a file, or - for standard output
    ///
    /// A file is appended to, and opened again after it was rotated away. A slow reader loses records (counted in
    /// `regcred_audit_records_lost_total`); it never delays a request.
    #[arg(
        long,
        env = "REGCRED_AUDIT_LOG",
        hide_env_values = true,
        value_name = "FILE|-",
        default_value = "-"
    )]
    audit_log: PathBuf,

    /// How much is logged to standard error; no level logs the content of a request
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

    /// How long a server that is told to stop still accepts
    ///
    /// In that time it is not ready any more, and asks its clients to close. It should be as long as a cluster needs
    /// to stop sending requests. After it, what runs is finished within 20s. A duration such as 5s or 1m30s. Default:
    /// 5s, with --dev 0s.
    #[arg(
        long,
        env = "REGCRED_DRAIN_DELAY",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = parse_duration
    )]
    drain_delay: Option<Duration>,

    /// How often the certificate, the clients' CAs and the policy file are looked at for changes
    ///
    /// A duration such as 10s or 500ms, at least 10ms.
    #[arg(
        long,
        env = "REGCRED_RELOAD_INTERVAL",
        hide_env_values = true,
        value_name = "DURATION",
        value_parser = parse_duration,
        default_value = "10s"
    )]
    reload_interval: Duration,
}

/// Where the serving certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TlsSource {
    /// --tls-cert and --tls-key
    Files,
    /// Issued by a CA of this installation's own, which all replicas share in the Secret regcred-self-managed of the own
    /// namespace; the API server is told to trust it in the two webhook configurations called regcred
    SelfManaged,
}

fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    duration::parse(text).ok_or("expected a duration with its unit, such as 500ms, 10s or 1m30s")
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    match text.trim() {
        "" => Err("expected a name, as the client's certificate has it"),
        name => Ok(name.to_owned()),
    }
}

impl Args {
    /// From what was typed to what holds.
    fn validate(self) -> Result<(Config, LogLevel), Failure> {
        let certificate = self.certificate()?;
        let clients = self.clients()?;
        let default = |port| {
            if self.dev { Listen::At(([127, 0, 0, 1], port).into()) } else { Listen::Everywhere(port) }
        };
        let drain_delay = if self.dev { Duration::ZERO } else { Duration::from_secs(5) };
        if self.reload_interval < Duration::from_millis(10) {
            return Err(Failure::from("--reload-interval is too short: at least 10ms"));
        }
        let config = Config {
            listen: self.listen.unwrap_or_else(|| default(8443)),
            ops_listen: self.ops_listen.unwrap_or_else(|| default(8080)),
            certificate,
            clients,
            policy: self.policy,
            audit: if self.audit_log.as_os_str() == "-" {
                AuditTarget::Stdout
            } else {
                AuditTarget::File(self.audit_log)
            },
            drain_delay: self.drain_delay.unwrap_or(drain_delay),
            reload_interval: self.reload_interval,
            limits: Limits::default().within_descriptors(),
        };
        Ok((config, self.log_level))
    }

    fn certificate(&self) -> Result<CertificateSource, Failure> {
        if self.tls == TlsSource::SelfManaged {
            return match (self.dev, &self.tls_cert, &self.tls_key) {
                (false, None, None) => Ok(CertificateSource::Supplied),
                (true, ..) => Err(Failure::from(
                    "--dev makes its own certificate, without a cluster: leave out --tls self-managed, or --dev",
                )),
                _ => Err(Failure::from(
                    "--tls self-managed issues its own certificate: leave out --tls-cert and --tls-key, or --tls",
                )),
            };
        }
        match (self.dev, self.tls_cert.clone(), self.tls_key.clone()) {
            (true, None, None) => Ok(CertificateSource::Dev),
            (true, ..) => Err(Failure::from(
                "--dev makes its own certificate: leave out --tls-cert and --tls-key, or --dev",
            )),
            (false, Some(certificate), Some(key)) => {
                Ok(CertificateSource::Files(CertificateFiles { certificate, key }))
            }
            (false, Some(_), None) => {
                Err(Failure::from("--tls-cert needs --tls-key, the file with its private key"))
            }
            (false, None, Some(_)) => {
                Err(Failure::from("--tls-key needs --tls-cert, the file with its certificate"))
            }
            (false, None, None) => Err(Failure::from(
                "serve needs a certificate: give --tls-cert and --tls-key, or --tls self-managed in a cluster, or --dev to \
                 try it on this machine",
            )),
        }
    }

    fn clients(&self) -> Result<Option<ClientCa>, Failure> {
        match self.client_ca.clone() {
            Some(_) if self.dev => Err(Failure::from(
                "--dev prints a request that anybody can send: leave out --client-ca, or --dev",
            )),
            Some(file) => Ok(Some(ClientCa { file, names: self.client_name.clone() })),
            None if self.client_name.is_empty() => Ok(None),
            None => {
                Err(Failure::from("--client-name needs --client-ca, the file with the CA of that client"))
            }
        }
    }
}

/// Serves until a signal ends it.
pub(crate) fn run(args: Args) -> Result<Exit, Failure> {
    let format = args.log_format;
    let (config, level) = args.validate()?;
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .worker_threads(available_parallelism().map_or(1, NonZero::get).min(WORKERS))
        .max_blocking_threads(LARGE_REVIEWS)
        .build()
        .map_err(|error| Failure(format!("the system refused a thread or descriptor: {error}")))?;
    let ended = serve(&runtime, &config, level, format);
    // What has not ended by now is not waited for.
    runtime.shutdown_background();
    Ok(match ended? {
        Ended::Finished => Exit::Clean,
        Ended::CutOff => Exit::Findings,
    })
}

fn serve(runtime: &Runtime, config: &Config, level: LogLevel, format: LogFormat) -> Result<Ended, Failure> {
    runtime.block_on(async {
        // First of all: a signal that comes while files are read must not kill the program half-way.
        let shutdown = signals()?;
        log::quiet_panics();
        let cluster = match config.certificate {
            CertificateSource::Supplied => Some(self_managed::cluster().await?),
            CertificateSource::Files(_) | CertificateSource::Dev => None,
        };
        let server = Server::prepare(config, admission::review)?;
        format.say(format_args!("listening on https://{}", server.address()));
        format.say(format_args!("listening on http://{} (ops)", server.ops_address()));
        if config.certificate == CertificateSource::Dev {
            format.say(format_args!("{}", server.request_to_try()));
        }
        // The log begins after these lines, so that they come first at every level.
        let _log = Log::start(level, format, server.metrics())?;
        if let Some(cluster) = cluster {
            cluster::self_managed::start(cluster, config.reload_interval, server.supply())?;
        }
        Ok(server.run(shutdown).await?)
    })
}

/// A message for each SIGTERM and SIGINT from now on.
fn signals() -> Result<mpsc::Receiver<()>, Failure> {
    let install =
        |kind| signal(kind).map_err(|error| Failure(format!("signals cannot be received: {error}")));
    let signals: [Signal; 2] = [install(SignalKind::terminate())?, install(SignalKind::interrupt())?];
    let (sender, receiver) = mpsc::channel(2);
    for mut signal in signals {
        let sender = sender.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() {
                // A third signal has nothing to add.
                let _ = sender.try_send(());
            }
        });
    }
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};
    use super::*;

    fn validate(arguments: &[&str]) -> Result<Config, String> {
        let cli = Cli::try_parse_from(["regcred", "serve"].iter().chain(arguments));
        let Command::Serve(args) = cli.map_err(|error| error.to_string())?.command else {
            panic!("another subcommand")
        };
        args.validate().map(|(config, _)| config).map_err(|Failure(message)| message)
    }

    #[test]
    fn dev_stays_on_this_machine_and_ends_at_once() {
        let config = validate(&["--dev"]).unwrap();
        assert_eq!(
            (config.listen.to_string(), config.ops_listen.to_string()),
            ("127.0.0.1:8443".into(), "127.0.0.1:8080".into())
        );
        assert_eq!((config.certificate, config.drain_delay), (CertificateSource::Dev, Duration::ZERO));
        assert_eq!(validate(&["--dev", "--drain-delay", "1m"]).unwrap().drain_delay, Duration::from_secs(60));
    }

    #[test]
    fn the_defaults_are_those_of_a_cluster() {
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
    fn names_of_clients_are_given_one_by_one_or_as_a_list() {
        let mut arguments = vec!["--tls-cert", "c", "--tls-key", "k"];
        assert_eq!(validate(&arguments).unwrap().clients, None);
        arguments.extend(["--client-ca", "ca"]);
        let names = |arguments: &[&str]| validate(arguments).unwrap().clients.unwrap().names;
        assert_eq!(names(&arguments), [""; 0]);
        arguments.extend(["--client-name", "a, b", "--client-name", "c"]);
        assert_eq!(names(&arguments), ["a", "b", "c"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        for (arguments, says) in [
            (&[][..], "--dev to try it"),
            (&["--tls-cert", "c"], "needs --tls-key"),
            (&["--tls-key", "k"], "needs --tls-cert"),
            (&["--tls-key", "k", "--tls-cert", ""], "a value is required"),
            (&["--dev", "--tls-key", "k"], "leave out"),
            (&["--dev", "--client-ca", "ca"], "leave out --client-ca"),
            (&["--tls-cert", "c", "--tls-key", "k", "--client-name", "n"], "needs --client-ca"),
            (
                &["--tls-cert", "c", "--tls-key", "k", "--client-ca", "ca", "--client-name", "n,"],
                "expected a name",
            ),
            (&["--dev", "--tls", "self-managed"], "leave out"),
            (&["--tls", "self-managed", "--tls-key", "k"], "leave out"),
            (&["--dev", "--listen", "8443"], "such as 127.0.0.1:8443"),
            (&["--dev", "--drain-delay", "5"], "such as 500ms"),
            (&["--dev", "--reload-interval", "0s"], "at least 10ms"),
        ] {
            let error = validate(arguments).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
