//! The end of a server's life: first it says that it is leaving, then it leaves.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::connections::Connections;
use super::limits::Budget;

/// Where in its life a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// At work.
    Serving,
    /// Not ready any more, still accepting; every answer asks the client to close. Keep-alive connections outlive
    /// the endpoint's removal, and only a client that leaves first never sees a request fail.
    Draining,
    /// Not accepting; what runs is finished.
    Stopping,
}

/// How a server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was in flight was answered.
    Finished,
    /// Something was cut off.
    CutOff,
}

/// Everything that is to be over before a server ends.
pub(crate) struct Work {
    /// The accept loop, which ends by itself when the server stops.
    pub(crate) accepting: JoinHandle<()>,
    pub(crate) connections: Arc<Connections>,
    /// A review can outlive its connection: its client is gone, its record is still to be written.
    pub(crate) in_flight: Arc<Budget>,
}

impl Work {
    /// Waits until all of it is over. What was accepted last counts too.
    async fn ended(&mut self) {
        if !self.accepting.is_finished() {
            // An error would be a panic of it: then it has ended as well.
            drop((&mut self.accepting).await);
        }
        self.connections.ended().await;
        self.in_flight.unused().await;
    }
}

/// Takes a server through its phases. The first message of `shutdown` begins the end, the second cuts it short; a
/// closed channel counts as nothing.
pub(crate) async fn drain(
    phase: &watch::Sender<Phase>,
    mut work: Work,
    delay: Duration,
    finish: Duration,
    shutdown: &mut mpsc::Receiver<()>,
) -> Ended {
    next(shutdown).await;
    tracing::info!(?delay, "shutting down: not ready any more, still answering");
    phase.send_replace(Phase::Draining);
    let orderly = async {
        tokio::time::sleep(delay).await;
        phase.send_replace(Phase::Stopping);
        // By now what is accepted is idle or in flight. Idle connections are closed, the rest is waited for.
        tokio::time::timeout(finish, work.ended()).await
    };
    let finished = tokio::select! {
        finished = orderly => {
            if finished.is_err() {
                let (connections, reviews) = (work.connections.alive(), work.in_flight.used());
                tracing::warn!(connections, reviews, "not all work was finished in time");
            }
            finished.is_ok()
        }
        () = next(shutdown) => {
            phase.send_replace(Phase::Stopping);
            tracing::warn!("told to stop a second time: stopping at once");
            // Idle connections end by themselves in the next moment; work does not.
            tokio::time::timeout(Duration::from_millis(50), work.ended()).await.is_ok()
        }
    };
    if finished { Ended::Finished } else { Ended::CutOff }
}

async fn next(shutdown: &mut mpsc::Receiver<()>) {
    if shutdown.recv().await.is_none() {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::connections::{Admission, Ticket};
    use super::*;

    const DELAY: Duration = Duration::from_secs(5);
    const FINISH: Duration = Duration::from_secs(20);

    struct Case {
        phase: watch::Sender<Phase>,
        connections: Arc<Connections>,
        in_flight: Arc<Budget>,
        signals: mpsc::Sender<()>,
        run: tokio::task::JoinHandle<(Ended, Duration)>,
    }

    fn start() -> Case {
        let phase = watch::Sender::new(Phase::Serving);
        let connections = Connections::new(10);
        let in_flight = Budget::new(10);
        let (signals, mut shutdown) = mpsc::channel(2);
        let run = tokio::spawn({
            let (phase, connections, in_flight) =
                (phase.clone(), Arc::clone(&connections), Arc::clone(&in_flight));
            async move {
                let begun = Instant::now();
                let accepting = tokio::spawn(std::future::ready(()));
                let work = Work { accepting, connections, in_flight };
                let ended = drain(&phase, work, DELAY, FINISH, &mut shutdown).await;
                (ended, begun.elapsed())
            }
        });
        Case { phase, connections, in_flight, signals, run }
    }

    async fn connect(case: &Case) -> Ticket {
        match case.connections.admit().await {
            Admission::Free(ticket) => ticket,
            _ => panic!("no place"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_says_so_first_and_stops_when_the_work_is_done() {
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
    async fn a_review_whose_client_is_gone_is_waited_for() {
        for (takes, ends) in [(Duration::from_secs(1), Ended::Finished), (FINISH * 2, Ended::CutOff)] {
            let case = start();
            let review = case.in_flight.one().unwrap();
            case.signals.send(()).await.unwrap();
            tokio::time::sleep(DELAY + takes).await;
            drop(review);
            assert_eq!(case.run.await.unwrap(), (ends, DELAY + takes.min(FINISH)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_does_not_wait_for_ever() {
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
}
