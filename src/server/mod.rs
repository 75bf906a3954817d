//! The webhook's server: transport, limits, certificates, health and metrics. It knows nothing about Secrets.
//!
//! The way of one request: [`accept`] → [`connection`] (handshake, HTTP/1.1) → [`http`] (checks, [`body`]) →
//! [`review`] (judged, counted, recorded) → the answer. Beside it run the operations port ([`ops`]), the poll for new
//! files ([`reload`]) and the audit log's writer ([`audit`]), each on a thread of its own, so that none of them can
//! keep admission waiting, nor admission them.
//!
//! The connections are hyper's, taken from an accept loop of our own, since what a connection may cost and when it is
//! closed is what this server has to get right. axum routes the operations port.

mod accept;
mod audit;
mod audit_file;
mod audit_losses;
mod body;
mod connection;
mod connections;
mod dev;
mod drain;
pub mod duration;
mod files;
mod health;
mod http;
mod limits;
mod linger;
mod listen;
mod metrics;
mod ops;
mod policy;
mod reload;
mod review;
mod supply;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

pub use audit::AuditTarget;
pub use drain::Ended;
pub use files::FileError;
pub use limits::Limits;
pub use listen::{Listen, ListenError};
pub(crate) use metrics::ConfigurationProblem;
pub use policy::read as read_policy;
pub use review::Reviewer;
pub use supply::Supply;
pub use tls::{CertificateFiles, ClientCa};

use audit::Audit;
use audit_file::Output;
use connections::Connections;
use drain::{Phase, Work};
use files::read_together;
use health::Started;
use limits::Budget;
use metrics::{Metrics, State};
use policy::PolicyInForce;
use reload::{Reloader, Watched};
use tls::{Served, TlsFiles};

/// How long the end of the program waits for the audit log's reader.
const AUDIT_FLUSH: Duration = Duration::from_secs(1);

/// Where the serving certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateSource {
    /// Made for this machine, in this folder.
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
    /// Who may connect; none = everybody.
    pub clients: Option<ClientCa>,
    /// The policy file; none = the defaults.
    pub policy: Option<PathBuf>,
    /// Where audit records go.
    pub audit: AuditTarget,
    /// How long a server that is told to stop goes on accepting.
    pub drain_delay: Duration,
    /// How often files are looked at.
    pub reload_interval: Duration,
    /// Caps and deadlines.
    pub limits: Limits,
}

/// Why a server cannot start. One line, or one for each error of a policy; it names the file or flag.
#[derive(Debug)]
pub enum StartError {
    /// A file.
    File(FileError),
    /// An address.
    Listen(ListenError),
    /// Something that is nobody's setting.
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
        StartError::System(format!("the system refused a thread or descriptor: {error}"))
    }
}

/// What all requests share.
pub(crate) struct Shared {
    limits: Limits,
    reviewer: Reviewer,
    provider: Arc<CryptoProvider>,
    served: Arc<Served>,
    policy: Arc<PolicyInForce>,
    metrics: Arc<Metrics>,
    audit: Audit,
    in_flight: Arc<Budget>,
    bodies: Arc<Budget>,
    started: Started,
    phase: watch::Sender<Phase>,
}

/// A server that has everything it needs, and is bound but does not accept yet.
pub struct Server {
    listener: TcpListener,
    ops: std::net::TcpListener,
    shared: Arc<Shared>,
    reloader: Reloader,
    drain_delay: Duration,
    reload_interval: Duration,
    addresses: (SocketAddr, SocketAddr),
}

