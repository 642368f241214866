//! What every answer says besides its body.

use adit_api::RequestId;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::Neutron;
use crate::context::Place;
use crate::error::ApiError;

fn is_json(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
}

/// A middleware: the request's id as OpenStack's clients look for it, and where to log in.
pub(crate) async fn layer(
    State(neutron): State<Neutron>,
    request: Request,
    next: Next,
) -> Response {
    let id = request.extensions().get::<RequestId>().cloned();
    let (parts, body) = request.into_parts();
    let place = Place::of(&parts, &neutron);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    // A path that can't be decoded leads nowhere; the library has other words for it.
    if response.status() == StatusCode::BAD_REQUEST && !is_json(&response) {
        response = ApiError::NotFound.into_response();
    }
    let unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if let Some(id) = id
        && let Ok(value) = HeaderValue::from_str(&format!("req-{}", id.as_str()))
    {
        headers.insert("x-openstack-request-id", value);
    }
    if unauthorized
        && let Ok(value) = HeaderValue::from_str(&format!("Keystone uri=\"{}\"", place.identity))
    {
        headers.insert(WWW_AUTHENTICATE, value);
    }
    response
}
