//! A whole server in this process, with limits low enough and reviewers slow enough to reach the limits.

mod bodies;
mod leaving;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::metrics::Usage as _;
use super::*;
use crate::admission::{ActivePolicy, BadReview, Reviewed, Webhook};
use crate::files::tests::scratch;

const PATIENCE: Duration = Duration::from_secs(10);

const REVIEW: &str = r#"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"u","kind":{
"group":"","version":"v1","kind":"Secret"},"operation":"CREATE","namespace":"n","name":"s","userInfo":{"username":"x"},
"object":{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s","namespace":"n"},"type":"Opaque","data":{}}}}"#;

/// How long the slow reviewer takes.
const SLOW: Duration = Duration::from_millis(1500);

/// More than the kernel holds for a client that does not read.
const LARGE: usize = 24 << 20;

fn slow(webhook: Webhook, body: &[u8], policy: &ActivePolicy, now: Timestamp) -> Result<Reviewed, BadReview> {
    thread::sleep(SLOW);
    crate::admission::review(webhook, body, policy, now)
}

fn verbose(
    webhook: Webhook,
    body: &[u8],
    policy: &ActivePolicy,
    now: Timestamp,
) -> Result<Reviewed, BadReview> {
    let mut reviewed = crate::admission::review(webhook, body, policy, now)?;
    reviewed.response = vec![b' '; LARGE];
    Ok(reviewed)
}

/// A running server.
struct Running {
    folder: PathBuf,
    address: SocketAddr,
    ops_address: SocketAddr,
    metrics: Arc<Metrics>,
    in_flight: Arc<Pool>,
    room: Arc<Room>,
    phase: watch::Sender<Phase>,
    signals: mpsc::Sender<()>,
    run: JoinHandle<Result<Ended, StartError>>,
    client: Arc<ClientConfig>,
}

type Stream = TlsStream<TcpStream>;

/// Runs a test with a server. The pool for large reviews has one thread.
fn with_server<Test: Future<Output = ()>>(
    name: &str,
    reviewer: Reviewer,
    limits: Limits,
    test: impl FnOnce(Running) -> Test,
) {
    let runtime: Runtime =
        Builder::new_multi_thread().worker_threads(2).enable_all().max_blocking_threads(1).build().unwrap();
    let folder = scratch(&format!("server-{name}"));
    runtime.block_on(async {
        let running = Running::start(folder.clone(), reviewer, limits);
        timeout(PATIENCE * 2, test(running)).await.unwrap();
    });
    runtime.shutdown_background();
    fs::remove_dir_all(folder).unwrap();
}

impl Running {
    fn start(folder: PathBuf, reviewer: Reviewer, limits: Limits) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let files = CertificateFiles { certificate: folder.join("tls.crt"), key: folder.join("tls.key") };
        fs::write(&files.certificate, certificate.pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let client = ClientConfig::builder_with_provider(tls::provider())
            // The server finishes a handshake of TLS 1.2 before its client does.
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();

        let config = Config {
            listen: Listen::At(([127, 0, 0, 1], 0).into()),
            ops_listen: Listen::At(([127, 0, 0, 1], 0).into()),
            certificate: CertificateSource::Files(files),
            clients: None,
            policy: None,
            enforcement: Enforcement::Enforce,
            audit: AuditTarget::File(folder.join("audit.log")),
            drain_delay: Duration::ZERO,
            reload_interval: PATIENCE,
            limits,
        };
        let server = Server::prepare(&config, reviewer).unwrap();
        let (signals, shutdown) = mpsc::channel(2);
        Running {
            folder,
            address: server.address(),
            ops_address: server.ops_address(),
            metrics: Arc::clone(&server.shared.metrics),
            in_flight: Arc::clone(&server.gate.in_flight),
            room: Arc::clone(&server.gate.room),
            phase: server.phase.clone(),
            signals,
            run: tokio::spawn(server.run(shutdown)),
            client: Arc::new(client),
        }
    }

    async fn connect(&self) -> Stream {
        self.try_connect().await.unwrap()
    }

    async fn try_connect(&self) -> std::io::Result<Stream> {
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::clone(&self.client)).connect(name, stream).await
    }

    /// Connects although all places are taken. A client may have read an answer before the server knows that it is written;
    /// until then, that connection is at work, and the new one is refused.
    async fn connect_at_the_limit(&self) -> Stream {
        let begun = Instant::now();
        loop {
            match self.try_connect().await {
                Ok(stream) => return stream,
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
            }
        }
    }

    /// A connection on which a request of `length` bytes was sent: a review, and white space up to its length.
    async fn ask(&self, length: usize) -> Stream {
        let mut stream = self.connect().await;
        ask_on(&mut stream, length).await;
        stream
    }

    fn metric(&self, line: &str) -> bool {
        self.metrics.encode().unwrap().lines().any(|given| given == line)
    }

    async fn wait_until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is(self) {
            assert!(begun.elapsed() < PATIENCE, "waited too long: {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn in_flight(&self, number: usize) {
        self.wait_until("in flight", |running| running.in_flight.used() == number).await;
    }

    async fn stop(self) -> (Ended, usize) {
        self.signals.send(()).await.unwrap();
        self.ended().await
    }

    /// How it ended, and how many records there are.
    async fn ended(self) -> (Ended, usize) {
        let ended = self.run.await.unwrap().unwrap();
        (ended, fs::read_to_string(self.folder.join("audit.log")).unwrap().lines().count())
    }
}

/// Sends something on a connection. Without the flush, bytes can stay in the TLS session: writing reports them as written even
/// if the socket does not take them now, and reading the answer does not send them.
async fn send(stream: &mut Stream, bytes: impl AsRef<[u8]>) {
    stream.write_all(bytes.as_ref()).await.unwrap();
    stream.flush().await.unwrap();
}

async fn ask_on(stream: &mut Stream, length: usize) {
    let length = length.max(REVIEW.len());
    let head = format!(
        "POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    let padding = " ".repeat(length - REVIEW.len());
    send(stream, format!("{head}{REVIEW}{padding}")).await;
}

/// The header of the next answer on this connection.
async fn head<S: tokio::io::AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap().to_lowercase()
}

async fn is_shed(stream: &mut Stream) {
    let head = head(stream).await;
    for part in ["http/1.1 503 ", "\r\nretry-after: 1\r\n", "\r\nconnection: close\r\n"] {
        assert!(head.contains(part), "{head}");
    }
}

/// Waits until the server closes this connection.
async fn closes<S: tokio::io::AsyncRead + Unpin>(stream: &mut S) -> Duration {
    let begun = Instant::now();
    drop(timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.unwrap());
    begun.elapsed()
}

#[test]
fn reviews_without_a_client_are_recorded() {
    let limits = Limits { inline_body: 0, ..Limits::default() };
    with_server("gone", slow, limits, async |running| {
        let stream = running.ask(0).await;
        running.in_flight(1).await;
        drop(stream);
        tokio::time::sleep(SLOW / 4).await;
        assert_eq!(running.stop().await, (Ended::Finished, 1));
    });
}

#[test]
fn reviews_that_outlast_the_end_are_cut_off() {
    let limits = Limits { inline_body: 0, finish: SLOW / 4, ..Limits::default() };
    with_server("outlasts", slow, limits, async |running| {
        let stream = running.ask(0).await;
        running.in_flight(1).await;
        drop(stream);
        assert_eq!(running.stop().await, (Ended::CutOff, 0));
    });
}

#[test]
fn a_second_signal_waits_for_no_review() {
    fn endless(
        webhook: Webhook,
        body: &[u8],
        policy: &ActivePolicy,
        now: Timestamp,
    ) -> Result<Reviewed, BadReview> {
        thread::sleep(PATIENCE);
        crate::admission::review(webhook, body, policy, now)
    }
    let limits = Limits { inline_body: 0, ..Limits::default() };
    with_server("second", endless, limits, async |running| {
        let _streams = [running.ask(0).await, running.ask(0).await];
        running.in_flight(2).await;
        let begun = Instant::now();
        running.signals.send(()).await.unwrap();
        running.signals.send(()).await.unwrap();
        assert_eq!(running.ended().await, (Ended::CutOff, 0));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    });
}

#[test]
fn requests_above_the_limit_are_shed() {
    let limits = Limits { in_flight: 1, inline_body: 0, ..Limits::default() };
    with_server("in-flight", slow, limits, async |running| {
        let mut first = running.ask(0).await;
        running.in_flight(1).await;
        let mut second = running.ask(0).await;
        is_shed(&mut second).await;
        closes(&mut second).await;
        assert!(running.metric("regcred_shed_total{port=\"admission\",reason=\"requests\"} 1"));
        assert!(head(&mut first).await.starts_with("http/1.1 200 "));
        let mut third = running.ask(0).await;
        assert!(head(&mut third).await.starts_with("http/1.1 200 "));
        drop((first, third));
        assert_eq!(running.stop().await, (Ended::Finished, 2));
    });
}

#[test]
fn malformed_requests_are_counted() {
    with_server("malformed", crate::admission::review, Limits::default(), async |running| {
        let mut stream = running.connect().await;
        send(&mut stream, "no request\r\n\r\n").await;
        assert!(head(&mut stream).await.starts_with("http/1.1 400 "));
        running
            .wait_until("the count", |running| {
                running.metric("regcred_http_refused_total{reason=\"malformed\"} 1")
            })
            .await;
    });
}

#[test]
fn a_silent_handshake_does_not_hold_the_end() {
    with_server("silent-handshake", crate::admission::review, Limits::default(), async |running| {
        let _silent = TcpStream::connect(running.address).await.unwrap();
        running
            .wait_until("the connection", |running| {
                running.metric("regcred_http_connections{port=\"admission\"} 1")
            })
            .await;
        let begun = Instant::now();
        running.stop().await;
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    });
}

#[test]
fn evicted_idle_connections_get_a_farewell() {
    let limits = Limits { connections: 1, ..Limits::default() };
    with_server("evicted", crate::admission::review, limits, async |running| {
        // One that has carried a request, and one that has not.
        let mut used = running.ask(0).await;
        leaving::is_answered(&mut used).await;
        let mut unused = running.connect_at_the_limit().await;
        // The request that crosses the eviction.
        ask_on(&mut used, 0).await;
        leaving::is_farewell(&mut used).await;
        let _third = running.connect().await;
        leaving::is_farewell(&mut unused).await;
    });
}

#[test]
fn a_used_probe_connection_is_not_evicted() {
    let limits = Limits { ops_connections: 4, ..Limits::default() };
    with_server("probe", crate::admission::review, limits, async |running| {
        let mut silent = Vec::new();
        for _ in 0..2 {
            silent.push(TcpStream::connect(running.ops_address).await.unwrap());
        }
        let mut probe = TcpStream::connect(running.ops_address).await.unwrap();
        is_live(&mut probe).await;
        for _ in 0..4 {
            silent.push(TcpStream::connect(running.ops_address).await.unwrap());
            is_live(&mut probe).await;
        }
        running
            .wait_until("evictions", |running| {
                running.metric("regcred_shed_total{port=\"operations\",reason=\"idle_connections\"} 3")
            })
            .await;
        assert!(running.metric("regcred_shed_total{port=\"admission\",reason=\"idle_connections\"} 0"));
        is_live(&mut probe).await;
    });
}

/// A probe on a connection that is kept.
async fn is_live(stream: &mut TcpStream) {
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let head = head(stream).await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    stream.read_exact(&mut [0; 3]).await.unwrap();
}

#[test]
fn connections_that_write_are_not_evicted() {
    let limits = Limits { connections: 1, ..Limits::default() };
    with_server("writes", verbose, limits, async |running| {
        let mut first = running.ask(0).await;
        assert!(head(&mut first).await.starts_with("http/1.1 200 "));
        let mut second = TcpStream::connect(running.address).await.unwrap();
        closes(&mut second).await;
        assert!(running.metric("regcred_shed_total{port=\"admission\",reason=\"connections\"} 1"));
        let mut answer = vec![0; LARGE];
        first.read_exact(&mut answer).await.unwrap();
        running.wait_until("the first is idle", |running| running.room.used() == 0).await;
        let mut third = running.ask(0).await;
        assert!(head(&mut third).await.starts_with("http/1.1 200 "));
    });
}

#[test]
fn lingering_connections_are_evicted_last() {
    let limits = Limits { connections: 2, body: 1000, ..Limits::default() };
    with_server("lingers", crate::admission::review, limits, async |running| {
        let mut idle = running.ask(0).await;
        assert!(head(&mut idle).await.starts_with("http/1.1 200 "));
        let mut sending = running.connect().await;
        let head_of_a_large_one = "POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
                                   Content-Length: 100000\r\n\r\n";
        send(&mut sending, head_of_a_large_one).await;
        // The server has sent its end, and lingers.
        assert!(head(&mut sending).await.starts_with("http/1.1 413 "));
        closes(&mut sending).await;
        let _new = running.connect().await;
        closes(&mut idle).await;
        send(&mut sending, [b' '; 5000]).await;
        assert!(running.metric("regcred_shed_total{port=\"admission\",reason=\"idle_connections\"} 1"));
    });
}

#[test]
fn silent_clients_time_out() {
    let limits = Limits {
        handshake: Duration::from_secs(1),
        header: Duration::from_millis(1500),
        ..Limits::default()
    };
    with_server("silent", slow, limits.clone(), async |running| {
        // Each time is measured from before its timer starts, so that a busy machine can only make it longer.
        let begun = Instant::now();
        let mut no_handshake = TcpStream::connect(running.address).await.unwrap();
        let mut never_used = running.connect().await;
        closes(&mut no_handshake).await;
        assert!(begun.elapsed() >= limits.handshake, "{:?}", begun.elapsed());
        assert!(running.metric("regcred_tls_handshake_failures_total{reason=\"timeout\"} 1"));
        closes(&mut never_used).await;
        assert!(begun.elapsed() >= limits.header, "{:?}", begun.elapsed());

        let begun = Instant::now();
        let mut used = running.ask(0).await;
        assert!(head(&mut used).await.starts_with("http/1.1 200 "));
        closes(&mut used).await;
        assert!(begun.elapsed() >= limits.header, "{:?}", begun.elapsed());
    });
}
