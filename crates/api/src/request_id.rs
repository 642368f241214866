//! Every request has an id: the client's `X-Request-Id` if it is sane, else a fresh one. It goes
//! into the log, into errors, and back to the client.

use std::borrow::Cow;
use std::time::Duration;

use adit_control::origin;
use adit_model::change::Origin;
use axum::Router;
use axum::extract::Request;
use axum::http::{Extensions, HeaderName, HeaderValue};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use tower::util::MapRequestLayer;
use tower_http::request_id::{
    MakeRequestUuid, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};
use tower_http::trace::TraceLayer;
use tracing::{Span, info, info_span};
use uuid::Uuid;

use crate::client::ClientAddress;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, 1 to 64 of `-0-9a-zA-Z_`; a fresh one where nobody gave it any.
#[must_use]
pub fn of(extensions: &Extensions) -> String {
    let id = extensions.get::<RequestId>();
    let id = id.and_then(|id| id.header_value().to_str().ok());
    id.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

fn is_sane(id: &HeaderValue) -> bool {
    let sane = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_".contains(octet);
    (1..=64).contains(&id.len()) && id.as_bytes().iter().all(sane)
}

fn without_insane_id(mut request: Request) -> Request {
    let headers = request.headers_mut();
    if headers.get(HEADER).is_some_and(|id| !is_sane(id)) {
        headers.remove(HEADER);
    }
    request
}

/// The longest path that is logged whole, in octets: anybody may send one of 60 kB.
const LOGGED: usize = 200;

/// The path, or its beginning and how long it is.
fn shortened(path: &str) -> Cow<'_, str> {
    match path.char_indices().find(|(at, _)| *at >= LOGGED) {
        None => path.into(),
        Some((at, _)) => {
            let begin = path.get(..at).unwrap_or_default();
            format!("{begin}... ({} octets)", path.len()).into()
        }
    }
}

fn span(request: &Request) -> Span {
    info_span!(
        "request",
        id = of(request.extensions()),
        method = %request.method(),
        path = %shortened(request.uri().path()),
    )
}

fn log(response: &Response, _: Duration, _: &Span) {
    info!(status = response.status().as_u16(), "answered");
}

/// Has the change log know which request changes what.
async fn noted(request: Request, next: Next) -> Response {
    let origin = Origin {
        address: ClientAddress::of(request.extensions()),
        request: Some(of(request.extensions())),
    };
    origin::from(origin, next.run(request)).await
}

/// Gives each request its id, outermost. Logs each by its path alone: queries and bodies may hold
/// secrets.
pub fn around(app: Router) -> Router {
    let trace = TraceLayer::new_for_http()
        .make_span_with(span)
        .on_request(())
        .on_response(log)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(());
    // Innermost: what is changed from there on is the request's.
    let app = app.layer(from_fn(noted));
    app.layer((
        MapRequestLayer::new(without_insane_id),
        SetRequestIdLayer::new(HEADER, MakeRequestUuid),
        trace,
        PropagateRequestIdLayer::new(HEADER),
    ))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_client_s_id_comes_back_if_it_is_sane_and_else_a_fresh_one() {
        let app = Router::new().fallback(async |request: Request| {
            let id = of(request.extensions());
            (StatusCode::NOT_FOUND, id)
        });
        let app = around(app);
        let long = "a".repeat(65);
        for (given, is_kept) in [
            (Some("tempest-1_A"), true),
            (Some(&long[1..]), true),
            (Some(&long), false),
            (Some("a b"), false),
            (Some(""), false),
            (None, false),
        ] {
            let mut request = Request::get("/");
            if let Some(given) = given {
                request = request.header(HEADER, given);
            }
            let request = request.body(Body::empty()).unwrap();
            let response = app.clone().oneshot(request).await.unwrap();
            let id = response.headers()[HEADER].to_str().unwrap().to_owned();
            assert_eq!(given == Some(id.as_str()), is_kept, "{given:?}: {id}");
            assert!(is_kept || Uuid::parse_str(&id).is_ok(), "{id}");
            let body = axum::body::to_bytes(response.into_body(), 100).await;
            assert_eq!(body.unwrap(), id.as_bytes());
        }
    }

    #[test]
    fn a_long_path_is_not_logged_long() {
        assert_eq!(shortened("/v2.0/networks"), "/v2.0/networks");
        let long = format!("/{}", "é".repeat(30_000));
        let logged = shortened(&long);
        assert!(logged.len() < LOGGED + 40, "{logged}");
        assert!(logged.ends_with("... (60001 octets)"), "{logged}");
    }
}
