//! The load: one thread, non-blocking connections over TLS, HTTP/1.1 with keep-alive as the API server does it.
//!
//! It writes what was made beforehand and compares the answer with the first one, which was looked at closely, so that it
//! costs less than any of the servers and is never what is measured.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

/// The longest that an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whom to ask.
#[derive(Clone)]
pub struct Target {
    address: SocketAddr,
    tls: Arc<ClientConfig>,
}

impl Target {
    /// A server whose certificate is by this CA. Every handshake is a full one.
    pub fn new(address: SocketAddr, ca: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        tls.resumption = Resumption::disabled();
        Target { address, tls: Arc::new(tls) }
    }

    /// Connects, including the handshake.
    pub fn connect(&self) -> io::Result<Connection> {
        let mut socket = TcpStream::connect(self.address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::from(self.address.ip());
        let mut tls = ClientConnection::new(Arc::clone(&self.tls), name).map_err(io::Error::other)?;
        tls.set_buffer_limit(None);
        while tls.is_handshaking() {
            tls.complete_io(&mut socket)?;
        }
        Ok(Connection { socket, tls, received: Vec::new(), due: None })
    }
}

/// A POST to `/mutate`.
pub fn request(body: &[u8]) -> Vec<u8> {
    let mut request = format!(
        "POST /mutate?timeout=5s HTTP/1.1\r\nHost: regcred.regcred-system.svc:8443\r\nUser-Agent: kube-apiserver-admission\r\n\
         Content-Length: {}\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n",
        body.len()
    )
    .into_bytes();
    request.extend_from_slice(body);
    request
}

/// An open connection.
pub struct Connection {
    socket: TcpStream,
    tls: ClientConnection,
    received: Vec<u8>,
    /// When the request that is on its way was to be sent.
    due: Option<Instant>,
}

impl Connection {
    /// Asks and waits for the answer's body; for a connection that is still blocking.
    pub fn ask(&mut self, request: &[u8]) -> io::Result<Vec<u8>> {
        self.begin(request, Instant::now())?;
        loop {
            self.tls.complete_io(&mut self.socket)?;
            self.take_in()?;
            if let Some(body) = body(&self.received) {
                return Ok(body.into_owned());
            }
        }
    }

    fn begin(&mut self, request: &[u8], due: Instant) -> io::Result<()> {
        self.due = Some(due);
        self.received.clear();
        self.tls.writer().write_all(request)?;
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.tls.wants_write() {
            match self.tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes in what has come.
    fn receive(&mut self) -> io::Result<()> {
        match self.tls.read_tls(&mut self.socket) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        self.tls.process_new_packets().map_err(io::Error::other)?;
        self.take_in()
    }

    fn take_in(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 << 10];
        loop {
            match self.tls.reader().read(&mut piece) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(size) => self.received.extend_from_slice(&piece[..size]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}

/// The answer's body, if all of it is there.
fn body(received: &[u8]) -> Option<Cow<'_, [u8]>> {
    let head = received[..received.len().min(4096)].windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let (head, body) = received.split_at(head);
    let head = std::str::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
    });
    match length {
        Some(length) => (body.len() >= length).then_some(Cow::Borrowed(body)),
        // Go sends what is long in chunks.
        None => body.ends_with(b"\r\n0\r\n\r\n").then(|| Cow::Owned(unchunked(body))),
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.iter().position(|&byte| byte == b'\r').unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[line + 2..][..size]);
        rest = &rest[line + 2 + size + 2..];
    }
}

/// When requests are sent.
#[derive(Clone, Copy)]
pub enum Pace {
    /// On each connection as soon as the one before is answered.
    Closed,
    /// So many a second, answered or not. Latency counts from when a request was to be sent.
    Open { per_second: u32 },
}

/// What a round came to.
#[derive(Default)]
pub struct Round {
    /// Each answered request.
    pub latencies: Vec<Duration>,
    pub time: Duration,
}

/// Connections to one server, with one request for all of them.
pub struct Load {
    request: Vec<u8>,
    answer: Vec<u8>,
    connections: Vec<Connection>,
    poller: OwnedFd,
}

impl Load {
    /// Opens the connections and gives the first answer to `check`.
    pub fn open(target: &Target, connections: usize, body: &[u8], check: impl FnOnce(&[u8])) -> Self {
        let request = request(body);
        let mut connections: Vec<_> = (0..connections).map(|_| target.connect().unwrap()).collect();
        let answer = connections[0].ask(&request).unwrap();
        check(&answer);
        let poller = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        for (index, connection) in connections.iter_mut().enumerate() {
            connection.due = None;
            connection.socket.set_nonblocking(true).unwrap();
            watch(&poller, &connection.socket, index, false, true);
        }
        Load { request, answer, connections, poller }
    }

