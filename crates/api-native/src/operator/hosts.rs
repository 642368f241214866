//! `operator/hosts`: what routers and gateways are on.

use std::collections::BTreeMap;

use adit_api::paging::Place;
use adit_control::Query;
use adit_model::gateway::GatewayStatus;
use adit_model::{HostId, Router};
use axum::Json as Answer;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::everything::everybody;
use crate::context::Context;
use crate::gateways;
use crate::page::Whole;
use crate::problem::Problem;
use crate::state::Native;

pub(super) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A host that carries routers and gateways.
#[derive(Serialize, ToSchema)]
struct HostShape {
    id: Uuid,
    routers: usize,
    gateways: usize,
    /// Gateways whose worker is not at work.
    failed_gateways: usize,
}

/// All hosts.
#[derive(Serialize, ToSchema)]
struct HostsShape {
    items: Vec<HostShape>,
}

/// Lists the hosts, with what is on them. For administrators.
#[utoipa::path(
    get, path = "/operator/hosts", tag = "operator", operation_id = "list_hosts",
    responses(
        (status = 200, description = "All of them; so far there is one.", body = HostsShape),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
        (status = 403, description = "It is for administrators.", body = Problem),
    ),
)]
async fn list(cx: Context) -> Result<impl IntoResponse, Problem> {
    let caller = everybody(&cx)?;
    let mut hosts = BTreeMap::new();
    let empty = |id| HostShape {
        id,
        routers: 0,
        gateways: 0,
        failed_gateways: 0,
    };
    let only = HostId::ONLY.uuid();
    hosts.insert(only, empty(only));
    let mut whole = Whole::new(Query::default());
    while let Some(query) = whole.query() {
        let found = cx.control().page_routers(&caller, query).await?;
        let place = |row: &Router| Place::new(row.created_at, row.id.uuid());
        for row in whole.cut(found, place) {
            let id = row.host.uuid();
            hosts.entry(id).or_insert_with(|| empty(id)).routers += 1;
        }
    }
    let mut whole = Whole::new(Query::default());
    while let Some(query) = whole.query() {
        let found = cx.control().page_gateways(&caller, query).await?;
        for view in whole.cut(found, gateways::place) {
            let id = view.gateway.host.uuid();
            let host = hosts.entry(id).or_insert_with(|| empty(id));
            host.gateways += 1;
            host.failed_gateways += usize::from(view.status == GatewayStatus::Failed);
        }
    }
    let items = hosts.into_values().collect();
    Ok(Answer(HostsShape { items }))
}
