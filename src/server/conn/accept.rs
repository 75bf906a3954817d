//! The accept loop of a port.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};

use super::super::listen::BACKLOG;
use super::super::metrics::Shed;
use super::places::{Connections, Place, Placement};
use super::serve::Endpoint;

/// The first wait after a failed accept; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_millis(5);

/// The longest wait: by then a descriptor has usually become free.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Accepts connections until `stop`. Each runs in a task of its own, so no client can delay another. Connections that
/// the kernel has completed before `stop` are still served.
pub(crate) async fn accept(
    listener: TcpListener,
    connections: Arc<Connections>,
    endpoint: Endpoint,
    stop: impl Future<Output = ()>,
) {
    let endpoint = Arc::new(endpoint);
    let mut stop = std::pin::pin!(stop);
    let mut wait = FIRST_WAIT;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                wait = FIRST_WAIT;
                start(stream, &connections, &endpoint).await;
            }
            Err(error) if client_has_gone(&error) => {}
            Err(error) => {
                if wait < LONGEST_WAIT {
                    tracing::warn!(%error, "cannot accept a connection; retrying");
                }
                // Descriptors are what is usually missing, and an unused connection holds one.
                if connections.evict_a_silent_one() {
                    endpoint.shed(Shed::IdleConnection);
                }
                tokio::select! {
                    () = &mut stop => break,
                    () = tokio::time::sleep(wait) => wait = LONGEST_WAIT.min(wait * 2),
                }
            }
        }
    }
    for stream in backlog(listener) {
        start(stream, &connections, &endpoint).await;
    }
}

async fn start(stream: TcpStream, connections: &Arc<Connections>, endpoint: &Arc<Endpoint>) {
    let Some(place) = place(connections, endpoint).await else { return };
    // A small answer must not wait for the acknowledgement of the one before.
    drop(stream.set_nodelay(true));
    tokio::spawn(Arc::clone(endpoint).serve(stream, place));
}

/// A place for a new connection. Without one the connection is dropped, which costs less than any answer.
async fn place(connections: &Arc<Connections>, endpoint: &Endpoint) -> Option<Place> {
    match connections.place().await {
        Placement::Free(place) => Some(place),
        Placement::Evicted(place) => {
            endpoint.shed(Shed::IdleConnection);
            Some(place)
        }
        Placement::Refused => {
            endpoint.shed(Shed::Connection);
            None
        }
    }
}

/// Connections that the kernel has completed but the loop has not accepted. Closing the listener would reset them. The
/// backlog bounds their number, so clients that keep connecting cannot prolong this.
fn backlog(listener: TcpListener) -> impl Iterator<Item = TcpStream> {
    let listener = listener.into_std().ok();
    let next = move || {
        // The runtime may not know of them yet, so this asks the kernel.
        let (stream, _) = listener.as_ref()?.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        TcpStream::from_std(stream).ok()
    };
    std::iter::from_fn(next).take(BACKLOG as usize)
}

fn client_has_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn completed_connections_are_taken_at_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clients: Vec<_> = (0..3).map(|_| std::net::TcpStream::connect(address).unwrap()).collect();
        let taken: Vec<_> = backlog(listener).map(|stream| stream.peer_addr().unwrap()).collect();
        let clients: Vec<_> = clients.iter().map(|client| client.local_addr().unwrap()).collect();
        assert_eq!(taken, clients);
    }

    #[tokio::test]
    async fn new_connections_do_not_prolong_the_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connect = || std::net::TcpStream::connect(address).unwrap();
        drop(connect());
        let taken = backlog(listener).inspect(|_| drop(connect())).count();
        assert_eq!(taken, BACKLOG as usize);
    }
}
