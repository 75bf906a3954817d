//! Shutdown: first the server says that it leaves, then it finishes what runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::conn::Connections;
use super::metrics::Usage as _;
use super::phase::Phase;
use super::room::Pool;

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Every request in flight was answered.
    Finished,
    /// Something was cut off, or the server could not accept any more.
    CutOff,
}

/// Everything that has to be over before a server ends.
pub(crate) struct Work {
    /// The accept loop, which ends when the server stops.
    pub(crate) accepting: JoinHandle<()>,
    pub(crate) connections: Arc<Connections>,
    /// A review can outlive its connection: its client has gone, its record still has to be written.
    pub(crate) in_flight: Arc<Pool>,
}

impl Work {
    /// Waits until all of it is over, including the connections that were accepted last.
    async fn over(&mut self) {
        if !self.accepting.is_finished() {
            // An error would be a panic: then it is over as well.
            drop((&mut self.accepting).await);
        }
        self.connections.closed().await;
        self.in_flight.unused().await;
    }
}

/// Takes a server through its phases. The first message of `shutdown` begins the shutdown, the second cuts it short; a
/// closed channel counts as nothing. The end of the accept loop begins it as well: a server that accepts nothing has to be
/// restarted.
pub(crate) async fn drain(
    phase: &watch::Sender<Phase>,
    mut work: Work,
    delay: Duration,
    finish: Duration,
    shutdown: &mut mpsc::Receiver<()>,
) -> Ended {
    let accepts = tokio::select! {
        () = next(shutdown) => {
            tracing::info!(?delay, "shutting down: not ready any more, still answering");
            true
        }
        _ = &mut work.accepting => {
            tracing::error!("shutting down: the accept loop has ended");
            false
        }
    };
    phase.send_replace(Phase::Draining);
    let orderly = async {
        tokio::time::sleep(delay).await;
        phase.send_replace(Phase::Stopping);
        // Idle connections are closed now, requests in flight are finished.
        tokio::time::timeout(finish, work.over()).await
    };
    let finished = tokio::select! {
        finished = orderly => {
            if finished.is_err() {
                let (connections, reviews) = (work.connections.used(), work.in_flight.used());
                tracing::warn!(connections, reviews, "not all requests were finished in time");
            }
            finished.is_ok()
        }
        () = next(shutdown) => {
            phase.send_replace(Phase::Stopping);
            tracing::warn!("second signal: stopping at once");
            // Idle connections close within this time; requests in flight do not.
            tokio::time::timeout(Duration::from_millis(50), work.over()).await.is_ok()
        }
    };
    if finished && accepts { Ended::Finished } else { Ended::CutOff }
}

async fn next(shutdown: &mut mpsc::Receiver<()>) {
    if shutdown.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::conn::{Place, Placement};
    use super::*;

    const DELAY: Duration = Duration::from_secs(5);
    const FINISH: Duration = Duration::from_secs(20);

    struct DrainCase {
        phase: watch::Sender<Phase>,
        connections: Arc<Connections>,
        in_flight: Arc<Pool>,
        signals: mpsc::Sender<()>,
        run: tokio::task::JoinHandle<(Ended, Duration)>,
    }

    fn start() -> DrainCase {
        start_with(std::future::pending())
    }

    fn start_with(accepting: impl Future<Output = ()> + Send + 'static) -> DrainCase {
        let phase = watch::Sender::new(Phase::Serving);
        let connections = Connections::new(10);
        let in_flight = Arc::new(Pool::new(10));
        let (signals, mut shutdown) = mpsc::channel(2);
        let run = tokio::spawn({
            let (phase, connections, in_flight) =
                (phase.clone(), Arc::clone(&connections), Arc::clone(&in_flight));
            async move {
                let begun = Instant::now();
                // As the accept loop does, this ends when the server stops.
                let mut stopping = phase.subscribe();
                let accepting = tokio::spawn(async move {
                    tokio::select! {
                        () = accepting => {}
                        _ = stopping.wait_for(|phase| *phase == Phase::Stopping) => {}
                    }
                });
                let work = Work { accepting, connections, in_flight };
                let ended = drain(&phase, work, DELAY, FINISH, &mut shutdown).await;
                (ended, begun.elapsed())
            }
        });
        DrainCase { phase, connections, in_flight, signals, run }
    }

    async fn connect(case: &DrainCase) -> Place {
        match case.connections.place().await {
            Placement::Free(place) => place,
            _ => panic!("no place"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_drains_before_it_stops() {
        let case = start();
        let work = connect(&case).await;
        case.signals.send(()).await.unwrap();
        tokio::time::sleep(DELAY / 2).await;
        assert_eq!(*case.phase.borrow(), Phase::Draining);
        tokio::time::sleep(DELAY).await;
        assert_eq!(*case.phase.borrow(), Phase::Stopping);
        assert!(!case.run.is_finished());
        drop(work);
        assert_eq!(case.run.await.unwrap().0, Ended::Finished);
    }

    #[tokio::test(start_paused = true)]
    async fn reviews_without_a_client_are_finished() {
        for (takes, ends) in [(Duration::from_secs(1), Ended::Finished), (FINISH * 2, Ended::CutOff)] {
            let case = start();
            let review = case.in_flight.try_take().unwrap();
            case.signals.send(()).await.unwrap();
            tokio::time::sleep(DELAY + takes).await;
            drop(review);
            assert_eq!(case.run.await.unwrap(), (ends, DELAY + takes.min(FINISH)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_does_not_wait_forever() {
        let case = start();
        let _work = connect(&case).await;
        case.signals.send(()).await.unwrap();
        assert_eq!(case.run.await.unwrap(), (Ended::CutOff, DELAY + FINISH));
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_ends_it_at_once() {
        let case = start();
        let _work = connect(&case).await;
        case.signals.send(()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        case.signals.send(()).await.unwrap();
        let (ended, after) = case.run.await.unwrap();
        assert!(ended == Ended::CutOff && after < Duration::from_millis(100), "{after:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn end_of_accept_loop_ends_server() {
        let case = start_with(std::future::ready(()));
        tokio::time::sleep(DELAY / 2).await;
        assert_eq!(*case.phase.borrow(), Phase::Draining, "not ready");
        assert_eq!(case.run.await.unwrap(), (Ended::CutOff, DELAY));
    }
}
