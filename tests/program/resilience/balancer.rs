//! A TCP balancer that treats replicas as a Service does: a new connection goes to one of those that are ready, in
//! turn, and one that stands is left alone, whatever becomes of its replica. What it hears of readiness takes effect a
//! little later, as the word has to spread to every node.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

use crate::support::eventually;
use crate::support::regcred::Regcred;

/// How readiness is asked for, and what the network is like.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// How often a replica is asked.
    pub probe_every: Duration,
    /// How long it may take to answer.
    pub probe_timeout: Duration,
    /// So many failures one after the other make it not ready; one success makes it ready.
    pub failures: u32,
    /// How long it takes until a change is known everywhere.
    pub propagation: Duration,
    /// What every piece of data takes from one end to the other, each way.
    pub wire: Duration,
}

impl Network {
    /// Quick, for tests that are to take seconds.
    pub const QUICK: Network = Network {
        probe_every: Duration::from_millis(25),
        probe_timeout: Duration::from_secs(1),
        failures: 1,
        propagation: Duration::from_millis(100),
        wire: Duration::ZERO,
    };

    /// As `deploy/base/deployment.yaml` asks, in a cluster that takes its time.
    pub const SHIPPED: Network = Network {
        probe_every: Duration::from_secs(2),
        probe_timeout: Duration::from_secs(2),
        failures: 2,
        propagation: Duration::from_secs(1),
        wire: Duration::from_millis(1),
    };
}

/// A running balancer.
pub struct Balancer {
    /// What the API server connects to.
    pub address: SocketAddr,
    network: Network,
    endpoints: Arc<Mutex<Vec<Endpoint>>>,
    runtime: Option<Runtime>,
}

/// A replica, as [`Balancer::add`] numbered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(usize);

struct Endpoint {
    https: SocketAddr,
    receives: bool,
    /// It takes no part any more, ready or not.
    gone: bool,
    traffic: Traffic,
}

/// What became of the connections to one replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Made.
    pub opened: usize,
    /// Given to it, and not accepted by it.
    pub refused: usize,
    /// Ended first by the API server.
    pub ended_by_client: usize,
    /// Ended first by the replica.
    pub ended_by_server: usize,
    /// Of both: ended with something of the API server's unanswered.
    pub unanswered: usize,
}

impl Traffic {
    /// Those that stand.
    pub fn open(&self) -> usize {
        self.opened - self.ended()
    }

    /// Those that ended, by whomever.
    pub fn ended(&self) -> usize {
        self.ended_by_client + self.ended_by_server
    }
}

impl Balancer {
    pub fn start(network: Network) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let endpoints = Arc::<Mutex<Vec<Endpoint>>>::default();
        runtime.spawn(accept(listener, Arc::clone(&endpoints), network.wire));
        Balancer { address, network, endpoints, runtime: Some(runtime) }
    }

    /// Adds a replica, and follows its readiness from now on.
    pub fn add(&self, replica: &Regcred) -> Number {
        let mut endpoints = self.endpoints.lock().unwrap();
        let number = Number(endpoints.len());
        let https = replica.https;
        endpoints.push(Endpoint { https, receives: false, gone: false, traffic: Traffic::default() });
        let follow = follow(Arc::clone(&self.endpoints), number, replica.ops, self.network);
        self.runtime.as_ref().unwrap().spawn(follow);
        number
    }

    /// The replica's Pod is being deleted, which takes it out before any probe has failed: the word only has to spread.
    pub fn withdraw(&self, number: Number) {
        let endpoints = Arc::clone(&self.endpoints);
        let propagation = self.network.propagation;
        self.runtime.as_ref().unwrap().spawn(async move {
            sleep(propagation).await;
            let endpoint = &mut endpoints.lock().unwrap()[number.0];
            (endpoint.gone, endpoint.receives) = (true, false);
        });
    }

    /// Whether new connections go to it.
    pub fn receives(&self, number: Number) -> bool {
        self.endpoints.lock().unwrap()[number.0].receives
    }

    /// Waits until new connections go to it, or do not.
    #[track_caller]
    pub fn wait_until(&self, number: Number, receives: bool) {
        let what = format!("new connections to {number:?}: {receives}");
        eventually(&what, || (self.receives(number) == receives).then_some(()));
    }

    pub fn traffic(&self, number: Number) -> Traffic {
        self.endpoints.lock().unwrap()[number.0].traffic
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn follow(endpoints: Arc<Mutex<Vec<Endpoint>>>, number: Number, ops: SocketAddr, network: Network) {
    let (mut known, mut failures) = (false, 0);
    loop {
        let answer = timeout(network.probe_timeout, is_ready(ops)).await;
        failures = if matches!(answer, Ok(Ok(true))) { 0 } else { failures + 1 };
        let ready = failures == 0 || (known && failures < network.failures);
        if ready != known {
            known = ready;
            let endpoints = Arc::clone(&endpoints);
            tokio::spawn(async move {
                sleep(network.propagation).await;
                let endpoint = &mut endpoints.lock().unwrap()[number.0];
                endpoint.receives = ready && !endpoint.gone;
            });
        }
        if endpoints.lock().unwrap()[number.0].gone {
            return;
        }
        sleep(network.probe_every).await;
    }
}

async fn is_ready(ops: SocketAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(ops).await?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}

async fn accept(listener: TcpListener, endpoints: Arc<Mutex<Vec<Endpoint>>>, wire: Duration) {
    let turn = AtomicUsize::new(0);
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let chosen = {
            let endpoints = endpoints.lock().unwrap();
            let ready: Vec<usize> = (0..endpoints.len()).filter(|&index| endpoints[index].receives).collect();
            let turn = turn.fetch_add(1, Ordering::Relaxed);
            ready.get(turn % ready.len().max(1)).map(|&index| (index, endpoints[index].https))
        };
        match chosen {
            Some((index, https)) => {
                tokio::spawn(carry(client, Arc::clone(&endpoints), index, https, wire));
            }
            None => reset(&client),
        }
    }
}

