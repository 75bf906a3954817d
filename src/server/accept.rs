//! The accept loop, shared by both listeners.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::connections::{Admission, Connections, Ticket};
use super::metrics::{Metrics, Shed};

/// The first wait after a failed accept; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// The longest: by then a descriptor has usually become free.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Accepts until `stop`, and hands each connection to a task of its own at once: whatever a client does or leaves
/// undone, it never keeps another one waiting.
pub(crate) async fn accept<Serve, Served>(
    listener: TcpListener,
    connections: Arc<Connections>,
    metrics: Arc<Metrics>,
    stop: impl Future<Output = ()>,
    serve: Serve,
) where
    Serve: Fn(TcpStream, Arc<Ticket>) -> Served,
    Served: Future<Output = ()> + Send + 'static,
{
    let mut stop = std::pin::pin!(stop);
    let mut wait = FIRST_WAIT;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                wait = FIRST_WAIT;
                if let Some(ticket) = place(&connections, &metrics).await {
                    // A small answer must not wait for the acknowledgement of the one before.
                    drop(stream.set_nodelay(true));
                    tokio::spawn(serve(stream, Arc::new(ticket)));
                }
            }
            // The client has gone before it was accepted: nobody's trouble.
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                if wait < LONGEST_WAIT {
                    tracing::warn!(%error, "no connection can be accepted; trying again");
                }
                // Mostly it is descriptors that are missing: one that nobody uses is worth more as a free one.
                if connections.give_up_a_silent_one() {
                    metrics.shed(Shed::IdleConnection);
                }
                tokio::select! {
                    () = &mut stop => return,
                    () = tokio::time::sleep(wait) => wait = LONGEST_WAIT.min(wait * 2),
                }
            }
        }
    }
}

/// A place for a new connection. Without one it is dropped, which closes it: cheaper than any answer.
async fn place(connections: &Arc<Connections>, metrics: &Metrics) -> Option<Ticket> {
    match connections.admit().await {
        Admission::Free(ticket) => Some(ticket),
        Admission::InPlaceOfAnother(ticket) => {
            metrics.shed(Shed::IdleConnection);
            Some(ticket)
        }
        Admission::Refused => {
            metrics.shed(Shed::Connection);
            None
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
