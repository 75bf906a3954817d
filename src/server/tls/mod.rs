//! The TLS configuration of new connections. It is checked before it is used and replaced as a whole.

mod certificate;
mod clients;
mod files;

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, WantsServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ConfigBuilder, ServerConfig, WantsVerifier, version};
use tokio_rustls::TlsAcceptor;

pub(crate) use certificate::Certificate;
pub use certificate::CertificateFiles;
pub use clients::ClientCa;
pub(crate) use clients::Clients;
pub(crate) use files::TlsFiles;

/// The one crypto provider. It is passed as an argument and never installed as the default of the process.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A new certificate, new client CAs, or both. `None` keeps the current ones.
pub(crate) struct Change {
    pub(crate) certificate: Option<Certificate>,
    pub(crate) clients: Option<Clients>,
}

/// The TLS configuration for new handshakes. Open connections keep theirs.
pub(crate) struct Served {
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    current: ArcSwap<Current>,
}

/// One version of the configuration.
struct Current {
    /// Handshakes fail while there is none.
    certificate: Option<Arc<Certificate>>,
    /// Every client may connect while there are none.
    clients: Option<Arc<Clients>>,
    config: Arc<ServerConfig>,
}

impl Served {
    /// Starts without a certificate.
    pub(crate) fn new(provider: Arc<CryptoProvider>) -> Result<Self, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?;
        let current = Current::new(&builder, None, None);
        Ok(Served { builder, current: ArcSwap::from_pointee(current) })
    }

    /// Replaces certificate and client CAs in one step, so that no handshake sees a mixture of old and new.
    pub(crate) fn swap(&self, change: Change) {
        let certificate = change.certificate.map(Arc::new);
        let clients = change.clients.map(Arc::new);
        self.current.rcu(|current| {
            let certificate = certificate.clone().or_else(|| current.certificate.clone());
            let clients = clients.clone().or_else(|| current.clients.clone());
            Current::new(&self.builder, certificate, clients)
        });
    }

    /// Returns the acceptor for a new connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.load().config))
    }

    /// Logs what is served, and warns of what clients may refuse.
    pub(crate) fn log(&self) {
        let current = self.current.load();
        if let Some(certificate) = &current.certificate {
            tracing::info!(not_after = %certificate.not_after, "serving a certificate");
            if !certificate.usable_name {
                tracing::warn!(
                    "the certificate has no DNS name of the form SERVICE.NAMESPACE.svc: the API server requires it, \
                     unless the webhook configurations have a URL"
                );
            }
        }
        if let Some(clients) = &current.clients {
            clients.log();
        }
    }

    /// The end of the served certificate chain; `None` while there is none.
    pub(crate) fn not_after(&self) -> Option<Timestamp> {
        self.current.load().certificate.as_ref().map(|certificate| certificate.not_after)
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("not_after", &self.not_after()).finish_non_exhaustive()
    }
}

impl Current {
    fn new(
        builder: &ConfigBuilder<ServerConfig, WantsVerifier>,
        certificate: Option<Arc<Certificate>>,
        clients: Option<Arc<Clients>>,
    ) -> Self {
        let key = certificate.as_ref().map(|certificate| Arc::clone(&certificate.key));
        let builder = builder.clone();
        let builder = match &clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(&clients.verifier)),
        };
        Current { certificate, clients, config: Arc::new(config(builder, key)) }
    }
}

/// TLS 1.2 and 1.3, HTTP/1.1 only. The API server uses nothing else for a Service. For a loopback URL it would use HTTP/2
/// if it were offered, and tests would then measure what no cluster does.
fn config(
    builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    key: Option<Arc<CertifiedKey>>,
) -> ServerConfig {
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertificate(key)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // The API server keeps its connections open and never resumes a session. Without tickets a handshake is cheaper, and
    // no session outlives its certificate.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}

/// Serves one certificate for every server name. Without one the handshake ends with an alert.
#[derive(Debug)]
struct SingleCertificate(Option<Arc<CertifiedKey>>);

impl ResolvesServerCert for SingleCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use rustls::{AlertDescription, ClientConfig, Error, RootCertStore};
    use tokio_rustls::TlsConnector;

    use super::*;

    fn certificate(key: &KeyPair, is_ca: IsCa) -> String {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        params.self_signed(key).unwrap().pem()
    }

    /// The alert that ends the handshake of a client that trusts no CA and has no certificate.
    async fn alert(served: &Served) -> AlertDescription {
        let config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&version::TLS12])
            .unwrap()
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let connector = TlsConnector::from(Arc::new(config));
        let (ours, theirs) = tokio::join!(
            served.acceptor().accept(ours),
            connector.connect("localhost".try_into().unwrap(), theirs)
        );
        match (ours.err().unwrap().downcast().unwrap(), theirs.err().unwrap().downcast().unwrap()) {
            (_, Error::AlertReceived(alert)) | (Error::AlertReceived(alert), _) => alert,
            (ours, theirs) => panic!("{ours}; {theirs}"),
        }
    }

    #[tokio::test]
    async fn swap_keeps_what_the_change_leaves_out() {
        let (provider, now) = (provider(), Timestamp::now());
        let served = Served::new(Arc::clone(&provider)).unwrap();
        let key = KeyPair::generate().unwrap();
        let pem = certificate(&key, IsCa::NoCa);
        let ca = certificate(&key, IsCa::Ca(BasicConstraints::Unconstrained));
        assert_eq!(served.not_after(), None);
        assert_eq!(alert(&served).await, AlertDescription::AccessDenied, "from the server");

        let files = CertificateFiles { certificate: "c".into(), key: "k".into() };
        let pair = files.check(pem.as_bytes(), key.serialize_pem().as_bytes(), &provider, now).unwrap();
        served.swap(Change { certificate: Some(pair), clients: None });
        assert!(served.not_after().is_some());
        assert_eq!(alert(&served).await, AlertDescription::UnknownCA, "from the client, of the certificate");

        let clients = ClientCa { file: "ca".into(), names: Vec::new() };
        let clients = clients.check(ca.as_bytes(), &provider, now).unwrap();
        served.swap(Change { certificate: None, clients: Some(clients) });
        assert!(served.not_after().is_some());
        assert!(served.current.load().clients.is_some());
        assert_eq!(alert(&served).await, AlertDescription::UnknownCA, "the certificate is still there");
    }
}
