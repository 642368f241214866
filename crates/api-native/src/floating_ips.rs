//! `floating-ips`: addresses outside that stand for machines.

use std::net::IpAddr;

use adit_api::paging::Place;
use adit_control::floating_ip::{FloatingIpChange, NewFloatingIp, Rules, Target, Way};
use adit_control::{Allowance, Error, Naming, Noun};
use adit_model::{FloatingIp, FloatingIpId, Name, PortId};
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

use crate::context::{Context, IfMatch, Json, etag, name, said};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

/// A router gets its way outside by the first floating IP that needs it.
const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    way: Way::OnDemand,
};

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// What a floating IP is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewFloatingIpShape {
    /// What to call it; it may have no name.
    name: Option<String>,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// The machine that it stands for from the beginning.
    machine: Option<Uuid>,
}

/// What to change of a floating IP; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FloatingIpChangeShape {
    name: Option<String>,
    description: Option<String>,
    /// The machine that it stands for; `null` is none.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<Uuid>)]
    machine: Option<Option<Uuid>>,
}

/// A floating IP.
#[derive(Serialize, ToSchema)]
struct FloatingIpShape {
    id: Uuid,
    name: String,
    description: String,
    /// The address outside.
    #[schema(value_type = String)]
    address: IpAddr,
    /// The machine that it stands for, if there is one.
    machine: Option<Uuid>,
    /// Which of the machine's addresses.
    #[schema(value_type = Option<String>)]
    machine_address: Option<IpAddr>,
    /// The router that translates.
    router: Option<Uuid>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number.
    revision: u64,
}

fn shape(row: &FloatingIp) -> FloatingIpShape {
    let of = row.association;
    FloatingIpShape {
        id: row.id.uuid(),
        name: row.name.to_string(),
        description: row.description.clone(),
        address: row.address,
        machine: of.map(|of| of.port.uuid()),
        machine_address: of.map(|of| of.fixed_ip),
        router: of.map(|of| of.router.uuid()),
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

fn target(machine: Uuid) -> Target {
    Target {
        port: PortId::from_uuid(machine),
        fixed_ip: None,
    }
}

/// A machine that a body names and that is not there, or that nothing can stand for.
fn in_body(error: Error) -> Problem {
    match error {
        Error::NotFound(Noun::Port) | Error::NoWayOutside(_) => {
            Problem::misfit(error.to_string()).of("machine")
        }
        Error::Invalid { .. } => Problem::from(error).of("machine"),
        other => other.into(),
    }
}

/// Lists floating IPs, oldest first.
#[utoipa::path(
    get, path = "/floating-ips", tag = "floating-ips", operation_id = "list_floating_ips", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<FloatingIpShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let rows = cx.control().page_floating_ips(&cx.caller, query).await?;
    let place = |row: &FloatingIp| Place::new(row.created_at, row.id.uuid());
    Ok(Answer(wanted.page(rows, place, |row| shape(&row))))
}

/// Makes a floating IP, which has a free address outside at once.
#[utoipa::path(
    post, path = "/floating-ips", tag = "floating-ips", operation_id = "create_floating_ip",
    request_body = NewFloatingIpShape,
    responses(
        (status = 201, description = "It is made.", body = FloatingIpShape),
        (status = 409, description = "The quota is used up, or no address is left.", body = Problem),
        (status = 422, description = "The machine is not there, or nothing leads from it outside.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewFloatingIpShape>,
) -> Result<impl IntoResponse, Problem> {
    let called = new.name.map(|text| name("name", &text)).transpose()?;
    let network = cx.control().external_network()?;
    let new = NewFloatingIp {
        name: called.unwrap_or_else(Name::default),
        description: new.description,
        target: new.machine.map(target),
        ..NewFloatingIp::of(network)
    };
    let made = cx.control().create_floating_ip(&cx.caller, RULES, new);
    let made = made.await.map_err(in_body)?;
    Ok((
        StatusCode::CREATED,
        etag(made.revision),
        Answer(shape(&made)),
    ))
}

/// Shows a floating IP.
#[utoipa::path(
    get, path = "/floating-ips/{id}", tag = "floating-ips", operation_id = "show_floating_ip",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = FloatingIpShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = FloatingIpId::from_uuid(id);
    let row = cx.control().floating_ip(&cx.caller, id).await?;
    Ok((etag(row.revision), Answer(shape(&row))))
}

/// Changes a floating IP; what is left out stays.
#[utoipa::path(
    patch, path = "/floating-ips/{id}", tag = "floating-ips", operation_id = "update_floating_ip",
    params(("id" = Uuid, Path), IfMatch), request_body = FloatingIpChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = FloatingIpShape),
        (status = 409, description = "Another one stands for that machine, or a public gateway has it.", body = Problem),
        (status = 422, description = "The machine is not there, or nothing leads from it outside.", body = Problem),
        refusals::Changed,
        refusals::Conditional,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<FloatingIpChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let called = change.name.map(|text| name("name", &text));
    let change = FloatingIpChange {
        expected: cx.if_match()?,
        name: called.transpose()?,
        description: change.description,
        target: change.machine.map(|machine| machine.map(target)),
    };
    let id = FloatingIpId::from_uuid(id);
    let changed = cx
        .control()
        .update_floating_ip(&cx.caller, RULES, id, change);
    let row = changed.await.map_err(in_body)?;
    Ok((etag(row.revision), Answer(shape(&row))))
}

/// Gives a floating IP back.
#[utoipa::path(
    delete, path = "/floating-ips/{id}", tag = "floating-ips", operation_id = "delete_floating_ip",
    params(("id" = Uuid, Path), IfMatch),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "A public gateway has it.", body = Problem),
        refusals::Deleted,
        refusals::Conditional,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (FloatingIpId::from_uuid(id), cx.if_match()?);
    cx.control()
        .delete_floating_ip(&cx.caller, id, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
