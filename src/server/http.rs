//! One admission request: checked from the cheapest to the dearest, then judged.
//!
//! Two paths need no router: this is hyper's own service. axum's routing, which boxes a request and its answer several
//! times, is a tenth of what a usual request takes without it (docs/benchmarks.md, "The server"); the operations port, where
//! nothing is in a hurry, has it.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode};

use super::body::{Body, BodyError};
use super::connections::{Connection, Ticket};
use super::drain::Phase;
use super::limits::Share;
use super::metrics::{Port, RefusalReason, Shed};
use super::review;
use super::{Shared, duration};
use crate::admission::Webhook;

/// An answer to an admission request.
pub(crate) type Answer = Response<Full<Bytes>>;

/// The service of one HTTPS connection.
pub(crate) struct Admission {
    pub(crate) shared: Arc<Shared>,
    pub(crate) ticket: Arc<Ticket>,
}

impl Service<Request<Incoming>> for Admission {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let at_work = self.ticket.at_work();
        let shared = Arc::clone(&self.shared);
        // What is known by the header is found out here, so that the future does not have to hold it.
        let accepted = Accepted::new(&shared, request);
        Box::pin(async move {
            let answer = match accepted {
                Ok(accepted) => accepted.answer(&shared).await,
                Err(refusal) => Err(refusal),
            };
            let mut answer = answer.unwrap_or_else(|refusal| {
                shared.metrics.refused(refusal.reason());
                refuse(refusal, at_work.connection())
            });
            shared.metrics.responded(Port::Admission, answer.status().as_u16());
            if *shared.phase.borrow() != Phase::Serving {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            drop(at_work);
            Ok(answer)
        })
    }
}

/// Why a request is not judged, in the order in which it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotFound,
    NotPost,
    NotJson,
    TooLarge,
    Overloaded(Shed),
    TooSlow,
    Broken,
}

impl Refusal {
    /// Counts it as well.
    pub(crate) fn overloaded(shared: &Shared, shed: Shed) -> Self {
        shared.metrics.shed(Port::Admission, shed);
        Refusal::Overloaded(shed)
    }

    fn status(self) -> StatusCode {
        match self {
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Overloaded(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::Broken => StatusCode::BAD_REQUEST,
        }
    }

    fn reason(self) -> RefusalReason {
        match self {
            Refusal::NotFound => RefusalReason::NotFound,
            Refusal::NotPost => RefusalReason::MethodNotAllowed,
            Refusal::NotJson => RefusalReason::UnsupportedMediaType,
            Refusal::TooLarge => RefusalReason::TooLarge,
            Refusal::Overloaded(Shed::Memory) => RefusalReason::OverloadedMemory,
            Refusal::Overloaded(_) => RefusalReason::OverloadedRequests,
            Refusal::TooSlow => RefusalReason::Timeout,
            Refusal::Broken => RefusalReason::BadRequest,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Refusal::NotFound => "not found: there are /mutate and /validate",
            Refusal::NotPost => "method not allowed: send an AdmissionReview by POST",
            Refusal::NotJson => "unsupported content type: send application/json",
            Refusal::TooLarge => "the body is larger than any AdmissionReview of a Secret",
            Refusal::Overloaded(_) => "too many requests at a time: try again",
            Refusal::TooSlow => "the body did not come in time",
            Refusal::Broken => "the body could not be read",
        }
    }
}

/// A request whose header is in order, and for which there is room.
struct Accepted {
    webhook: Webhook,
    reviewer: review::Reviewer,
    in_flight: Share,
    deadline: Duration,
    body: Incoming,
    started: Instant,
}

impl Accepted {
    /// The checks of a header, in their order.
    fn new(shared: &Shared, request: Request<Incoming>) -> Result<Self, Refusal> {
        let started = Instant::now();
        let webhook = match request.uri().path() {
            "/mutate" => Webhook::Mutate,
            "/validate" => Webhook::Validate,
            _ => return Err(Refusal::NotFound),
        };
        if request.method() != Method::POST {
            return Err(Refusal::NotPost);
        }
        if !is_json(request.headers()) {
            return Err(Refusal::NotJson);
        }
        let announced = request.body().size_hint().exact();
        if announced.is_some_and(|length| length > shared.limits.body as u64) {
            return Err(Refusal::TooLarge);
        }
        let in_flight = shared.in_flight.one().ok_or_else(|| Refusal::overloaded(shared, Shed::Request))?;
        let reviewer = review::reviewer(shared, request.headers());
        let callers = callers_deadline(request.uri().query());
        let deadline =
            callers.map_or(shared.limits.body_read, |callers| callers.min(shared.limits.body_read));
        Ok(Accepted { webhook, reviewer, in_flight, deadline, body: request.into_body(), started })
    }

