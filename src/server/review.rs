//! From a request to its answer: judged, counted and recorded in one step, so that a client that disconnects in between
//! can lose its answer but never the record.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::audit::Audit;
use super::intake::Intake;
use super::metrics::Metrics;
use super::refusal::{Refusal, text};
use super::room::Reservation;
use crate::admission::{ActivePolicy, BadReview, Reviewed, Webhook};
use crate::policy_file::PolicyInForce;

/// The function that judges. The program has one, [`crate::admission::review`]; tests bring others.
pub type Reviewer = fn(Webhook, &[u8], &ActivePolicy, Timestamp) -> Result<Reviewed, BadReview>;

/// What answers the requests that have passed all checks.
pub(crate) struct Judge {
    pub(crate) reviewer: Reviewer,
    pub(crate) policy: Arc<PolicyInForce>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) audit: Arc<Audit>,
    /// A body above this size is judged on a thread for blocking work.
    pub(crate) inline_body: usize,
}

impl Judge {
    /// Judges on this thread, or on one for blocking work.
    ///
    /// A usual review takes microseconds, less than to hand it over. One of a megabyte takes milliseconds, in which this
    /// thread's other connections would wait.
    pub(crate) async fn answer(
        self: Arc<Self>,
        webhook: Webhook,
        intake: Intake,
    ) -> Result<Response, Refusal> {
        if intake.body.len() <= self.inline_body {
            return self.decide(webhook, intake);
        }
        let judge = Arc::clone(&self);
        // Once begun, it runs to its end even if the connection is closed.
        let decided = tokio::task::spawn_blocking(move || judge.decide(webhook, intake)).await;
        decided.unwrap_or_else(|error| {
            if error.is_panic() {
                self.metrics.panics.inc();
            }
            Ok(failed())
        })
    }

    /// One synchronous step: nothing in it waits.
    fn decide(&self, webhook: Webhook, intake: Intake) -> Result<Response, Refusal> {
        let Intake { headers, body, mut reservation, in_flight, started } = intake;
        let reviewer = self.reviewer(&headers);
        let now = Timestamp::now();
        let policy = self.policy.load();
        // A panic ends this request and nothing else. It can leave no shared state half-changed: a review changes none.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            reviewer(webhook, &body, &policy, now).map(|reviewed| self.conclude(webhook, reviewed, started))
        }));
        drop((in_flight, body));
        match outcome {
            Ok(Ok(bytes)) => {
                reservation.resize(bytes.capacity());
                let bytes = Bytes::from_owner(AnswerBytes { bytes, reservation });
                let content_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
                Ok((content_type, Body::from(bytes)).into_response())
            }
            Ok(Err(bad)) => Err(Refusal::BadReview(bad)),
            Err(_) => {
                self.metrics.panics.inc();
                Ok(failed())
            }
        }
    }

    /// Counts and records a decision. Returns the answer.
    fn conclude(&self, webhook: Webhook, mut reviewed: Reviewed, started: Instant) -> Vec<u8> {
        let response = std::mem::take(&mut reviewed.response);
        let duration = started.elapsed();
        let (operation, decision) = (reviewed.operation, reviewed.decision);
        self.metrics.answered(webhook, operation, decision, duration);
        for (finding, count) in reviewed.counted.iter() {
            self.metrics.found(finding, count);
        }
        self.metrics.fixes.inc_by(reviewed.fixes);
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(?webhook, ?operation, ?decision, micros, "answered");
        self.audit.record(&reviewed.audit_record(duration));
        response
    }

    /// The reviewer of a request: the server's own.
    #[cfg(not(debug_assertions))]
    fn reviewer(&self, _: &HeaderMap) -> Reviewer {
        self.reviewer
    }

    /// The reviewer of a request: the server's own, unless a test asks for a panic.
    ///
    /// The test that searches everything that leaves the program for credentials needs the real program to panic. Only
    /// builds with `debug_assertions` know the header. The panic's payload quotes the body, so the test would find it if it
    /// were ever printed.
    #[cfg(debug_assertions)]
    #[allow(clippy::panic, reason = "it is what the test asks for")]
    fn reviewer(&self, headers: &HeaderMap) -> Reviewer {
        fn panicking(_: Webhook, body: &[u8], _: &ActivePolicy, _: Timestamp) -> Result<Reviewed, BadReview> {
            std::panic::panic_any(String::from_utf8_lossy(body).into_owned())
        }
        if headers.contains_key("x-regcred-test-panic") { panicking } else { self.reviewer }
    }
}

/// An answer's bytes. hyper's write buffer drops them when they are written, and only then their memory is given back.
struct AnswerBytes {
    bytes: Vec<u8>,
    #[allow(dead_code, reason = "held for its drop")]
    reservation: Reservation,
}

impl AsRef<[u8]> for AnswerBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The answer after a panic: `failurePolicy` decides then. It never admits.
fn failed() -> Response {
    text(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal error: the review failed; the log of regcred says where",
    )
}
