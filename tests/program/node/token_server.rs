//! A token server for a real registry, as the token specification of distribution describes it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

use crate::support::certificate::Authority;

/// Who signs the tokens.
pub const ISSUER: &str = "regcred test token server";
/// The first segment of the repositories that everyone may pull.
const PUBLIC: &str = "public";
const KEY_ID: &str = "test";
const LIFETIME_SECONDS: i64 = 300;

/// A user of the token server.
pub struct User {
    pub name: &'static str,
    pub password: &'static str,
    /// The first segment of the repositories that the user may pull.
    pub may_pull: Option<&'static str>,
}

/// A running token server. Like those of Docker Hub and distribution's users it also issues tokens to nobody in
/// particular, and tokens that allow nothing.
pub struct TokenServer {
    _runtime: Runtime,
    pub address: SocketAddr,
    pub keys: Value,
}

struct Signer {
    key: Ed25519KeyPair,
    users: &'static [User],
}

impl TokenServer {
    /// Serves with a certificate for `name`.
    pub fn start(name: &str, authority: &Authority, users: &'static [User]) -> Self {
        let key = Ed25519KeyPair::generate().unwrap();
        let public = BASE64_URL_SAFE_NO_PAD.encode(key.public_key());
        let keys =
            json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": KEY_ID, "x": public}]});

        let pair = authority.issue_for(&[name]);
        let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes()).map(Result::unwrap).collect();
        let private = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(chain, private).unwrap();

        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(tls)), Arc::new(Signer { key, users })));
        TokenServer { _runtime: runtime, address, keys }
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, signer: Arc<Signer>) {
    while let Ok((socket, _)) = listener.accept().await {
        tokio::spawn(serve_connection(socket, tls.clone(), Arc::clone(&signer)));
    }
}

async fn serve_connection(socket: TcpStream, tls: TlsAcceptor, signer: Arc<Signer>) {
    let Ok(stream) = tls.accept(socket).await else { return };
    let answer = service_fn(|request| std::future::ready(Ok::<_, Infallible>(signer.answer(&request))));
    // A client may hang up.
    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await);
}

impl Signer {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET {
            // The runtime asks again with GET.
            let refused = Response::builder().status(StatusCode::METHOD_NOT_ALLOWED).header(ALLOW, "GET");
            return refused.body(Full::default()).unwrap();
        }
        let header = request.headers().get(AUTHORIZATION);
        let user = match header.map(|value| self.user(value.as_bytes())) {
            None => None,
            Some(Some(user)) => Some(user),
            Some(None) => {
                let error =
                    json!({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]});
                return answer(StatusCode::UNAUTHORIZED, &error);
            }
        };
        let query = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        let query: HashMap<_, _> = query.into_owned().collect();
        let asked = |name: &str| query.get(name).map_or("", String::as_str);
        let token = self.token(user, asked("service"), asked("scope"));
        answer(StatusCode::OK, &json!({"token": token, "expires_in": LIFETIME_SECONDS}))
    }

    /// The user whom an `Authorization` header proves.
    fn user(&self, header: &[u8]) -> Option<&User> {
        let login = BASE64_STANDARD.decode(header.strip_prefix(b"Basic ")?).ok()?;
        let login = String::from_utf8(login).ok()?;
        let (name, password) = login.split_once(':')?;
        self.users.iter().find(|user| user.name == name && user.password == password)
    }

    /// A JSON Web Token with what the user may do of what is asked, as in `repository:team/app:pull`.
    fn token(&self, user: Option<&User>, service: &str, scope: &str) -> String {
        let now = Timestamp::now().as_second();
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"typ": "JWT", "alg": "EdDSA", "kid": KEY_ID});
        let claims = json!({
            "iss": ISSUER, "sub": user.map_or("", |user| user.name), "aud": service,
            "exp": now + LIFETIME_SECONDS, "nbf": now - 10, "iat": now, "jti": now.to_string(),
            "access": granted(user, scope).into_iter().collect::<Vec<_>>(),
        });
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = BASE64_URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

fn granted(user: Option<&User>, scope: &str) -> Option<Value> {
    let mut fields = scope.split(':');
    let (kind, repository) = (fields.next()?, fields.next()?);
    let owner = repository.split('/').next();
    let may_pull = user.and_then(|user| user.may_pull);
    let is_allowed = kind == "repository" && (owner == Some(PUBLIC) || owner == may_pull);
    is_allowed.then(|| json!({"type": kind, "name": repository, "actions": ["pull"]}))
}

fn answer(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let answer = Response::builder().status(status).header(CONTENT_TYPE, "application/json");
    answer.body(Full::from(body.to_string())).unwrap()
}
