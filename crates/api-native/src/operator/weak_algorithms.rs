//! `operator/weak-algorithms`: connections that rest on what is too weak today.

use adit_control::connection::ConnectionView;
use adit_model::ReasonCode;
use axum::Json as Answer;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::told;
use crate::context::Context;
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::reasons::ReasonShape;
use crate::refusals;
use crate::state::Native;

pub(super) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(list))
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

impl WeakConnectionShape {
    fn of(view: &ConnectionView) -> Option<Self> {
        let mut reasons = view.reasons.iter();
        let reason = reasons.find(|reason| reason.code == ReasonCode::WeakAlgorithm)?;
        let row = &view.connection;
        let observed = view.observed.as_ref();
        Some(Self {
            id: row.id.uuid(),
            name: row.name.to_string(),
            project: row.project.uuid(),
            gateway: row.gateway.uuid(),
            ike_suite: observed.and_then(|seen| seen.ike_suite.clone()),
            reason: ReasonShape::of(reason),
        })
    }
}

/// Lists the connections of all projects that use weak algorithms, oldest first. For administrators.
#[utoipa::path(
    get, path = "/operator/weak-algorithms", tag = "operator", operation_id = "list_weak_algorithms", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<WeakConnectionShape>),
        (status = 403, description = "It is for administrators.", body = Problem),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    Ok(Answer(told(&cx, &wanted, WeakConnectionShape::of).await?))
}
