//! `/security_groups/{id}/targets`: the network interfaces of instances that a group is of. Clients of
//! before 2021 know them as `network_interfaces`, whole.

use adit_api::paging::Place;
use adit_control::security_group::RouterGroupView;
use adit_control::{Error, Rule};
use adit_model::{Port, PortId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::{MANY, find};
use crate::context::Context;
use crate::error::ApiError;
use crate::ids::{self, Part};
use crate::instances;
use crate::page::page;
use crate::references;
use crate::state::Vpc;

pub(super) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/security_groups/{group}/targets", get(list))
        .route(
            "/security_groups/{group}/targets/{target}",
            get(one).put(add).delete(remove),
        )
        .route(
            "/security_groups/{group}/network_interfaces",
            get(interfaces),
        )
        .route(
            "/security_groups/{group}/network_interfaces/{target}",
            get(interface).put(add_interface).delete(remove),
        )
}

async fn interfaces(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let members = find(&cx, &id).await?.members;
    let views = cx.vpc.control.machine_views(members).await?;
    let rendered: Vec<_> = views
        .iter()
        .map(|view| instances::render_interface(&cx, view))
        .collect();
    Ok(Json(json!({"network_interfaces": rendered})))
}

async fn interface(
    cx: Context,
    Path((id, target)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let view = find(&cx, &id).await?;
    whole(&cx, member(&view, &target)?.id).await
}

async fn add_interface(
    cx: Context,
    Path((id, target)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let port = added(&cx, &id, &target).await?;
    whole(&cx, port.id).await
}

async fn whole(cx: &Context, machine: PortId) -> Result<Json<Value>, ApiError> {
    let view = cx.vpc.control.machine_view(&cx.caller, machine).await?;
    Ok(Json(instances::render_interface(cx, &view)))
}

async fn list(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let view = find(&cx, &id).await?;
    let path = format!("{MANY}/{}/targets", cx.regional(view.group.id.uuid()));
    let place = |port: &Port| Place::new(port.created_at, port.id.uuid());
    page(&cx, &path, "targets", view.members, place, |port| {
        references::interface(&cx, port)
    })
}

async fn one(
    cx: Context,
    Path((id, target)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let view = find(&cx, &id).await?;
    let port = member(&view, &target)?;
    Ok(Json(references::interface(&cx, port)))
}

async fn add(
    cx: Context,
    Path((id, target)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let port = added(&cx, &id, &target).await?;
    Ok(Json(references::interface(&cx, &port)))
}

async fn added(cx: &Context, id: &str, target: &str) -> Result<Port, ApiError> {
    let group = find(cx, id).await?.group.id;
    let machine = machine(target).ok_or_else(|| missing(target))?;
    let control = &cx.vpc.control;
    let added = control.add_security_group_member(&cx.caller, group, machine);
    added.await.map_err(|error| not_there(error, target))
}

async fn remove(
    cx: Context,
    Path((id, target)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let view = find(&cx, &id).await?;
    let port = member(&view, &target)?.id;
    let removed = cx
        .vpc
        .control
        .remove_security_group_member(&cx.caller, view.group.id, port);
    removed.await.map_err(|error| match error {
        Error::Conflict {
            rule: Rule::ListEmpty,
            ..
        } => {
            let message =
                "It is the only security group of the network interface: add another first.";
            ApiError::new(StatusCode::CONFLICT, "security_group_target_last", message)
        }
        other => not_there(other, &target),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// The machine whose interface has this id.
fn machine(target: &str) -> Option<PortId> {
    let interface = ids::parse(target)?;
    Some(PortId::from_uuid(Part::Interface.of(interface)))
}

fn member<'a>(view: &'a RouterGroupView, target: &str) -> Result<&'a Port, ApiError> {
    let machine = machine(target);
    let mut members = view.members.iter();
    let found = members.find(|port| Some(port.id) == machine);
    found.ok_or_else(|| missing(target))
}

fn not_there(error: Error, target: &str) -> ApiError {
    ApiError::from(error).or_missing(missing(target))
}

fn missing(target: &str) -> ApiError {
    let message = format!("The security group target `{target}` could not be found.");
    ApiError::new(
        StatusCode::NOT_FOUND,
        "security_group_target_not_found",
        message,
    )
}
