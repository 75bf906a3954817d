//! The step from a request's body to its answer: judged, counted and recorded at once, so that a client which goes
//! away in between can lose its answer but never the record.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use jiff::Timestamp;

use super::Shared;
use super::body::Body;
use super::http::{Answer, Refusal, plain};
use super::limits::Share;
use super::metrics::{RefusalReason, Shed};
use crate::admission::{ActivePolicy, BadReview, Reviewed, Webhook};

/// Whoever judges. The program has one, [`crate::admission::review`]; tests bring others.
pub type Reviewer = fn(Webhook, &[u8], &ActivePolicy, Timestamp) -> Result<Reviewed, BadReview>;

/// A request that has passed all checks of the transport.
pub(crate) struct Question {
    pub(crate) webhook: Webhook,
    pub(crate) reviewer: Reviewer,
    pub(crate) body: Body,
    /// Held until the answer is made.
    pub(crate) in_flight: Share,
    pub(crate) started: Instant,
}

/// Judges on this thread, or on one of its own.
///
/// A usual review takes microseconds: to hand it over would cost more than to judge it. One of a megabyte takes
/// milliseconds, in which this thread's other connections would wait.
pub(crate) async fn review(shared: &Arc<Shared>, question: Question) -> Result<Answer, Refusal> {
    if question.body.bytes().len() <= shared.limits.inline_body {
        return decide(shared, question);
    }
    let shared = Arc::clone(shared);
    // Once begun, it runs to its end even if the connection's task is gone.
    tokio::task::spawn_blocking(move || decide(&shared, question)).await.unwrap_or_else(|_| Ok(failed()))
}

/// One synchronous step. Nothing in it waits for anybody.
fn decide(shared: &Shared, question: Question) -> Result<Answer, Refusal> {
    let Question { webhook, reviewer, mut body, in_flight, started } = question;
    // The answer may have to wait for its reader, so it counts against the memory of all like a body. Its room is
    // taken before there is a decision: once that is recorded, the answer must go out. A patch is about as large as
    // what it replaces.
    if !body.reserve_for_answer() {
        return Err(Refusal::overloaded(shared, Shed::Memory));
    }
    let now = Timestamp::now();
    let policy = shared.policy.load();
    // A panic ends this request and nothing else. What it may have left half-done is its own: the policy is not
    // changed by a review.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        reviewer(webhook, body.bytes(), &policy, now)
            .map(|reviewed| conclude(shared, webhook, reviewed, started))
    }));
    drop(in_flight);
    Ok(match outcome {
        Ok(Ok(response)) => {
            let mut share = body.into_share();
            share.settle(response.capacity());
            let mut answer = Answer::new(Full::new(Bytes::from_owner(Response { response, share })));
            answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            answer
        }
        Ok(Err(bad)) => {
            shared.metrics.refused(RefusalReason::BadRequest);
            tracing::debug!(status = 400, "refused: {bad}");
            plain(StatusCode::BAD_REQUEST, &bad.to_string())
        }
        Err(_) => {
            shared.metrics.panics.inc();
            failed()
        }
    })
}

/// An answer's bytes. They go with their last reader, hyper's write buffer, and only then their share comes back.
struct Response {
    response: Vec<u8>,
    #[allow(dead_code, reason = "held for its drop")]
    share: Share,
}

impl AsRef<[u8]> for Response {
    fn as_ref(&self) -> &[u8] {
        &self.response
    }
}

/// Counts and records a decision, and gives back the answer.
fn conclude(shared: &Shared, webhook: Webhook, mut reviewed: Reviewed, started: Instant) -> Vec<u8> {
    let response = std::mem::take(&mut reviewed.response);
    let duration = started.elapsed();
    let (operation, decision) = (reviewed.operation, reviewed.decision);
    shared.metrics.answered(webhook, operation, decision, duration);
    for (finding, count) in reviewed.counted.iter() {
        shared.metrics.found(finding, count);
    }
    shared.metrics.fixes.inc_by(reviewed.fixes);
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(?webhook, ?operation, ?decision, micros, "answered");
    shared.audit.record(&reviewed.audit_record(duration));
    response
}

/// What a panic is answered with: `failurePolicy` decides then. It is never an admission.
fn failed() -> Answer {
    plain(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal error: the review failed; the log of regcred says where",
    )
}

/// The reviewer of a request: the server's own.
#[cfg(not(debug_assertions))]
pub(crate) fn reviewer(shared: &Shared, _: &HeaderMap) -> Reviewer {
    shared.reviewer
}

/// The reviewer of a request: the server's own, unless a test asks for a panic.
///
/// The test that looks for credentials in everything that leaves the program needs the real program to panic. There
/// is no product option for that: the header is known to builds with `debug_assertions` only, which a release build
/// is not. The panic's payload quotes the body, so that the test would find it if it were ever printed.
#[cfg(debug_assertions)]
#[allow(clippy::panic, reason = "it is what the test asks for")]
pub(crate) fn reviewer(shared: &Shared, headers: &HeaderMap) -> Reviewer {
    fn panicking(_: Webhook, body: &[u8], _: &ActivePolicy, _: Timestamp) -> Result<Reviewed, BadReview> {
        std::panic::panic_any(String::from_utf8_lossy(body).into_owned())
    }
    if headers.contains_key("x-regcred-test-panic") { panicking } else { shared.reviewer }
}
