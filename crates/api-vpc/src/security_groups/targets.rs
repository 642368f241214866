//! `/security_groups/{id}/targets`: the network interfaces of instances that a group is of.

use adit_api::paging::Place;
use adit_control::security_group::RouterGroupView;
use adit_control::{Error, Rule};
use adit_model::{Port, PortId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;

use super::{MANY, find};
use crate::context::Context;
use crate::error::ApiError;
use crate::ids::{self, Part};
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
    let group = find(&cx, &id).await?.group.id;
    let machine = machine(&target).ok_or_else(|| missing(&target))?;
    let added = cx
        .vpc
        .control
        .add_security_group_member(&cx.caller, group, machine);
    let port = added.await.map_err(|error| not_there(error, &target))?;
    Ok(Json(references::interface(&cx, &port)))
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
