//! The open connections of a port: how many there are, and which one gives way when there are too many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::super::metrics::Usage;
use super::state::{Activity, ConnectionState};

/// Extra connections allowed while evicted ones are still closing.
const CLOSING_CONNECTIONS: usize = 64;

/// How long a new connection waits for one that is closing. Until then it waits in the kernel, which is better than
/// being refused.
const CLOSING_WAIT: Duration = Duration::from_secs(1);

/// A connection that has been silent for this long is not about to send something.
const SILENCE: Duration = Duration::from_secs(1);

/// Grace for a client that has sent its first byte, so that a flood of silent connections cannot evict it, however fast
/// it arrives. It must be short, since a new client has not sent anything yet.
const EVICTION_GRACE: Duration = Duration::from_millis(100);

/// The open connections of one port.
#[derive(Debug)]
pub(crate) struct Connections {
    limit: usize,
    /// Those that have a place.
    placed: Mutex<Placed>,
    /// All that exist, including evicted ones that are still closing.
    open: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Placed {
    next: u64,
    by_number: HashMap<u64, Arc<ConnectionState>>,
}

/// What happened to a new connection.
pub(crate) enum Placement {
    /// There was a free place.
    Free(Place),
    /// It has the place of a silent connection, which was evicted.
    Evicted(Place),
    /// Every connection is at work.
    Refused,
}

impl Connections {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Connections { limit, placed: Mutex::default(), open: watch::Sender::new(0) })
    }

    /// Finds a place for a new connection. Silent connections are normal, since the API server keeps spare ones; one of
    /// them is evicted only at the limit.
    pub(crate) async fn place(self: &Arc<Self>) -> Placement {
        let bound = self.limit.saturating_add(CLOSING_CONNECTIONS);
        let mut open = self.open.subscribe();
        if timeout(CLOSING_WAIT, open.wait_for(|open| *open < bound)).await.is_err() {
            return Placement::Refused;
        }
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        let full = placed.by_number.len() >= self.limit;
        if full && !placed.evict_one(None) {
            return Placement::Refused;
        }
        let number = placed.next;
        placed.next += 1;
        let state = Arc::new(ConnectionState::new());
        placed.by_number.insert(number, Arc::clone(&state));
        self.open.send_modify(|open| *open += 1);
        let place = Place { number, state, connections: Arc::clone(self) };
        if full { Placement::Evicted(place) } else { Placement::Free(place) }
    }

    /// Evicts a connection that has been silent for some time, if there is one.
    pub(super) fn evict_a_silent_one(&self) -> bool {
        let before = Instant::now().checked_sub(SILENCE);
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        before.is_some_and(|before| placed.evict_one(Some(before)))
    }

    /// Waits until all connections are closed.
    pub(crate) async fn closed(&self) {
        // An error would mean that the sender is gone; it lives in `self`.
        drop(self.open.subscribe().wait_for(|open| *open == 0).await);
    }
}

impl Usage for Connections {
    fn used(&self) -> usize {
        *self.open.borrow()
    }

    fn limit(&self) -> usize {
        self.limit
    }
}

impl Placed {
    /// Evicts the connection whose loss costs least, among those that were last active before `before`.
    fn evict_one(&mut self, before: Option<Instant>) -> bool {
        let now = Instant::now();
        let candidates = self.by_number.iter().filter_map(|(&number, state)| {
            let active = state.active();
            let may_follow = match state.activity() {
                Activity::AtWork | Activity::Writing => return None,
                // Its client may just be reading the answer.
                Activity::Lingering if now.saturating_duration_since(active) < SILENCE => return None,
                Activity::Fresh | Activity::Lingering => false,
                Activity::Idle => true,
            };
            // First those without a request to come, then the one that has been silent the longest.
            before.is_none_or(|before| active < before).then_some((may_follow, active, number))
        });
        let chosen = candidates.min().and_then(|(_, _, number)| self.by_number.remove(&number));
        chosen.map(|state| state.evict()).is_some()
    }
}

