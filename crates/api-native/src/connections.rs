//! `connections`: the wishes for tunnels, and what became of them.

mod authentication;
mod lookup;
mod making;
mod shape;
mod translations;

use adit_api::paging::Place;
use adit_control::connection::ConnectionView;
use adit_model::ConnectionId;
use adit_model::desired::TunnelAct;
use axum::Json as Answer;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, Json, etag};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;
pub(crate) use lookup::RULES;
pub(crate) use lookup::find;
use lookup::in_body;
use making::NewConnectionShape;
use shape::{ChangeShape, ConnectionShape, KeyShape, MadeShape};

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
        .routes(routes!(key))
        .routes(routes!(restart))
        .routes(routes!(rekey))
}

/// Where it stands in lists.
pub(crate) fn place(view: &ConnectionView) -> Place {
    Place::new(view.connection.created_at, view.connection.id.uuid())
}

/// Lists connections, oldest first.
#[utoipa::path(
    get, path = "/connections", tag = "connections", operation_id = "list_connections", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<ConnectionShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let views = cx.control().page_connections(&cx.caller, query).await?;
    Ok(Answer(
        wanted.page(views, place, |view| ConnectionShape::of(&view)),
    ))
}

/// Makes a connection, with what it needs where the body asks for it: all of it, or nothing.
///
/// Without `psk` a key is made up, and told in this one answer.
#[utoipa::path(
    post, path = "/connections", tag = "connections", operation_id = "create_connection",
    request_body = NewConnectionShape,
    responses(
        (status = 201, description = "It is made; its tunnel follows.", body = MadeShape),
        (status = 409, description = "A quota is used up, or something of the kind is there.", body = Problem),
        (status = 422, description = "Its parts don't go together, or something it names is not there.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewConnectionShape>,
) -> Result<impl IntoResponse, Problem> {
    let (view, psk) = new.make(&cx).await?;
    let headers = etag(view.connection.revision);
    let shape = MadeShape {
        connection: ConnectionShape::of(&view),
        psk,
    };
    let uncached = [(CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, uncached, Answer(shape)))
}

/// Shows a connection, and why it is as it is.
#[utoipa::path(
    get, path = "/connections/{id}", tag = "connections", operation_id = "show_connection",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = ConnectionShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let view = find(&cx, id).await?;
    let headers = etag(view.connection.revision);
    Ok((headers, Answer(ConnectionShape::of(&view))))
}

/// Changes a connection; what is left out stays. Its tunnel is negotiated again where it has to be.
#[utoipa::path(
    patch, path = "/connections/{id}", tag = "connections", operation_id = "update_connection",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    request_body = ChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = ConnectionShape),
        (status = 409, description = "Another one is in the way.", body = Problem),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        (status = 422, description = "Its parts would not go together.", body = Problem),
        refusals::Changed,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<ChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let expected = cx.if_match()?;
    let id = ConnectionId::from_uuid(id);
    let change = change.read()?;
    let view = cx
        .control()
        .update_connection(&cx.caller, RULES, id, expected, change)
        .await
        .map_err(in_body)?;
    let headers = etag(view.connection.revision);
    Ok((headers, Answer(ConnectionShape::of(&view))))
}

/// Deletes a connection. What was made along with it stays, for others may use it.
#[utoipa::path(
    delete, path = "/connections/{id}", tag = "connections", operation_id = "delete_connection",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let expected = cx.if_match()?;
    let id = ConnectionId::from_uuid(id);
    cx.control()
        .delete_connection(&cx.caller, id, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows a connection's pre-shared key, where the operator lets members read them back.
#[utoipa::path(
    get, path = "/connections/{id}/psk", tag = "connections", operation_id = "show_connection_psk",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The key.", body = KeyShape),
        (status = 403, description = "Readers don't see keys, and where the operator has it so nobody does.", body = Problem),
        refusals::Shown,
    ),
)]
async fn key(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let view = find(&cx, id).await?;
    cx.may_read_keys()?;
    let psk = view.connection.authentication.psk().ok_or_else(|| {
        let detail = "this connection has certificates, and no pre-shared key";
        Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
    })?;
    let shape = KeyShape::of(psk);
    Ok(([(CACHE_CONTROL, "no-store")], Answer(shape)))
}

async fn act(cx: Context, id: Uuid, act: TunnelAct) -> Result<impl IntoResponse, Problem> {
    let id = ConnectionId::from_uuid(id);
    let view = cx.control().act_on_connection(&cx.caller, id, act).await?;
    let headers = etag(view.connection.revision);
    Ok((
        StatusCode::ACCEPTED,
        headers,
        Answer(ConnectionShape::of(&view)),
    ))
}

/// Closes a connection's SAs and begins again. Packets wait or are dropped until the tunnel is up; nothing leaves in clear.
#[utoipa::path(
    post, path = "/connections/{id}/restart", tag = "connections", operation_id = "restart_connection",
    params(("id" = Uuid, Path)),
    responses(
        (status = 202, description = "It is being done.", body = ConnectionShape),
        (status = 409, description = "It is not wanted up.", body = Problem),
        (status = 503, description = "Its gateway is not at work.", body = Problem),
        refusals::Changed,
    ),
)]
async fn restart(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    act(cx, id, TunnelAct::Restart).await
}

/// Replaces the keys of a connection's IKE SA and Child SAs, while packets go on.
#[utoipa::path(
    post, path = "/connections/{id}/rekey", tag = "connections", operation_id = "rekey_connection",
    params(("id" = Uuid, Path)),
    responses(
        (status = 202, description = "It is being done.", body = ConnectionShape),
        (status = 409, description = "It is not wanted up.", body = Problem),
        (status = 503, description = "Its gateway is not at work.", body = Problem),
        refusals::Changed,
    ),
)]
async fn rekey(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    act(cx, id, TunnelAct::Rekey).await
}
