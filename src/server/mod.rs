//! The webhook's server: transport, limits, certificates, health and metrics. It knows nothing about Secrets.
//!
//! One request: [`conn`] serves its connection and hands it to the [`router`], whose extractor [`intake`] checks it and
//! reads its body into the memory that [`room`] has for it; [`review`] judges, counts and records it. A request that is
//! not judged gets a [`refusal`].
//!
//! The operations port ([`ops`]), the poll for new files ([`reload`]) and the writer of the audit log ([`audit`]) each
//! have a thread of their own, so they cannot delay admission, and admission cannot delay them.

mod audit;
mod conn;
mod dev;
mod drain;
pub mod duration;
mod health;
mod intake;
mod limits;
mod listen;
mod metrics;
mod ops;
mod phase;
mod playground;
mod refusal;
mod reload;
mod review;
mod room;
mod router;
mod shared;
mod supply;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use regcred_engine::policy::Enforcement;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

pub use audit::AuditTarget;
pub use drain::Ended;
pub use limits::Limits;
pub use listen::{Listen, ListenError};
pub(crate) use metrics::ConfigurationProblem;
pub use review::Reviewer;
pub use supply::Supply;
pub use tls::{CertificateFiles, ClientCa};

use audit::Audit;
use conn::{Connections, Endpoint};
use drain::Work;
use health::Health;
use intake::Gate;
pub(crate) use metrics::Metrics;
use metrics::{MetricSources, Port};
use ops::OpsParts;
use phase::Phase;
use refusal::Refusals;
use reload::{Reloader, WatchedFiles};
use review::Judge;
use room::{Pool, Room};
use router::AdmissionParts;
use shared::Shared;
use tls::{Served, TlsFiles};

pub use crate::files::FileError;
use crate::files::read_together;
use crate::policy_file::{self, PolicyFile, PolicyInForce};

/// How long the end of the program waits for the audit log's reader.
const AUDIT_FLUSH: Duration = Duration::from_secs(1);

/// Where the serving certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// Made for this machine, and kept in this folder.
    Dev(PathBuf),
    /// Made by another program.
    Files(CertificateFiles),
    /// Passed to [`Server::supply`] at runtime. The server is not ready before the first one.
    Supplied,
}

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The admission port, HTTPS.
    pub listen: Listen,
    /// The operations port, plain HTTP.
    pub ops_listen: Listen,
    /// The serving certificate.
    pub certificate: CertificateSource,
    /// The clients that may connect. `None`: every client.
    pub clients: Option<ClientCa>,
    /// The policy file. `None`: the built-in defaults.
    pub policy: Option<PathBuf>,
    /// The limit that the policy's `enforcement` cannot exceed.
    pub enforcement: Enforcement,
    /// Where audit records go.
    pub audit: AuditTarget,
    /// The time between the signal to stop and the end of accepting connections.
    pub drain_delay: Duration,
    /// The time between two checks of the files.
    pub reload_interval: Duration,
    /// Caps and deadlines.
    pub limits: Limits,
}

/// Why a server cannot start. One line, or one for each error in a policy. It names the file or flag.
#[derive(Debug)]
pub enum StartError {
    /// A file cannot be used.
    File(FileError),
    /// An address cannot be bound.
    Listen(ListenError),
    /// The system refuses something that is not a setting.
    System(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::File(error) => error.fmt(f),
            StartError::Listen(error) => error.fmt(f),
            StartError::System(error) => f.write_str(error),
        }
    }
}

impl std::error::Error for StartError {}

impl From<FileError> for StartError {
    fn from(error: FileError) -> Self {
        StartError::File(error)
    }
}

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> Self {
        StartError::Listen(error)
    }
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        StartError::System(format!("cannot create a thread or file descriptor: {error}"))
    }
}

/// A server that has loaded everything and bound its addresses, but does not accept connections yet.
pub struct Server {
    listener: TcpListener,
    ops_listener: std::net::TcpListener,
    addresses: (SocketAddr, SocketAddr),
    is_dev: bool,
    limits: Limits,
    drain_delay: Duration,
    reload_interval: Duration,
    reloader: Reloader,
    shared: Arc<Shared>,
    gate: Arc<Gate>,
    judge: Arc<Judge>,
    connections: Arc<Connections>,
    ops_connections: Arc<Connections>,
    phase: watch::Sender<Phase>,
}

