//! `operator/...`: what is of all projects, for administrators.

use std::collections::BTreeMap;

use adit_control::{Caller, Query};
use adit_model::ReasonCode;
use adit_model::gateway::GatewayStatus;
use adit_model::project::Role;
use axum::Json as Answer;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::Context;
use crate::problem::Problem;
use crate::reasons::ReasonShape;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(gateways))
        .routes(routes!(weak_algorithms))
        .routes(routes!(hosts))
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

/// A gateway of any project, and what it turns away.
#[derive(Serialize, ToSchema)]
struct OperatedGatewayShape {
    id: Uuid,
    name: String,
    project: Uuid,
    /// The host that it is on.
    host: Uuid,
    /// `available`, `pending` or `failed`.
    #[schema(value_type = String)]
    status: GatewayStatus,
    reasons: Vec<ReasonShape>,
    /// What was dropped since its worker was started, by cause. Causes that never happened are left out.
    #[schema(example = json!({"no_sa": 3, "replayed": 1}))]
    drops: BTreeMap<String, u64>,
    /// IKE SAs whose peer has not shown who it is.
    half_open: u64,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

/// All gateways.
#[derive(Serialize, ToSchema)]
struct OperatedGatewaysShape {
    /// Those that drop most first.
    items: Vec<OperatedGatewayShape>,
}

/// Lists the gateways of all projects with what they drop, by cause; those that drop most first. For administrators.
#[utoipa::path(
    get, path = "/operator/gateways", tag = "operator", operation_id = "list_operated_gateways",
    responses(
        (status = 200, description = "All of them.", body = OperatedGatewaysShape),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
        (status = 403, description = "It is for administrators.", body = Problem),
    ),
)]
async fn gateways(cx: Context) -> Result<impl IntoResponse, Problem> {
    let caller = everybody(&cx)?;
    let views = cx
        .control()
        .page_gateways(&caller, Query::default())
        .await?;
    let mut items: Vec<_> = views
        .iter()
        .map(|view| OperatedGatewayShape {
            id: view.gateway.id.uuid(),
            name: view.gateway.name.to_string(),
            project: view.gateway.project.uuid(),
            host: view.gateway.host.uuid(),
            status: view.status,
            reasons: view.reasons.iter().map(ReasonShape::of).collect(),
            drops: view.drops.0.clone(),
            half_open: view.half_open,
            created_at: view.gateway.created_at,
        })
        .collect();
    items.sort_by_key(|one| std::cmp::Reverse(one.drops.values().sum::<u64>()));
    Ok(Answer(OperatedGatewaysShape { items }))
}

/// A connection whose policies have, or whose tunnel has agreed on, what is too weak today.
#[derive(Serialize, ToSchema)]
struct WeakConnectionShape {
    id: Uuid,
    name: String,
    project: Uuid,
    gateway: Uuid,
    /// What phase 1 agreed on.
    ike_suite: Option<String>,
    /// What is weak, and what to do.
    reason: ReasonShape,
}

/// All of those.
#[derive(Serialize, ToSchema)]
struct WeakConnectionsShape {
    items: Vec<WeakConnectionShape>,
}

/// Lists the connections of all projects that use weak algorithms. For administrators.
#[utoipa::path(
    get, path = "/operator/weak-algorithms", tag = "operator", operation_id = "list_weak_algorithms",
    responses(
        (status = 200, description = "All of them.", body = WeakConnectionsShape),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
        (status = 403, description = "It is for administrators.", body = Problem),
    ),
)]
async fn weak_algorithms(cx: Context) -> Result<impl IntoResponse, Problem> {
    let caller = everybody(&cx)?;
    let views = cx
        .control()
        .page_connections(&caller, Query::default())
        .await?;
    let weak = views.iter().filter_map(|view| {
        let mut reasons = view.reasons.iter();
        let reason = reasons.find(|reason| reason.code == ReasonCode::WeakAlgorithm)?;
        let row = &view.connection;
        Some(WeakConnectionShape {
            id: row.id.uuid(),
            name: row.name.to_string(),
            project: row.project.uuid(),
            gateway: row.gateway.uuid(),
            ike_suite: view
                .observed
                .as_ref()
                .and_then(|seen| seen.ike_suite.clone()),
            reason: ReasonShape::of(reason),
        })
    });
    let items = weak.collect();
    Ok(Answer(WeakConnectionsShape { items }))
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
async fn hosts(cx: Context) -> Result<impl IntoResponse, Problem> {
    let caller = everybody(&cx)?;
    let mut hosts = BTreeMap::new();
    let empty = |id| HostShape {
        id,
        routers: 0,
        gateways: 0,
        failed_gateways: 0,
    };
    let only = adit_model::HostId::ONLY.uuid();
    hosts.insert(only, empty(only));
    for row in cx.control().page_routers(&caller, Query::default()).await? {
        let id = row.host.uuid();
        hosts.entry(id).or_insert_with(|| empty(id)).routers += 1;
    }
    for view in cx
        .control()
        .page_gateways(&caller, Query::default())
        .await?
    {
        let id = view.gateway.host.uuid();
        let host = hosts.entry(id).or_insert_with(|| empty(id));
        host.gateways += 1;
        host.failed_gateways += usize::from(view.status == GatewayStatus::Failed);
    }
    let items = hosts.into_values().collect();
    Ok(Answer(HostsShape { items }))
}
