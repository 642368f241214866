//! `routers`: a tenant's routing domains, each a namespace on the host.

use std::net::IpAddr;

use adit_api::paging::Place;
use adit_control::router::{NewRouter, RouterChange, WishedExternal};
use adit_control::{Allowance, Naming};
use adit_model::router::ExternalGateway;
use adit_model::{Router, RouterId};
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
use crate::subnets::RouteShape;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// What a router is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRouterShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// Whether it forwards.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
    /// Whether it has a way outside by itself. Gateways in its subnets, floating IPs and public gateways need none.
    #[serde(default)]
    outside: bool,
}

/// What to change of a router; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RouterChangeShape {
    name: Option<String>,
    description: Option<String>,
    /// Whether it forwards.
    enabled: Option<bool>,
    /// Whether it has a way outside.
    outside: Option<bool>,
    /// Ways to blocks by neighbours on its subnets, all of them.
    routes: Option<Vec<RouteShape>>,
}

/// A router.
#[derive(Serialize, ToSchema)]
struct RouterShape {
    id: Uuid,
    name: String,
    description: String,
    /// Whether it forwards.
    enabled: bool,
    /// Whether it has a way outside.
    outside: bool,
    /// Its addresses there.
    #[schema(value_type = Vec<String>)]
    outside_addresses: Vec<IpAddr>,
    /// Whether IPv4 that leaves that way gets the router's address as its source.
    translates_sources: bool,
    /// Ways to blocks by neighbours on its subnets.
    routes: Vec<RouteShape>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

fn shape(row: &Router) -> RouterShape {
    let external = row.external.as_ref();
    RouterShape {
        id: row.id.uuid(),
        name: row.name.to_string(),
        description: row.description.clone(),
        enabled: row.admin_state_up,
        outside: external.is_some(),
        outside_addresses: external
            .map(|external| external.addresses.all().collect())
            .unwrap_or_default(),
        translates_sources: external.is_some_and(|external| external.enable_snat),
        routes: row.routes.iter().copied().map(Into::into).collect(),
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

/// Lists routers, oldest first.
#[utoipa::path(
    get, path = "/routers", tag = "routers", operation_id = "list_routers", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<RouterShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let rows = cx.control().page_routers(&cx.caller, query).await?;
    let place = |row: &Router| Place::new(row.created_at, row.id.uuid());
    Ok(Answer(wanted.page(rows, place, |row| shape(&row))))
}

/// Makes a router. Subnets and gateways are made on it.
#[utoipa::path(
    post, path = "/routers", tag = "routers", operation_id = "create_router", request_body = NewRouterShape,
    responses(
        (status = 201, description = "It is made.", body = RouterShape),
        (status = 409, description = "A quota is used up, or another is in the way.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewRouterShape>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewRouter {
        name: name("name", &new.name)?,
        naming: Naming::Free,
        allowance: Allowance::OfProject,
        description: new.description,
        admin_state_up: new.enabled,
        external: new.outside.then(|| way(&cx)).transpose()?,
        resource_group: None,
    };
    let made = cx.control().create_router(&cx.caller, new).await?;
    Ok((
        StatusCode::CREATED,
        etag(made.revision),
        Answer(shape(&made)),
    ))
}

/// Shows a router.
#[utoipa::path(
    get, path = "/routers/{id}", tag = "routers", operation_id = "show_router", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = RouterShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = RouterId::from_uuid(id);
    let row = cx.control().router(&cx.caller, id).await?;
    Ok((etag(row.revision), Answer(shape(&row))))
}

/// A way outside as the service gives it.
fn way(cx: &Context) -> Result<WishedExternal, Problem> {
    Ok(WishedExternal::by(cx.control().external_network()?))
}

/// Changes a router; what is left out stays.
#[utoipa::path(
    patch, path = "/routers/{id}", tag = "routers", operation_id = "update_router",
    params(("id" = Uuid, Path), IfMatch), request_body = RouterChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = RouterShape),
        (status = 409, description = "Something needs it as it is.", body = Problem),
        refusals::Changed,
        refusals::Conditional,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<RouterChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let id = RouterId::from_uuid(id);
    let called = change.name.map(|text| name("name", &text));
    let called = called.transpose()?;
    let routes = change.routes;
    let routes = routes.map(|routes| routes.into_iter().map(Into::into).collect());
    let known = cx.control().router(&cx.caller, id).await?.external;
    // One that is there by its own wish stays as it is; one for what needs it is wished for from now on.
    let is_own = |known: ExternalGateway| !known.on_demand;
    let external = match change.outside {
        Some(true) if !known.is_some_and(is_own) => Some(Some(way(&cx)?)),
        Some(false) => Some(None),
        Some(true) | None => None,
    };
    let change = RouterChange {
        expected: cx.if_match()?,
        name: called.map(|called| (called, Naming::Free)),
        description: change.description,
        admin_state_up: change.enabled,
        external,
        routes,
    };
    let row = cx.control().update_router(&cx.caller, id, change).await?;
    Ok((etag(row.revision), Answer(shape(&row))))
}

/// Deletes a router that nothing is on.
#[utoipa::path(
    delete, path = "/routers/{id}", tag = "routers", operation_id = "delete_router",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "Subnets or gateways are on it.", body = Problem),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (RouterId::from_uuid(id), cx.if_match()?);
    cx.control().delete_router(&cx.caller, id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}
