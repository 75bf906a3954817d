//! The operations port: health and metrics.
//!
//! It has a thread and a runtime of its own, so that a probe never waits for admission: a kubelet that restarts a
//! busy server for being slow makes an overload an outage.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::service::Service;
use hyper::{Method, Request, Response, StatusCode};

use super::Shared;
use super::accept::accept;
use super::connection::serve_operations;
use super::connections::Connections;
use super::health;
use super::http::{Answer, plain};
use super::metrics::CONTENT_TYPE as METRICS;

/// Serves `listener` until the program ends: what is shutting down still says so.
pub(crate) fn start(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("ops".to_owned()).spawn(move || {
        runtime.block_on(async move {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    let connections = Connections::new(shared.limits.ops_connections);
                    let metrics = Arc::clone(&shared.metrics);
                    accept(listener, connections, metrics, std::future::pending(), |stream, ticket| {
                        serve_operations(Arc::clone(&shared), stream, ticket)
                    })
                    .await;
                }
                Err(error) => tracing::error!(%error, "the operations port cannot be served"),
            }
        });
    })?;
    Ok(())
}

/// The service of one connection.
pub(crate) struct Operations(pub(crate) Arc<Shared>);

impl Service<Request<Incoming>> for Operations {
    type Response = Answer;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Answer, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        std::future::ready(Ok(self.answer(request.method(), request.uri().path())))
    }
}

impl Operations {
    fn answer(&self, method: &Method, path: &str) -> Answer {
        let answer: fn(&Shared) -> Answer = match path {
            // Whoever gets this answer has met a program that runs: there is nothing more to look at.
            "/livez" => |_| plain(StatusCode::OK, "ok"),
            "/readyz" => ready,
            "/metrics" => metrics,
            _ => return plain(StatusCode::NOT_FOUND, "not found: there are /livez, /readyz and /metrics"),
        };
        if method != Method::GET && method != Method::HEAD {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "method not allowed: GET");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        answer(&self.0)
    }
}

fn ready(shared: &Shared) -> Answer {
    let missing = health::missing(shared);
    if missing.is_empty() {
        plain(StatusCode::OK, "ok")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {}", missing.join(", ")))
    }
}

fn metrics(shared: &Shared) -> Answer {
    let Ok(text) = shared.metrics.encode() else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written out");
    };
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS));
    answer
}
