//! The API server as a scan asks it: one call after the other, each repeated where that may help, and all of them cut
//! short when the scan is told to stop.

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

use crate::cluster::client;
use crate::cluster::words::quoted;

/// A call is made so many times at most. With the waits between them this takes some eight seconds.
const ATTEMPTS: u32 = 5;

/// The wait behind the first attempt; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The API server may ask for more patience (`Retry-After`), but not for any amount of it.
const MOST_PATIENCE: Duration = Duration::from_secs(30);

/// No refusal is longer than this; what is over is not read.
const MOST_OF_A_REFUSAL: usize = 64 << 10;

/// Why a call came to nothing.
#[derive(Debug)]
pub(super) enum CallError {
    /// The scan was told to stop.
    Interrupted,
    /// The API server says no.
    Refused(Refusal),
    /// There is no answer, also after repeating the call. One line.
    Unanswered(Bilingual<String>),
}

impl CallError {
    /// Why there is no answer that can be used, in the program's own words.
    pub(super) fn unanswered(english: &str, chinese: &str) -> Self {
        CallError::Unanswered(Bilingual::new(english, chinese))
    }
}

/// What the API server says where it does not do what it was asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) code: StatusCode,
    /// In one line.
    pub(super) message: Bilingual<String>,
    /// Where a list can go on whose token has expired.
    pub(super) continue_token: Option<String>,
}

/// A call, which can be made more than once.
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query.
    pub(super) uri: String,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Bytes,
}

impl Call {
    pub(super) fn get(uri: String) -> Self {
        Call { method: Method::GET, uri, content_type: None, body: Bytes::new() }
    }

    fn request(&self) -> Result<Request<Body>, http::Error> {
        let mut request = Request::builder().method(&self.method).uri(&self.uri);
        request = request.header(http::header::ACCEPT, "application/json");
        if let Some(content_type) = self.content_type {
            request = request.header(http::header::CONTENT_TYPE, content_type);
        }
        request.body(Body::from(self.body.clone()))
    }

    /// Whether an attempt may end half-way. One that writes is waited for, so that what is told of it is true.
    fn may_be_cut_short(&self) -> bool {
        self.method == Method::GET
    }
}

/// The API server of a scan.
pub(super) struct Server<'r> {
    runtime: &'r Runtime,
    client: Client,
    stop: watch::Receiver<bool>,
    /// Whether it has ever answered: what cannot be reached at all is told at once.
    answered: Cell<bool>,
}

impl<'r> Server<'r> {
    pub(super) fn new(runtime: &'r Runtime, client: Client, stop: watch::Receiver<bool>) -> Self {
        Server { runtime, client, stop, answered: Cell::new(false) }
    }

    /// Whether the scan was told to stop.
    pub(super) fn stopped(&self) -> bool {
        *self.stop.borrow()
    }

    /// Makes a call; the answer has a good status.
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
                    let repeatable = is_repeatable(&call.method, response.status());
                    let patience = retry_after(&response);
                    let refusal = self.refusal(response)?;
                    if !repeatable {
                        return Err(CallError::Refused(refusal));
                    }
                    let Refusal { code, message, .. } = refusal;
                    let code = code.as_u16();
                    let answers = Bilingual::new(
                        format!("the API server answers {code}"),
                        format!("API server 应答 {code}"),
                    );
                    (answers.because(&message), patience)
                }
                Err(why) => (why, None),
            };
            if attempt == ATTEMPTS || !self.answered.get() {
                return Err(CallError::Unanswered(after(attempt, error)));
            }
            self.wait(patience.unwrap_or(wait))?;
            wait *= 2;
            attempt += 1;
        }
    }

    fn attempt(&self, call: &Call) -> Result<Result<Response<Body>, Bilingual<String>>, CallError> {
        let request = call.request().map_err(|_| {
            CallError::unanswered(
                "a name or selector cannot be part of a request",
                "名称或选择器无法写入请求",
            )
        })?;
        let send = self.client.send(request);
        let answer =
            if call.may_be_cut_short() { self.unless_stopped(send)? } else { self.runtime.block_on(send) };
        Ok(match answer {
            Ok(response) => {
                self.answered.set(true);
                Ok(response)
            }
            Err(error) => Err(client::describe(&error).into_words()),
        })
    }

    /// Waits before a call is repeated.
    pub(super) fn wait(&self, wait: Duration) -> Result<(), CallError> {
        // A timer can only be made inside the runtime.
        self.unless_stopped(async { tokio::time::sleep(wait).await })
    }

    fn unless_stopped<T>(&self, wait: impl Future<Output = T>) -> Result<T, CallError> {
        let mut stop = self.stop.clone();
        self.runtime.block_on(async {
            tokio::select! {
                // Whoever says so is gone only with the whole program.
                Ok(_) = stop.wait_for(|stopped| *stopped) => Err(CallError::Interrupted),
                done = wait => Ok(done),
            }
        })
    }

    /// The whole of an answer.
    pub(super) fn body(&self, response: Response<Body>) -> Result<Bytes, Bilingual<String>> {
        let body = self.runtime.block_on(response.into_body().collect());
        body.map(http_body_util::Collected::to_bytes).map_err(|error| client::describe(&error).into_words())
    }

    /// An answer, as it comes in.
    pub(super) fn reader(&self, response: Response<Body>) -> BodyReader<'_, 'r> {
        BodyReader { server: self, body: response.into_body(), piece: Bytes::new() }
    }

    fn refusal(&self, response: Response<Body>) -> Result<Refusal, CallError> {
        let code = response.status();
        let mut text = Vec::new();
        let mut reader = io::Read::take(self.reader(response), MOST_OF_A_REFUSAL as u64);
        // What cannot be read to its end is judged by its code.
        if io::Read::read_to_end(&mut reader, &mut text).is_err() && self.stopped() {
            return Err(CallError::Interrupted);
        }
        let status: StatusJson = serde_json::from_slice(&text).unwrap_or_default();
        Ok(Refusal {
            code,
            message: match code {
                StatusCode::UNAUTHORIZED => Bilingual::new(
                    "the API server does not accept these credentials (401 Unauthorized): the token or certificate is \
                     wrong or has expired",
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

/// An error behind so many attempts.
fn after(attempts: u32, error: Bilingual<String>) -> Bilingual<String> {
    match attempts {
        1 => error,
        _ => Bilingual::new(
            format!("{} ({attempts} attempts)", error.english),
            format!("{}（已尝试 {attempts} 次）", error.chinese),
        ),
    }
}

/// Whether the same call may succeed a moment later.
fn is_repeatable(method: &Method, status: StatusCode) -> bool {
    match status {
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => true,
        // For a write this is what a webhook says that is away.
        StatusCode::INTERNAL_SERVER_ERROR => method == Method::GET,
        _ => false,
    }
}

fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let seconds = response.headers().get(http::header::RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds).min(MOST_PATIENCE))
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

/// An answer, read piece by piece, so that a list needs no more memory than its largest object.
pub(super) struct BodyReader<'s, 'r> {
    server: &'s Server<'r>,
    body: Body,
    piece: Bytes,
}

impl io::Read for BodyReader<'_, '_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            let frame = self.server.unless_stopped(self.body.frame());
            match frame.map_err(|_| io::Error::other("stopped"))? {
                None => return Ok(0),
                // Trailers hold nothing that is looked for.
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
