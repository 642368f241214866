//! `requests`: connections that somebody at the other end asks for, until both ends agree that they work.

mod shape;
mod sheet;
mod ticket;

use std::convert::Infallible;

use adit_api::origin;
use adit_api::paging::Place;
use adit_model::{ConnectionRequest, ConnectionRequestId};
use axum::Json as Answer;
use axum::extract::{FromRequestParts, Path};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, Json};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::state::Native;
use crate::{connections, gateways, refusals};
use shape::{MadeRequestShape, NewRequestShape, RequestShape, lasts};

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, delete))
        .routes(routes!(sheet))
        .routes(routes!(test))
        .routes(routes!(confirm))
        .routes(routes!(renew))
}

/// Under which address the service was asked.
struct Origin(String);

impl FromRequestParts<Native> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, native: &Native) -> Result<Self, Infallible> {
        let public = native.config.public_url.as_deref();
        Ok(Self(origin::of(public, &parts.headers, &parts.extensions)))
    }
}

/// Another link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RenewShape {
    /// How long it is good, in hours, up to 720.
    #[schema(default = 168)]
    secret_hours: Option<u32>,
}

const UNCACHED: [(HeaderName, &str); 1] = [(CACHE_CONTROL, "no-store")];

async fn find(cx: &Context, id: Uuid) -> Result<ConnectionRequest, Problem> {
    let id = ConnectionRequestId::from_uuid(id);
    Ok(cx.control().connection_request(&cx.caller, id).await?)
}

/// Lists requests, oldest first.
#[utoipa::path(
    get, path = "/requests", tag = "requests", operation_id = "list_requests", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<RequestShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let rows = cx
        .control()
        .page_connection_requests(&cx.caller, query)
        .await?;
    let place = |row: &ConnectionRequest| Place::new(row.created_at, row.id.uuid());
    Ok(Answer(
        wanted.page(rows, place, |row| RequestShape::of(&row)),
    ))
}

/// Asks for a connection: it is made at once, with a key that nobody knows yet, and a gateway where the subnets' router
/// has none. What the other end has to be told is on the request's sheet; the recipient gets the key by a link that is
/// told in this one answer.
#[utoipa::path(
    post, path = "/requests", tag = "requests", operation_id = "create_request", request_body = NewRequestShape,
    responses(
        (status = 201, description = "It is made.", body = MadeRequestShape),
        (status = 409, description = "A quota is used up, or something of the kind is there.", body = Problem),
        (status = 422, description = "Its parts don't go together.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    origin: Origin,
    Json(new): Json<NewRequestShape>,
) -> Result<impl IntoResponse, Problem> {
    let new = new.read()?;
    let rules = (connections::RULES, gateways::RULES);
    let made = cx
        .control()
        .create_connection_request(&cx.caller, rules, new)
        .await;
    // What of a connection's body stands within another is beside all others here.
    let (row, link) = made.map_err(|error| Problem::from(error).flattened())?;
    let shape = MadeRequestShape::of(&row, &link, &origin.0);
    Ok((StatusCode::CREATED, UNCACHED, Answer(shape)))
}

/// Shows a request.
#[utoipa::path(
    get, path = "/requests/{id}", tag = "requests", operation_id = "show_request", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = RequestShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    Ok(Answer(RequestShape::of(&find(&cx, id).await?)))
}

/// Deletes a request. Until it is closed that withdraws it: the connection goes too, and the gateway that was made along, if
/// nothing else uses it.
#[utoipa::path(
    delete, path = "/requests/{id}", tag = "requests", operation_id = "delete_request", params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "It is gone."),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let id = ConnectionRequestId::from_uuid(id);
    let gone = cx
        .control()
        .delete_connection_request(&cx.caller, gateways::RULES, id);
    gone.await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Writes the sheet that answers a request: gateways, subnets, policies, routes, progress, what came of the test, and the
/// configuration of strongSwan, Cisco IOS-XE and Junos. The key is not on it.
#[utoipa::path(
    get, path = "/requests/{id}/sheet", tag = "requests", operation_id = "show_request_sheet", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The sheet, as text.", body = String, content_type = "text/plain"),
        refusals::Shown,
    ),
)]
async fn sheet(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let row = find(&cx, id).await?;
    let text = sheet::write(&cx, &row).await?;
    Ok(([(CONTENT_TYPE, "text/plain; charset=utf-8")], text))
}

/// Tries whether packets come through, pair of blocks by pair: echo requests from an address of the router here, which
/// takes some seconds.
#[utoipa::path(
    post, path = "/requests/{id}/test", tag = "requests", operation_id = "test_request", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "What came of it is in the report.", body = RequestShape),
        (status = 409, description = "It is closed.", body = Problem),
        refusals::Changed,
    ),
)]
async fn test(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = ConnectionRequestId::from_uuid(id);
    let row = cx.control().test_connection_request(&cx.caller, id).await?;
    Ok(Answer(RequestShape::of(&row)))
}

/// Says that the connection works; the request is closed by it.
#[utoipa::path(
    post, path = "/requests/{id}/confirm", tag = "requests", operation_id = "confirm_request", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is closed.", body = RequestShape),
        (status = 409, description = "It was never tested, or is closed already.", body = Problem),
        refusals::Changed,
    ),
)]
async fn confirm(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = ConnectionRequestId::from_uuid(id);
    let row = cx
        .control()
        .confirm_connection_request(&cx.caller, id)
        .await?;
    Ok(Answer(RequestShape::of(&row)))
}

/// Makes another link to the key, told in this one answer; the one before opens nothing any more.
#[utoipa::path(
    post, path = "/requests/{id}/secret", tag = "requests", operation_id = "renew_request_secret", params(("id" = Uuid, Path)),
    request_body = RenewShape,
    responses(
        (status = 200, description = "The link.", body = MadeRequestShape),
        (status = 409, description = "It is closed.", body = Problem),
        refusals::Changed,
    ),
)]
async fn renew(
    cx: Context,
    Path(id): Path<Uuid>,
    origin: Origin,
    Json(wish): Json<RenewShape>,
) -> Result<impl IntoResponse, Problem> {
    let id = ConnectionRequestId::from_uuid(id);
    let lasts = lasts(wish.secret_hours);
    let (row, link) = cx.control().renew_secret(&cx.caller, id, lasts).await?;
    Ok((
        UNCACHED,
        Answer(MadeRequestShape::of(&row, &link, &origin.0)),
    ))
}