impl Server {
    /// Loads and checks everything before it binds, so that a wrong setting is a failed start and not a server that
    /// is never ready. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a file cannot be used or an address cannot be bound.
    pub fn prepare(config: &Config, reviewer: Reviewer) -> Result<Self, StartError> {
        let provider = tls::provider();
        // The provider collects entropy for its first random number, which takes 50 ms. No handshake has to wait for that.
        provider
            .secure_random
            .fill(&mut [0; 32])
            .map_err(|_| StartError::System("the crypto provider has no random numbers".to_owned()))?;
        let now = Timestamp::now();
        let served = Served::new(Arc::clone(&provider))
            .map_err(|error| StartError::System(format!("cannot set up TLS: {error}")))?;
        let tls_files = TlsFiles {
            certificate: match &config.certificate {
                CertificateSource::Files(files) => Some(files.clone()),
                CertificateSource::Dev(folder) => Some(dev::certificate(folder, &provider, now)?),
                CertificateSource::Supplied => None,
            },
            clients: config.clients.clone(),
        };
        let contents = read_together(&tls_files.paths())?;
        served.swap(tls_files.check(&contents, &provider, now)?);
        let watched_tls = WatchedFiles::new(&tls_files.paths(), &contents);
        let (policy, watched_policy) = load_policy(config)?;
        let output = config.audit.open()?;
        let listener = config.listen.bind("--listen")?;
        let ops_listener = config.ops_listen.bind("--ops-listen")?.into_std()?;
        let addresses = (listener.local_addr()?, ops_listener.local_addr()?);

        let limits = config.limits.clone();
        let served = Arc::new(served);
        let connections = Connections::new(limits.connections);
        let ops_connections = Connections::new(limits.ops_connections);
        let in_flight = Arc::new(Pool::new(limits.in_flight));
        let room = Arc::new(Room::new(&limits));
        let mut metrics = Metrics::new(MetricSources {
            connections: Arc::clone(&connections) as _,
            ops_connections: Arc::clone(&ops_connections) as _,
            in_flight: Arc::clone(&in_flight) as _,
            bodies: Arc::clone(&room) as _,
            served: Arc::clone(&served),
            policy: Arc::clone(&policy),
        });
        if served.not_after().is_some() {
            metrics.tls_reload.started();
        }
        metrics.policy_reload.started();
        let audit = Arc::new(Audit::start(output, &mut metrics)?);
        let metrics = Arc::new(metrics);
        let judge = Judge {
            reviewer,
            policy: Arc::clone(&policy),
            audit: Arc::clone(&audit),
            metrics: Arc::clone(&metrics),
            inline_body: limits.inline_body,
        };
        let gate = Gate { in_flight, room, body_limit: limits.body, deadline: limits.body_read };
        Ok(Server {
            listener,
            ops_listener,
            addresses,
            is_dev: matches!(config.certificate, CertificateSource::Dev(_)),
            limits,
            drain_delay: config.drain_delay,
            reload_interval: config.reload_interval,
            reloader: Reloader { tls: (tls_files, watched_tls), policy: watched_policy },
            shared: Arc::new(Shared { provider, served, policy, metrics, audit }),
            gate: Arc::new(gate),
            judge: Arc::new(judge),
            connections,
            ops_connections,
            phase: watch::Sender::new(Phase::Serving),
        })
    }

    /// The admission port's address, with its real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.addresses.0
    }

    /// The operations port's address, with its real port.
    #[must_use]
    pub fn ops_address(&self) -> SocketAddr {
        self.addresses.1
    }

    /// The metrics, for the log, which begins after the server is prepared.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// The handle for [`CertificateSource::Supplied`].
    #[must_use]
    pub fn supply(&self) -> Supply {
        Supply(Arc::clone(&self.shared))
    }

    /// Serves until a message arrives: the first one starts a graceful shutdown, the second one ends it at once.
    ///
    /// # Errors
    /// When the system cannot create a thread or file descriptor.
    pub async fn run(self, mut shutdown: mpsc::Receiver<()>) -> Result<Ended, StartError> {
        self.shared.served.log();
        let health = Arc::new(Health::new(self.phase.subscribe(), Arc::clone(&self.shared.served)));
        let admission = self.admission_endpoint();
        let operations = self.operations_endpoint(Arc::clone(&health));
        self.reloader.start(self.reload_interval, &self.shared)?;

        tokio::spawn(async move { health.beat().await });
        let mut phase = self.phase.subscribe();
        let stop = async move {
            drop(phase.wait_for(|phase| *phase == Phase::Stopping).await);
        };
        let accept = conn::accept(self.listener, Arc::clone(&self.connections), admission, stop);
        let accepting = tokio::spawn(accept);
        ops::start(self.ops_listener, self.ops_connections, operations)?;

        let in_flight = Arc::clone(&self.gate.in_flight);
        let work = Work { accepting, connections: self.connections, in_flight };
        let finish = self.limits.finish;
        let ended = drain::drain(&self.phase, work, self.drain_delay, finish, &mut shutdown).await;
        // This waits on its own thread: the pool for blocking work may be full of reviews that are cut off here. Nothing
        // else is left to do on this thread.
        let written = self.judge.audit.close(AUDIT_FLUSH);
        Ok(if written { ended } else { Ended::CutOff })
    }

    fn admission_endpoint(&self) -> Endpoint {
        let parts = AdmissionParts { gate: Arc::clone(&self.gate), judge: Arc::clone(&self.judge) };
        Endpoint {
            port: Port::Admission,
            router: router::router(parts),
            tls: Some(Arc::clone(&self.shared.served)),
            phase: self.phase.clone(),
            limits: self.limits.clone(),
            refusals: Some(Refusals::new(Arc::clone(&self.shared.metrics))),
            metrics: Arc::clone(&self.shared.metrics),
        }
    }

    fn operations_endpoint(&self, health: Arc<Health>) -> Endpoint {
        let parts = OpsParts { health, metrics: Arc::clone(&self.shared.metrics) };
        let router = ops::router(parts);
        Endpoint {
            port: Port::Operations,
            router: if self.is_dev { router.merge(playground::router()) } else { router },
            tls: None,
            // This port serves until the program ends.
            phase: watch::Sender::new(Phase::Serving),
            limits: self.limits.clone(),
            refusals: None,
            metrics: Arc::clone(&self.shared.metrics),
        }
    }
}

/// The policy in force, and how to notice a new one.
type LoadedPolicy = (Arc<PolicyInForce>, Option<(PolicyFile, WatchedFiles)>);

fn load_policy(config: &Config) -> Result<LoadedPolicy, FileError> {
    let Some(path) = &config.policy else {
        let active = policy_file::default(config.enforcement);
        return Ok((Arc::new(PolicyInForce::from_pointee(active)), None));
    };
    let contents = read_together(&[path])?;
    let file = PolicyFile { path: path.clone(), limit: config.enforcement };
    let active = file.parse(contents.first().map(|content| content.as_slice()).unwrap_or_default())?;
    let watched = WatchedFiles::new(&[path], &contents);
    Ok((Arc::new(PolicyInForce::from_pointee(active)), Some((file, watched))))
}
