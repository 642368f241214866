//! `/vpcs`: the model's routers.

use adit_api::answer::set;
use adit_api::paging::Place;
use adit_api::times;
use adit_control::router::{NewRouter, RouterChange};
use adit_control::{Allowance, Control, Naming, Noun};
use adit_model::{NetworkAcl, Router as Row, RouterId, SecurityGroup};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

use crate::context::{Context, etag};
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::ids::Part;
use crate::page::{page, page_of, part, show};
use crate::references;
use crate::regions::zone_reference;
use crate::state::Vpc;

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/vpcs", get(list).post(create))
        .route("/vpcs/{vpc}", get(one).patch(update).delete(delete))
        .route("/vpcs/{vpc}/address_prefixes", get(address_prefixes))
        .route("/vpcs/{vpc}/address_prefixes/{prefix}", get(address_prefix))
}

async fn create(cx: Context, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&[
        "address_prefix_management",
        "classic_access",
        "name",
        "resource_group",
    ])?;
    body.only("address_prefix_management", &json!("auto"))?;
    body.only("classic_access", &json!(false))?;
    let new = NewRouter {
        name: body.new_name(&cx, Noun::Router)?,
        resource_group: body.resource_group(&cx)?,
        naming: Naming::Unique,
        allowance: Allowance::Fixed,
        description: String::new(),
        admin_state_up: true,
        external: None,
    };
    let unit = cx.vpc.control.together().await?;
    let row = unit.control().create_router(&cx.caller, new).await?;
    let made = answer_by(&cx, unit.control(), &row).await?;
    unit.commit().await?;
    Ok((StatusCode::CREATED, made).into_response())
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let found = cx.vpc.control.routers(&cx.caller, part(&cx)?).await?;
    let place = |row: &Row| Place::new(row.created_at, row.id.uuid());
    let is_classic = match cx.query("classic_access") {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => {
            let message = "The `classic_access` query parameter must be true or false.";
            return Err(ApiError::bad("invalid_value", message).parameter("classic_access"));
        }
    };
    // None here has access to a classic infrastructure.
    let keep = |row: &Row| !is_classic && cx.wants_group(row.resource_group.as_ref());
    let page = page_of(&cx, found, place, keep)?;
    let defaults = Defaults::of(&cx.vpc.control, &page.items).await?;
    let rendered = page.items.iter().map(|row| render(&cx, row, &defaults));
    let rendered = rendered.collect();
    show(&cx, "vpcs", "vpcs", &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Response, ApiError> {
    let row = cx
        .vpc
        .control
        .router(&cx.caller, references::vpc_id(&id)?)
        .await?;
    answer(&cx, &row).await
}

async fn update(cx: Context, Path(id): Path<String>, body: Fields) -> Result<Response, ApiError> {
    let (control, id) = (&cx.vpc.control, references::vpc_id(&id)?);
    body.check_known(&["name"])?;
    let change = RouterChange {
        expected: cx.if_match()?,
        name: body.name_change(&cx, Noun::Router)?,
        ..RouterChange::default()
    };
    let row = control.update_router(&cx.caller, id, change).await?;
    answer(&cx, &row).await
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = references::vpc_id(&id)?;
    let expected = cx.if_match()?;
    let control = &cx.vpc.control;
    control.delete_router(&cx.caller, id, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The blocks that subnets of a given size are taken from; the same for every VPC.
async fn address_prefixes(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = cx
        .vpc
        .control
        .router(&cx.caller, references::vpc_id(&id)?)
        .await?;
    let path = format!("vpcs/{}/address_prefixes", cx.regional(row.id.uuid()));
    let all: Vec<_> = (0_u128..).zip(prefixes(&cx, &row).await?).collect();
    let place = |(index, _): &(u128, Value)| Place::new(row.created_at, Uuid::from_u128(*index));
    page(&cx, &path, "address_prefixes", all, place, |(_, one)| {
        one.clone()
    })
}

async fn address_prefix(
    cx: Context,
    Path((id, prefix)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let row = cx
        .vpc
        .control
        .router(&cx.caller, references::vpc_id(&id)?)
        .await?;
    let mut all = prefixes(&cx, &row).await?.into_iter();
    let found = all.find(|one| one.get("id") == Some(&json!(prefix)));
    found.map(Json).ok_or_else(|| {
        let message = format!("The address prefix `{prefix}` could not be found.");
        ApiError::new(StatusCode::NOT_FOUND, "address_prefix_not_found", message)
    })
}

async fn prefixes(cx: &Context, row: &Row) -> Result<Vec<Value>, ApiError> {
    let subnets = cx.vpc.control.subnets_of_router(&cx.caller, row.id).await?;
    let path = format!("vpcs/{}/address_prefixes", cx.regional(row.id.uuid()));
    let mut prefixes = Vec::new();
    for (index, zone) in (0_u8..).zip(&cx.vpc.config.zones) {
        let id = cx.zonal(Part::AddressPrefix(index).of(row.id.uuid()));
        let mut within = subnets
            .iter()
            .map(|subnet| zone.prefix.contains_block(subnet.cidr));
        prefixes.push(json!({
            "id": id,
            "href": cx.href(&format!("{path}/{id}")),
            "name": zone.name,
            "cidr": zone.prefix.to_string(),
            "zone": zone_reference(cx, &zone.name),
            "is_default": true,
            "has_subnets": within.any(|is_within| is_within),
            "created_at": times::microseconds(row.created_at),
        }));
    }
    Ok(prefixes)
}

/// What VPCs have by themselves.
struct Defaults {
    groups: HashMap<RouterId, SecurityGroup>,
    acls: HashMap<RouterId, NetworkAcl>,
}

impl Defaults {
    /// Those of these VPCs, made where they are not there yet.
    async fn of(control: &Control, rows: &[Row]) -> Result<Self, ApiError> {
        Ok(Self {
            groups: control.default_groups_of_routers(rows).await?,
            acls: control.default_acls_of_routers(rows).await?,
        })
    }
}

async fn answer(cx: &Context, row: &Row) -> Result<Response, ApiError> {
    answer_by(cx, &cx.vpc.control, row).await
}

async fn answer_by(cx: &Context, control: &Control, row: &Row) -> Result<Response, ApiError> {
    let defaults = Defaults::of(control, std::slice::from_ref(row)).await?;
    let body = render(cx, row, &defaults);
    Ok((etag(row.revision), Json(body)).into_response())
}

fn render(cx: &Context, row: &Row, defaults: &Defaults) -> Value {
    let (group, acl) = (defaults.groups.get(&row.id), defaults.acls.get(&row.id));
    let mut body = references::vpc(cx, row);
    set(&mut body, "status", json!("available"));
    set(&mut body, "classic_access", json!(false));
    set(
        &mut body,
        "created_at",
        json!(times::microseconds(row.created_at)),
    );
    set(
        &mut body,
        "resource_group",
        cx.resource_group(row.resource_group.as_ref()),
    );
    set(
        &mut body,
        "default_network_acl",
        json!(acl.map(|acl| references::network_acl(cx, acl))),
    );
    set(
        &mut body,
        "default_security_group",
        json!(group.map(|group| references::security_group(cx, group))),
    );
    set(
        &mut body,
        "default_routing_table",
        references::routing_table(cx, row),
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
