//! One admission request: checked from the cheapest to the dearest, then judged.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode};

use super::body::{Body, BodyError, announced};
use super::connections::{Connection, Ticket};
use super::drain::Phase;
use super::limits::Share;
use super::metrics::Shed;
use super::review;
use super::{Shared, duration};
use crate::admission::Webhook;

/// An answer to an HTTP request.
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
        let started = Instant::now();
        let shared = Arc::clone(&self.shared);
        let at_work = self.ticket.at_work();
        let connection = Arc::clone(self.ticket.connection());
        Box::pin(async move {
            let mut answer = match answer(&shared, &connection, request, started).await {
                Ok(answer) => answer,
                Err(refusal) => refuse(refusal, &connection),
            };
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

async fn answer(
    shared: &Arc<Shared>,
    connection: &Arc<Connection>,
    request: Request<Incoming>,
    started: Instant,
) -> Result<Answer, Refusal> {
    let webhook = route(&request)?;
    if announced(request.body()).is_some_and(|length| length > shared.limits.body as u64) {
        return Err(Refusal::TooLarge);
    }
    let overloaded = |shed| {
        shared.metrics.shed(shed);
        Refusal::Overloaded(shed)
    };
    let in_flight: Share = shared.in_flight.one().ok_or_else(|| overloaded(Shed::Request))?;
    let reviewer = review::reviewer(shared, request.headers());
    let deadline =
        shared.limits.body_read.min(callers_deadline(request.uri().query()).unwrap_or(Duration::MAX));
    let body = Body::read(request.into_body(), shared.limits.body, deadline, shared.bodies.share())
        .await
        .map_err(|error| match error {
            BodyError::TooLarge => Refusal::TooLarge,
            BodyError::TooSlow => Refusal::TooSlow,
            BodyError::NoRoom => overloaded(Shed::Memory),
            BodyError::Broken => {
                connection.leave_unread();
                Refusal::Broken
            }
        })?;
    Ok(review::review(shared, review::Question { webhook, reviewer, body, in_flight, started }).await)
}

/// The checks that need nothing but the request's header.
fn route<B>(request: &Request<B>) -> Result<Webhook, Refusal> {
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
    Ok(webhook)
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
        Refusal::NotPost => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        Refusal::Overloaded(_) => {
            // With this header the API server tries again inside its own timeout, and on another connection. Without
            // it, a refused request is a failed write.
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Refusal::TooLarge | Refusal::TooSlow | Refusal::Broken => {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Refusal::NotFound | Refusal::NotJson => {}
    }
    connection.leave_unread();
    tracing::debug!(status = refusal.status().as_u16(), "refused: {}", refusal.text());
    answer
}

/// One line of text.
pub(crate) fn plain(status: StatusCode, line: &str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(format!("{line}\n"))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routed(method: &str, path: &str, content_type: &[&str]) -> Result<Webhook, Refusal> {
        let mut request = Request::builder().method(method).uri(path);
        for value in content_type {
            request = request.header(CONTENT_TYPE, *value);
        }
        route(&request.body(()).unwrap())
    }

    #[test]
    fn the_path_is_checked_before_the_method_and_the_method_before_the_type() {
        let json = ["application/json"];
        assert_eq!(routed("POST", "/mutate", &json), Ok(Webhook::Mutate));
        assert_eq!(routed("POST", "/validate?timeout=5s", &json), Ok(Webhook::Validate));
        for path in ["/", "/mutate/", "//mutate", "/Mutate", "/metrics", "/validate%2F"] {
            assert_eq!(routed("GET", path, &[]), Err(Refusal::NotFound), "{path}");
        }
        for method in ["GET", "HEAD", "PUT", "post"] {
            assert_eq!(routed(method, "/validate", &[]), Err(Refusal::NotPost), "{method}");
        }
    }

    #[test]
    fn json_may_have_parameters() {
        for value in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON;charset=UTF-8",
            "application/json ;x",
        ] {
            assert!(routed("POST", "/mutate", &[value]).is_ok(), "{value}");
        }
        for values in [
            &[][..],
            &[""],
            &["text/plain"],
            &["application/jsonp"],
            &["application/yaml; application/json"],
            &["application/json", "text/plain"],
        ] {
            assert_eq!(routed("POST", "/mutate", values), Err(Refusal::NotJson), "{values:?}");
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
