//! `subnets`: blocks of addresses, on a router or on a network that is on none yet.

mod shape;

use adit_api::paging::Place;
use adit_control::router_interface::InterfaceOf;
use adit_control::subnet::{self, Block, NewSubnet, Pools, Rules};
use adit_control::{Allowance, Caller, Control, Error, Naming, Noun, OnDelete};
use adit_model::{Cidr, Name, RouterId, Subnet, SubnetId};
use axum::Json as Answer;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, IfMatch, Json, etag};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;
pub(crate) use shape::RouteShape;
use shape::{NewSubnetShape, SubnetChangeShape, SubnetShape};

/// Of one on a router its network goes with it, and the router's interface; what is on it is in the way.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Cascade,
};

/// One that is on no router leaves its network there.
const ALONE: Rules = Rules {
    on_delete: OnDelete::Restrict,
    ..RULES
};

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// A new subnet on a router, which says nothing more.
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

/// Lists subnets, oldest first: the project's own, and those of shared networks.
#[utoipa::path(
    get, path = "/subnets", tag = "subnets", operation_id = "list_subnets", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<SubnetShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let rows = cx.control().page_subnets(&cx.caller, query).await?;
    let place = |row: &Subnet| Place::new(row.created_at, row.id.uuid());
    let page = wanted.page(rows, place, |row| row);
    let places = cx.control().subnet_places(page.items).await?;
    Ok(Answer(Page {
        items: places.iter().map(SubnetShape::of).collect(),
        next: page.next,
    }))
}

/// Makes a subnet on a router, with a network of its own, or on a network.
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
    let made = cx
        .control()
        .create_subnet(&cx.caller, RULES, wanted.read()?);
    let made = made.await.map_err(in_body)?;
    let place = cx.control().subnet_place(&cx.caller, made.id).await?;
    let headers = etag(place.subnet.revision);
    Ok((
        StatusCode::CREATED,
        headers,
        Answer(SubnetShape::of(&place)),
    ))
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
    let place = cx.control().subnet_place(&cx.caller, id).await?;
    Ok((etag(place.subnet.revision), Answer(SubnetShape::of(&place))))
}

/// Changes a subnet; what is left out stays. With `router` it is put on that one, or, by `null`, on none.
#[utoipa::path(
    patch, path = "/subnets/{id}", tag = "subnets", operation_id = "update_subnet",
    params(("id" = Uuid, Path), IfMatch), request_body = SubnetChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = SubnetShape),
        (status = 409, description = "Something needs it as it is.", body = Problem),
        (status = 422, description = "Something that it names is not there.", body = Problem),
        refusals::Changed,
        refusals::Conditional,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<SubnetChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let id = SubnetId::from_uuid(id);
    let (change, router) = change.read(cx.if_match()?)?;
    let together = cx.control().together().await?;
    let control = together.control();
    let caller = &cx.caller;
    control.update_subnet(caller, RULES, id, change).await?;
    if let Some(router) = router {
        move_to(control, caller, id, router).await?;
    }
    together.commit().await?;
    let place = cx.control().subnet_place(caller, id).await?;
    Ok((etag(place.subnet.revision), Answer(SubnetShape::of(&place))))
}

/// Puts a subnet on a router, or on none.
async fn move_to(
    control: &Control,
    caller: &Caller,
    id: SubnetId,
    router: Option<RouterId>,
) -> Result<(), Problem> {
    let of = InterfaceOf::Subnet(id);
    let known = control.subnet_place(caller, id).await?.routers;
    if known.len() > 1 {
        let detail = "the subnet is on several routers, and which of them goes can't be said here";
        return Err(Problem::new(StatusCode::CONFLICT, "conflict", detail).of("router"));
    }
    let known = known.first().copied();
    if known == router {
        return Ok(());
    }
    if let Some(known) = known {
        control.remove_router_interface(caller, known, of).await?;
    }
    if let Some(router) = router {
        let added = control.add_router_interface(caller, router, of).await;
        added.map_err(in_body)?;
    }
    Ok(())
}

fn in_body(error: Error) -> Problem {
    Problem::naming(Noun::Subnet, error)
}

/// Deletes a subnet that nothing needs. Of one on a router its network and the router's interface go along.
#[utoipa::path(
    delete, path = "/subnets/{id}", tag = "subnets", operation_id = "delete_subnet",
    params(("id" = Uuid, Path), IfMatch),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "Machines, gateways or connections need it.", body = Problem),
        refusals::Deleted,
        refusals::Conditional,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (SubnetId::from_uuid(id), cx.if_match()?);
    let place = cx.control().subnet_place(&cx.caller, id).await?;
    let rules = if place.routers.is_empty() {
        ALONE
    } else {
        RULES
    };
    cx.control()
        .delete_subnet(&cx.caller, rules, id, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
