//! One admission request: checked from the cheapest to the dearest, then judged.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body as HttpBody;
use axum::extract::{Extension, Request, State};
use axum::routing::{Router, post};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::service::Service;
use tower::ServiceExt as _;

use super::body::{Body, BodyError, announced};
use super::connections::{Connection, Ticket};
use super::drain::Phase;
use super::limits::Share;
use super::metrics::Shed;
use super::review;
use super::{Shared, duration};
use crate::admission::Webhook;

/// An answer to an HTTP request.
pub(crate) type Answer = axum::response::Response;

/// Path and method; the other checks are [`answer`]'s.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let refused = |refusal| {
        move |Extension(connection): Extension<Arc<Connection>>| async move { refuse(refusal, &connection) }
    };
    let judged = |webhook| {
        post(
            move |State(shared): State<Arc<Shared>>,
                  Extension(connection): Extension<Arc<Connection>>,
                  request: Request| async move {
                answer(&shared, &connection, webhook, request).await
            },
        )
    };
    Router::new()
        .route("/mutate", judged(Webhook::Mutate))
        .route("/validate", judged(Webhook::Validate))
        .fallback(refused(Refusal::NotFound))
        .method_not_allowed_fallback(refused(Refusal::NotPost))
        .with_state(shared)
}

/// The service of one HTTPS connection: the router, and what is to be known of the connection.
pub(crate) struct Admission {
    pub(crate) router: Router,
    pub(crate) shared: Arc<Shared>,
    pub(crate) ticket: Arc<Ticket>,
}

impl Service<hyper::Request<Incoming>> for Admission {
    type Response = Answer;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Answer, Infallible>> + Send>>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let at_work = self.ticket.at_work();
        let mut request = request.map(HttpBody::new);
        request.extensions_mut().insert(Arc::clone(self.ticket.connection()));
        let answer = self.router.clone().oneshot(request);
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let mut answer = answer.await?;
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
        shared.metrics.shed(shed);
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

async fn answer(shared: &Arc<Shared>, connection: &Connection, webhook: Webhook, request: Request) -> Answer {
    let started = Instant::now();
    match read(shared, request).await {
        Ok(Read { in_flight, reviewer, body }) => {
            let question = review::Question { webhook, reviewer, body, in_flight, started };
            match review::review(shared, question).await {
                Ok(answer) => answer,
                Err(refusal) => refuse(refusal, connection),
            }
        }
        Err(refusal) => refuse(refusal, connection),
    }
}

/// What is needed of a request to judge it.
struct Read {
    in_flight: Share,
    reviewer: review::Reviewer,
    body: Body,
}

/// The checks behind path and method, in their order.
async fn read(shared: &Shared, request: Request) -> Result<Read, Refusal> {
    if !is_json(request.headers()) {
        return Err(Refusal::NotJson);
    }
    if announced(request.body()).is_some_and(|length| length > shared.limits.body as u64) {
        return Err(Refusal::TooLarge);
    }
    let in_flight = shared.in_flight.one().ok_or_else(|| Refusal::overloaded(shared, Shed::Request))?;
    let reviewer = review::reviewer(shared, request.headers());
    let deadline =
        shared.limits.body_read.min(callers_deadline(request.uri().query()).unwrap_or(Duration::MAX));
    let body = Body::read(request.into_body(), shared.limits.body, deadline, shared.bodies.share())
        .await
        .map_err(|error| match error {
            BodyError::TooLarge => Refusal::TooLarge,
            BodyError::TooSlow => Refusal::TooSlow,
            BodyError::NoRoom => Refusal::overloaded(shared, Shed::Memory),
            BodyError::Broken => Refusal::Broken,
        })?;
    Ok(Read { in_flight, reviewer, body })
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
        Refusal::NotFound | Refusal::NotPost | Refusal::NotJson => {}
    }
    connection.leave_unread();
    tracing::debug!(status = refusal.status().as_u16(), "refused: {}", refusal.text());
    answer
}

/// One line of text.
pub(crate) fn plain(status: StatusCode, line: &str) -> Answer {
    let mut answer = Answer::new(HttpBody::from(format!("{line}\n")));
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
