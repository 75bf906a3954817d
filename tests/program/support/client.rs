//! A small HTTP/1.1 client that does what it is told, also what no well-behaved client would do.

use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};
use serde_json::Value;

use super::PATIENCE;
use super::certificate::Pair;

/// Whom to connect to, and how.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Client {
    /// Plain HTTP.
    pub fn http(address: SocketAddr) -> Self {
        Client { address, tls: None }
    }

    /// HTTPS with TLS 1.2 or 1.3, offering `http/1.1`.
    pub fn https(address: SocketAddr, ca: &Path) -> Self {
        Self::https_with(address, ca, rustls::DEFAULT_VERSIONS, &["http/1.1"])
    }

    /// HTTPS with these protocol versions, offering these application protocols.
    pub fn https_with(
        address: SocketAddr,
        ca: &Path,
        versions: &[&'static SupportedProtocolVersion],
        protocols: &[&str],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(ca).unwrap() {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        // Every handshake is a full one, so that it shows the certificate in force.
        config.resumption = Resumption::disabled();
        Client { address, tls: Some((Arc::new(config), ServerName::from(address.ip()))) }
    }

    /// Presents a certificate, also where the server says that it wants one by somebody else.
    pub fn presenting(mut self, pair: &Pair) -> Self {
        let (config, _) = self.tls.as_mut().expect("HTTPS");
        let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let certified = CertifiedKey::from_der(chain, key, config.crypto_provider()).unwrap();
        Arc::make_mut(config).client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        self
    }

    /// The same, asking for another name than the address.
    pub fn named(mut self, name: &'static str) -> Self {
        if let Some((_, asked)) = &mut self.tls {
            *asked = ServerName::try_from(name).unwrap();
        }
        self
    }

    /// Connects, including the TLS handshake.
    pub fn try_connect(&self) -> io::Result<Connection> {
        let socket = TcpStream::connect(self.address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let stream = match &self.tls {
            None => Stream::Plain(socket),
            Some((config, name)) => {
                let session =
                    ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
                let mut stream = StreamOwned::new(session, socket);
                while stream.conn.is_handshaking() {
                    stream.conn.complete_io(&mut stream.sock)?;
                }
                Stream::Tls(Box::new(stream))
            }
        };
        Ok(Connection { stream, received: Vec::new() })
    }

    /// Connects.
    #[track_caller]
    pub fn connect(&self) -> Connection {
        self.try_connect().unwrap_or_else(|error| panic!("cannot connect to {}: {error}", self.address))
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// An open connection.
pub struct Connection {
    stream: Stream,
    /// Read, but not yet part of an answer.
    received: Vec<u8>,
}

impl Connection {
    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Reads one answer.
    pub fn receive(&mut self) -> io::Result<Response> {
        self.receive_to("POST")
    }

    /// A POST of JSON, answered.
    #[track_caller]
    pub fn post(&mut self, path: &str, review: &Value) -> Response {
        self.post_bytes(path, review.to_string().as_bytes())
    }

    /// A POST of what is called JSON, answered.
    #[track_caller]
    pub fn post_bytes(&mut self, path: &str, body: &[u8]) -> Response {
        self.request("POST", path, &[("Content-Type", "application/json")], body).unwrap()
    }

    /// A GET, answered.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Response {
        self.request("GET", path, &[], b"").unwrap()
    }

    /// A well-formed request, answered.
    pub fn request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        let mut head = head(method, path, headers);
        if !body.is_empty() || method == "POST" {
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        head.push_str("\r\n");
        let sent = self.send(head.as_bytes()).and_then(|()| self.send(body));
        match self.receive_to(method) {
            Ok(response) => Ok(response),
            // Of the two the sending failed first.
            Err(error) => Err(sent.err().unwrap_or(error)),
        }
    }

    /// Whether the server ended the connection: waits for its end, and fails if there is more to read instead.
    pub fn ended(&mut self) -> bool {
        self.received.is_empty() && !matches!(self.fill(), Ok(1..))
    }

    /// How long [`Connection::receive`] and [`Connection::ended`] wait for the next bytes.
    pub fn patience(&self, patience: std::time::Duration) {
        self.socket().set_read_timeout(Some(patience)).unwrap();
    }

    /// The TCP connection under it.
    pub fn socket(&self) -> &TcpStream {
        match &self.stream {
            Stream::Plain(socket) => socket,
            Stream::Tls(stream) => &stream.sock,
        }
    }

    /// The TLS session.
    pub fn tls(&self) -> &ClientConnection {
        match &self.stream {
            Stream::Plain(_) => panic!("a plain connection"),
            Stream::Tls(stream) => &stream.conn,
        }
    }

    fn receive_to(&mut self, method: &str) -> io::Result<Response> {
        loop {
            let head = self.take_head()?;
            let mut response = Response::parse(&head)?;
            if response.status == 100 {
                continue;
            }
            if method != "HEAD" {
                response.body = self.take_body(&response)?;
            }
            return Ok(response);
        }
    }

    fn take_head(&mut self) -> io::Result<String> {
        let end = loop {
            if let Some(end) = self.received.windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
            self.fill_or_fail()?;
        };
        let head: Vec<u8> = self.received.drain(..end + 4).collect();
        String::from_utf8(head).map_err(|_| invalid("a header that is not UTF-8"))
    }

    fn take_body(&mut self, response: &Response) -> io::Result<Vec<u8>> {
        if response.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return self.take_chunks();
        }
        if let Some(length) = response.header("content-length") {
            return self.take(length.parse().map_err(|_| invalid("a bad Content-Length"))?);
        }
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.received))
    }

    fn take_chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let end = loop {
                if let Some(end) = self.received.windows(2).position(|window| window == b"\r\n") {
                    break end;
                }
                self.fill_or_fail()?;
            };
            let line: Vec<u8> = self.received.drain(..end + 2).collect();
            let size = std::str::from_utf8(&line).unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| invalid("a bad chunk size"))?;
            let chunk = self.take(size + 2)?;
            if size == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }

    fn take(&mut self, size: usize) -> io::Result<Vec<u8>> {
        while self.received.len() < size {
            self.fill_or_fail()?;
        }
        Ok(self.received.drain(..size).collect())
    }

    fn fill_or_fail(&mut self) -> io::Result<()> {
        if self.fill()? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 16 << 10];
        let size = match &mut self.stream {
            Stream::Plain(stream) => stream.read(&mut piece)?,
            Stream::Tls(stream) => stream.read(&mut piece)?,
        };
        self.received.extend_from_slice(&piece[..size]);
        Ok(size)
    }
}

/// The request line and the headers, without the empty line after them.
pub fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: kube-apiserver-admission\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    head
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// An answer.
#[derive(Clone)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    fn parse(head: &str) -> io::Result<Self> {
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        });
        let headers = headers.collect();
        Ok(Response {
            status: status.ok_or_else(|| invalid("a bad status line"))?,
            headers,
            body: Vec::new(),
        })
    }

    /// A header by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("status {}, {error}: {}", self.status, String::from_utf8_lossy(&self.body))
        })
    }
}
