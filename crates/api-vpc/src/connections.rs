//! `/vpn_gateways/{id}/connections`. Bodies are taken flat, as they were, and with `local` and
//! `peer` objects, as they are, whatever the version; answers follow the version.

mod body;
mod ends;
mod identity;
mod shown;

use adit_api::paging::Place;
use adit_api::times;
use adit_control::connection::{ConnectionView, DeadPeerRule, Overlaps, Rules};
use adit_control::{Allowance, Naming, Noun};
use adit_model::Connection;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::{Context, etag};
use crate::error::ApiError;
use crate::fields::Fields;
use crate::page::{page, page_of, part, show};
use crate::state::Vpc;
use crate::{ids, vpn_gateways};
pub(crate) use ends::cidr;

/// What IBM wants otherwise than others.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    overlaps: Overlaps::Refused,
    dead_peer: DeadPeerRule::Bounded,
};

pub(crate) fn routes() -> Router<Vpc> {
    let path = "/vpn_gateways/{gateway}/connections";
    let connection = get(one).patch(update).delete(delete);
    Router::new()
        .route(path, get(list).post(create))
        .route(&format!("{path}/{{connection}}"), connection)
        .route(&format!("{path}/{{connection}}/log"), get(log))
}

async fn create(
    cx: Context,
    Path(gateway): Path<String>,
    body: Fields,
) -> Result<Response, ApiError> {
    let gateway = vpn_gateways::parse(&gateway)?;
    // A missing gateway is told before anything that is wrong with the body.
    let control = &cx.vpc.control;
    let own = control.gateway(&cx.caller, gateway).await?.gateway;
    let new = body::new_connection(&cx, &own, &body)?;
    let made = control.create_connection(&cx.caller, RULES, new).await;
    let view = made.map_err(|error| body::named(&body, error))?;
    Ok((StatusCode::CREATED, tagged(&cx, &view)).into_response())
}

async fn list(cx: Context, Path(gateway): Path<String>) -> Result<Json<Value>, ApiError> {
    let (control, gateway) = (&cx.vpc.control, vpn_gateways::parse(&gateway)?);
    let path = format!("vpn_gateways/{}/connections", cx.zonal(gateway.uuid()));
    let Some(status) = cx.query("status") else {
        let found = control.part_of_connections(&cx.caller, gateway, part(&cx)?);
        let page = page_of(&cx, found.await?, place, |_| true)?;
        let rendered = page.items.iter().map(|view| shown::render(&cx, view));
        return show(&cx, &path, "connections", &page, rendered.collect());
    };
    if !matches!(status, "up" | "down") {
        let message = "The `status` query parameter must be up or down.";
        return Err(ApiError::bad("invalid_value", message).parameter("status"));
    }
    // What no row says is seen only by looking at all of them.
    let all = control.connections_of_gateway(&cx.caller, gateway);
    let mut views = all.await?;
    views.retain(|view| shown::status(view) == status);
    list_page(&cx, &path, views)
}

fn place(view: &ConnectionView) -> Place {
    let connection = &view.connection;
    Place::new(connection.created_at, connection.id.uuid())
}

/// A page of connections; policies list theirs too.
pub(crate) fn list_page(
    cx: &Context,
    path: &str,
    views: Vec<ConnectionView>,
) -> Result<Json<Value>, ApiError> {
    page(cx, path, "connections", views, place, |view| {
        shown::render(cx, view)
    })
}

async fn one(
    cx: Context,
    Path((gateway, id)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let view = find(&cx, &gateway, &id).await?;
    Ok(tagged(&cx, &view))
}

/// What happened to its tunnel, as IBM's VPN logs have it: each line names the peer and the connection.
async fn log(
    cx: Context,
    Path((gateway, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let row = find(&cx, &gateway, &id).await?.connection;
    let lines = cx.vpc.control.connection_log(&cx.caller, row.id).await?;
    let of = format!("peer_{}_{}", row.peer_address, cx.zonal(row.id.uuid()));
    let lines = lines.into_iter().map(|line| {
        let message = format!("{of}: {}", line.text);
        json!({"created_at": times::microseconds(line.at), "message": message})
    });
    Ok(Json(json!({"log": lines.collect::<Vec<_>>()})))
}

async fn update(
    cx: Context,
    Path((gateway, id)): Path<(String, String)>,
    body: Fields,
) -> Result<Response, ApiError> {
    let seen = find(&cx, &gateway, &id).await?;
    let expected = cx.if_match()?;
    let change = body::change(&cx, &seen, &body)?;
    let seen = seen.connection;
    let control = &cx.vpc.control;
    let view = control
        .update_connection(&cx.caller, RULES, seen.id, expected, change)
        .await;
    let view = view.map_err(|error| body::named(&body, error))?;
    Ok(tagged(&cx, &view))
}

async fn delete(
    cx: Context,
    Path((gateway, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let seen = find(&cx, &gateway, &id).await?.connection;
    let expected = cx.if_match()?;
    let control = &cx.vpc.control;
    control
        .delete_connection(&cx.caller, seen.id, expected)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// The connection of the gateway; a missing gateway is told first.
pub(crate) async fn find(
    cx: &Context,
    gateway: &str,
    id: &str,
) -> Result<ConnectionView, ApiError> {
    let gateway = vpn_gateways::parse(gateway)?;
    let control = &cx.vpc.control;
    control.gateway(&cx.caller, gateway).await?;
    let missing = || ApiError::not_found(Noun::Connection, id);
    let connection = ids::parse(id).ok_or_else(missing)?;
    let view = control.connection(&cx.caller, connection).await?;
    match view.connection.gateway == gateway {
        true => Ok(view),
        false => Err(missing()),
    }
}

/// Connections as policies name them.
pub(crate) fn references(cx: &Context, views: &[ConnectionView]) -> Vec<Value> {
    let rows = views.iter().map(|view| &view.connection);
    rows.map(|row| reference(cx, row)).collect()
}

/// A connection as something else names it.
pub(crate) fn reference(cx: &Context, connection: &Connection) -> Value {
    let id = cx.zonal(connection.id.uuid());
    let gateway = cx.zonal(connection.gateway.uuid());
    json!({
        "id": id,
        "href": cx.href(&format!("vpn_gateways/{gateway}/connections/{id}")),
        "name": connection.name.as_str(),
        "resource_type": "vpn_gateway_connection",
    })
}

fn tagged(cx: &Context, view: &ConnectionView) -> Response {
    (
        etag(view.connection.revision),
        Json(shown::render(cx, view)),
    )
        .into_response()
}
