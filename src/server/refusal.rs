//! Requests that are answered without a decision.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};

use super::metrics::{Metrics, Port, RefusalReason, Shed};
use crate::admission::BadReview;

/// At most one warning per status is logged in this time.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Why a request is not judged, in the order of the checks.
///
/// As a response it is one line of text that quotes nothing of the request. The response carries the `Refusal` as an
/// extension, by which the connection knows what to count and whether the body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The path is unknown.
    NotFound,
    /// The method is not POST.
    NotPost,
    /// The content type is not JSON.
    NotJson,
    /// The body is larger than the limit.
    TooLarge,
    /// Other requests take all the memory.
    NoRoom,
    /// Too many requests are in flight.
    TooMany,
    /// The body did not arrive in time.
    TooSlow,
    /// The client has gone, or its chunks are malformed.
    Incomplete,
    /// The body is not a review that can be answered.
    BadReview(BadReview),
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Refusal::NotFound => StatusCode::NOT_FOUND,
            Refusal::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::TooMany | Refusal::NoRoom => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Refusal::Incomplete | Refusal::BadReview(_) => StatusCode::BAD_REQUEST,
        }
    }

    fn text(self) -> String {
        match self {
            Refusal::NotFound => "not found: use /mutate or /validate",
            Refusal::NotPost => "method not allowed: POST an AdmissionReview",
            Refusal::NotJson => "unsupported content type: use application/json",
            Refusal::TooLarge => "the body is larger than any AdmissionReview of a Secret",
            Refusal::TooMany | Refusal::NoRoom => "too many requests at once: retry",
            Refusal::TooSlow => "the body did not arrive in time",
            Refusal::Incomplete => "the body could not be read to its end",
            Refusal::BadReview(bad) => return bad.to_string(),
        }
        .to_owned()
    }

    fn reason(self) -> RefusalReason {
        match self {
            Refusal::NotFound => RefusalReason::NotFound,
            Refusal::NotPost => RefusalReason::MethodNotAllowed,
            Refusal::NotJson => RefusalReason::UnsupportedMediaType,
            Refusal::TooLarge => RefusalReason::TooLarge,
            Refusal::TooMany => RefusalReason::OverloadedRequests,
            Refusal::NoRoom => RefusalReason::OverloadedMemory,
            Refusal::TooSlow => RefusalReason::Timeout,
            Refusal::Incomplete => RefusalReason::Incomplete,
            Refusal::BadReview(_) => RefusalReason::BadRequest,
        }
    }

    /// Whether the request was read to its end.
    pub(crate) fn has_read_body(self) -> bool {
        matches!(self, Refusal::BadReview(_))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = text(self.status(), &self.text());
        let headers = response.headers_mut();
        match self {
            Refusal::TooMany | Refusal::NoRoom => {
                // With this header the API server retries within its own timeout, on another connection. Without it, a
                // refused request is a failed write.
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            // The rest of the body is not worth reading.
            Refusal::TooLarge | Refusal::TooSlow | Refusal::Incomplete => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Refusal::NotFound | Refusal::NotPost | Refusal::NotJson | Refusal::BadReview(_) => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// A response of one line of text.
pub(crate) fn text(status: StatusCode, line: &str) -> Response {
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))];
    (status, content_type, format!("{line}\n")).into_response()
}

/// Counts and logs refusals.
pub(crate) struct Refusals {
    metrics: Arc<Metrics>,
    too_large: Throttle,
    too_slow: Throttle,
    incomplete: Throttle,
    bad_request: Throttle,
}

impl Refusals {
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        let [too_large, too_slow, incomplete, bad_request] = [(); 4].map(|()| Throttle::default());
        Refusals { metrics, too_large, too_slow, incomplete, bad_request }
    }

    /// Counts something other than a request, which hyper has refused.
    pub(crate) fn count_malformed(&self) {
        self.metrics.refused(RefusalReason::Malformed);
    }

    /// Counts and logs a refusal that is about to be sent. Refusals that fail a write in the cluster are warnings.
    pub(crate) fn count(&self, refusal: Refusal) {
        self.metrics.refused(refusal.reason());
        let throttle = match refusal {
            Refusal::NotFound | Refusal::NotPost | Refusal::NotJson => None,
            Refusal::TooMany => {
                self.metrics.shed(Port::Admission, Shed::Request);
                None
            }
            Refusal::NoRoom => {
                self.metrics.shed(Port::Admission, Shed::Memory);
                None
            }
            Refusal::TooLarge => Some(&self.too_large),
            Refusal::TooSlow => Some(&self.too_slow),
            Refusal::Incomplete => Some(&self.incomplete),
            Refusal::BadReview(_) => Some(&self.bad_request),
        };
        let (status, text) = (refusal.status().as_u16(), refusal.text());
        if let Some(suppressed) = throttle.and_then(|throttle| throttle.pass(Instant::now())) {
            tracing::warn!(status, suppressed, "refused a request: {text}");
        } else {
            tracing::debug!(status, "refused a request: {text}");
        }
    }
}

/// Lets one event pass per [`WARNING_INTERVAL`].
#[derive(Default)]
struct Throttle(Mutex<Option<Passed>>);

struct Passed {
    at: Instant,
    /// Events since then.
    suppressed: u64,
}

impl Throttle {
    /// The number of events suppressed since the last one that passed, if this one passes.
    fn pass(&self, now: Instant) -> Option<u64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(passed) = &mut *last
            && now.saturating_duration_since(passed.at) < WARNING_INTERVAL
        {
            passed.suppressed += 1;
            return None;
        }
        Some(last.replace(Passed { at: now, suppressed: 0 }).map_or(0, |passed| passed.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suppressed_events_are_reported_with_the_next() {
        let throttle = Throttle::default();
        let begun = Instant::now();
        assert_eq!(throttle.pass(begun), Some(0));
        for _ in 0..3 {
            assert_eq!(throttle.pass(begun + WARNING_INTERVAL / 2), None);
        }
        assert_eq!(throttle.pass(begun + WARNING_INTERVAL), Some(3));
        assert_eq!(throttle.pass(begun + WARNING_INTERVAL * 2), Some(0));
    }
}
