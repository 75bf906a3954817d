//! The operations port: health and metrics.
//!
//! It has a thread and a runtime of its own, so that a probe never waits for admission: a kubelet that restarts a
//! busy server for being slow makes an overload an outage.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use axum::body::Body as HttpBody;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{Router, get};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::Shared;
use super::accept::accept;
use super::connection::serve_operations;
use super::health;
use super::http::plain;
use super::metrics::{CONTENT_TYPE as METRICS, Port};

/// Serves `listener` until the program ends: what is shutting down still says so.
pub(crate) fn start(listener: TcpListener, shared: Arc<Shared>) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("ops".to_owned()).spawn(move || {
        runtime.block_on(async move {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    let connections = Arc::clone(&shared.ops_connections);
                    let metrics = Arc::clone(&shared.metrics);
                    let router = router(Arc::clone(&shared));
                    let serve = |stream, ticket| {
                        serve_operations(Arc::clone(&shared), router.clone(), stream, ticket)
                    };
                    let stop = std::future::pending();
                    accept(listener, connections, metrics, Port::Operations, stop, serve).await;
                }
                Err(error) => tracing::error!(%error, "the operations port cannot be served"),
            }
        });
    })?;
    Ok(())
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        // Whoever gets this answer has met a program that runs: there is nothing more to look at.
        .route("/livez", get(async || plain::<HttpBody>(StatusCode::OK, "ok")))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(async || {
            plain::<HttpBody>(StatusCode::NOT_FOUND, "not found: there are /livez, /readyz and /metrics")
        })
        .method_not_allowed_fallback(async || {
            plain::<HttpBody>(StatusCode::METHOD_NOT_ALLOWED, "method not allowed: GET")
        })
        .with_state(shared)
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let missing = health::missing(&shared);
    if missing.is_empty() {
        plain(StatusCode::OK, "ok")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {}", missing.join(", ")))
    }
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let Ok(text) = shared.metrics.encode() else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written out");
    };
    let mut answer = Response::new(HttpBody::from(text));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS));
    answer
}
