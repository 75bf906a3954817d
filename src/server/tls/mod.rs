//! What a TLS handshake is given: checked before it is used, swapped as one, without touching a connection.

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

/// The one crypto provider, handed to whoever needs it and never installed as a process-wide default.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// What is to be served from now on. What is left out stays as it is.
pub(crate) struct Change {
    pub(crate) certificate: Option<Certificate>,
    pub(crate) clients: Option<Clients>,
}

/// What new handshakes get. Open connections keep what they were made with.
pub(crate) struct Served {
    builder: ConfigBuilder<ServerConfig, WantsVerifier>,
    current: ArcSwap<Current>,
}

/// One version of it.
struct Current {
    /// Without one, handshakes fail.
    certificate: Option<Arc<Certificate>>,
    /// Without them, whoever likes may connect.
    clients: Option<Arc<Clients>>,
    config: Arc<ServerConfig>,
}

impl Served {
    /// Without a certificate as yet.
    pub(crate) fn new(provider: Arc<CryptoProvider>) -> Result<Self, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])?;
        let current = Current::new(&builder, None, None);
        Ok(Served { builder, current: ArcSwap::from_pointee(current) })
    }

    /// All that changed at once: a handshake gets what was there before, or what is there now.
    pub(crate) fn swap(&self, change: Change) {
        let certificate = change.certificate.map(Arc::new);
        let clients = change.clients.map(Arc::new);
        self.current.rcu(|current| {
            let certificate = certificate.clone().or_else(|| current.certificate.clone());
            let clients = clients.clone().or_else(|| current.clients.clone());
            Current::new(&self.builder, certificate, clients)
        });
    }

    /// Makes a new connection's handshake.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.load().config))
    }

    /// Says in the log what is served, and what may be wrong with it.
    pub(crate) fn log(&self) {
        let current = self.current.load();
        if let Some(certificate) = &current.certificate {
            tracing::info!(not_after = %certificate.not_after, "serving a certificate");
            if !certificate.named {
                tracing::warn!(
                    "the certificate names neither regcred.regcred-system.svc nor localhost: the API server asks for \
                     SERVICE.NAMESPACE.svc, and refuses a certificate without it"
                );
            }
        }
        if let Some(clients) = &current.clients {
            clients.log();
        }
    }

    /// The end of what is served, or `None` as long as there is none.
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

/// TLS 1.2 and 1.3, HTTP/1.1 only: the API server speaks nothing else to a Service, and would speak HTTP/2 to a
/// loopback URL if it were offered, so that tests would measure what no cluster uses.
fn config(
    builder: ConfigBuilder<ServerConfig, WantsServerCert>,
    key: Option<Arc<CertifiedKey>>,
) -> ServerConfig {
    let mut config = builder.with_cert_resolver(Arc::new(Only(key)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // The API server keeps its connections and resumes no session. Without tickets a handshake is cheaper, nothing is
    // stored for strangers, and no session outlives the certificate that it was made with.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config
}

/// One certificate whatever name is asked for: the API server asks for the Service's, people for localhost. Without one
/// the handshake ends with an alert.
#[derive(Debug)]
struct Only(Option<Arc<CertifiedKey>>);

impl ResolvesServerCert for Only {
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

    /// The alert by which the handshake of a client ends that trusts nobody and has no certificate, whoever sends it.
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
    async fn without_a_certificate_a_handshake_fails_by_an_alert_and_what_a_change_leaves_out_stays() {
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