/// A connection's place. It is free again when this is dropped.
pub(crate) struct Place {
    number: u64,
    state: Arc<ConnectionState>,
    connections: Arc<Connections>,
}

impl Place {
    pub(super) fn state(&self) -> &Arc<ConnectionState> {
        &self.state
    }

    /// Something has arrived, so a request is to be expected.
    pub(super) fn speaks(&self) {
        self.state.set_active(Instant::now() + EVICTION_GRACE);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut placed = self.connections.placed.lock().unwrap_or_else(PoisonError::into_inner);
        placed.by_number.remove(&self.number);
        self.connections.open.send_modify(|open| *open -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn place(connections: &Arc<Connections>) -> Option<Place> {
        match connections.place().await {
            Placement::Free(place) | Placement::Evicted(place) => Some(place),
            Placement::Refused => None,
        }
    }

    async fn is_evicted(place: &Place) -> bool {
        timeout(Duration::from_millis(1), place.state.evicted()).await.is_ok()
    }

    /// A request whose answer the client has.
    fn use_once(place: &Place) {
        place.state.begin_request();
        end_request(place);
    }

    fn end_request(place: &Place) {
        place.state.end_request(true);
        place.state.end_write();
    }

    #[tokio::test(start_paused = true)]
    async fn silent_connections_give_way_first() {
        let connections = Connections::new(3);
        let [used, silent, busy] = [
            place(&connections).await.unwrap(),
            place(&connections).await.unwrap(),
            place(&connections).await.unwrap(),
        ];
        use_once(&used);
        busy.state.begin_request();

        let newer = place(&connections).await.unwrap();
        assert!(is_evicted(&silent).await && !is_evicted(&used).await && !is_evicted(&busy).await);

        newer.state.begin_request();
        let newest = place(&connections).await.unwrap();
        assert!(is_evicted(&used).await, "then the one that has been silent the longest");
        newest.state.begin_request();
        assert!(place(&connections).await.is_none(), "all are at work");

        end_request(&busy);
        end_request(&newer);
        newer.state.begin_linger();
        let next = place(&connections).await.unwrap();
        assert!(is_evicted(&busy).await, "it is idle by now");
        next.state.begin_request();
        tokio::time::sleep(SILENCE).await;
        assert!(place(&connections).await.is_some());
        assert!(is_evicted(&newer).await, "no other one is left");
        drop((used, silent, busy, newer, newest, next));
        timeout(Duration::from_secs(1), connections.closed()).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn silent_flood_does_not_evict_active_client() {
        let connections = Connections::new(2);
        let speaks = place(&connections).await.unwrap();
        speaks.speaks();
        let mut flood = Vec::new();
        for _ in 0..10 {
            flood.push(place(&connections).await.unwrap());
        }
        assert!(!is_evicted(&speaks).await);
        for silent in &flood[..9] {
            assert!(is_evicted(silent).await);
        }
        tokio::time::sleep(EVICTION_GRACE).await;
        let _newest = [place(&connections).await.unwrap(), place(&connections).await.unwrap()];
        assert!(is_evicted(&speaks).await, "its grace is over");
    }

    #[tokio::test(start_paused = true)]
    async fn closing_connections_count_too() {
        let connections = Connections::new(1);
        let mut places = Vec::new();
        for _ in 0..=CLOSING_CONNECTIONS {
            places.push(place(&connections).await.unwrap());
        }
        assert_eq!(connections.used(), CLOSING_CONNECTIONS + 1);
        assert!(place(&connections).await.is_none());
        let waiting = tokio::spawn({
            let connections = Arc::clone(&connections);
            async move { place(&connections).await }
        });
        tokio::time::sleep(CLOSING_WAIT / 2).await;
        places.pop();
        assert!(waiting.await.unwrap().is_some(), "it waits for a place");
    }
}
