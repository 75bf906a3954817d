//! The accept loop, shared by both listeners.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::connections::{Admission, Connections, Ticket};
use super::metrics::{Metrics, Port, Shed};

/// The first wait after a failed accept; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// The longest: by then a descriptor has usually become free.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Accepts until `stop`, and hands each connection to a task of its own at once: whatever a client does or leaves
/// undone, it never keeps another one waiting. At `stop`, what the kernel has accepted by then is still taken.
pub(crate) async fn accept<Serve, Served>(
    listener: TcpListener,
    connections: Arc<Connections>,
    metrics: Arc<Metrics>,
    port: Port,
    stop: impl Future<Output = ()>,
    serve: Serve,
) where
    Serve: Fn(TcpStream, Arc<Ticket>) -> Served,
    Served: Future<Output = ()> + Send + 'static,
{
    let mut stop = std::pin::pin!(stop);
    let mut wait = FIRST_WAIT;
    let take = async |stream: TcpStream| {
        if let Some(ticket) = place(&connections, &metrics, port).await {
            // A small answer must not wait for the acknowledgement of the one before.
            drop(stream.set_nodelay(true));
            tokio::spawn(serve(stream, Arc::new(ticket)));
        }
    };
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                wait = FIRST_WAIT;
                take(stream).await;
            }
            // The client has gone before it was accepted: nobody's trouble.
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                if wait < LONGEST_WAIT {
                    tracing::warn!(%error, "no connection can be accepted; trying again");
                }
                // Mostly it is descriptors that are missing: one that nobody uses is worth more as a free one.
                if connections.give_up_a_silent_one() {
                    metrics.shed(port, Shed::IdleConnection);
                }
                tokio::select! {
                    () = &mut stop => break,
                    () = tokio::time::sleep(wait) => wait = LONGEST_WAIT.min(wait * 2),
                }
            }
        }
    }
    for stream in waiting(listener) {
        take(stream).await;
    }
}

/// What has connected and was not accepted yet, which a closed listener would reset. The runtime need not have heard of
/// it: the kernel is asked.
fn waiting(listener: TcpListener) -> impl Iterator<Item = TcpStream> {
    let listener = listener.into_std().ok();
    let next = move || {
        let (stream, _) = listener.as_ref()?.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    };
    std::iter::from_fn(next)
}

/// A place for a new connection. Without one it is dropped, which closes it: cheaper than any answer.
async fn place(connections: &Arc<Connections>, metrics: &Metrics, port: Port) -> Option<Ticket> {
    match connections.admit().await {
        Admission::Free(ticket) => Some(ticket),
        Admission::InPlaceOfAnother(ticket) => {
            metrics.shed(port, Shed::IdleConnection);
            Some(ticket)
        }
        Admission::Refused => {
            metrics.shed(port, Shed::Connection);
            None
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_has_connected_by_the_end_is_not_forgotten() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let taken: Vec<_> = waiting(listener).map(|stream| stream.peer_addr().unwrap()).collect();
        let clients: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
        assert_eq!(taken, clients);
    }
}
