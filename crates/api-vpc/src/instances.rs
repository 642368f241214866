//! `/instances`: machines to try a tunnel with. As much of IBM's object as that takes.

use adit_api::paging::Place;
use adit_api::times;
use adit_control::port::{Knows, MachineView, NewPort, Place as Site, Rules};
use adit_control::{Allowance, Error, Naming, Noun, OnDelete, Rule};
use adit_model::port::Device;
use adit_model::{Port, PortId, SubnetId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::ids::{self, Part};
use crate::page::{cut_out, page_of, part, show};
use crate::references;
use crate::regions::zone_reference;
use crate::state::Vpc;

/// What IBM refuses, too.
const RULES: Rules = Rules {
    knows: Knows::Machines,
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    on_delete: OnDelete::Restrict,
};

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/instances", get(list).post(create))
        .route("/instances/{instance}", get(one).delete(delete))
}

async fn create(cx: Context, body: Fields) -> Result<(StatusCode, Json<Value>), ApiError> {
    const NIC: &str = "primary_network_interface";
    body.check_known(&[NIC, "name", "resource_group", "vpc", "zone"])?;
    let nic = body.object(NIC)?.ok_or_else(|| body.missing(NIC))?;
    nic.check_known(&["subnet"])?;
    let subnet = nic
        .identity("subnet")?
        .ok_or_else(|| nic.missing("subnet"))?;
    let missing = || nic.no_such("subnet", Noun::Subnet);
    let subnet = subnet.ok_or_else(missing)?;
    check_place(&cx, &body, &nic, subnet).await?;
    let new = NewPort {
        name: body.new_name(&cx, Noun::Port)?,
        resource_group: body.resource_group(&cx)?,
        description: String::new(),
        place: Site::Subnet(subnet),
        admin_state_up: true,
        mac: None,
        fixed_ips: None,
        device: Device::instance(),
        port_security: Some(false),
        security_groups: Some(Vec::new()),
    };
    let control = &cx.vpc.control;
    let made = control.create_port(&cx.caller, RULES, new).await;
    let made = made.map_err(|error| match error {
        Error::Conflict {
            rule: Rule::NoPrivateAddress,
            message,
        } => ApiError::new(StatusCode::CONFLICT, "subnet_no_available_address", message),
        other => nic.named("subnet", Noun::Subnet, other),
    })?;
    let view = control.machine_view(&cx.caller, made.id).await?;
    Ok((StatusCode::CREATED, Json(render(&cx, &view))))
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let found = control.machines(&cx.caller, part(&cx)?).await?;
    let place = |row: &Port| Place::new(row.created_at, row.id.uuid());
    if cx.has_filters() {
        let mut views = control.machine_views(found.rows).await?;
        views.retain(|view| is_wanted(&cx, view));
        let page = cut_out(&cx, views, |view| place(&view.port))?;
        let rendered = page.items.iter().map(|view| render(&cx, view)).collect();
        return show(&cx, "instances", "instances", &page, rendered);
    }
    let mut page = page_of(&cx, found, place, |_| true)?;
    let views = control.machine_views(page.take()).await?;
    let rendered = views.iter().map(|view| render(&cx, view)).collect();
    show(&cx, "instances", "instances", &page, rendered)
}

/// Refuses another VPC or zone than that of the subnet.
async fn check_place(
    cx: &Context,
    body: &Fields,
    nic: &Fields,
    subnet: SubnetId,
) -> Result<(), ApiError> {
    let (vpc, zone) = (body.identity("vpc")?, body.object("zone")?);
    if vpc.is_none() && zone.is_none() {
        return Ok(());
    }
    let view = cx.vpc.control.subnet_view(&cx.caller, subnet).await;
    let view = nic.naming("subnet", Noun::Subnet, view)?;
    if vpc.is_some_and(|vpc| vpc != Some(view.router.id)) {
        return Err(body.wrong("vpc", "that of the subnet"));
    }
    let Some(zone) = zone else {
        return Ok(());
    };
    zone.check_known(&["href", "name"])?;
    let href = zone.text("href")?.and_then(|href| href.rsplit('/').next());
    let name = zone.text("name")?.or(href);
    match name.ok_or_else(|| zone.missing("name"))? {
        name if name == view.subnet.zone => Ok(()),
        _ => Err(body.wrong("zone", "that of the subnet")),
    }
}

/// Whether a list that is asked for has this instance.
fn is_wanted(cx: &Context, view: &MachineView) -> bool {
    cx.wants_group(view.port.resource_group.as_ref())
        && cx.wants("name", view.port.name.as_str())
        && references::wants_vpc(cx, &view.router)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let view = cx.vpc.control.machine_view(&cx.caller, parse(&id)?).await?;
    Ok(Json(render(&cx, &view)))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = parse(&id)?;
    cx.vpc
        .control
        .delete_port(&cx.caller, RULES, id, None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(text: &str) -> Result<PortId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::Port, text))
}

fn render(cx: &Context, view: &MachineView) -> Value {
    let (instance, subnet) = (&view.port, &view.subnet);
    let id = cx.zonal(instance.id.uuid());
    let path = format!("instances/{id}");
    let nic_id = cx.zonal(Part::Interface.of(instance.id.uuid()));
    let address = view.address.to_string();
    let nic = json!({
        "id": nic_id,
        "href": cx.href(&format!("{path}/network_interfaces/{nic_id}")),
        "name": "eth0",
        "resource_type": "network_interface",
        "primary_ipv4_address": address,
        "primary_ip": {"address": address},
        "subnet": references::subnet(cx, subnet),
    });
    json!({
        "id": id,
        "crn": cx.crn("instance", &id),
        "href": cx.href(&path),
        "name": instance.name.as_str(),
        "resource_type": "instance",
        "status": if view.is_made { "running" } else { "starting" },
        "created_at": times::microseconds(instance.created_at),
        "resource_group": cx.resource_group(instance.resource_group.as_ref()),
        "zone": zone_reference(cx, &subnet.zone),
        "vpc": references::vpc(cx, &view.router),
        "primary_network_interface": nic,
        "network_interfaces": [nic],
    })
}
