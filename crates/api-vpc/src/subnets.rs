//! `/subnets`.

use adit_api::answer::set;
use adit_api::paging::Place;
use adit_api::times;
use adit_control::subnet::{
    Block, NewSubnet, Place as Site, Pools, Rules, SubnetChange, SubnetView,
};
use adit_control::{Allowance, Control, Naming, Noun, OnDelete};
use adit_model::{Cidr, NetworkAcl, Subnet, SubnetId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::config::Zone;
use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::ids::Part;
use crate::page::{cut_out, page_of, part, show};
use crate::references;
use crate::regions::{zone_named, zone_reference};
use crate::state::Vpc;

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
    body.check_known(&[
        "ip_version",
        "ipv4_cidr_block",
        "name",
        "network_acl",
        "public_gateway",
        "resource_group",
        "total_ipv4_address_count",
        "vpc",
        "zone",
    ])?;
    body.only("ip_version", &json!("ipv4"))?;
    let router = body.identity("vpc")?.ok_or_else(|| body.missing("vpc"))?;
    let missing = || body.no_such("vpc", Noun::Router);
    let zone = zone(&cx, &body)?;
    let new = NewSubnet {
        name: body.new_name(&cx, Noun::Subnet)?,
        resource_group: body.resource_group(&cx)?,
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
    let unit = cx.vpc.control.together().await?;
    let made = unit.control().create_subnet(&cx.caller, RULES, new).await;
    let made = body.naming("vpc", Noun::Router, made)?;
    attach(&cx, unit.control(), &body, made.id).await?;
    unit.commit().await?;
    let control = &cx.vpc.control;
    let view = control.subnet_view(&cx.caller, made.id).await?;
    Ok((StatusCode::CREATED, Json(shown(&cx, view).await?)))
}

/// The zone that is named; else the one whose prefix holds the block; else the first.
pub(crate) fn zone<'a>(cx: &'a Context, body: &Fields) -> Result<&'a Zone, ApiError> {
    let zones = &cx.vpc.config.zones;
    if let Some(zone) = zone_named(cx, body)? {
        return Ok(zone);
    }
    let cidr = body.text("ipv4_cidr_block")?;
    let cidr: Option<Cidr> = cidr.and_then(|text| text.parse().ok());
    let holds = |zone: &&Zone| cidr.is_some_and(|cidr| zone.prefix.contains_block(cidr));
    let zone = zones.iter().find(holds).or(zones.first());
    zone.ok_or_else(|| body.missing("zone"))
}

