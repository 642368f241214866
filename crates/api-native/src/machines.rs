//! `machines`: namespaces on a subnet, to try tunnels with.

use std::net::IpAddr;

use adit_api::paging::Place;
use adit_control::port::{Knows, MachineView, NewPort, Place as Site, PortChange, Rules};
use adit_control::{Allowance, Naming, Noun, OnDelete, Only, Query};
use adit_model::port::Device;
use adit_model::{Port, PortId, SecurityGroupId, SubnetId};
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

use crate::context::{Context, IfMatch, Json, etag, name, said, yes};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

const RULES: Rules = Rules {
    knows: Knows::Machines,
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Restrict,
};

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// What a machine is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMachineShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// The subnet that it is on, which is on a router.
    subnet: Uuid,
    /// The security groups whose rules say what passes. With an empty list nothing does but what answers; with none,
    /// nothing is filtered.
    security_groups: Option<Vec<Uuid>>,
    /// Whether it carries anything.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
}

/// What to change of a machine; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MachineChangeShape {
    name: Option<String>,
    description: Option<String>,
    /// The security groups whose rules say what passes, all of them; `null` filters nothing.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Vec<Uuid>>)]
    security_groups: Option<Option<Vec<Uuid>>>,
    /// Whether it carries anything.
    enabled: Option<bool>,
}

fn groups(ids: Vec<Uuid>) -> Vec<SecurityGroupId> {
    ids.into_iter().map(SecurityGroupId::from_uuid).collect()
}

/// A machine.
#[derive(Serialize, ToSchema)]
struct MachineShape {
    id: Uuid,
    name: String,
    description: String,
    subnet: Uuid,
    router: Uuid,
    #[schema(value_type = String)]
    address: IpAddr,
    /// The floating IPs that stand for its address.
    #[schema(value_type = Vec<String>)]
    floating_addresses: Vec<IpAddr>,
    /// The security groups whose rules say what passes; with none, nothing is filtered.
    security_groups: Option<Vec<Uuid>>,
    /// Whether it carries anything.
    enabled: bool,
    /// `running`, or `pending` while it is being made.
    status: &'static str,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

fn shape(view: &MachineView) -> MachineShape {
    let row = &view.port;
    MachineShape {
        id: row.id.uuid(),
        name: row.name.to_string(),
        description: row.description.clone(),
        subnet: view.subnet.id.uuid(),
        router: view.router.id.uuid(),
        address: view.address,
        floating_addresses: view.floating_ips.iter().map(|row| row.address).collect(),
        security_groups: row
            .port_security
            .then(|| row.security_groups.iter().map(|id| id.uuid()).collect()),
        enabled: row.admin_state_up,
        status: if view.is_made { "running" } else { "pending" },
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

/// Lists machines that are on routers, oldest first.
#[utoipa::path(
    get, path = "/machines", tag = "machines", operation_id = "list_machines", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<MachineShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = Query {
        only: Some(Only::Machines),
        ..wanted.query(&cx.caller)?
    };
    let found = cx.control().page_ports(&cx.caller, query).await?;
    let rows = found.into_iter().map(|view| view.port).collect();
    let place = |row: &Port| Place::new(row.created_at, row.id.uuid());
    let page = wanted.page(rows, place, |row| row);
    let views = cx.control().machine_views(page.items).await?;
    Ok(Answer(Page {
        items: views.iter().map(shape).collect(),
        next: page.next,
    }))
}

/// Makes a machine with a free address of a subnet.
#[utoipa::path(
    post, path = "/machines", tag = "machines", operation_id = "create_machine", request_body = NewMachineShape,
    responses(
        (status = 201, description = "It is made.", body = MachineShape),
        (status = 409, description = "A quota is used up, or another is in the way.", body = Problem),
        (status = 422, description = "Something that it names is not there.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewMachineShape>,
) -> Result<impl IntoResponse, Problem> {
    let new = NewPort {
        name: name("name", &new.name)?,
        resource_group: None,
        description: new.description,
        place: Site::Subnet(SubnetId::from_uuid(new.subnet)),
        admin_state_up: new.enabled,
        mac: None,
        fixed_ips: None,
        device: Device::instance(),
        port_security: Some(new.security_groups.is_some()),
        security_groups: Some(groups(new.security_groups.unwrap_or_default())),
    };
    let made = cx.control().create_port(&cx.caller, RULES, new).await;
    let made = made.map_err(|error| Problem::naming(Noun::Port, error))?;
    let view = cx.control().machine_view(&cx.caller, made.id).await?;
    let headers = etag(view.port.revision);
    Ok((StatusCode::CREATED, headers, Answer(shape(&view))))
}

/// Shows a machine.
#[utoipa::path(
    get, path = "/machines/{id}", tag = "machines", operation_id = "show_machine", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = MachineShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = PortId::from_uuid(id);
    let view = cx.control().machine_view(&cx.caller, id).await?;
    Ok((etag(view.port.revision), Answer(shape(&view))))
}

/// Changes a machine; what is left out stays.
#[utoipa::path(
    patch, path = "/machines/{id}", tag = "machines", operation_id = "update_machine",
    params(("id" = Uuid, Path), IfMatch), request_body = MachineChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = MachineShape),
        (status = 422, description = "Something that it names is not there.", body = Problem),
        refusals::Changed,
        refusals::Conditional,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<MachineChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let id = PortId::from_uuid(id);
    let called = change.name.map(|text| name("name", &text));
    let filter = change.security_groups;
    let change = PortChange {
        expected: cx.if_match()?,
        name: called.transpose()?,
        description: change.description,
        admin_state_up: change.enabled,
        port_security: filter.as_ref().map(Option::is_some),
        security_groups: filter.map(|filter| groups(filter.unwrap_or_default())),
        ..PortChange::default()
    };
    let changed = cx.control().update_machine(&cx.caller, RULES, id, change);
    let changed = changed.await;
    changed.map_err(|error| Problem::naming(Noun::Port, error))?;
    let view = cx.control().machine_view(&cx.caller, id).await?;
    Ok((etag(view.port.revision), Answer(shape(&view))))
}

/// Deletes a machine.
#[utoipa::path(
    delete, path = "/machines/{id}", tag = "machines", operation_id = "delete_machine",
    params(("id" = Uuid, Path), ("If-Match" = Option<String>, Header, description = "The ETag that it has to have.")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "A floating IP stands for it.", body = Problem),
        (status = 412, description = "It was changed by somebody else.", body = Problem),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (PortId::from_uuid(id), cx.if_match()?);
    cx.control()
        .delete_port(&cx.caller, RULES, id, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
