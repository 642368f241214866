//! `/instances`: machines to try a tunnel with. As much of IBM's object as that takes.

use adit_api::paging::Place;
use adit_api::times;
use adit_control::port::{Knows, MachineView, NewPort, Place as Site, PortChange, Rules};
use adit_control::{Allowance, Error, Naming, Noun, OnDelete, Rule};
use adit_model::port::Device;
use adit_model::{Port, PortId, SecurityGroupId, SubnetId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::{Context, etag};
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::ids::{self, Part};
use crate::page::{cut_out, page_of, part, show};
use crate::regions::zone_reference;
use crate::state::Vpc;
use crate::{catalog, references};

/// What IBM refuses, too.
const RULES: Rules = Rules {
    knows: Knows::Machines,
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    on_delete: OnDelete::Cascade,
};

/// What the kernel says of an interface like it, in Mbit/s. Nothing holds it to that.
const PORT_SPEED: u32 = 10_000;

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/instances", get(list).post(create))
        .route(
            "/instances/{instance}",
            get(one).patch(update).delete(delete),
        )
        .route("/instances/{instance}/actions", post(act))
        .route("/instances/{instance}/initialization", get(initialization))
        .route("/instances/{instance}/volume_attachments", get(volumes))
        .route("/instances/{instance}/network_interfaces", get(interfaces))
        .route(
            "/instances/{instance}/network_interfaces/{nic}",
            get(interface),
        )
}

async fn create(cx: Context, body: Fields) -> Result<(StatusCode, Json<Value>), ApiError> {
    const NIC: &str = "primary_network_interface";
    body.check_known(&[
        NIC,
        "image",
        "keys",
        "name",
        "profile",
        "resource_group",
        "vpc",
        "zone",
    ])?;
    catalog::check(&body)?;
    let nic = body.object(NIC)?.ok_or_else(|| body.missing(NIC))?;
    nic.check_known(&["name", "security_groups", "subnet"])?;
    nic.only("name", &json!("eth0"))?;
    let subnet = nic
        .identity("subnet")?
        .ok_or_else(|| nic.missing("subnet"))?;
    let missing = || nic.no_such("subnet", Noun::Subnet);
    let subnet = subnet.ok_or_else(missing)?;
    let groups = groups(&nic)?;
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
        port_security: Some(true),
        security_groups: groups,
    };
    let control = &cx.vpc.control;
    let made = control.create_port(&cx.caller, RULES, new).await;
    let made = made.map_err(|error| match error {
        Error::Conflict {
            rule: Rule::NoPrivateAddress,
            message,
        } => ApiError::new(StatusCode::CONFLICT, "subnet_no_available_address", message),
        Error::NotFound(Noun::SecurityGroup) => nic.no_such("security_groups", Noun::SecurityGroup),
        other => nic.named("subnet", Noun::Subnet, other),
    })?;
    let view = control.machine_view(&cx.caller, made.id).await?;
    Ok((StatusCode::CREATED, Json(render(&cx, &view))))
}

