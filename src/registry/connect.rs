//! Connections to registries and token servers. The address is checked here, after the name is resolved, and exactly the
//! checked address is connected to, so a name cannot lead to another address later.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::{CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tower::Service as _;

use super::address::{ForbiddenAddress, Reach};
use super::site::Site;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ConnectError {
    /// The address must not be connected to.
    Forbidden(ForbiddenAddress),
    /// The name does not resolve.
    NoSuchHost,
    /// Nothing listens there.
    Refused,
    /// No response in time.
    TimedOut,
    /// The certificate is not trusted.
    Certificate(CertificateFault),
    /// The server does not speak TLS, or ends it.
    NotTls,
    /// The proxy of the environment refuses the connection, or is not of a supported kind.
    Proxy,
    /// Anything else.
    Other(io::ErrorKind),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CertificateFault {
    /// It is signed by an unknown authority.
    UnknownIssuer,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    NotYetValid,
    /// It is for other names.
    WrongName,
    /// Anything else.
    Invalid,
}

/// A connection on which HTTP can be spoken.
pub(super) trait ByteStream: Read + Write + Send + Unpin {}

impl<T: Read + Write + Send + Unpin> ByteStream for T {}

/// Makes connections.
pub(super) struct Dialer {
    tls: TlsConnector,
    proxies: Matcher,
    /// For each of: resolving and connecting, the TLS handshake.
    timeout: Duration,
}

impl Dialer {
    /// Creates a dialer that trusts the system's certificate authorities, Mozilla's if the system has none, and those of `ca`.
    pub(super) fn new(ca: &[CertificateDer<'static>], timeout: Duration) -> Result<Self, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            // For example in the container image.
            roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
        }
        for certificate in ca {
            roots.add(certificate.clone())?;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Dialer { tls: TlsConnector::from(Arc::new(config)), proxies: Matcher::from_env(), timeout })
    }

    /// Returns the proxy of the environment for a server, as `HOST[:PORT]`.
    pub(super) fn proxy_for(&self, site: &Site) -> Option<String> {
        Some(self.proxy(site)?.uri().authority()?.as_str().rsplit('@').next()?.to_owned())
    }

    fn proxy(&self, site: &Site) -> Option<Intercept> {
        self.proxies.intercept(&site.url().parse().ok()?)
    }

    /// Connects to a server.
    pub(super) async fn dial(&self, site: &Site) -> Result<Box<dyn ByteStream>, ConnectError> {
        let reach = site.reach();
        // A proxy resolves names itself, but an address is what it is.
        if let Some(why) = site.address().and_then(|address| reach.forbids(address)) {
            return Err(ConnectError::Forbidden(why));
        }
        let connecting = async {
            match self.proxy(site) {
                Some(proxy) => through(&proxy, site).await,
                None => direct(site, reach).await,
            }
        };
        let connection = timeout(self.timeout, connecting).await.map_err(|_| ConnectError::TimedOut)??;
        if site.plain {
            return Ok(Box::new(TokioIo::new(connection)));
        }
        let name = ServerName::try_from(site.host().to_owned()).map_err(|_| ConnectError::NoSuchHost)?;
        let handshake = timeout(self.timeout, self.tls.connect(name, connection));
        let encrypted = handshake.await.map_err(|_| ConnectError::TimedOut)?;
        Ok(Box::new(TokioIo::new(encrypted.map_err(|error| tls_error(&error))?)))
    }
}

/// Reads the certificates of a `--ca-file`. `None` if it has none.
pub(super) fn read_certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    Some(certificates).filter(|certificates| !certificates.is_empty())
}

/// Resolves, checks every address, and connects to the first allowed one that answers.
async fn direct(site: &Site, reach: Reach) -> Result<TcpStream, ConnectError> {
    let addresses: Vec<IpAddr> = if let Some(address) = site.address() {
        vec![address]
    } else {
        let found = lookup_host((site.host(), site.port())).await;
        found.map_err(|_| ConnectError::NoSuchHost)?.map(|address| address.ip()).collect()
    };
    let (mut forbidden, mut failed) = (None, None);
    for address in addresses {
        if let Some(why) = reach.forbids(address) {
            forbidden = Some(ConnectError::Forbidden(why));
            continue;
        }
        match TcpStream::connect(SocketAddr::new(address, site.port())).await {
            Ok(connection) => return Ok(connection),
            Err(error) => failed = Some(connect_error(&error)),
        }
    }
    Err(failed.or(forbidden).unwrap_or(ConnectError::NoSuchHost))
}

/// Connects through a proxy, which resolves the name itself.
async fn through(proxy: &Intercept, site: &Site) -> Result<TcpStream, ConnectError> {
    if proxy.uri().scheme_str() != Some("http") {
        return Err(ConnectError::Proxy);
    }
    let connect = tower::service_fn(|proxy: Uri| async move {
        let host = proxy.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        TcpStream::connect((host, proxy.port_u16().unwrap_or(80))).await.map(TokioIo::new)
    });
    let mut tunnel = Tunnel::new(proxy.uri().clone(), connect);
    if let Some(authorization) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(authorization.clone());
    }
    // The port must be there: the tunnel takes 443 for any URL of https, and 80 for http.
    let target = format!("{}:{}", bracketed(site.host()), site.port());
    let uri = Uri::builder().scheme("https").authority(target).path_and_query("/").build();
    let connection = tunnel.call(uri.map_err(|_| ConnectError::Proxy)?).await;
    connection.map(TokioIo::into_inner).map_err(|_| ConnectError::Proxy)
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn connect_error(error: &io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused,
        io::ErrorKind::TimedOut => ConnectError::TimedOut,
        kind => ConnectError::Other(kind),
    }
}

fn tls_error(error: &io::Error) -> ConnectError {
    let tls = error.get_ref().and_then(|error| error.downcast_ref());
    match tls {
        Some(rustls::Error::InvalidCertificate(fault)) => ConnectError::Certificate(match fault {
            CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                CertificateFault::NotYetValid
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                CertificateFault::WrongName
            }
            _ => CertificateFault::Invalid,
        }),
        Some(_) => ConnectError::NotTls,
        None if error.kind() == io::ErrorKind::UnexpectedEof => ConnectError::NotTls,
        None => connect_error(error),
    }
}
