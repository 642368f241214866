//! What every answer says besides its body.

use adit_api::{answer, request_id};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::context::Place;
use crate::error::ApiError;
use crate::state::Neutron;

/// A middleware: the request's id as OpenStack's clients look for it, and where to log in.
pub(crate) async fn layer(
    State(neutron): State<Neutron>,
    request: Request,
    next: Next,
) -> Response {
    let id = request_id::of(request.extensions());
    let (parts, body) = request.into_parts();
    let place = Place::of(&parts, &neutron);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    if answer::is_undecodable(&response) {
        response = ApiError::NotFound.into_response();
    }
    answer::as_openstack(&mut response, &id, &place.identity);
    response
}
