//! Calls to the API server, one after the other. They are retried if that may help, and cancelled when the run is stopped.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Bytes;
use kube::Client;
use kube::client::Body;
use regcred_engine::wording::Bilingual;
use serde::Deserialize;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use super::client;
use super::words::quoted;

/// At most this many attempts are made for a call. With the waits between them they take some eight seconds.
const MAX_ATTEMPTS: u32 = 5;

/// The wait after the first attempt. It doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait that the API server may ask for (`Retry-After`).
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// At most this many bytes of a refusal are read.
const MAX_REFUSAL_BYTES: usize = 64 << 10;

/// Why a call failed.
#[derive(Debug)]
pub(super) enum CallError {
    /// The run was stopped.
    Interrupted,
    /// The API server refused it.
    Refused(ApiRefusal),
    /// There is no usable response, even after retries. One line.
    Unanswered(Bilingual<String>),
}

impl CallError {
    /// A response that cannot be used, with a message of our own.
    pub(super) fn unanswered(english: &str, chinese: &str) -> Self {
        CallError::Unanswered(Bilingual::new(english, chinese))
    }
}

/// The response of the API server to a request that it refuses.
#[derive(Debug)]
pub(super) struct ApiRefusal {
    pub(super) code: StatusCode,
    /// One line.
    pub(super) message: Bilingual<String>,
    /// The token to continue a list whose own token has expired.
    pub(super) continue_token: Option<String>,
}

/// A request that can be sent more than once.
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) uri: String,
    /// The media type of the response.
    pub(super) accept: &'static str,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Bytes,
}

/// The media type of whole objects.
pub(super) const JSON: &str = "application/json";

impl Call {
    pub(super) fn get(uri: String) -> Self {
        Call { method: Method::GET, uri, accept: JSON, content_type: None, body: Bytes::new() }
    }

    fn request(&self) -> Result<Request<Body>, http::Error> {
        let mut request = Request::builder().method(&self.method).uri(&self.uri);
        request = request.header(http::header::ACCEPT, self.accept);
        if let Some(content_type) = self.content_type {
            request = request.header(http::header::CONTENT_TYPE, content_type);
        }
        request.body(Body::from(self.body.clone()))
    }

    /// Whether an attempt may be cancelled. A write is not, so that its result can be reported.
    fn is_cancellable(&self) -> bool {
        self.method == Method::GET
    }
}

/// A name as a segment of a path.
pub(super) fn segment(name: &str) -> String {
    form_urlencoded::byte_serialize(name.as_bytes()).collect()
}

fn invalid_characters() -> CallError {
    CallError::unanswered("a name or selector has invalid characters", "名称或选择器含有不合法的字符")
}

/// The API server, as a command uses it.
pub(super) struct ApiServer<'r> {
    runtime: &'r Runtime,
    client: Client,
    stop: watch::Receiver<bool>,
    /// Whether it has ever responded. If not, there are no retries, so a wrong address is reported at once.
    answered: Cell<bool>,
}

impl<'r> ApiServer<'r> {
    pub(super) fn new(runtime: &'r Runtime, client: Client, stop: watch::Receiver<bool>) -> Self {
        ApiServer { runtime, client, stop, answered: Cell::new(false) }
    }

