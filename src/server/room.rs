//! Memory for bodies and answers, and places for requests in flight: fixed amounts, taken and given back.
//!
//! A request reserves the memory for its announced body and for its answer before the first byte is read, and waits for it
//! in a fair queue. Under overload this reads few bodies at full speed. Counting memory while it arrives would read every
//! body a bit and refuse most of them after megabytes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::timeout;

use super::limits::Limits;
use super::metrics::Usage;

/// The unit in which memory is reserved.
const UNIT: usize = 1 << 10;

/// What is reserved for an answer at least: warnings, causes and the fixed parts.
const LEAST_ANSWER: usize = 16 << 10;

/// A number of permits.
#[derive(Debug)]
pub(crate) struct Pool {
    permits: Arc<Semaphore>,
    limit: u32,
}

impl Pool {
    pub(crate) fn new(limit: usize) -> Self {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        Pool { permits: Arc::new(Semaphore::new(limit as usize)), limit }
    }

    /// One permit, if there is one.
    pub(crate) fn try_take(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.permits).try_acquire_owned().ok()
    }

    /// A number of permits, in turn with others who wait; never more than there are.
    async fn take(&self, number: u32, wait: Duration) -> Option<OwnedSemaphorePermit> {
        let permits = Arc::clone(&self.permits).acquire_many_owned(number.min(self.limit));
        timeout(wait, permits).await.ok()?.ok()
    }

    /// Waits until all permits have been given back.
    pub(crate) async fn unused(&self) {
        drop(self.permits.acquire_many(self.limit).await);
    }
}

impl Usage for Pool {
    fn used(&self) -> usize {
        self.limit().saturating_sub(self.permits.available_permits())
    }

    fn limit(&self) -> usize {
        self.limit as usize
    }
}

/// The memory of all bodies and answers.
///
/// Small bodies have a quarter of their own, so that a queue of large ones does not delay them: almost every pull Secret
/// takes a few KiB, and a large update takes as much memory as hundreds of them.
#[derive(Debug)]
pub(crate) struct Room {
    small_body: usize,
    small: Pool,
    large: Pool,
}

impl Room {
    pub(crate) fn new(limits: &Limits) -> Self {
        let small = limits.bodies / 4;
        Room {
            small_body: limits.inline_body,
            small: Pool::new(small / UNIT),
            large: Pool::new((limits.bodies - small) / UNIT),
        }
    }

    /// Whether a body of this length takes the room of large ones.
    pub(crate) fn is_large(&self, body: usize) -> bool {
        body > self.small_body
    }

    /// Reserves what a request with a body of this length takes. `None` if there is no room within `wait`.
    pub(crate) async fn reserve(&self, body: usize, wait: Duration) -> Option<Reservation> {
        let pool = if self.is_large(body) { &self.large } else { &self.small };
        pool.take(units(needed(body)), wait).await.map(Reservation)
    }
}

impl Usage for Room {
    fn used(&self) -> usize {
        (self.small.used() + self.large.used()) * UNIT
    }

    fn limit(&self) -> usize {
        (self.small.limit() + self.large.limit()) * UNIT
    }
}

/// Memory that a request has reserved. It is given back when this is dropped.
pub(crate) struct Reservation(OwnedSemaphorePermit);

impl Reservation {
    /// Gives back what is more than a body of this length takes.
    pub(crate) fn shrink_to_body(&mut self, body: usize) {
        self.resize(needed(body));
    }

    /// Holds the memory of an answer from now on. An answer that is larger than was reserved takes more if there is any:
    /// it is there already, and must go out.
    pub(crate) fn resize(&mut self, bytes: usize) {
        let (held, wanted) = (self.0.num_permits(), units(bytes) as usize);
        if let Some(surplus) = held.checked_sub(wanted) {
            drop(self.0.split(surplus));
            return;
        }
        let more = u32::try_from(wanted - held).unwrap_or(u32::MAX);
        match Arc::clone(self.0.semaphore()).try_acquire_many_owned(more) {
            Ok(more) => self.0.merge(more),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => {}
        }
    }
}

/// What a body of this length takes: room for itself, and as much for its answer. The answer of a repair is larger than its
/// body, because base64 encodes the repaired document twice, but by then the body is gone. Both together suffice unless
/// passwords have many KiB.
fn needed(body: usize) -> usize {
    body.saturating_add(body.max(LEAST_ANSWER))
}

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_secs(1);
    const LARGE: usize = 1 << 20;

    /// Room for one large body.
    fn room() -> Room {
        Room::new(&Limits { bodies: needed(LARGE) * 4 / 3 + UNIT, ..Limits::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn requests_wait_in_turn() {
        let room = Arc::new(room());
        let first = room.reserve(LARGE, WAIT).await.unwrap();
        assert!(room.reserve(LARGE, WAIT).await.is_none(), "the wait is over");
        let second = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.reserve(LARGE, WAIT).await }
        });
        tokio::task::yield_now().await;
        // One that would fit does not overtake.
        let third = tokio::spawn({
            let room = Arc::clone(&room);
            async move { room.reserve(LARGE / 2, WAIT).await }
        });
        tokio::time::sleep(WAIT / 2).await;
        drop(first);
        let second = second.await.unwrap().unwrap();
        assert!(!third.is_finished());
        drop(second);
        drop(third.await.unwrap().unwrap());
        assert_eq!(room.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn large_bodies_do_not_delay_small_ones() {
        let room = room();
        let _large = room.reserve(LARGE, WAIT).await.unwrap();
        assert!(room.reserve(2000, Duration::ZERO).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_of_the_limit_always_finds_room() {
        let limits = Limits::default();
        assert_eq!(needed(limits.body) * 3, limits.bodies * 3 / 4, "three at once");
        // Also where it is larger than all there is, as in tests.
        assert!(room().reserve(LARGE * 10, WAIT).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn answer_returns_unused_room() {
        let room = room();
        let mut reservation = room.reserve(LARGE, WAIT).await.unwrap();
        assert_eq!(room.used(), needed(LARGE));
        reservation.resize(100 * UNIT);
        assert_eq!(room.used(), 100 * UNIT);
        reservation.resize(101 * UNIT);
        assert_eq!(room.used(), 101 * UNIT);
        // More than there is cannot be counted.
        reservation.resize(LARGE * 10);
        assert_eq!(room.used(), 101 * UNIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_is_unused_when_all_is_back() {
        let pool = Pool::new(2);
        let permits = [pool.try_take().unwrap(), pool.try_take().unwrap()];
        assert!(pool.try_take().is_none() && timeout(WAIT, pool.unused()).await.is_err());
        assert_eq!(pool.used(), 2);
        drop(permits);
        timeout(WAIT, pool.unused()).await.unwrap();
        assert_eq!(pool.used(), 0);
    }
}
