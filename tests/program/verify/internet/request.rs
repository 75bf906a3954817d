//! A request as a server of the tests got it.

use std::time::Instant;

use axum::http::{HeaderMap, Method};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

#[derive(Clone, Debug)]
pub struct Request {
    pub at: Instant,
    /// The server's name, without a port.
    pub host: String,
    pub tls: bool,
    pub method: Method,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: String,
}

/// A way to say who asks with something that another must not get to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    Password { user: String, password: String },
    RefreshToken(String),
}

impl Request {
    /// A parameter of the URL.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// The credentials that came with it.
    pub fn secret(&self) -> Option<Secret> {
        self.basic().or_else(|| self.form())
    }

    /// The token of an earlier answer that came with it.
    pub fn bearer(&self) -> Option<&str> {
        self.authorization()?.strip_prefix("Bearer ")
    }

    pub fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization")?.to_str().ok()
    }

    fn basic(&self) -> Option<Secret> {
        let pair = BASE64_STANDARD.decode(self.authorization()?.strip_prefix("Basic ")?).unwrap();
        let pair = String::from_utf8(pair).unwrap();
        let (user, password) = pair.split_once(':').unwrap();
        Some(Secret::Password { user: user.to_owned(), password: password.to_owned() })
    }

    fn form(&self) -> Option<Secret> {
        let fields: Vec<_> = form_urlencoded::parse(self.body.as_bytes()).into_owned().collect();
        let field =
            |name: &str| fields.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
        match field("grant_type")?.as_str() {
            "password" => Some(Secret::Password { user: field("username")?, password: field("password")? }),
            "refresh_token" => Some(Secret::RefreshToken(field("refresh_token")?)),
            _ => None,
        }
    }
}