    /// Whether the run was stopped.
    pub(super) fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Sends a request, and returns a successful response.
    pub(super) fn call(&self, call: &Call) -> Result<Response<Body>, CallError> {
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            if self.stopped() {
                return Err(CallError::Interrupted);
            }
            let (error, patience) = match self.attempt(call)? {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let retryable = is_retryable(&call.method, response.status());
                    let patience = retry_after(&response);
                    let refusal = self.refusal(response)?;
                    if !retryable {
                        return Err(CallError::Refused(refusal));
                    }
                    let ApiRefusal { code, message, .. } = refusal;
                    let code = code.as_u16();
                    let answers = Bilingual::new(
                        format!("the API server responds with {code}"),
                        format!("API server 应答 {code}"),
                    );
                    (answers.because(&message), patience)
                }
                Err(why) => (why, None),
            };
            if attempt == MAX_ATTEMPTS || !self.answered.get() {
                return Err(CallError::Unanswered(after(attempt, error)));
            }
            self.wait(patience.unwrap_or(wait))?;
            wait *= 2;
            attempt += 1;
        }
    }

    /// Sends a read once, for something that may not be reachable through the API server, and waits at most this long.
    pub(super) fn call_once(&self, call: &Call, patience: Duration) -> Result<Response<Body>, CallError> {
        let request = call.request().map_err(|_| invalid_characters())?;
        // A timer must be made inside the runtime.
        let send = async { tokio::time::timeout(patience, self.client.send(request)).await };
        match self.unless_stopped(send)? {
            Ok(Ok(response)) if response.status().is_success() => Ok(response),
            Ok(Ok(response)) => Err(CallError::Refused(self.refusal(response)?)),
            Ok(Err(error)) => Err(CallError::Unanswered(client::describe(&error).into_words())),
            Err(_) => Err(CallError::unanswered("no response in time", "未在限定时间内应答")),
        }
    }

    fn attempt(&self, call: &Call) -> Result<Result<Response<Body>, Bilingual<String>>, CallError> {
        let request = call.request().map_err(|_| invalid_characters())?;
        let send = self.client.send(request);
        let answer =
            if call.is_cancellable() { self.unless_stopped(send)? } else { self.runtime.block_on(send) };
        Ok(match answer {
            Ok(response) => {
                self.answered.set(true);
                Ok(response)
            }
            Err(error) => Err(client::describe(&error).into_words()),
        })
    }

    /// Waits before a retry.
    pub(super) fn wait(&self, wait: Duration) -> Result<(), CallError> {
        // A timer must be made inside the runtime.
        self.unless_stopped(async { tokio::time::sleep(wait).await })
    }

    fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Result<T, CallError> {
        let mut stop = self.stop.clone();
        self.runtime.block_on(async {
            tokio::select! {
                // The sender lives as long as the program.
                Ok(_) = stop.wait_for(|stopped| *stopped) => Err(CallError::Interrupted),
                done = wait => Ok(done),
            }
        })
    }

    /// Reads a whole response.
    pub(super) fn body(&self, response: Response<Body>) -> Result<Bytes, Bilingual<String>> {
        let body = self.runtime.block_on(response.into_body().collect());
        body.map(http_body_util::Collected::to_bytes).map_err(|error| client::describe(&error).into_words())
    }

    /// Reads a response piece by piece.
    pub(super) fn reader(&self, response: Response<Body>) -> BodyReader<'_, 'r> {
        BodyReader { server: self, body: response.into_body(), piece: Bytes::new() }
    }

    fn refusal(&self, response: Response<Body>) -> Result<ApiRefusal, CallError> {
        let code = response.status();
        let mut text = Vec::new();
        let mut reader = io::Read::take(self.reader(response), MAX_REFUSAL_BYTES as u64);
        // If the body cannot be read, the code is enough.
        if io::Read::read_to_end(&mut reader, &mut text).is_err() && self.stopped() {
            return Err(CallError::Interrupted);
        }
        let status: StatusJson = serde_json::from_slice(&text).unwrap_or_default();
        Ok(ApiRefusal {
            code,
            message: match code {
                StatusCode::UNAUTHORIZED => Bilingual::new(
                    "the API server does not accept these credentials (401 Unauthorized): the token or certificate is \
                     invalid or has expired",
                    "API server 不接受这些凭据（401 Unauthorized）：token 或证书有误或已过期",
                ),
                _ if status.message.is_empty() => Bilingual::new(
                    format!("HTTP status {}", code.as_u16()),
                    format!("HTTP 状态 {}", code.as_u16()),
                ),
                _ => Bilingual::untranslated(quoted(&status.message, client::MAX_QUOTED_CHARS)),
            },
            continue_token: status.metadata.continue_token.filter(|token| !token.is_empty()),
        })
    }
}

/// Adds the number of attempts to an error.
fn after(attempts: u32, error: Bilingual<String>) -> Bilingual<String> {
    match attempts {
        1 => error,
        _ => Bilingual::new(
            format!("{} ({attempts} attempts)", error.english),
            format!("{}（已尝试 {attempts} 次）", error.chinese),
        ),
    }
}

/// Whether the same request may succeed later.
fn is_retryable(method: &Method, status: StatusCode) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => true,
        // For a write, this is the response when a webhook cannot be reached.
        StatusCode::INTERNAL_SERVER_ERROR => method == Method::GET,
        _ => false,
    }
}

fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let seconds = response.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MAX_RETRY_AFTER))
}

#[derive(Default, Deserialize)]
struct StatusJson {
    #[serde(default)]
    message: String,
    #[serde(default)]
    metadata: StatusMetadata,
}

#[derive(Default, Deserialize)]
struct StatusMetadata {
    #[serde(rename = "continue")]
    continue_token: Option<String>,
}

/// A response that is read piece by piece, so that a list needs no more memory than its largest object.
pub(super) struct BodyReader<'s, 'r> {
    server: &'s ApiServer<'r>,
    body: Body,
    piece: Bytes,
}

impl io::Read for BodyReader<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let frame = self.server.unless_stopped(self.body.frame());
            match frame.map_err(|_| io::Error::other("stopped"))? {
                None => return Ok(0),
                // Trailers are not needed.
                Some(Ok(frame)) => self.piece = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Err(io::Error::other(client::describe(&error).to_string())),
            }
        }
        let size = into.len().min(self.piece.len());
        let (now, later) = (self.piece.slice(..size), self.piece.slice(size..));
        if let Some(into) = into.get_mut(..size) {
            into.copy_from_slice(&now);
        }
        self.piece = later;
        Ok(size)
    }
}
