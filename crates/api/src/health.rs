//! `/healthz` (the process answers), `/readyz` (so does the store) and `/metrics`. Without a
//! token: they are the operator's, and hold names and counters alone.

use adit_control::Control;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tracing::error;

use crate::metrics;

/// The three routes.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(render))
        .with_state(control)
}

async fn ready(State(control): State<Control>) -> Response {
    match control.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => unavailable(&error),
    }
}

async fn render(State(control): State<Control>) -> Response {
    match control.snapshot().await {
        Ok(snapshot) => {
            let headers = [(CONTENT_TYPE, metrics::CONTENT_TYPE)];
            (headers, metrics::render(&snapshot)).into_response()
        }
        Err(error) => unavailable(&error),
    }
}

fn unavailable(error: &adit_control::Error) -> Response {
    error!(
        error = error as &dyn std::error::Error,
        "the store can't answer"
    );
    (StatusCode::SERVICE_UNAVAILABLE, "the store can't answer\n").into_response()
}
