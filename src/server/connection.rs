//! The life of one connection.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::sync::Arc;

use axum::Router;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::Shared;
use super::connections::Ticket;
use super::drain::Phase;
use super::http::Admission;
use super::linger::{self, Lingering};
use super::metrics::HandshakeFailure;

/// Room for a request's header, and the most that is read of a body at a time. hyper's own 400 KiB would let idle
/// connections hold more memory than all the work.
const BUFFER: usize = 64 << 10;

/// Serves one connection of the admission port.
pub(crate) async fn serve_admission(shared: Arc<Shared>, stream: TcpStream, ticket: Arc<Ticket>) {
    let handshake = timeout(shared.limits.handshake, async {
        // Readiness alone can be announced too early. An error is one that the handshake meets again.
        drop(stream.peek(&mut [0]).await);
        ticket.speaks();
        shared.served.acceptor().accept(stream).into_fallible().await
    });
    let stream = tokio::select! {
        shaken = handshake => match shaken {
            Ok(Ok(stream)) => stream,
            // Whoever scans ports, does not trust the certificate or has none that is trusted here, is no event for the
            // operator's log.
            Ok(Err((error, stream))) => {
                shared.metrics.handshake_failed(HandshakeFailure::from(&error));
                tracing::debug!(%error, "TLS handshake failed");
                tokio::select! {
                    () = linger::end(stream) => {}
                    () = ticket.told_to_close() => {}
                }
                return;
            }
            Err(_) => {
                shared.metrics.handshake_failed(HandshakeFailure::Timeout);
                tracing::debug!("TLS handshake timed out");
                return;
            }
        },
        () = ticket.told_to_close() => return,
    };
    ticket.speaks();
    let service = Admission { shared: Arc::clone(&shared), ticket: Arc::clone(&ticket) };
    let mut phase = shared.phase.subscribe();
    let fresh_until = Instant::now() + shared.limits.fresh;
    let stop = async {
        // An error would mean that the server is gone: then this ends as well.
        drop(phase.wait_for(|phase| *phase == Phase::Stopping).await);
        // A client that has a request to send on a new connection is not ready to hear anything else before.
        if !ticket.connection().is_used() {
            sleep_until(fresh_until).await;
        }
    };
    serve(&shared, stream, &ticket, service, stop).await;
}

/// Serves one connection of the operations port: plain HTTP, until the program ends.
pub(crate) async fn serve_operations(
    shared: Arc<Shared>,
    router: Router,
    stream: TcpStream,
    ticket: Arc<Ticket>,
) {
    let service = TowerToHyperService::new(router);
    serve(&shared, stream, &ticket, service, std::future::pending()).await;
}

async fn serve<S, I, B>(
    shared: &Shared,
    stream: I,
    ticket: &Ticket,
    service: S,
    stop: impl Future<Output = ()>,
) where
    I: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let stream = TokioIo::new(Lingering::new(stream, Arc::clone(ticket.connection()), shared.limits.write));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        // This restarts when a connection becomes idle, so it is the idle timeout as well.
        .header_read_timeout(shared.limits.header)
        .max_buf_size(BUFFER)
        .serve_connection(stream, service);
    let mut connection = std::pin::pin!(connection);
    let mut stop = std::pin::pin!(stop);
    let mut stopping = false;
    loop {
        tokio::select! {
            // In this order: a request that has arrived when the connection is told to close is read first, and answered.
            biased;
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(timeout = error.is_timeout(), parse = error.is_parse(), "connection ended early");
                }
                return;
            }
            () = &mut stop, if !stopping => {
                stopping = true;
                // An idle connection is closed now, one at work after its answer.
                ticket.connection().take_leave();
                connection.as_mut().graceful_shutdown();
            }
            () = ticket.told_to_close() => {
                // A request may have begun since this connection was chosen for being idle.
                if !ticket.connection().is_busy() {
                    return;
                }
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
