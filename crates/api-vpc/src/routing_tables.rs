//! `/vpcs/{id}/routing_tables`: each VPC's default one, and no other, with its routes (`routes.rs`). What leads to the
//! VPC's subnets, and into the tunnels of connections in policy mode, is there by itself. It is a part of its VPC, and
//! can't be changed but by its routes.

use adit_api::paging::Place;
use adit_api::times;
use adit_model::{Route, Router as Row};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiError;
use crate::ids::{self, Part};
use crate::page::page;
use crate::references;
use crate::state::Vpc;

pub(crate) fn routes() -> Router<Vpc> {
    let path = "/vpcs/{vpc}/routing_tables";
    Router::new()
        .route(path, get(list))
        .route(&format!("{path}/{{table}}"), get(one))
        .route("/subnets/{subnet}/routing_table", get(of_subnet))
        .route("/vpcs/{vpc}/default_routing_table", get(of_vpc))
}

/// The VPC that a path names.
pub(crate) async fn vpc(cx: &Context, vpc: &str) -> Result<Row, ApiError> {
    let control = &cx.vpc.control;
    Ok(control.router(&cx.caller, references::vpc_id(vpc)?).await?)
}

async fn list(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = vpc(&cx, &id).await?;
    let all = match cx.query("is_default") {
        None | Some("true") => vec![render(&cx, &row).await?],
        Some("false") => Vec::new(),
        Some(_) => {
            let message = "The `is_default` query parameter must be true or false.";
            return Err(ApiError::bad("invalid_value", message).parameter("is_default"));
        }
    };
    let path = format!("vpcs/{}/routing_tables", cx.regional(row.id.uuid()));
    let place = |_: &Value| Place::new(row.created_at, row.id.uuid());
    page(&cx, &path, "routing_tables", all, place, Value::clone)
}

async fn one(
    cx: Context,
    Path((id, table)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let row = find(&cx, &id, &table).await?;
    Ok(Json(render(&cx, &row).await?))
}

async fn of_vpc(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = vpc(&cx, &id).await?;
    Ok(Json(render(&cx, &row).await?))
}

async fn of_subnet(cx: Context, Path(subnet): Path<String>) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let view = control.subnet_view(&cx.caller, references::subnet_id(&subnet)?);
    let row = view.await?.router;
    Ok(Json(render(&cx, &row).await?))
}

/// The VPC, if the table is its own.
pub(crate) async fn find(cx: &Context, id: &str, table: &str) -> Result<Row, ApiError> {
    let row = vpc(cx, id).await?;
    if ids::parse(table) == Some(Part::RoutingTable.of(row.id.uuid())) {
        return Ok(row);
    }
    let message = format!("The routing table `{table}` could not be found.");
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "routing_table_not_found",
        message,
    ))
}

/// The path of a VPC's table.
pub(crate) fn path(cx: &Context, row: &Row) -> String {
    let vpc = cx.regional(row.id.uuid());
    let table = cx.regional(Part::RoutingTable.of(row.id.uuid()));
    format!("vpcs/{vpc}/routing_tables/{table}")
}

/// A route as its table names it.
pub(crate) fn reference(cx: &Context, row: &Row, route: &Route) -> Value {
    let id = cx.regional(route.id.uuid());
    json!({
        "id": id,
        "href": cx.href(&format!("{}/routes/{id}", path(cx, row))),
        "name": route.name.as_str(),
    })
}

async fn render(cx: &Context, row: &Row) -> Result<Value, ApiError> {
    let subnets = cx.vpc.control.subnets_of_router(&cx.caller, row.id).await?;
    let subnets: Vec<_> = subnets
        .iter()
        .map(|one| references::subnet(cx, one))
        .collect();
    let routes = cx.vpc.control.routes_of_router(&cx.caller, row.id).await?;
    let routes: Vec<_> = routes.iter().map(|one| reference(cx, row, one)).collect();
    let own = json!({
        "accept_routes_from": [],
        "advertise_routes_to": [],
        "created_at": times::microseconds(row.created_at),
        "is_default": true,
        "lifecycle_state": "stable",
        "resource_group": cx.resource_group(row.resource_group.as_ref()),
        "route_direct_link_ingress": false,
        "route_internet_ingress": false,
        "route_transit_gateway_ingress": false,
        "route_vpc_zone_ingress": false,
        "routes": routes,
        "subnets": subnets,
    });
    Ok(references::whole(references::routing_table(cx, row), own))
}
