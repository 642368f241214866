//! `operator/...`: what is of all projects, for administrators.

mod gateways;
mod hosts;
mod old_keys;
mod weak_algorithms;

use adit_api::paging::Place;
use adit_control::Caller;
use adit_control::connection::ConnectionView;
use adit_control::gateway::GatewayView;
use adit_model::project::Role;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;

use crate::context::Context;
use crate::page::{Page, Wanted, Whole};
use crate::problem::Problem;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .merge(gateways::routes())
        .merge(weak_algorithms::routes())
        .merge(old_keys::routes())
        .merge(hosts::routes())
}

/// Who sees what all projects have.
fn everybody(cx: &Context) -> Result<Caller, Problem> {
    if cx.caller.role != Role::Admin {
        let detail = "what is of all projects is for administrators alone";
        return Err(Problem::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    Ok(Caller {
        all_projects: true,
        ..cx.caller
    })
}

fn place_of_gateway(view: &GatewayView) -> Place {
    Place::new(view.gateway.created_at, view.gateway.id.uuid())
}

/// A page of those connections of all projects that have something to be told.
async fn told<T>(
    cx: &Context,
    wanted: &Wanted,
    tell: impl Fn(&ConnectionView) -> Option<T>,
) -> Result<Page<T>, Problem> {
    let caller = everybody(cx)?;
    let place =
        |view: &ConnectionView| Place::new(view.connection.created_at, view.connection.id.uuid());
    let mut items = Vec::new();
    let mut whole = Whole::new(wanted.query_of_all()?);
    while let Some(query) = whole.query() {
        let found = cx.control().page_connections(&caller, query).await?;
        for view in whole.cut(found, place) {
            let Some(item) = tell(&view) else { continue };
            if items.len() == wanted.limit() {
                let next = Some(place(&view).to_string());
                return Ok(Page { items, next });
            }
            items.push(item);
        }
    }
    Ok(Page { items, next: None })
}
