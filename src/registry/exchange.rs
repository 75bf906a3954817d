//! One request and its response, of which only the status, a few headers and a known error code are used.

use std::time::Duration;

use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use serde::Deserialize;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::connect::{ConnectError, Dialer};
use super::site::Site;

/// At most this many bytes of a response are read.
const MAX_BODY_BYTES: usize = 64 << 10;

/// At most this many bytes of a response's headers are read; hyper's minimum is 8 KiB.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// The error codes of the OCI distribution specification ("Error Codes"), and `TOOMANYREQUESTS`. No other text of a server is
/// ever shown.
const ERROR_CODES: [&str; 14] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
];

/// What Docker Hub says to a client that it has locked out (docker/hub-feedback#1392).
const LOCKED_OUT: &[u8] = b"too many failed login attempts";

/// Why there is no usable response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ExchangeError {
    /// There is no connection.
    Connect(ConnectError),
    /// No response in time.
    TimedOut,
    /// What answers does not speak HTTP, or ends the connection.
    NotHttp,
}

impl ExchangeError {
    pub(super) const fn is_time_out(&self) -> bool {
        matches!(self, ExchangeError::TimedOut | ExchangeError::Connect(ConnectError::TimedOut))
    }
}

/// A request.
pub(super) struct Ask {
    pub(super) method: Method,
    /// Path and query.
    pub(super) target: String,
    pub(super) accept: &'static str,
    /// `Authorization`, marked as sensitive.
    pub(super) authorization: Option<HeaderValue>,
    /// The form of a POST.
    pub(super) form: Option<Zeroizing<String>>,
}

impl Ask {
    pub(super) fn new(method: Method, target: impl Into<String>) -> Self {
        Ask { method, target: target.into(), accept: "application/json", authorization: None, form: None }
    }

    fn request(&self, site: &Site) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder().method(&self.method).uri(self.target.parse::<Uri>()?);
        request = request.header(HOST, site.to_string());
        request = request.header(USER_AGENT, concat!("regcred/", env!("CARGO_PKG_VERSION")));
        request = request.header(ACCEPT, self.accept);
        request = request.header(CONNECTION, "close");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let body = match &self.form {
            Some(form) => {
                request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                Bytes::from_owner(form.clone())
            }
            None => Bytes::new(),
        };
        request.body(Full::new(body))
    }
}

/// A response. The body can be a token: there is no `Debug`.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    headers: HeaderMap,
    /// Cut at [`MAX_BODY_BYTES`], or where the server stopped sending.
    pub(super) body: Zeroizing<Vec<u8>>,
    /// Whether `body` is all of it.
    pub(super) is_whole: bool,
}

impl Reply {
    /// The first known error code of the body.
    pub(super) fn error_code(&self) -> Option<&'static str> {
        #[derive(Deserialize)]
        struct ErrorsJson {
            errors: Vec<ErrorJson>,
        }
        #[derive(Deserialize)]
        struct ErrorJson {
            code: String,
        }
        let errors: ErrorsJson = serde_json::from_slice(&self.body).ok()?;
        errors.errors.iter().find_map(|error| ERROR_CODES.into_iter().find(|known| *known == error.code))
    }

    /// Whether the server says that failed logins have locked this client or user out.
    pub(super) fn says_locked_out(&self) -> bool {
        self.body.windows(LOCKED_OUT.len()).any(|words| words.eq_ignore_ascii_case(LOCKED_OUT))
    }

    /// Whether it is the answer to a failed login, or to one too many.
    pub(super) fn fails_login(&self) -> bool {
        matches!(self.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) || self.says_locked_out()
    }

    /// For how long the server asks to wait.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    /// The values of `WWW-Authenticate`.
    pub(super) fn challenges(&self) -> impl Iterator<Item = &str> {
        self.headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok())
    }

    /// Whether it is a page for browsers.
    pub(super) fn is_html(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        kind.is_some_and(|kind| kind.trim_start().starts_with("text/html"))
    }
}

#[cfg(test)]
impl Reply {
    /// A response that a test makes up.
    pub(super) fn made_up(status: u16, headers: &[(&'static str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: Zeroizing::new(body.as_bytes().to_vec()),
            is_whole: true,
        }
    }
}

/// Sends a request on a connection of its own, and reads the response. `sent` is called when the request is about to be
/// written. Redirects are never followed.
pub(super) async fn exchange(
    dialer: &Dialer,
    site: &Site,
    ask: &Ask,
    limit: Duration,
    sent: impl FnOnce(),
) -> Result<Reply, ExchangeError> {
    let request = ask.request(site).map_err(|_| ExchangeError::NotHttp)?;
    let stream = dialer.dial(site).await.map_err(ExchangeError::Connect)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(stream)
        .await
        .map_err(|_| ExchangeError::NotHttp)?;
    let connection = tokio::spawn(connection);
    sent();
    let response = timeout(limit, sender.send_request(request)).await;
    let reply = match response {
        Err(_) => Err(ExchangeError::TimedOut),
        Ok(Err(_)) => Err(ExchangeError::NotHttp),
        Ok(Ok(response)) => {
            let (head, body) = response.into_parts();
            let (body, is_whole) = read(body, limit).await;
            Ok(Reply { status: head.status, headers: head.headers, body, is_whole })
        }
    };
    connection.abort();
    reply
}

/// Reads a body up to its limit of bytes and time, and whether this is all of it.
async fn read(mut body: Incoming, limit: Duration) -> (Zeroizing<Vec<u8>>, bool) {
    // Room for all of it from the start: a buffer that grows leaves copies of a token behind.
    let mut read = Zeroizing::new(Vec::with_capacity(MAX_BODY_BYTES));
    let whole = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let Ok(data) = frame.into_data() else { continue };
            let room = MAX_BODY_BYTES - read.len();
            read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
            if data.len() > room {
                return false;
            }
        }
        true
    };
    let is_whole = timeout(limit, whole).await.unwrap_or(false);
    (read, is_whole)
}