/// The security groups that are named; without any it is the VPC's default one.
fn groups(nic: &Fields) -> Result<Option<Vec<SecurityGroupId>>, ApiError> {
    const NAME: &str = "security_groups";
    let Some(named) = nic.identities(NAME)? else {
        return Ok(None);
    };
    let named: Option<Vec<_>> = named.into_iter().collect();
    let mut named = named.ok_or_else(|| nic.no_such(NAME, Noun::SecurityGroup))?;
    named.sort_unstable();
    named.dedup();
    if named.is_empty() {
        return Err(nic.wrong(NAME, "a list of at least one, or left out"));
    }
    Ok(Some(named))
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

async fn one(cx: Context, Path(id): Path<String>) -> Result<Response, ApiError> {
    let view = cx.vpc.control.machine_view(&cx.caller, parse(&id)?).await?;
    Ok(answer(&cx, &view))
}

/// Its name. With `If-Match`, if it is that version of it.
async fn update(cx: Context, Path(id): Path<String>, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name"])?;
    let name = body.name_change(&cx, Noun::Port)?.map(|(name, _)| name);
    let change = PortChange {
        expected: cx.if_match()?,
        name,
        ..PortChange::default()
    };
    Ok(answer(&cx, &changed(&cx, &id, change).await?))
}

async fn changed(cx: &Context, id: &str, change: PortChange) -> Result<MachineView, ApiError> {
    let (control, id) = (&cx.vpc.control, parse(id)?);
    control
        .update_machine(&cx.caller, RULES, id, change)
        .await?;
    Ok(control.machine_view(&cx.caller, id).await?)
}

/// Starts or stops it: one that is stopped has its link down.
async fn act(
    cx: Context,
    Path(id): Path<String>,
    body: Fields,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    body.check_known(&["force", "type"])?;
    let kind = body.need_text("type")?;
    let up = match kind {
        "start" => true,
        "stop" => false,
        _ => {
            return Err(body.wrong(
                "type",
                "start or stop: nothing runs in it that could be rebooted",
            ));
        }
    };
    // It goes down at once in either case.
    body.flag("force")?;
    let change = PortChange {
        admin_state_up: Some(up),
        ..PortChange::default()
    };
    let view = changed(&cx, &id, change).await?;
    let now = times::microseconds(view.port.updated_at);
    let action = cx.zonal(uuid::Uuid::new_v4());
    let path = format!(
        "instances/{}/actions/{action}",
        cx.zonal(view.port.id.uuid())
    );
    let done = json!({
        "id": action,
        "href": cx.href(&path),
        "type": kind,
        "status": "completed",
        "created_at": now,
        "started_at": now,
        "completed_at": now,
    });
    Ok((StatusCode::CREATED, Json(done)))
}

/// What it was made with: no keys, since nobody logs in.
async fn initialization(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    cx.vpc.control.machine_view(&cx.caller, parse(&id)?).await?;
    Ok(Json(json!({"keys": []})))
}

/// Its disks: it has none.
async fn volumes(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    cx.vpc.control.machine_view(&cx.caller, parse(&id)?).await?;
    Ok(Json(json!({"volume_attachments": []})))
}

async fn interfaces(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let view = cx.vpc.control.machine_view(&cx.caller, parse(&id)?).await?;
    Ok(Json(
        json!({"network_interfaces": [render_interface(&cx, &view)]}),
    ))
}

async fn interface(
    cx: Context,
    Path((id, nic)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let view = of_interface(&cx, &id, &nic).await?;
    Ok(Json(render_interface(&cx, &view)))
}

/// The instance that a path names, with its network interface.
pub(crate) async fn of_interface(
    cx: &Context,
    id: &str,
    nic: &str,
) -> Result<MachineView, ApiError> {
    let view = cx.vpc.control.machine_view(&cx.caller, parse(id)?).await?;
    if ids::parse(nic) == Some(Part::Interface.of(view.port.id.uuid())) {
        return Ok(view);
    }
    let message = format!("The network interface `{nic}` could not be found.");
    Err(ApiError::new(
        StatusCode::NOT_FOUND,
        "network_interface_not_found",
        message,
    ))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = parse(&id)?;
    cx.vpc
        .control
        .delete_port(&cx.caller, RULES, id, cx.if_match()?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(text: &str) -> Result<PortId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::Port, text))
}

fn answer(cx: &Context, view: &MachineView) -> Response {
    (etag(view.port.revision), Json(render(cx, view))).into_response()
}

pub(crate) fn render_interface(cx: &Context, view: &MachineView) -> Value {
    let (port, subnet) = (&view.port, &view.subnet);
    let groups = view.groups.iter();
    let groups: Vec<_> = groups
        .map(|group| references::security_group(cx, group))
        .collect();
    let floating = view.floating_ips.iter();
    let floating: Vec<_> = floating
        .map(|row| references::floating_ip(cx, row))
        .collect();
    let own = json!({
        "allow_ip_spoofing": false,
        "created_at": times::microseconds(port.created_at),
        "floating_ips": floating,
        "primary_ip": references::interface_ip(cx, port, subnet, view.address),
        "port_speed": PORT_SPEED,
        "primary_ipv4_address": view.address.to_string(),
        "security_groups": groups,
        "status": "available",
        "subnet": references::subnet(cx, subnet),
        "type": "primary",
    });
    references::whole(references::interface(cx, port), own)
}

const fn status(view: &MachineView) -> &'static str {
    match (view.port.admin_state_up, view.is_made) {
        (false, _) => "stopped",
        (true, true) => "running",
        (true, false) => "starting",
    }
}

fn render(cx: &Context, view: &MachineView) -> Value {
    let (instance, subnet) = (&view.port, &view.subnet);
    let id = cx.zonal(instance.id.uuid());
    let nic = render_interface(cx, view);
    json!({
        "id": id,
        "crn": cx.crn("instance", &id),
        "href": cx.href(&format!("instances/{id}")),
        "name": instance.name.as_str(),
        "resource_type": "instance",
        "status": status(view),
        "status_reasons": [],
        "lifecycle_state": "stable",
        "lifecycle_reasons": [],
        "created_at": times::microseconds(instance.created_at),
        "resource_group": cx.resource_group(instance.resource_group.as_ref()),
        "zone": zone_reference(cx, &subnet.zone),
        "vpc": references::vpc(cx, &view.router),
        "image": catalog::image(cx),
        "profile": catalog::profile(cx),
        "primary_network_interface": nic,
        "network_interfaces": [nic],
        // It has no disk, no memory of its own, and nothing that could be asked about it from inside. What
        // isn't there any more is made again.
        "availability_policy": {"host_failure": "restart"},
        "confidential_compute_mode": "disabled",
        "disks": [],
        "enable_secure_boot": false,
        "health_reasons": [],
        "health_state": "ok",
        "memory": 0,
        "metadata_service": {"enabled": false, "protocol": "http", "response_hop_limit": 1},
        "network_attachments": [],
        "startable": true,
        "volume_attachments": [],
    })
}
