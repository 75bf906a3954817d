//! The checks of an admission request, cheapest first: 415, 413, 503, 408. The router has answered 404 and 405 before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use http_body_util::BodyExt as _;
use hyper::HeaderMap;
use hyper::body::Body as _;
use hyper::header::CONTENT_TYPE;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout_at;

use super::duration;
use super::refusal::Refusal;
use super::room::{Pool, Reservation, Room};
use crate::wiped::Wiped;

/// A request waits for room for this part of its deadline; the rest is for reading and judging it, and for an API server
/// that is refused to retry.
const ROOM_WAIT_DIVISOR: u32 = 2;

/// Of a caller's deadline, this part is left for the answer: the caller counts from before it has sent anything, and stops
/// listening then.
const ANSWER_DIVISOR: u32 = 10;

/// A large body holds much of the room, so after this time it must have arrived at [`LARGE_RATE`]. Between an API server and a
/// Pod it takes milliseconds. Without this, three clients that announce bodies and send nothing hold the room of all large
/// ones for as long as they like.
const LARGE_START: Duration = Duration::from_secs(3);

/// Bytes in a millisecond: about 1 MiB/s.
const LARGE_RATE: usize = 1 << 10;

/// The first buffer of a body whose length is not announced.
const FIRST_BUFFER: usize = 16 << 10;

/// What a request has to pass.
pub(crate) struct Gate {
    pub(crate) in_flight: Arc<Pool>,
    pub(crate) room: Arc<Room>,
    /// Bytes of one body.
    pub(crate) body_limit: usize,
    /// The deadline of a request whose caller names none, and the longest.
    pub(crate) deadline: Duration,
}

/// A request that has passed all checks, with its body. It holds credentials: there is no `Debug`.
pub(crate) struct Intake {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Wiped,
    /// Memory for the answer.
    pub(crate) reservation: Reservation,
    /// Held until there is a decision.
    pub(crate) in_flight: OwnedSemaphorePermit,
    pub(crate) started: Instant,
}

impl<S: Send + Sync> FromRequest<S> for Intake
where
    Arc<Gate>: FromRef<S>,
{
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let started = Instant::now();
        let gate = Arc::<Gate>::from_ref(state);
        if !is_json(request.headers()) {
            return Err(Refusal::NotJson);
        }
        let announced = match request.body().size_hint().exact() {
            Some(length) => match usize::try_from(length) {
                Ok(length) if length <= gate.body_limit => Some(length),
                _ => return Err(Refusal::TooLarge),
            },
            None => None,
        };
        let deadline = gate.deadline(request.uri().query());
        // A body of unknown length reserves the limit: if it reserved more as it grows, such requests could wait for each
        // other forever. API servers announce the length.
        let length = announced.unwrap_or(gate.body_limit);
        let reserved = gate.room.reserve(length, deadline / ROOM_WAIT_DIVISOR).await;
        let mut reservation = reserved.ok_or(Refusal::NoRoom)?;
        // After the wait for room: large bodies that wait must not take the places of small ones.
        let in_flight = gate.in_flight.try_take().ok_or(Refusal::TooMany)?;
        let (parts, body) = request.into_parts();
        let pace =
            Pace { begun: Instant::now(), until: started + deadline, is_large: gate.room.is_large(length) };
        let body = read(body, announced, gate.body_limit, &pace).await?;
        reservation.shrink_to_body(body.len());
        Ok(Intake { headers: parts.headers, body, reservation, in_flight, started })
    }
}

impl Gate {
    /// How long a request may take, by what its caller says.
    fn deadline(&self, query: Option<&str>) -> Duration {
        let callers = callers_deadline(query).map(|callers| callers.saturating_sub(callers / ANSWER_DIVISOR));
        callers.map_or(self.deadline, |callers| callers.min(self.deadline))
    }
}

/// How fast a body has to arrive.
struct Pace {
    begun: Instant,
    until: Instant,
    is_large: bool,
}

impl Pace {
    /// Returns the deadline of the next piece of a body of which this much has arrived.
    fn next(&self, received: usize) -> Instant {
        let millis = u64::try_from(received / LARGE_RATE).unwrap_or(u64::MAX);
        let at_rate = LARGE_START.saturating_add(Duration::from_millis(millis));
        if self.is_large { self.until.min(self.begun + at_rate) } else { self.until }
    }
}

/// Reads a body of at most `limit` bytes.
async fn read(mut body: Body, announced: Option<usize>, limit: usize, pace: &Pace) -> Result<Wiped, Refusal> {
    let mut content = Wiped::default();
    make_room(&mut content, announced.unwrap_or(FIRST_BUFFER))?;
    loop {
        let next = timeout_at(pace.next(content.len()).into(), body.frame());
        let Some(frame) = next.await.map_err(|_| Refusal::TooSlow)? else { return Ok(content) };
        let frame = frame.map_err(|_| Refusal::Incomplete)?;
        // Trailers are ignored.
        let Some(data) = frame.data_ref() else { continue };
        let length = content.len() + data.len();
        if length > limit {
            return Err(Refusal::TooLarge);
        }
        if length > content.capacity() {
            let doubled = content.capacity().saturating_mul(2);
            make_room(&mut content, length.max(doubled))?;
        }
        content.extend_from_slice(data);
    }
}

/// Moves the content to a larger buffer and wipes the old one, which a growing `Vec` would not do.
fn make_room(content: &mut Wiped, capacity: usize) -> Result<(), Refusal> {
    let mut larger = Wiped::default();
    larger.try_reserve_exact(capacity).map_err(|_| Refusal::NoRoom)?;
    larger.extend_from_slice(content);
    *content = larger;
    Ok(())
}

/// `application/json` in any case, with any parameters. Exactly one such header.
fn is_json(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let media_type = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"application/json")
}

/// What the API server says in `?timeout=`: it stops listening after that. Anything that is not a positive duration counts
/// as absent.
fn callers_deadline(query: Option<&str>) -> Option<Duration> {
    let value = query?.split('&').find_map(|pair| pair.strip_prefix("timeout="))?;
    duration::parse(value).filter(|deadline| !deadline.is_zero())
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

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
