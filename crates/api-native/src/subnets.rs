//! `subnets`: blocks of addresses on a router, each with a network of its own.

use std::net::IpAddr;

use adit_api::paging::Place;
use adit_control::subnet::{self, Block, NewSubnet, Pools, Rules, SubnetView};
use adit_control::{Allowance, Naming, Noun, OnDelete, Only, Query};
use adit_model::{Cidr, Name, RouterId, Subnet, SubnetId};
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
use crate::refusals;
use crate::state::Native;

/// Its network goes with it, and the router's interface; what is on it is in the way.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Cascade,
};

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, delete))
}

/// What a subnet is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSubnetShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// The router that it is on.
    router: Uuid,
    /// Its addresses.
    #[schema(value_type = String, example = "10.1.0.0/24")]
    cidr: Cidr,
}

/// A subnet that is on a router.
#[derive(Serialize, ToSchema)]
struct SubnetShape {
    id: Uuid,
    name: String,
    description: String,
    /// The router that it is on.
    router: Uuid,
    #[schema(value_type = String)]
    cidr: Cidr,
    /// The router's address, to which machines send what is for elsewhere.
    #[schema(value_type = Option<String>)]
    gateway_address: Option<IpAddr>,
    /// How many addresses are left.
    available_addresses: u64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

fn shape(view: &SubnetView) -> SubnetShape {
    let row = &view.subnet;
    SubnetShape {
        id: row.id.uuid(),
        name: row.name.to_string(),
        description: row.description.clone(),
        router: view.router.id.uuid(),
        cidr: row.cidr,
        gateway_address: row.gateway,
        available_addresses: view.available,
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

/// A new subnet on a router, as all of this face are.
pub(crate) fn new(called: Name, router: RouterId, cidr: Cidr) -> NewSubnet {
    NewSubnet {
        name: called,
        description: String::new(),
        place: subnet::Place::Router(router),
        block: Block::Exact(cidr),
        gateway: None,
        pools: Pools::Most,
        enable_dhcp: false,
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
        ipv6_address_mode: None,
        ipv6_ra_mode: None,
        zone: String::new(),
        resource_group: None,
    }
}

/// Lists subnets that are on routers, oldest first.
#[utoipa::path(
    get, path = "/subnets", tag = "subnets", operation_id = "list_subnets", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<SubnetShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = Query {
        only: Some(Only::OnRouters),
        ..wanted.query(&cx.caller)?
    };
    let rows = cx.control().page_subnets(&cx.caller, query).await?;
    let place = |row: &Subnet| Place::new(row.created_at, row.id.uuid());
    let page = wanted.page(rows, place, |row| row);
    let views = cx.control().subnet_views(page.items).await?;
    Ok(Answer(Page {
        items: views.iter().map(shape).collect(),
        next: page.next,
    }))
}

/// Makes a subnet on a router, with a network of its own.
#[utoipa::path(
    post, path = "/subnets", tag = "subnets", operation_id = "create_subnet", request_body = NewSubnetShape,
    responses(
        (status = 201, description = "It is made.", body = SubnetShape),
        (status = 409, description = "A quota is used up, or another is in the way.", body = Problem),
        (status = 422, description = "Something that it names is not there.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(wanted): Json<NewSubnetShape>,
) -> Result<impl IntoResponse, Problem> {
    let router = RouterId::from_uuid(wanted.router);
    let new = NewSubnet {
        description: wanted.description,
        ..new(name("name", &wanted.name)?, router, wanted.cidr)
    };
    let made = cx.control().create_subnet(&cx.caller, RULES, new).await;
    let made = made.map_err(|error| Problem::naming(Noun::Subnet, error))?;
    let view = cx.control().subnet_view(&cx.caller, made.id).await?;
    let headers = etag(view.subnet.revision);
    Ok((StatusCode::CREATED, headers, Answer(shape(&view))))
}

/// Shows a subnet.
#[utoipa::path(
    get, path = "/subnets/{id}", tag = "subnets", operation_id = "show_subnet", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = SubnetShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = SubnetId::from_uuid(id);
    let view = cx.control().subnet_view(&cx.caller, id).await?;
    Ok((etag(view.subnet.revision), Answer(shape(&view))))
}

/// Deletes a subnet that nothing needs, with its network and the router's interface.
#[utoipa::path(
    delete, path = "/subnets/{id}", tag = "subnets", operation_id = "delete_subnet",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "Machines, gateways or connections need it.", body = Problem),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (SubnetId::from_uuid(id), cx.if_match()?);
    cx.control()
        .delete_subnet(&cx.caller, RULES, id, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