impl Server {
    /// Loads and checks everything before it binds, so that a wrong setting is a failed start and not a server that
    /// is never ready. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When a file cannot be used or an address not be bound.
    pub fn prepare(config: &Config, reviewer: Reviewer) -> Result<Self, StartError> {
        let provider = tls::provider();
        let now = Timestamp::now();
        let served = Served::new(Arc::clone(&provider))
            .map_err(|error| StartError::System(format!("TLS cannot be set up: {error}")))?;
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
        let watched_tls = Watched::new(&tls_files.paths(), &contents);
        let (policy, watched_policy) = load_policy(config)?;
        let output = Output::open(&config.audit)?;
        let listener = config.listen.bind("--listen")?;
        let ops = config.ops_listen.bind("--ops-listen")?.into_std()?;
        let addresses = (listener.local_addr()?, ops.local_addr()?);
        let shared = Arc::new(Shared::new(
            config.limits.clone(),
            reviewer,
            provider,
            Arc::new(served),
            policy,
            output,
        )?);
        Ok(Server {
            listener,
            ops,
            shared,
            reloader: Reloader { tls: (tls_files, watched_tls), policy: watched_policy },
            drain_delay: config.drain_delay,
            reload_interval: config.reload_interval,
            addresses,
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

    /// The handle for [`CertificateSource::Supplied`].
    #[must_use]
    pub fn supply(&self) -> Supply {
        Supply(Arc::clone(&self.shared))
    }

    /// Serves until `shutdown` says so: the first message begins an orderly end, the second cuts it short.
    ///
    /// # Errors
    /// When the system has no thread left to start with.
    pub async fn run(self, mut shutdown: mpsc::Receiver<()>) -> Result<Ended, StartError> {
        let Server { listener, ops, shared, reloader, drain_delay, reload_interval, .. } = self;
        shared.served.log();
        seed_random(&shared)?;
        ops::start(ops, Arc::clone(&shared))?;
        reloader.start(reload_interval, &shared)?;

        let connections = Connections::new(shared.limits.connections);
        let mut phase = shared.phase.subscribe();
        let stop = async move {
            drop(phase.wait_for(|phase| *phase == Phase::Stopping).await);
        };
        let serve = {
            let shared = Arc::clone(&shared);
            move |stream, ticket| connection::serve_admission(Arc::clone(&shared), stream, ticket)
        };
        let accept =
            accept::accept(listener, Arc::clone(&connections), Arc::clone(&shared.metrics), stop, serve);
        let accepting = tokio::spawn(accept);
        shared.started.accepting.store(true, Ordering::Release);

        let finish = shared.limits.finish;
        let work = Work { accepting, connections, in_flight: Arc::clone(&shared.in_flight) };
        let ended = drain::drain(&shared.phase, work, drain_delay, finish, &mut shutdown).await;
        // This waits on its own thread, since the pool for blocking work may be full of reviews that are cut off here,
        // and it would wait for them. There is nothing else left to do on it.
        let written = shared.audit.close(AUDIT_FLUSH);
        Ok(if written { ended } else { Ended::CutOff })
    }
}

impl Shared {
    fn new(
        limits: Limits,
        reviewer: Reviewer,
        provider: Arc<CryptoProvider>,
        served: Arc<Served>,
        policy: Arc<PolicyInForce>,
        output: Output,
    ) -> io::Result<Self> {
        let in_flight = Budget::new(limits.in_flight);
        let state = State {
            in_flight: Arc::clone(&in_flight),
            served: Arc::clone(&served),
            policy: Arc::clone(&policy),
        };
        let metrics = Arc::new(Metrics::new(state));
        Ok(Shared {
            reviewer,
            provider,
            served,
            policy,
            audit: Audit::start(output, metrics.audit_lost(), metrics.panics())?,
            metrics,
            in_flight,
            bodies: Budget::new(limits.bodies),
            started: Started::default(),
            phase: watch::Sender::new(Phase::Serving),
            limits,
        })
    }
}

/// The policy in force, and how to notice a new one.
type LoadedPolicy = (Arc<PolicyInForce>, Option<(PathBuf, Watched)>);

fn load_policy(config: &Config) -> Result<LoadedPolicy, FileError> {
    let Some(path) = &config.policy else {
        return Ok((Arc::new(PolicyInForce::from_pointee(policy::default())), None));
    };
    let contents = read_together(&[path])?;
    let active = policy::parse(path, contents.first().map(|content| content.as_slice()).unwrap_or_default())?;
    let watched = Watched::new(&[path], &contents);
    Ok((Arc::new(PolicyInForce::from_pointee(active)), Some((path.clone(), watched))))
}

/// The provider gathers its entropy at the first number it is asked for. That is done here, aside, so that it is no
/// client's handshake that waits for it.
fn seed_random(shared: &Arc<Shared>) -> io::Result<()> {
    let shared = Arc::clone(shared);
    thread::Builder::new().name("random".to_owned()).spawn(move || {
        if shared.provider.secure_random.fill(&mut [0; 32]).is_ok() {
            shared.started.random.store(true, Ordering::Release);
        } else {
            tracing::error!("the crypto provider has no random numbers");
        }
    })?;
    Ok(())
}
