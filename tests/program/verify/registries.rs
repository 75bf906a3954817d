//! Registries that answer a login as the known ones do.

#![allow(clippy::unnecessary_wraps, reason = "a server may also never answer")]

use std::sync::Arc;

use axum::body::Body;
use axum::http::Response;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::internet::{Answer, Internet, Request, Secret};

/// The only user of every registry here, unless a test says otherwise.
pub const USER: &str = "made-up-robot";
pub const PASSWORD: &str = "made-up-password-of-the-robot";
/// What `docker login` stores in place of a password where it may.
pub const IDENTITY_TOKEN: &str = "made-up-identity-token-of-the-robot";

type Respond = Arc<dyn Fn(&Request) -> Answer + Send + Sync>;

/// A registry with a token server, as [the specification](https://distribution.github.io/distribution/spec/auth/token/)
/// describes them.
#[derive(Clone)]
pub struct TokenRegistry {
    pub host: &'static str,
    /// The token server's URL.
    pub realm: String,
    pub service: &'static str,
    /// Repositories that the user may pull.
    pub private: &'static [&'static str],
    /// Repositories that everybody may pull.
    pub public: &'static [&'static str],
    /// The only tag there is in each repository.
    pub tag: &'static str,
    /// The token server's answer to wrong credentials.
    pub wrong: Respond,
    /// The token server's answer to a question for a repository that the asker may not pull. `None`: a token without
    /// that right.
    pub denied: Option<Respond>,
    /// The token server takes POST, as the specification of OAuth 2.0 for it asks.
    pub oauth: bool,
}

impl TokenRegistry {
    /// One that answers wrong credentials with 401.
    pub fn new(host: &'static str, realm: &str, service: &'static str) -> Self {
        TokenRegistry {
            host,
            realm: realm.to_owned(),
            service,
            private: &["team/app"],
            public: &["team/public"],
            tag: "1",
            wrong: Arc::new(|_| error(401, "UNAUTHORIZED", "authentication required")),
            denied: None,
            oauth: true,
        }
    }

    /// With another answer to wrong credentials.
    pub fn wrong(mut self, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        self.wrong = Arc::new(answer);
        self
    }

    /// With an answer of the token server to those who may not pull.
    pub fn denied(mut self, answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        self.denied = Some(Arc::new(answer));
        self
    }

    /// Puts the registry and its token server into an internet.
    pub fn start(self, internet: &Internet) {
        let token_host = self.realm.split('/').nth(2).unwrap().to_owned();
        if token_host != self.host {
            let tokens = self.clone();
            internet.serve(&token_host, move |request| tokens.token(request));
        }
        internet.serve(self.host, move |request| self.answer(request));
    }

    /// The registry's own answer.
    fn answer(&self, request: &Request) -> Answer {
        if !request.path.starts_with("/v2/") {
            return self.token(request);
        }
        let granted = request.bearer().map(granted);
        let Some((repository, tag)) = manifest(&request.path) else {
            return if granted.is_some() { status(200) } else { self.challenge("") };
        };
        if granted.as_deref() != Some(repository) {
            let scope = format!(r#",scope="repository:{repository}:pull",error="insufficient_scope""#);
            return self.challenge(&scope);
        }
        if tag == self.tag { image() } else { error(404, "MANIFEST_UNKNOWN", "manifest unknown") }
    }

    fn challenge(&self, more: &str) -> Answer {
        let value = format!(r#"Bearer realm="{}",service="{}"{more}"#, self.realm, self.service);
        with_header(error(401, "UNAUTHORIZED", "authentication required"), "WWW-Authenticate", &value)
    }

    fn token(&self, request: &Request) -> Answer {
        if request.method == "POST" && !self.oauth {
            return status(405);
        }
        let known = match request.secret() {
            None => false,
            Some(secret) => {
                let right = Secret::Password { user: USER.to_owned(), password: PASSWORD.to_owned() };
                if secret != right && secret != Secret::RefreshToken(IDENTITY_TOKEN.to_owned()) {
                    return (self.wrong)(request);
                }
                true
            }
        };
        let Some(repository) = scope(request) else { return token("") };
        let may = self.public.contains(&repository.as_str())
            || known && self.private.contains(&repository.as_str());
        match &self.denied {
            Some(denied) if !may => denied(request),
            _ => token(if may { &repository } else { "" }),
        }
    }
}

/// The repository and tag of a manifest's path.
pub fn manifest(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("/v2/")?.split_once("/manifests/")
}

/// The repository that a token is asked for.
pub fn scope(request: &Request) -> Option<String> {
    let form = || {
        let mut fields = form_urlencoded::parse(request.body.as_bytes());
        fields.find(|(name, _)| name == "scope").map(|(_, value)| value.into_owned())
    };
    let scope = request.parameter("scope").map(str::to_owned).or_else(form)?;
    Some(scope.strip_prefix("repository:")?.strip_suffix(":pull")?.to_owned())
}

/// A token for one repository, or none.
pub fn token(repository: &str) -> Answer {
    let token = format!("made-up-token.{}", BASE64_URL_SAFE_NO_PAD.encode(repository));
    body(200, &json!({"token": token, "access_token": token, "expires_in": 300}))
}

/// The repository of a token.
fn granted(token: &str) -> String {
    let encoded = token.strip_prefix("made-up-token.").unwrap();
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// An answer without a body.
pub fn status(status: u16) -> Answer {
    Some(Response::builder().status(status).body(Body::empty()).unwrap())
}

/// An answer of JSON.
pub fn body(status: u16, value: &Value) -> Answer {
    let response = Response::builder().status(status).header("Content-Type", "application/json");
    Some(response.body(Body::from(value.to_string())).unwrap())
}

/// An error as the specification of registries wants it.
pub fn error(status: u16, code: &str, message: &str) -> Answer {
    body(status, &json!({"errors": [{"code": code, "message": message}]}))
}

/// The same answer with one more header.
pub fn with_header(answer: Answer, name: &'static str, value: &str) -> Answer {
    let mut response = answer?;
    response.headers_mut().insert(name, value.parse().unwrap());
    Some(response)
}

/// What there is of an image for a HEAD of its manifest.
fn image() -> Answer {
    let response = Response::builder()
        .status(200)
        .header("Content-Type", "application/vnd.oci.image.manifest.v1+json")
        .header("Docker-Content-Digest", format!("sha256:{}", "0".repeat(64)));
    Some(response.body(Body::empty()).unwrap())
}

/// A registry that takes the credentials themselves with every request.
pub fn basic(internet: &Internet, host: &str, refuse: impl Fn(&Request) -> Answer + Send + Sync + 'static) {
    let challenge = format!(r#"Basic realm="https://{host}/",service="made-up""#);
    internet.serve(host, move |request| match request.secret() {
        None => with_header(status(401), "WWW-Authenticate", &challenge),
        Some(Secret::Password { user, password }) if user == USER && password == PASSWORD => {
            match manifest(&request.path) {
                None => status(200),
                Some(("team/app", "1")) => image(),
                Some(("team/app", _)) => error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
                Some(_) => error(404, "NAME_UNKNOWN", "repository name not known to registry"),
            }
        }
        Some(_) => refuse(request),
    });
}
