//! `gateways`: VPN endpoints with public addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use adit_api::paging::Place;
use adit_control::gateway::{GatewayChange, GatewayView, NewGateway, Place as Site, Rules};
use adit_control::{Allowance, Naming, Noun, OnDelete};
use adit_model::gateway::{GatewayMode, GatewayStatus};
use adit_model::{GatewayId, RouterId, SubnetId};
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

use crate::context::{Context, Json, etag, name};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::reasons::ReasonShape;
use crate::refusals;
use crate::state::Native;

/// Names may be given twice; what hangs on a gateway is in the way of its end.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Restrict,
};

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// What a gateway is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewGatewayShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// The subnet that it is made in, which is on a router: its connections are between blocks.
    subnet: Option<Uuid>,
    /// In place of a subnet, the router that it serves, which has a way outside: its connections are between endpoint
    /// groups.
    router: Option<Uuid>,
}

/// Where a gateway is made.
fn site(subnet: Option<Uuid>, router: Option<Uuid>) -> Result<Site, Problem> {
    match (subnet, router) {
        (Some(subnet), None) => Ok(Site::Subnet(SubnetId::from_uuid(subnet))),
        (None, Some(router)) => Ok(on_router(RouterId::from_uuid(router))),
        (None, None) => Err(Problem::invalid(
            "subnet",
            "a gateway needs the subnet that it is made in, or a router",
        )),
        (Some(_), Some(_)) => Err(Problem::invalid(
            "router",
            "a gateway is made in a subnet or on a router, not both",
        )),
    }
}

/// On a router, for connections between endpoint groups.
pub(crate) const fn on_router(id: RouterId) -> Site {
    Site::Router { id, subnet: None }
}

/// What to change of a gateway; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GatewayChangeShape {
    name: Option<String>,
    description: Option<String>,
    /// Whether its connections are wanted up.
    enabled: Option<bool>,
}

/// A gateway.
#[derive(Serialize, ToSchema)]
struct GatewayShape {
    id: Uuid,
    name: String,
    description: String,
    /// Whether its connections are wanted up.
    enabled: bool,
    /// Its public addresses; also what it calls itself in IKE.
    #[schema(value_type = Vec<String>)]
    addresses: Vec<IpAddr>,
    /// The router that it serves.
    router: Uuid,
    /// The subnet that its connections lead to, if they don't say themselves.
    subnet: Option<Uuid>,
    /// By what a packet's way into a tunnel is chosen: `policy`, by the blocks of connections, or `route`, by routes that
    /// lead to them, which another dialect makes; such connections have no blocks of their own.
    mode: &'static str,
    /// `available`, `pending` or `failed`.
    #[schema(value_type = String)]
    status: GatewayStatus,
    /// Why it is not available.
    reasons: Vec<ReasonShape>,
    /// What it dropped since its worker was started, by cause. Causes that never happened are left out.
    #[schema(example = json!({"no_sa": 3, "replayed": 1}))]
    drops: BTreeMap<String, u64>,
    /// IKE SAs whose peer has not shown who it is.
    half_open: u64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

fn shape(view: &GatewayView) -> GatewayShape {
    let row = &view.gateway;
    GatewayShape {
        id: row.id.uuid(),
        name: row.name.to_string(),
        description: row.description.clone(),
        enabled: row.admin_state_up,
        addresses: row.addresses.all().collect(),
        router: row.router.uuid(),
        subnet: row.subnet.map(|id| id.uuid()),
        mode: match row.mode() {
            GatewayMode::Policy => "policy",
            GatewayMode::Route => "route",
        },
        status: view.status,
        reasons: view.reasons.iter().map(ReasonShape::of).collect(),
        drops: view.drops.0.clone(),
        half_open: view.half_open,
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

/// Where it stands in lists.
pub(crate) fn place(view: &GatewayView) -> Place {
    Place::new(view.gateway.created_at, view.gateway.id.uuid())
}

/// Lists gateways, oldest first.
#[utoipa::path(
    get, path = "/gateways", tag = "gateways", operation_id = "list_gateways", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<GatewayShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let views = cx.control().page_gateways(&cx.caller, query).await?;
    Ok(Answer(wanted.page(views, place, |view| shape(&view))))
}

/// Makes a gateway in a subnet; it has its public addresses at once.
#[utoipa::path(
    post, path = "/gateways", tag = "gateways", operation_id = "create_gateway", request_body = NewGatewayShape,
    responses(
        (status = 201, description = "It is made.", body = GatewayShape),
        (status = 409, description = "A quota is used up, or no address is left.", body = Problem),
        (status = 422, description = "The subnet is not there.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewGatewayShape>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewGateway {
        name: name("name", &new.name)?,
        description: new.description,
        place: site(new.subnet, new.router)?,
        mode: GatewayMode::Policy,
        admin_state_up: true,
        resource_group: None,
    };
    let made = cx.control().create_gateway(&cx.caller, RULES, new).await;
    let view = made.map_err(|error| Problem::naming(Noun::Gateway, error))?;
    let headers = etag(view.gateway.revision);
    Ok((StatusCode::CREATED, headers, Answer(shape(&view))))
}

/// Changes a gateway; what is left out stays.
#[utoipa::path(
    patch, path = "/gateways/{id}", tag = "gateways", operation_id = "update_gateway",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    request_body = GatewayChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = GatewayShape),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Changed,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<GatewayChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let called = change.name.map(|text| name("name", &text));
    let change = GatewayChange {
        expected: cx.if_match()?,
        name: called.transpose()?,
        description: change.description,
        admin_state_up: change.enabled,
    };
    let id = GatewayId::from_uuid(id);
    let view = cx
        .control()
        .update_gateway(&cx.caller, RULES, id, change)
        .await?;
    Ok((etag(view.gateway.revision), Answer(shape(&view))))
}

/// Shows a gateway.
#[utoipa::path(
    get, path = "/gateways/{id}", tag = "gateways", operation_id = "show_gateway", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = GatewayShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = GatewayId::from_uuid(id);
    let view = cx.control().gateway(&cx.caller, id).await?;
    Ok((etag(view.gateway.revision), Answer(shape(&view))))
}

/// Deletes a gateway that has no connections.
#[utoipa::path(
    delete, path = "/gateways/{id}", tag = "gateways", operation_id = "delete_gateway",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "It has connections.", body = Problem),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (GatewayId::from_uuid(id), cx.if_match()?);
    cx.control()
        .delete_gateway(&cx.caller, RULES, id, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