    /// Reads the body, and has it judged.
    async fn answer(self, shared: &Arc<Shared>) -> Result<Answer, Refusal> {
        let Accepted { webhook, reviewer, in_flight, deadline, body, started } = self;
        let body =
            Body::read(body, shared.limits.body, deadline, shared.bodies.share()).await.map_err(|error| {
                match error {
                    BodyError::TooLarge => Refusal::TooLarge,
                    BodyError::TooSlow => Refusal::TooSlow,
                    BodyError::NoRoom => Refusal::overloaded(shared, Shed::Memory),
                    BodyError::Broken => Refusal::Broken,
                }
            })?;
        review::review(shared, review::Question { webhook, reviewer, body, in_flight, started }).await
    }
}

/// `application/json` in any case, whatever parameters follow it. Exactly one such header.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let media_type = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// What the API server says in `?timeout=`: later than that it does not listen any more. What is no duration, or
/// none at all, is as good as not said.
fn callers_deadline(query: Option<&str>) -> Option<Duration> {
    let value = query?.split('&').find_map(|pair| pair.strip_prefix("timeout="))?;
    duration::parse(value).filter(|deadline| !deadline.is_zero())
}

/// One plain line. Where the body is still on its way, the connection ends with it: to read a body only to be able
/// to refuse the next one is what an attacker would want.
fn refuse(refusal: Refusal, connection: &Connection) -> Answer {
    let mut answer = plain(refusal.status(), refusal.text());
    let headers = answer.headers_mut();
    match refusal {
        Refusal::Overloaded(_) => {
            // With this header the API server tries again inside its own timeout, and on another connection. Without
            // it, a refused request is a failed write.
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Refusal::TooLarge | Refusal::TooSlow | Refusal::Broken => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Refusal::NotPost => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        Refusal::NotFound | Refusal::NotJson => {}
    }
    connection.leave_unread();
    tracing::debug!(status = refusal.status().as_u16(), "refused: {}", refusal.text());
    answer
}

/// One line of text.
pub(crate) fn plain<B: From<String>>(status: StatusCode, line: &str) -> Response<B> {
    let mut answer = Response::new(B::from(format!("{line}\n")));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(content_type: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in content_type {
            headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
        }
        is_json(&headers)
    }

    #[test]
    fn json_may_have_parameters() {
        for value in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON;charset=UTF-8",
            "application/json ;x",
        ] {
            assert!(json(&[value]), "{value}");
        }
        for values in [
            &[][..],
            &[""],
            &["text/plain"],
            &["application/jsonp"],
            &["application/yaml; application/json"],
            &["application/json", "text/plain"],
        ] {
            assert!(!json(values), "{values:?}");
        }
    }

    #[test]
    fn the_callers_deadline_is_a_go_duration() {
        let of = |query| callers_deadline(Some(query));
        assert_eq!(of("timeout=10s"), Some(Duration::from_secs(10)));
        assert_eq!(of("a=b&timeout=500ms&timeout=1h"), Some(Duration::from_millis(500)));
        for query in ["", "timeout=", "timeout=0s", "timeout=-1s", "timeout=ten", "xtimeout=1s"] {
            assert_eq!(of(query), None, "{query}");
        }
        assert_eq!(callers_deadline(None), None);
    }
}
