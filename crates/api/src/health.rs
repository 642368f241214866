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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use adit_control::fake::FakeAgent;
    use adit_control::{Config, ExternalPool, SystemClock};
    use adit_crypto::SystemRandom;
    use adit_store::MemoryStore;
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn the_operator_is_answered_without_a_token() {
        let external = ExternalPool {
            cidr: "203.0.113.0/24".parse().unwrap(),
            reserved: Vec::new(),
        };
        let (control, _) = Control::new(
            Arc::new(MemoryStore::default()),
            Arc::new(FakeAgent::default()),
            Arc::new(SystemClock),
            Box::new(SystemRandom),
            Config::new(external, [1; 32]),
        );
        for (path, text) in [
            ("/healthz", "ok"),
            ("/readyz", "ready"),
            ("/metrics", "adit_connections 0"),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = router(control.clone()).oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.lines().any(|line| line == text), "{path}: {body}");
        }
    }
}
