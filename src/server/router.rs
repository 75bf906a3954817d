//! The routes of the admission port.

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::response::Response;
use axum::routing::post;

use super::intake::{Gate, Intake};
use super::refusal::Refusal;
use super::review::Judge;
use crate::admission::Webhook;

/// What the routes need.
#[derive(Clone)]
pub(crate) struct AdmissionParts {
    pub(crate) gate: Arc<Gate>,
    pub(crate) judge: Arc<Judge>,
}

impl FromRef<AdmissionParts> for Arc<Gate> {
    fn from_ref(parts: &AdmissionParts) -> Self {
        Arc::clone(&parts.gate)
    }
}

impl FromRef<AdmissionParts> for Arc<Judge> {
    fn from_ref(parts: &AdmissionParts) -> Self {
        Arc::clone(&parts.judge)
    }
}

/// Two paths. The checks of a request are [`Intake`], what is answered is [`Judge`].
pub(crate) fn router(parts: AdmissionParts) -> Router {
    Router::new()
        .route("/mutate", post(mutate))
        .route("/validate", post(validate))
        .fallback(async || Refusal::NotFound)
        // axum adds the header `Allow`.
        .method_not_allowed_fallback(async || Refusal::NotPost)
        .with_state(parts)
}

async fn mutate(State(judge): State<Arc<Judge>>, intake: Intake) -> Result<Response, Refusal> {
    judge.answer(Webhook::Mutate, intake).await
}

async fn validate(State(judge): State<Arc<Judge>>, intake: Intake) -> Result<Response, Refusal> {
    judge.answer(Webhook::Validate, intake).await
}
