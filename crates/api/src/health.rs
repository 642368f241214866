//! `/healthz` (the process answers) and `/readyz` (so does the store), for whoever asks; and
//! `/metrics`, which name every project's things: for the operator alone, at an address of their
//! own or by a token.

use adit_control::Control;
use axum::Router;
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use subtle::ConstantTimeEq as _;
use tracing::error;
use zeroize::Zeroizing;

use crate::metrics::{self, Addition, Requests};

/// `/healthz` and `/readyz`.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .with_state(control)
}

/// `/metrics`, with what faces add, for who shows the token, or, where the address is the operator's
/// alone, without one.
pub fn metrics(
    control: Control,
    requests: Requests,
    additions: &'static [Addition],
    token: Option<Zeroizing<String>>,
) -> Router {
    let token = token.map(std::sync::Arc::new);
    let handler = async move |State(control): State<Control>, headers: HeaderMap| {
        if token.is_some_and(|token| !shows(&headers, &token)) {
            return StatusCode::UNAUTHORIZED.into_response();
        }
        render(&control, &requests, additions).await
    };
    Router::new()
        .route("/metrics", get(handler))
        .with_state(control)
}

/// Whether a request shows the bearer token.
fn shows(headers: &HeaderMap, token: &str) -> bool {
    let given = headers
        .get(AUTHORIZATION)
        .map(axum::http::HeaderValue::as_bytes);
    let given = given.and_then(|text| text.strip_prefix(b"Bearer "));
    given.is_some_and(|given| given.ct_eq(token.as_bytes()).into())
}

async fn ready(State(control): State<Control>) -> Response {
    match control.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(error) => unavailable(&error),
    }
}

async fn render(control: &Control, requests: &Requests, additions: &[Addition]) -> Response {
    match control.snapshot().await {
        Ok(snapshot) => {
            let headers = [(CONTENT_TYPE, metrics::CONTENT_TYPE)];
            (headers, metrics::render(&snapshot, requests, additions)).into_response()
        }
        Err(error) => unavailable(&error),
    }
}

fn unavailable(error: &adit_control::Error) -> Response {
    error!(
        error = error as &dyn std::error::Error,
        "the store can't be read, or can't be written"
    );
    let text = "the store can't be read, or can't be written; the log says why\n";
    (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use tower::ServiceExt as _;

    use super::*;

    fn control() -> Control {
        adit_api_testing::World::default().control
    }

    #[tokio::test]
    async fn the_operator_is_answered_without_a_token_at_an_address_of_its_own() {
        let control = control();
        let app = router(control.clone()).merge(metrics(control, Requests::default(), &[], None));
        for (path, text) in [
            ("/healthz", "ok"),
            ("/readyz", "ready"),
            ("/metrics", "adit_connections 0"),
        ] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.lines().any(|line| line == text), "{path}: {body}");
        }
    }

    #[tokio::test]
    async fn at_everybody_s_address_metrics_are_for_who_shows_the_token() {
        let control = control();
        let ask = async |app: Router, given: Option<&str>| {
            let mut request = Request::get("/metrics");
            if let Some(given) = given {
                request = request.header(AUTHORIZATION, given);
            }
            let request = request.body(Body::empty()).unwrap();
            app.oneshot(request).await.unwrap().status()
        };
        let without = router(control.clone());
        assert_eq!(ask(without, None).await, StatusCode::NOT_FOUND);
        let token = Zeroizing::new("a token of metrics".to_owned());
        let app = metrics(control, Requests::default(), &[], Some(token));
        for (given, status) in [
            (None, StatusCode::UNAUTHORIZED),
            (Some("Bearer "), StatusCode::UNAUTHORIZED),
            (Some("Bearer another one"), StatusCode::UNAUTHORIZED),
            (Some("a token of metrics"), StatusCode::UNAUTHORIZED),
            (Some("Bearer a token of metrics"), StatusCode::OK),
        ] {
            assert_eq!(ask(app.clone(), given).await, status, "{given:?}");
        }
    }
}
