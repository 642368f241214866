//! `operator/gateways`: what gateways turn away.

use std::collections::BTreeMap;

use adit_control::gateway::GatewayView;
use adit_model::gateway::GatewayStatus;
use axum::Json as Answer;
use axum::response::IntoResponse;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::everything::everybody;
use crate::context::Context;
use crate::gateways::place;
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::reasons::ReasonShape;
use crate::refusals;
use crate::state::Native;

pub(super) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(list))
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

impl OperatedGatewayShape {
    fn of(view: &GatewayView) -> Self {
        Self {
            id: view.gateway.id.uuid(),
            name: view.gateway.name.to_string(),
            project: view.gateway.project.uuid(),
            host: view.gateway.host.uuid(),
            status: view.status,
            reasons: view.reasons.iter().map(ReasonShape::of).collect(),
            drops: view.drops.0.clone(),
            half_open: view.half_open,
            created_at: view.gateway.created_at,
        }
    }
}

/// Lists the gateways of all projects with what they drop, by cause; oldest first. For administrators.
#[utoipa::path(
    get, path = "/operator/gateways", tag = "operator", operation_id = "list_operated_gateways", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<OperatedGatewayShape>),
        (status = 403, description = "It is for administrators.", body = Problem),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let caller = everybody(&cx)?;
    let found = cx.control().page_gateways(&caller, wanted.query_of_all()?);
    let page = wanted.page(found.await?, place, |view| OperatedGatewayShape::of(&view));
    Ok(Answer(page))
}
