//! `/subnets`.

use adit_api::answer::set;
use adit_api::paging::Place;
use adit_api::times;
use adit_control::subnet::{
    Block, NewSubnet, Place as Site, Pools, Rules, SubnetChange, SubnetView,
};
use adit_control::{Allowance, Naming, Noun, OnDelete};
use adit_model::{Cidr, Subnet, SubnetId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::config::Zone;
use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::page::{head_of, part, show};
use crate::regions::zone_reference;
use crate::state::Vpc;
use crate::{ids, vpcs};

/// What IBM refuses, too.
const RULES: Rules = Rules {
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    on_delete: OnDelete::Cascade,
};

/// The addresses that machines don't get: the network, the router and two that are kept for the provider
/// at the start, and the last.
const POOLS: Pools = Pools::Between { first: 4, last: 1 };

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/subnets", get(list).post(create))
        .route("/subnets/{subnet}", get(one).patch(update).delete(delete))
}

async fn create(cx: Context, body: Fields) -> Result<(StatusCode, Json<Value>), ApiError> {
    let router = body.identity("vpc")?.ok_or_else(|| body.missing("vpc"))?;
    let missing = || ApiError::not_found(Noun::Router, "").field("vpc.id");
    let zone = zone(&cx, &body)?;
    let new = NewSubnet {
        name: body.new_name(&cx, Noun::Subnet)?,
        description: String::new(),
        place: Site::Router(router.ok_or_else(missing)?),
        block: block(&body, zone)?,
        gateway: None,
        pools: POOLS,
        enable_dhcp: true,
        dns_nameservers: Vec::new(),
        host_routes: Vec::new(),
        ipv6_address_mode: None,
        ipv6_ra_mode: None,
        zone: zone.name.clone(),
    };
    let control = &cx.vpc.control;
    let made = control.create_subnet(&cx.caller, RULES, new).await?;
    let view = control.subnet_view(&cx.caller, made.id).await?;
    Ok((StatusCode::CREATED, Json(render(&cx, &view))))
}

/// The zone that is named; else the one whose prefix holds the block; else the first.
fn zone<'a>(cx: &'a Context, body: &Fields) -> Result<&'a Zone, ApiError> {
    let zones = &cx.vpc.config.zones;
    if let Some(zone) = body.object("zone")? {
        let href = zone.text("href")?.and_then(|href| href.rsplit('/').next());
        let name = zone.text("name")?.or(href);
        let name = name.ok_or_else(|| zone.missing("name"))?;
        let known = zones.iter().find(|known| known.name == name);
        return known.ok_or_else(|| zone.wrong("name", "a zone of this region"));
    }
    let cidr = body.text("ipv4_cidr_block")?;
    let cidr: Option<Cidr> = cidr.and_then(|text| text.parse().ok());
    let holds = |zone: &&Zone| cidr.is_some_and(|cidr| zone.prefix.contains_block(cidr));
    let zone = zones.iter().find(holds).or(zones.first());
    zone.ok_or_else(|| body.missing("zone"))
}

fn block(body: &Fields, zone: &Zone) -> Result<Block, ApiError> {
    if let Some(text) = body.text("ipv4_cidr_block")? {
        let cidr: Option<Cidr> = text.parse().ok();
        let cidr = cidr.filter(|cidr| cidr.is_ipv4());
        let what = "an IPv4 block without host bits, such as 10.240.0.0/24";
        let cidr = cidr.ok_or_else(|| body.wrong("ipv4_cidr_block", what))?;
        return Ok(Block::Exact(cidr));
    }
    let Some(count) = body.number("total_ipv4_address_count")? else {
        return Err(body.missing("ipv4_cidr_block"));
    };
    if !count.is_power_of_two() || !(8..=16_777_216).contains(&count) {
        let what = "a power of two from 8 to 16777216";
        return Err(body.wrong("total_ipv4_address_count", what));
    }
    let bits = u8::try_from(count.trailing_zeros()).unwrap_or(32);
    Ok(Block::FirstFree {
        within: zone.prefix,
        prefix_len: 32_u8.saturating_sub(bits),
    })
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let found = control.subnets_on_routers(&cx.caller, part(&cx)?).await?;
    let place = |row: &Subnet| Place::new(row.created_at, row.id.uuid());
    let mut page = head_of(&cx, found, place)?;
    let views = control
        .subnet_views(std::mem::take(&mut page.items))
        .await?;
    let rendered = views.iter().map(|view| render(&cx, view)).collect();
    show(&cx, "subnets", "subnets", &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let view = control.subnet_view(&cx.caller, parse(&id)?).await?;
    Ok(Json(render(&cx, &view)))
}

async fn update(
    cx: Context,
    Path(id): Path<String>,
    body: Fields,
) -> Result<Json<Value>, ApiError> {
    let (control, id) = (&cx.vpc.control, parse(&id)?);
    if let Some((name, _)) = body.name_change(&cx, Noun::Subnet)? {
        let change = SubnetChange {
            name: Some(name),
            ..SubnetChange::default()
        };
        control.update_subnet(&cx.caller, RULES, id, change).await?;
    }
    let view = control.subnet_view(&cx.caller, id).await?;
    Ok(Json(render(&cx, &view)))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = parse(&id)?;
    cx.vpc
        .control
        .delete_subnet(&cx.caller, RULES, id, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(text: &str) -> Result<SubnetId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::Subnet, text))
}

/// A subnet as other things name it.
pub(crate) fn reference(cx: &Context, subnet: &Subnet) -> Value {
    let id = cx.zonal(subnet.id.uuid());
    json!({
        "id": id,
        "crn": cx.crn("subnet", &id),
        "href": cx.href(&format!("subnets/{id}")),
        "name": subnet.name.as_str(),
        "resource_type": "subnet",
    })
}

fn render(cx: &Context, view: &SubnetView) -> Value {
    let subnet = &view.subnet;
    let mut body = reference(cx, subnet);
    let part = |index: u8, kind: &str, collection: &str| {
        let id = cx.regional(ids::part(view.router.id.uuid(), index));
        json!({
            "id": id,
            "crn": cx.crn(kind, &id),
            "href": cx.href(&format!("{collection}/{id}")),
            "name": format!("{}-{kind}", view.router.name),
            "resource_type": kind.replace('-', "_"),
        })
    };
    set(&mut body, "ipv4_cidr_block", json!(subnet.cidr.to_string()));
    set(&mut body, "ip_version", json!("ipv4"));
    set(
        &mut body,
        "available_ipv4_address_count",
        json!(view.available),
    );
    set(
        &mut body,
        "total_ipv4_address_count",
        json!(subnet.cidr.address_count()),
    );
    set(&mut body, "status", json!("available"));
    set(
        &mut body,
        "created_at",
        json!(times::microseconds(subnet.created_at)),
    );
    set(&mut body, "resource_group", cx.resource_group());
    set(&mut body, "vpc", vpcs::reference(cx, &view.router));
    set(&mut body, "zone", zone_reference(cx, &subnet.zone));
    set(
        &mut body,
        "network_acl",
        part(0, "network-acl", "network_acls"),
    );
    set(
        &mut body,
        "routing_table",
        part(2, "routing-table", "routing_tables"),
    );
    body
}