async fn carry(
    mut client: TcpStream,
    endpoints: Arc<Mutex<Vec<Endpoint>>>,
    index: usize,
    https: SocketAddr,
    wire: Duration,
) {
    let count = |what: fn(&mut Traffic)| what(&mut endpoints.lock().unwrap()[index].traffic);
    let Ok(mut server) = TcpStream::connect(https).await else {
        count(|traffic| traffic.refused += 1);
        return reset(&client);
    };
    count(|traffic| traffic.opened += 1);
    for stream in [&client, &server] {
        drop(stream.set_nodelay(true));
    }
    let life = Life::default();
    let carried = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = pump((from_client, End::Client), (to_server, End::Server), wire, &life);
        let down = pump((from_server, End::Server), (to_client, End::Client), wire, &life);
        tokio::try_join!(up, down)
    };
    if carried.is_err() {
        reset(&client);
        reset(&server);
    }
    match life.ended.get() {
        Some(End::Server) => count(|traffic| traffic.ended_by_server += 1),
        Some(End::Client) | None => count(|traffic| traffic.ended_by_client += 1),
    }
    if life.unanswered.into_inner() {
        count(|traffic| traffic.unanswered += 1);
    }
}

/// What is seen of a connection without looking into it.
#[derive(Default)]
struct Life {
    /// Who ended it first.
    ended: OnceLock<End>,
    /// The last that was said, the word of its end apart, was said by the API server.
    unanswered: AtomicBool,
}

/// The size of the record by which TLS 1.3 says that a connection ends.
const CLOSE_NOTIFY: usize = 24;

/// One of the two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Client,
    Server,
}

/// Carries one direction until its end. An orderly end is passed on; an error ends both directions.
async fn pump(
    (mut from, source): (ReadHalf<'_>, End),
    (mut to, sink): (WriteHalf<'_>, End),
    wire: Duration,
    life: &Life,
) -> io::Result<()> {
    // It counts once, for whoever was first.
    let first = |end: End| {
        life.ended.get_or_init(|| end);
    };
    let mut piece = vec![0; 64 << 10];
    loop {
        let size = from.read(&mut piece).await.inspect_err(|_| first(source))?;
        if size == 0 {
            first(source);
        } else if life.ended.get().is_none() && (source == End::Server || size > CLOSE_NOTIFY) {
            // An answer that comes after the end is none.
            life.unanswered.store(source == End::Client, Ordering::Relaxed);
        }
        if !wire.is_zero() {
            sleep(wire).await;
        }
        if size == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..size]).await.inspect_err(|_| first(sink))?;
    }
}

/// Makes the end of this connection a reset, as the other end of it was.
fn reset(stream: &TcpStream) {
    // It fails where the connection is gone already.
    drop(stream.set_zero_linger());
}
