//! One server for all names and addresses, which notes every connection and every request.

use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::Response;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{PORTS, Request, State};

/// The first byte of a TLS connection: a record with a handshake.
const HANDSHAKE: u8 = 0x16;

/// Serves until the runtime ends.
pub fn start(state: &Arc<State>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Certificates(Arc::clone(state))));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    for port in PORTS {
        // Also for IPv4, whose addresses then come as mapped ones.
        let socket = TcpSocket::new_v6().unwrap();
        socket.bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).unwrap();
        let listener = socket.listen(64).unwrap();
        tokio::spawn(accept(Arc::clone(state), listener, acceptor.clone()));
    }
}

async fn accept(state: Arc<State>, listener: TcpListener, acceptor: TlsAcceptor) {
    while let Ok((stream, _)) = listener.accept().await {
        let address = stream.local_addr().unwrap();
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        state.connections.lock().unwrap().push(address);
        tokio::spawn(connection(Arc::clone(&state), stream, acceptor.clone()));
    }
}

async fn connection(state: Arc<State>, stream: TcpStream, acceptor: TlsAcceptor) {
    let mut first = [0];
    if !matches!(stream.peek(&mut first).await, Ok(1)) {
        return;
    }
    if first == [HANDSHAKE] {
        if let Ok(stream) = acceptor.accept(stream).await {
            serve(state, stream, true).await;
        }
    } else {
        serve(state, stream, false).await;
    }
}

/// Until the client ends the connection. What becomes of it is the client's affair, and seen there.
async fn serve(state: Arc<State>, stream: impl AsyncRead + AsyncWrite + Unpin + 'static, tls: bool) {
    let service = service_fn(|request| answer(Arc::clone(&state), request, tls));
    drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
}

async fn answer(
    state: Arc<State>,
    request: hyper::Request<Incoming>,
    tls: bool,
) -> Result<Response<Body>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let host = head.headers.get("host").map_or("", |host| host.to_str().unwrap());
    let query = form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes());
    let request = Request {
        at: Instant::now(),
        host: host.rsplit_once(':').map_or(host, |(name, _)| name).to_owned(),
        tls,
        method: head.method,
        path: head.uri.path().to_owned(),
        query: query.into_owned().collect(),
        headers: head.headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    state.asked.lock().unwrap().push(request.clone());
    let handler = state.servers.lock().unwrap().get(&request.host).cloned();
    let Some(handler) = handler else {
        return Ok(Response::builder().status(421).body(Body::empty()).unwrap());
    };
    match handler(&request) {
        Some(response) => Ok(response),
        None => std::future::pending().await,
    }
}

/// Makes the certificate of a name when it is asked for.
struct Certificates(Arc<State>);

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // A client that asks for an address names none.
        let name = hello.server_name().unwrap_or("127.0.0.1");
        let untrusted = self.0.untrusted.lock().unwrap().as_deref() == Some(name);
        let authority = if untrusted { &self.0.stranger } else { &self.0.authority };
        let pair = authority.issue_for(&[name, "127.0.0.1", "::1"]);
        let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Some(Arc::new(CertifiedKey::from_der(chain, key, &provider).unwrap()))
    }
}