    /// Sends for this long, and waits for what is on its way.
    pub fn run(&mut self, pace: Pace, time: Duration) -> Round {
        let begun = Instant::now();
        let end = begun + time;
        let mut round = Round::default();
        // In turns, so that none is idle until its server closes it.
        let mut idle: VecDeque<usize> = (0..self.connections.len()).collect();
        let mut sent: u32 = 0;
        loop {
            let now = Instant::now();
            while let Some(due) = next(pace, begun, sent, now).filter(|&due| due < end) {
                let Some(index) = idle.pop_front() else { break };
                sent += 1;
                self.connections[index].begin(&self.request, due).unwrap();
                self.watch_again(index);
            }
            if now >= end && idle.len() == self.connections.len() {
                round.time = now - begun;
                return round;
            }
            assert!(now < end + PATIENCE, "answers that do not come");
            for index in self.ready() {
                if let Some(latency) = self.go_on(index) {
                    round.latencies.push(latency);
                    idle.push_back(index);
                }
            }
        }
    }

    /// The connections on which something can be done. The load has a processor for itself and never sleeps: to wake it
    /// would be the server's work, and that of the slower servers alone.
    fn ready(&self) -> Vec<usize> {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut events = Vec::with_capacity(64);
        epoll::wait(&self.poller, rustix::buffer::spare_capacity(&mut events), Some(&at_once)).unwrap();
        events.iter().map(|event| usize::try_from(event.data.u64()).unwrap()).collect()
    }

    /// Reads and writes what can be; how long the answer took, when it is complete.
    fn go_on(&mut self, index: usize) -> Option<Duration> {
        let connection = &mut self.connections[index];
        connection.flush().unwrap();
        connection.receive().unwrap();
        self.watch_again(index);
        let connection = &mut self.connections[index];
        assert!(body(&connection.received)? == self.answer, "another answer than the first");
        connection.due.take().map(|due| due.elapsed())
    }

    /// Waits for room to write only while something is left to be written.
    fn watch_again(&self, index: usize) {
        let connection = &self.connections[index];
        // A request of the usual size is taken as a whole.
        if self.request.len() > 64 << 10 {
            watch(&self.poller, &connection.socket, index, connection.tls.wants_write(), false);
        }
    }
}

/// When the next request is to be sent, if that is not in the future.
fn next(pace: Pace, begun: Instant, sent: u32, now: Instant) -> Option<Instant> {
    match pace {
        Pace::Closed => Some(now),
        Pace::Open { per_second } => {
            let due = begun + Duration::from_secs(1) * sent / per_second;
            (due <= now).then_some(due)
        }
    }
}

fn watch(poller: &OwnedFd, socket: &TcpStream, index: usize, writing: bool, new: bool) {
    let mut flags = epoll::EventFlags::IN;
    flags.set(epoll::EventFlags::OUT, writing);
    let data = epoll::EventData::new_u64(index as u64);
    if new {
        epoll::add(poller, socket, data, flags).unwrap();
    } else {
        epoll::modify(poller, socket, data, flags).unwrap();
    }
}
