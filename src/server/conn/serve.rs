//! Serves one connection: TLS where the port has it, then HTTP/1.1.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tower::Service as _;

use super::super::limits::Limits;
use super::super::metrics::{HandshakeFailure, Metrics, Port, Shed};
use super::super::phase::Phase;
use super::super::refusal::{Refusal, Refusals};
use super::super::tls::Served;
use super::linger::{self, LingeringStream};
use super::places::Place;
use super::state::{Activity, ConnectionState, Reason};

/// Room for a request's header, and the most that is read of a body at once. With hyper's default of 400 KiB, idle
/// connections could hold more memory than all the work.
const READ_BUFFER: usize = 64 << 10;

/// How long a client that has begun a handshake or a request may take to complete it, or the request's header, after the server
/// has stopped. Without this bound, one byte of a header holds the shutdown for as long as [`Limits::header`] and [`Limits::finish`]
/// allow.
const LAST_HEADER_TIME: Duration = Duration::from_secs(2);

/// One of the two ports: what all its connections share.
pub(crate) struct Endpoint {
    pub(crate) port: Port,
    pub(crate) router: Router,
    /// `None`: plain HTTP.
    pub(crate) tls: Option<Arc<Served>>,
    /// By it, connections learn that the server shuts down.
    pub(crate) phase: watch::Sender<Phase>,
    pub(crate) limits: Limits,
    /// `None`: nothing is refused on this port.
    pub(crate) refusals: Option<Refusals>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Endpoint {
    pub(super) fn shed(&self, shed: Shed) {
        self.metrics.shed(self.port, shed);
    }

    /// Serves one connection until it is closed.
    pub(super) async fn serve(self: Arc<Self>, stream: TcpStream, place: Place) {
        match &self.tls {
            None => self.serve_http(stream, &place).await,
            Some(served) => {
                if let Some(stream) = self.handshake(served, stream, &place).await {
                    self.serve_http(stream, &place).await;
                }
            }
        }
    }

    async fn handshake(
        &self,
        served: &Served,
        stream: TcpStream,
        place: &Place,
    ) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
        // Pinned here, so that the connection is closed when this function ends: a client that sees its end finds it counted.
        let handshake = pin!(timeout(self.limits.handshake, async {
            // Readiness alone can be announced too early. The handshake meets an error again.
            drop(stream.peek(&mut [0]).await);
            place.speaks();
            served.acceptor().accept(stream).into_fallible().await
        }));
        let finished = tokio::select! {
            finished = handshake => finished,
            () = place.state().evicted() => return None,
            () = self.stopping_for(LAST_HEADER_TIME) => return None,
        };
        // Port scans and untrusted certificates are not worth a log line at info.
        match finished {
            Ok(Ok(stream)) => {
                place.speaks();
                Some(stream)
            }
            Ok(Err((error, stream))) => {
                self.metrics.handshake_failed(HandshakeFailure::from(&error));
                tracing::debug!(%error, "TLS handshake failed");
                tokio::select! {
                    () = linger::end(stream) => {}
                    () = place.state().evicted() => {}
                }
                None
            }
            Err(_) => {
                self.metrics.handshake_failed(HandshakeFailure::Timeout);
                tracing::debug!("TLS handshake timed out");
                None
            }
        }
    }

    async fn serve_http<S: AsyncRead + AsyncWrite + Unpin>(self: &Arc<Self>, stream: S, place: &Place) {
        let state = place.state();
        let fresh_until = Instant::now() + self.limits.fresh;
        let stream = LingeringStream::new(stream, Arc::clone(state), self.limits.write);
        let service = ConnectionService { endpoint: Arc::clone(self), state: Arc::clone(state) };
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // This restarts when a connection becomes idle, so it is the idle timeout as well.
            .header_read_timeout(self.limits.header)
            .max_buf_size(READ_BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        let mut stop = pin!(self.stop(state, fresh_until));
        let mut leaving = Leaving::No;
        let reason = loop {
            tokio::select! {
                // In this order: a request that has arrived is read and answered before the connection is closed.
                biased;
                ended = &mut connection => {
                    if let Err(error) = ended {
                        if let Some(refusals) = self.refusals.as_ref().filter(|_| error.is_parse()) {
                            refusals.count_malformed();
                        }
                        tracing::debug!(timeout = error.is_timeout(), parse = error.is_parse(), "connection ended early");
                    }
                    return;
                }
                () = &mut stop, if leaving == Leaving::No => {
                    // hyper closes an idle connection now, and one at work after its answer.
                    state.take_leave(Reason::Shutdown);
                    Pin::new(&mut connection).graceful_shutdown();
                    leaving = Leaving::AfterHeader { until: Instant::now() + LAST_HEADER_TIME };
                }
                () = leaving.header_time() => match state.activity() {
                    Activity::Fresh | Activity::Idle => break Reason::Shutdown,
                    Activity::AtWork | Activity::Writing | Activity::Lingering => leaving = Leaving::AfterAnswer,
                },
                () = state.evicted() => match state.activity() {
                    Activity::Fresh | Activity::Idle => break Reason::Eviction,
                    Activity::Lingering => return,
                    // A request has begun since this connection was chosen. It gets its answer.
                    Activity::AtWork | Activity::Writing => Pin::new(&mut connection).graceful_shutdown(),
                },
            }
        };
        state.take_leave(reason);
        let mut stream = connection.into_parts().io.into_inner();
        drop(stream.shutdown().await);
    }

    /// Waits until the server stops.
    async fn stopping(&self) {
        let mut phase = self.phase.subscribe();
        // An error would mean that the server is gone: then this ends as well.
        drop(phase.wait_for(|phase| *phase == Phase::Stopping).await);
    }

    async fn stopping_for(&self, time: Duration) {
        self.stopping().await;
        sleep(time).await;
    }

    /// Waits until the server stops. A client opens a connection because it has a request to send, and is not ready to
    /// read anything before it has sent it, so a connection that is not used yet gets until `fresh_until`.
    async fn stop(&self, state: &ConnectionState, fresh_until: Instant) {
        self.stopping().await;
        if !state.is_used() {
            sleep_until(fresh_until).await;
        }
    }
}

/// Whether a connection is to be closed because the server stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    No,
    /// A header that may be on its way has until then.
    AfterHeader {
        until: Instant,
    },
    /// A request is being finished; then hyper closes the connection.
    AfterAnswer,
}

impl Leaving {
    /// Waits until the time for a header is over.
    async fn header_time(self) {
        match self {
            Leaving::AfterHeader { until } => sleep_until(until).await,
            Leaving::No | Leaving::AfterAnswer => std::future::pending().await,
        }
    }
}

/// The requests of one connection: handed to the port's router, and the connection's state kept up to date.
struct ConnectionService {
    endpoint: Arc<Endpoint>,
    state: Arc<ConnectionState>,
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        self.state.begin_request();
        // A router is always ready.
        let answer = self.endpoint.router.clone().call(request.map(Body::new));
        let (endpoint, state) = (Arc::clone(&self.endpoint), Arc::clone(&self.state));
        Box::pin(async move {
            let mut answer = answer.await?;
            let refusal = answer.extensions_mut().remove::<Refusal>();
            if *endpoint.phase.borrow() != Phase::Serving {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            endpoint.metrics.responded(endpoint.port, answer.status().as_u16());
            if let Some((refusals, refusal)) = endpoint.refusals.as_ref().zip(refusal) {
                refusals.count(refusal);
            }
            state.end_request(refusal.is_none_or(Refusal::has_read_body));
            Ok(answer)
        })
    }
}
