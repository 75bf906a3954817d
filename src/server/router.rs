//! The routes of the admission port.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::Response;
use axum::routing::post;

use super::intake::{Gate, Intake};
use super::refusal::Refusal;
use super::review::Judge;
use crate::admission::Webhook;

/// What the routes need.
#[derive(Clone)]
pub(crate) struct AdmissionParts {
    pub(crate) gate: Arc<Gate>,
    pub(crate) judge: Arc<Judge>,
}

impl FromRef<AdmissionParts> for Arc<Gate> {
    fn from_ref(parts: &AdmissionParts) -> Self {
        Arc::clone(&parts.gate)
    }
}

impl FromRef<AdmissionParts> for Arc<Judge> {
    fn from_ref(parts: &AdmissionParts) -> Self {
        Arc::clone(&parts.judge)
    }
}

/// Two paths. The checks of a request are [`Intake`], what is answered is [`Judge`].
pub(crate) fn router(parts: AdmissionParts) -> Router {
    Router::new()
        .route("/mutate", post(mutate))
        .route("/validate", post(validate))
        .fallback(async || Refusal::NotFound)
        // axum adds the header `Allow`.
        .method_not_allowed_fallback(async || Refusal::NotPost)
        .with_state(parts)
}

async fn mutate(State(judge): State<Arc<Judge>>, intake: Intake) -> Result<Response, Refusal> {
    judge.answer(Webhook::Mutate, intake).await
}

async fn validate(State(judge): State<Arc<Judge>>, intake: Intake) -> Result<Response, Refusal> {
    judge.answer(Webhook::Validate, intake).await
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use axum::body::Body;
    use hyper::Request;
    use hyper::body::{Bytes, Frame};
    use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER};
    use regcred_engine::policy::Enforcement;
    use tower::ServiceExt as _;

    use super::super::audit::Audit;
    use super::super::conn::Connections;
    use super::super::limits::Limits;
    use super::super::metrics::{MetricSources, Metrics, Usage as _};
    use super::super::room::{Pool, Room};
    use super::super::tls::{self, Served};
    use super::*;
    use crate::admission::{self, BadReview};
    use crate::policy_file::{self, PolicyInForce};
    use crate::sink::Output;

    /// A body of unknown length.
    struct Chunked(Option<&'static str>);

    impl hyper::body::Body for Chunked {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Ready(self.0.take().map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
        }
    }

    /// A body that never arrives.
    struct Silent;

    impl hyper::body::Body for Silent {
        type Data = Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            Poll::Pending
        }
    }

    fn parts(limits: &Limits) -> AdmissionParts {
        let (in_flight, room) = (Arc::new(Pool::new(limits.in_flight)), Arc::new(Room::new(limits)));
        let policy = Arc::new(PolicyInForce::from_pointee(policy_file::default(Enforcement::Enforce)));
        let mut metrics = Metrics::new(MetricSources {
            connections: Connections::new(1) as _,
            ops_connections: Connections::new(1) as _,
            in_flight: Arc::clone(&in_flight) as _,
            bodies: Arc::clone(&room) as _,
            served: Arc::new(Served::new(tls::provider()).unwrap()),
            policy: Arc::clone(&policy),
        });
        let output = Output::to(File::create("/dev/null").unwrap());
        let audit = Audit::start(output, &mut metrics).unwrap();
        let judge = Judge {
            reviewer: admission::review,
            policy,
            metrics: Arc::new(metrics),
            audit: Arc::new(audit),
            inline_body: limits.inline_body,
        };
        let gate = Gate { in_flight, room, body_limit: limits.body, deadline: limits.body_read };
        AdmissionParts { gate: Arc::new(gate), judge: Arc::new(judge) }
    }

    #[tokio::test(start_paused = true)]
    async fn each_check_has_its_refusal() {
        let limits = Limits { body: 10, ..Limits::default() };
        let full = Limits { in_flight: 0, ..limits.clone() };
        let (json, long) = ("application/json", "more than ten bytes");
        for (limits, method, path, content_type, body, expected) in [
            // Each of these fails all later checks as well.
            (&full, "PUT", "/elsewhere", "text/plain", Body::from(long), Refusal::NotFound),
            (&full, "PUT", "/mutate", "text/plain", Body::from(long), Refusal::NotPost),
            (&full, "POST", "/mutate", "text/plain", Body::from(long), Refusal::NotJson),
            (&full, "POST", "/mutate", json, Body::from(long), Refusal::TooLarge),
            (&full, "POST", "/mutate", json, Body::new(Silent), Refusal::TooMany),
            (&limits, "POST", "/mutate", json, Body::new(Silent), Refusal::TooSlow),
            (&limits, "POST", "/mutate", json, Body::new(Chunked(Some(long))), Refusal::TooLarge),
            (
                &limits,
                "POST",
                "/validate",
                json,
                Body::new(Chunked(Some("{"))),
                Refusal::BadReview(BadReview::NotJson),
            ),
        ] {
            let parts = parts(limits);
            let request = Request::builder().method(method).uri(path).header(CONTENT_TYPE, content_type);
            let request = request.body(body).unwrap();
            let response = router(parts.clone()).oneshot(request).await.unwrap();
            assert_eq!(response.extensions().get::<Refusal>(), Some(&expected));
            let header = |name| response.headers().get(name).map(|value| value.to_str().unwrap());
            assert_eq!(header(ALLOW), (expected == Refusal::NotPost).then_some("POST"));
            assert_eq!(header(RETRY_AFTER), (expected == Refusal::TooMany).then_some("1"));
            let closes = matches!(expected, Refusal::TooLarge | Refusal::TooMany | Refusal::TooSlow);
            assert_eq!(header(CONNECTION), closes.then_some("close"), "{expected:?}");
            assert_eq!((parts.gate.in_flight.used(), parts.gate.room.used()), (0, 0), "nothing is held");
        }
    }
}
