//! `networks`: broadcast domains, on which subnets are.

use adit_api::paging::Place;
use adit_control::network::{NetworkChange, NetworkView, NewNetwork};
use adit_model::{Network, NetworkId};
use axum::Json as Answer;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, IfMatch, Json, etag, name, yes};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// What a network is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewNetworkShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// Whether it is carried.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
    /// The most octets of an IP packet on it: 68 to 9000.
    #[serde(default = "ethernet")]
    #[schema(default = 1500)]
    mtu: u32,
    /// Whether every project may use it; for administrators.
    #[serde(default)]
    shared: bool,
    /// Whether what is plugged in by other dialects is filtered unless they say otherwise.
    #[serde(default = "yes")]
    #[schema(default = true)]
    port_security: bool,
}

const fn ethernet() -> u32 {
    Network::MTU
}

/// What to change of a network; what is left out stays. Of the one that leads outside only name and description can be
/// changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NetworkChangeShape {
    name: Option<String>,
    description: Option<String>,
    /// Whether it is carried.
    enabled: Option<bool>,
    /// The most octets of an IP packet on it: 68 to 9000.
    mtu: Option<u32>,
    /// Whether every project may use it; for administrators.
    shared: Option<bool>,
    /// Whether what is plugged in by other dialects is filtered unless they say otherwise.
    port_security: Option<bool>,
}

/// A network.
#[derive(Serialize, ToSchema)]
struct NetworkShape {
    id: Uuid,
    name: String,
    description: String,
    /// Whose it is.
    project: Uuid,
    /// Whether it is carried.
    enabled: bool,
    /// The most octets of an IP packet on it.
    mtu: u32,
    /// Whether it leads outside: routers get gateways and floating IPs in it.
    external: bool,
    /// Whether every project may use it.
    shared: bool,
    /// Whether what is plugged in by other dialects is filtered unless they say otherwise.
    port_security: bool,
    /// Its subnets.
    subnets: Vec<Uuid>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

fn shape(view: &NetworkView) -> NetworkShape {
    let row = &view.network;
    NetworkShape {
        id: row.id.uuid(),
        name: row.name.to_string(),
        description: row.description.clone(),
        project: row.project.uuid(),
        enabled: row.admin_state_up,
        mtu: row.mtu,
        external: row.external,
        shared: row.shared,
        port_security: row.port_security,
        subnets: view.subnets.iter().map(|id| id.uuid()).collect(),
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

/// Lists networks, oldest first: the project's own, those that are shared, and the one that leads outside.
#[utoipa::path(
    get, path = "/networks", tag = "networks", operation_id = "list_networks", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<NetworkShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let views = cx.control().page_networks(&cx.caller, query).await?;
    let place = |view: &NetworkView| Place::new(view.network.created_at, view.network.id.uuid());
    Ok(Answer(wanted.page(views, place, |view| shape(&view))))
}

/// Makes a network. A subnet that is made on a router gets one by itself.
#[utoipa::path(
    post, path = "/networks", tag = "networks", operation_id = "create_network", request_body = NewNetworkShape,
    responses(
        (status = 201, description = "It is made.", body = NetworkShape),
        (status = 409, description = "The quota is used up.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewNetworkShape>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewNetwork {
        name: name("name", &new.name)?,
        description: new.description,
        admin_state_up: new.enabled,
        external: false,
        shared: new.shared,
        mtu: new.mtu,
        port_security: new.port_security,
    };
    let made = cx.control().create_network(&cx.caller, new).await?;
    let headers = etag(made.network.revision);
    Ok((StatusCode::CREATED, headers, Answer(shape(&made))))
}

/// Shows a network.
#[utoipa::path(
    get, path = "/networks/{id}", tag = "networks", operation_id = "show_network", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = NetworkShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = NetworkId::from_uuid(id);
    let view = cx.control().network(&cx.caller, id).await?;
    Ok((etag(view.network.revision), Answer(shape(&view))))
}

/// Changes a network; what is left out stays.
#[utoipa::path(
    patch, path = "/networks/{id}", tag = "networks", operation_id = "update_network",
    params(("id" = Uuid, Path), IfMatch), request_body = NetworkChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = NetworkShape),
        (status = 409, description = "Others are on it as it is.", body = Problem),
        refusals::Changed,
        refusals::Conditional,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<NetworkChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let called = change.name.map(|text| name("name", &text));
    let change = NetworkChange {
        expected: cx.if_match()?,
        name: called.transpose()?,
        description: change.description,
        admin_state_up: change.enabled,
        external: None,
        shared: change.shared,
        mtu: change.mtu,
        port_security: change.port_security,
    };
    let id = NetworkId::from_uuid(id);
    let view = cx.control().update_network(&cx.caller, id, change).await?;
    Ok((etag(view.network.revision), Answer(shape(&view))))
}

/// Deletes a network that nothing is on, with its subnets.
#[utoipa::path(
    delete, path = "/networks/{id}", tag = "networks", operation_id = "delete_network",
    params(("id" = Uuid, Path), IfMatch),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "Something is on it.", body = Problem),
        refusals::Deleted,
        refusals::Conditional,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (NetworkId::from_uuid(id), cx.if_match()?);
    cx.control()
        .delete_network(&cx.caller, id, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
