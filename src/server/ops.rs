//! The operations port: health and metrics.
//!
//! It has a thread and a runtime of its own, so a probe never waits for admission: a kubelet that restarts a busy server
//! for being slow turns an overload into an outage.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use super::conn::{Connections, Endpoint, accept};
use super::health::Health;
use super::metrics::{CONTENT_TYPE as METRICS, Metrics};
use super::refusal::text;

/// What the routes need.
#[derive(Clone)]
pub(crate) struct OpsParts {
    pub(crate) health: Arc<Health>,
    pub(crate) metrics: Arc<Metrics>,
}

impl FromRef<OpsParts> for Arc<Health> {
    fn from_ref(parts: &OpsParts) -> Self {
        Arc::clone(&parts.health)
    }
}

impl FromRef<OpsParts> for Arc<Metrics> {
    fn from_ref(parts: &OpsParts) -> Self {
        Arc::clone(&parts.metrics)
    }
}

/// Serves `listener` until the program ends, so it still answers during shutdown.
pub(crate) fn start(
    listener: TcpListener,
    connections: Arc<Connections>,
    endpoint: Endpoint,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    thread::Builder::new().name("ops".to_owned()).spawn(move || {
        runtime.block_on(async move {
            match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => {
                    accept(listener, connections, endpoint, std::future::pending()).await;
                }
                Err(error) => tracing::error!(%error, "cannot serve the operations port"),
            }
        });
    })?;
    Ok(())
}

/// Three paths.
pub(crate) fn router(parts: OpsParts) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(async || text(StatusCode::NOT_FOUND, "not found: use /livez, /readyz or /metrics"))
        .method_not_allowed_fallback(async || {
            text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed: use GET")
        })
        .with_state(parts)
}

async fn live(State(health): State<Arc<Health>>) -> Response {
    match health.not_live() {
        None => text(StatusCode::OK, "ok"),
        Some(reason) => text(StatusCode::SERVICE_UNAVAILABLE, &format!("not live: {reason}")),
    }
}

async fn ready(State(health): State<Arc<Health>>) -> Response {
    let reasons = health.not_ready();
    if reasons.is_empty() {
        text(StatusCode::OK, "ok")
    } else {
        text(StatusCode::SERVICE_UNAVAILABLE, &format!("not ready: {}", reasons.join(", ")))
    }
}

async fn metrics(State(metrics): State<Arc<Metrics>>) -> Response {
    match metrics.encode() {
        Ok(text) => ([(CONTENT_TYPE, HeaderValue::from_static(METRICS))], text).into_response(),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be encoded"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::health::tests::silent_for;
    use super::*;

    #[tokio::test]
    async fn probes_fail_without_a_heartbeat() {
        let silent = Arc::new(silent_for(Duration::from_secs(16)));
        assert_eq!(live(State(Arc::clone(&silent))).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ready(State(silent)).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(live(State(Arc::new(silent_for(Duration::ZERO)))).await.status(), StatusCode::OK);
    }
}
