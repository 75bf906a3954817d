//! Liveness and readiness.
//!
//! The operations port has a runtime of its own, so answering there says nothing about admission. A heartbeat does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::phase::Phase;
use super::tls::Served;

/// How often the admission runtime shows that it runs.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// Without a heartbeat for this long, the server is not ready.
const READY_SILENCE: Duration = Duration::from_secs(3);

/// Without a heartbeat for this long, it has to be restarted.
const LIVE_SILENCE: Duration = Duration::from_secs(15);

/// What the health of a server depends on.
pub(crate) struct Health {
    phase: watch::Receiver<Phase>,
    served: Arc<Served>,
    heartbeat: Heartbeat,
}

impl Health {
    pub(crate) fn new(phase: watch::Receiver<Phase>, served: Arc<Served>) -> Self {
        Health { phase, served, heartbeat: Heartbeat::new() }
    }

    /// Beats for as long as the runtime runs it.
    pub(crate) async fn beat(&self) {
        loop {
            self.heartbeat.beat();
            tokio::time::sleep(HEARTBEAT_INTERVAL).await;
        }
    }

    /// Why the server has to be restarted, if it has.
    pub(crate) fn not_live(&self) -> Option<&'static str> {
        (self.heartbeat.silence() > LIVE_SILENCE).then_some("the admission runtime has not run for 15s")
    }

    /// Why no requests should be sent here.
    pub(crate) fn not_ready(&self) -> Vec<&'static str> {
        let mut reasons = Vec::new();
        if *self.phase.borrow() != Phase::Serving {
            reasons.push("shutting down");
        }
        if self.heartbeat.silence() > READY_SILENCE {
            reasons.push("the admission runtime has not run for 3s");
        }
        // By the wall clock, each time: a timer would stop while the machine is suspended.
        match self.served.not_after() {
            None => reasons.push("no certificate"),
            Some(not_after) if not_after <= Timestamp::now() => reasons.push("certificate expired"),
            Some(_) => {}
        }
        reasons
    }
}

/// When something last ran.
struct Heartbeat {
    begun: Instant,
    /// Milliseconds after `begun`.
    last: AtomicU64,
}

impl Heartbeat {
    fn new() -> Self {
        Heartbeat { begun: Instant::now(), last: AtomicU64::new(0) }
    }

    fn beat(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    /// The time since the last beat.
    fn silence(&self) -> Duration {
        self.begun.elapsed().saturating_sub(Duration::from_millis(self.last.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::tls;
    use super::*;

    /// The health of a server whose last heartbeat was this long ago.
    pub(crate) fn silent_for(silence: Duration) -> Health {
        let served = Arc::new(Served::new(tls::provider()).unwrap());
        let mut health = Health::new(watch::Sender::new(Phase::Serving).subscribe(), served);
        health.heartbeat.begun -= silence;
        health
    }

    #[test]
    fn a_stuck_admission_runtime_is_noticed() {
        let not_running = "the admission runtime has not run for 3s";
        for (silence, live, running) in
            [(0, true, true), (2, true, true), (4, true, false), (16, false, false)]
        {
            let health = silent_for(Duration::from_secs(silence));
            assert_eq!(health.not_live().is_none(), live, "{silence}");
            assert_eq!(!health.not_ready().contains(&not_running), running, "{silence}");
            health.heartbeat.beat();
            assert!(health.not_live().is_none() && !health.not_ready().contains(&not_running), "{silence}");
        }
    }

    #[test]
    fn a_blocked_worker_stops_the_heartbeat() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let health = Arc::new(silent_for(Duration::ZERO));
        let beating = Arc::clone(&health);
        runtime.spawn(async move { beating.beat().await });
        runtime.spawn(async { std::thread::sleep(Duration::from_secs(5)) });
        std::thread::sleep(READY_SILENCE + Duration::from_millis(500));
        assert!(health.not_ready().contains(&"the admission runtime has not run for 3s"));
        runtime.shutdown_background();
    }
}