fn block(body: &Fields, zone: &Zone) -> Result<Block, ApiError> {
    if let Some(text) = body.text("ipv4_cidr_block")? {
        if body.value("total_ipv4_address_count").is_some() {
            let what = "left out when `ipv4_cidr_block` is given";
            return Err(body.wrong("total_ipv4_address_count", what));
        }
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
    if cx.has_filters() {
        let mut views = control.subnet_views(found.rows).await?;
        views.retain(|view| is_wanted(&cx, view));
        let mut page = cut_out(&cx, views, |view| place(&view.subnet))?;
        let rendered = all_shown(&cx, page.take()).await?;
        return show(&cx, "subnets", "subnets", &page, rendered);
    }
    let mut page = page_of(&cx, found, place, |_| true)?;
    let views = control.subnet_views(page.take()).await?;
    let rendered = all_shown(&cx, views).await?;
    show(&cx, "subnets", "subnets", &page, rendered)
}

/// Whether a list that is asked for has this subnet.
fn is_wanted(cx: &Context, view: &SubnetView) -> bool {
    let table = Part::RoutingTable.of(view.router.id.uuid());
    let table_name = references::routing_table_name(&view.router);
    cx.wants_group(view.subnet.resource_group.as_ref())
        && references::wants_vpc(cx, &view.router)
        && cx.wants("zone.name", &view.subnet.zone)
        && cx.wants_id("routing_table.id", table)
        && cx.wants("routing_table.name", &table_name)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let view = control
        .subnet_view(&cx.caller, references::subnet_id(&id)?)
        .await?;
    Ok(Json(shown(&cx, view).await?))
}

async fn update(
    cx: Context,
    Path(id): Path<String>,
    body: Fields,
) -> Result<Json<Value>, ApiError> {
    let id = references::subnet_id(&id)?;
    body.check_known(&["name", "network_acl", "public_gateway"])?;
    let unit = cx.vpc.control.together().await?;
    let control = unit.control();
    if let Some((name, _)) = body.name_change(&cx, Noun::Subnet)? {
        let change = SubnetChange {
            name: Some(name),
            ..SubnetChange::default()
        };
        control.update_subnet(&cx.caller, RULES, id, change).await?;
    }
    attach(&cx, control, &body, id).await?;
    unit.commit().await?;
    let control = &cx.vpc.control;
    let view = control.subnet_view(&cx.caller, id).await?;
    Ok(Json(shown(&cx, view).await?))
}

/// Attaches what a body says is attached to a subnet; `null` is nothing.
async fn attach(
    cx: &Context,
    control: &Control,
    body: &Fields,
    id: SubnetId,
) -> Result<(), ApiError> {
    const GATEWAY: &str = "public_gateway";
    const ACL: &str = "network_acl";
    if let Some(acl) = body.identity(ACL)? {
        let acl = acl.ok_or_else(|| body.no_such(ACL, Noun::NetworkAcl))?;
        let attached = control.attach_network_acl(&cx.caller, id, acl).await;
        body.naming(ACL, Noun::NetworkAcl, attached)?;
    }
    if body.is_null(GATEWAY) {
        control.attach_public_gateway(&cx.caller, id, None).await?;
    }
    if let Some(gateway) = body.identity(GATEWAY)? {
        let missing = || body.no_such(GATEWAY, Noun::PublicGateway);
        let gateway = Some(gateway.ok_or_else(missing)?);
        let attached = control.attach_public_gateway(&cx.caller, id, gateway);
        body.naming(GATEWAY, Noun::PublicGateway, attached.await)?;
    }
    Ok(())
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = references::subnet_id(&id)?;
    cx.vpc
        .control
        .delete_subnet(&cx.caller, RULES, id, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Subnets as they are shown. What names no network ACL has its VPC's default one, which is made if it
/// is not there yet.
async fn all_shown(cx: &Context, views: Vec<SubnetView>) -> Result<Vec<Value>, ApiError> {
    let without = views.iter().filter(|view| view.network_acl.is_none());
    let routers: Vec<_> = without.map(|view| view.router.clone()).collect();
    let defaults = cx.vpc.control.default_acls_of_routers(&routers).await?;
    let shown = views.iter().map(|view| {
        let default = || defaults.get(&view.router.id);
        render(cx, view, view.network_acl.as_ref().or_else(default))
    });
    Ok(shown.collect())
}

async fn shown(cx: &Context, view: SubnetView) -> Result<Value, ApiError> {
    let all = all_shown(cx, vec![view]).await?;
    Ok(all.into_iter().next().unwrap_or_default())
}

fn render(cx: &Context, view: &SubnetView, acl: Option<&NetworkAcl>) -> Value {
    let subnet = &view.subnet;
    let mut body = references::subnet(cx, subnet);
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
    set(
        &mut body,
        "resource_group",
        cx.resource_group(subnet.resource_group.as_ref()),
    );
    set(&mut body, "vpc", references::vpc(cx, &view.router));
    set(&mut body, "zone", zone_reference(cx, &subnet.zone));
    if let Some(gateway) = &view.public_gateway {
        let gateway = references::public_gateway(cx, gateway);
        set(&mut body, "public_gateway", gateway);
    }
    set(
        &mut body,
        "network_acl",
        json!(acl.map(|acl| references::network_acl(cx, acl))),
    );
    set(
        &mut body,
        "routing_table",
        references::routing_table(cx, &view.router),
    );
    body
}
