//! `/vpcs`: the model's routers.

use adit_api::answer::set;
use adit_api::paging::Place;
use adit_api::times;
use adit_control::router::{NewRouter, RouterChange};
use adit_control::{Allowance, Naming, Noun};
use adit_model::{Router as Row, RouterId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::ids;
use crate::page::{head_of, part, show};
use crate::regions::zone_reference;
use crate::state::Vpc;

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/vpcs", get(list).post(create))
        .route("/vpcs/{vpc}", get(one).patch(update).delete(delete))
        .route("/vpcs/{vpc}/address_prefixes", get(address_prefixes))
}

async fn create(cx: Context, body: Fields) -> Result<(StatusCode, Json<Value>), ApiError> {
    let name = body.new_name(&cx, Noun::Router)?;
    let control = &cx.vpc.control;
    let new = NewRouter {
        name,
        naming: Naming::Unique,
        allowance: Allowance::Fixed,
        description: String::new(),
        admin_state_up: true,
        external: None,
    };
    let row = control.create_router(&cx.caller, new).await?;
    Ok((StatusCode::CREATED, Json(render(&cx, &row))))
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let found = cx.vpc.control.routers(&cx.caller, part(&cx)?).await?;
    let place = |row: &Row| Place::new(row.created_at, row.id.uuid());
    let page = head_of(&cx, found, place)?;
    let rendered = page.items.iter().map(|row| render(&cx, row)).collect();
    show(&cx, "vpcs", "vpcs", &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = cx.vpc.control.router(&cx.caller, parse(&id)?).await?;
    Ok(Json(render(&cx, &row)))
}

async fn update(
    cx: Context,
    Path(id): Path<String>,
    body: Fields,
) -> Result<Json<Value>, ApiError> {
    let (control, id) = (&cx.vpc.control, parse(&id)?);
    let row = match body.name_change(&cx, Noun::Router)? {
        None => control.router(&cx.caller, id).await?,
        name => {
            let change = RouterChange {
                name,
                ..RouterChange::default()
            };
            control.update_router(&cx.caller, id, change).await?
        }
    };
    Ok(Json(render(&cx, &row)))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = parse(&id)?;
    cx.vpc.control.delete_router(&cx.caller, id, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The blocks that subnets of a given size are taken from; the same for every VPC.
async fn address_prefixes(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = cx.vpc.control.router(&cx.caller, parse(&id)?).await?;
    let path = format!("vpcs/{}/address_prefixes", cx.regional(row.id.uuid()));
    let mut prefixes = Vec::new();
    for (index, zone) in (0_u8..).zip(&cx.vpc.config.zones) {
        let id = cx.zonal(ids::part(row.id.uuid(), index));
        prefixes.push(json!({
            "id": id,
            "href": cx.href(&format!("{path}/{id}")),
            "name": zone.name,
            "cidr": zone.prefix.to_string(),
            "zone": zone_reference(&cx, &zone.name),
            "is_default": true,
            "has_subnets": true,
            "created_at": times::microseconds(row.created_at),
        }));
    }
    let href = cx.href(&path);
    Ok(Json(json!({
        "first": {"href": href},
        "limit": 50,
        "total_count": prefixes.len(),
        "address_prefixes": prefixes,
    })))
}

/// The VPC that a path names.
fn parse(text: &str) -> Result<RouterId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::Router, text))
}

/// A VPC as other things name it.
pub(crate) fn reference(cx: &Context, row: &Row) -> Value {
    let id = cx.regional(row.id.uuid());
    json!({
        "id": id,
        "crn": cx.crn("vpc", &id),
        "href": cx.href(&format!("vpcs/{id}")),
        "name": row.name.as_str(),
        "resource_type": "vpc",
    })
}

fn render(cx: &Context, row: &Row) -> Value {
    let mut body = reference(cx, row);
    let part = |index: u8, kind: &str, collection: &str| {
        let id = cx.regional(ids::part(row.id.uuid(), index));
        json!({
            "id": id,
            "crn": cx.crn(kind, &id),
            "href": cx.href(&format!("{collection}/{id}")),
            "name": format!("{}-{kind}", row.name),
            "resource_type": kind.replace('-', "_"),
        })
    };
    set(&mut body, "status", json!("available"));
    set(&mut body, "classic_access", json!(false));
    set(
        &mut body,
        "created_at",
        json!(times::microseconds(row.created_at)),
    );
    set(&mut body, "resource_group", cx.resource_group());
    set(
        &mut body,
        "default_network_acl",
        part(0, "network-acl", "network_acls"),
    );
    set(
        &mut body,
        "default_security_group",
        part(1, "security-group", "security_groups"),
    );
    set(
        &mut body,
        "default_routing_table",
        part(2, "routing-table", "routing_tables"),
    );
    set(&mut body, "cse_source_ips", json!([]));
    set(&mut body, "public_address_ranges", json!([]));
    set(&mut body, "health_state", json!("ok"));
    set(&mut body, "health_reasons", json!([]));
    set(
        &mut body,
        "dns",
        json!({
            "enable_hub": false,
            "resolution_binding_count": 0,
            "resolver": {"type": "system", "servers": [], "configuration": "default"},
        }),
    );
    body
}
