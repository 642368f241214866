//! `quotas`: how many of each thing a project may have, and has.

use std::collections::BTreeMap;

use adit_control::quota::Usage;
use adit_control::{Noun, Resource};
use adit_model::ProjectId;
use adit_model::project::Role;
use axum::Json as Answer;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, Json};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(own))
        .routes(routes!(show, update, reset))
}

/// How many of something a project may have, and has.
#[derive(Serialize, ToSchema)]
struct UsageShape {
    /// How many it may have; none is no limit.
    limit: Option<u64>,
    /// How many it has.
    used: usize,
}

impl UsageShape {
    fn of(usage: Usage) -> Self {
        Self {
            limit: u64::try_from(usage.limit).ok(),
            used: usage.used,
        }
    }
}

/// What a project may have, and has.
#[derive(Serialize, ToSchema)]
pub(crate) struct QuotaShape {
    project: Uuid,
    /// By what is counted, such as `connection`.
    #[schema(example = json!({"connection": {"limit": null, "used": 12}}))]
    resources: BTreeMap<&'static str, UsageShape>,
}

/// Limits to set, by what is counted: a number, or `null` for no limit. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(transparent)]
struct LimitsShape(BTreeMap<String, Option<u32>>);

/// The quota of a project.
pub(crate) async fn of(cx: &Context, project: ProjectId) -> Result<QuotaShape, Problem> {
    let usage = cx.control().quota_usage(project).await?;
    let each = usage.into_iter();
    let each = each.map(|(resource, usage)| (resource.as_str(), UsageShape::of(usage)));
    Ok(QuotaShape {
        project: project.uuid(),
        resources: each.collect(),
    })
}

/// Shows what one's own project may have, and has.
#[utoipa::path(
    get, path = "/quotas", tag = "quotas", operation_id = "show_own_quota",
    responses(
        (status = 200, description = "By what is counted.", body = QuotaShape),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
    ),
)]
async fn own(cx: Context) -> Result<impl IntoResponse, Problem> {
    Ok(Answer(of(&cx, cx.caller.project).await?))
}

/// Others' quotas are not there but for administrators, and those of projects that are not there for nobody.
async fn found(cx: &Context, id: Uuid) -> Result<ProjectId, Problem> {
    let id = ProjectId::from_uuid(id);
    if id == cx.caller.project {
        return Ok(id);
    }
    if cx.caller.role != Role::Admin {
        return Err(Problem::not_found(Noun::Project));
    }
    let session = cx.session().await?;
    Ok(cx.control().project(&session, id).await?.id)
}

/// Shows what a project may have, and has: one's own, and for administrators any.
#[utoipa::path(
    get, path = "/quotas/{project}", tag = "quotas", operation_id = "show_quota", params(("project" = Uuid, Path)),
    responses(
        (status = 200, description = "By what is counted.", body = QuotaShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let project = found(&cx, id).await?;
    Ok(Answer(of(&cx, project).await?))
}

impl LimitsShape {
    fn read(self) -> Result<BTreeMap<Resource, i64>, Problem> {
        let each = self.0.into_iter().map(|(word, limit)| {
            let mut known = Resource::ALL.iter();
            let resource = known.find(|one| one.as_str() == word).ok_or_else(|| {
                let words: Vec<_> = Resource::ALL.iter().map(|one| one.as_str()).collect();
                let detail = format!("what is counted is one of {}", words.join(", "));
                Problem::invalid(&word, detail)
            })?;
            Ok((*resource, limit.map_or(-1, i64::from)))
        });
        each.collect()
    }
}

/// Says what a project may have; what is left out stays. For administrators.
#[utoipa::path(
    patch, path = "/quotas/{project}", tag = "quotas", operation_id = "update_quota",
    params(("project" = Uuid, Path)), request_body = LimitsShape,
    responses(
        (status = 200, description = "It is set.", body = QuotaShape),
        refusals::Changed,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(limits): Json<LimitsShape>,
) -> Result<impl IntoResponse, Problem> {
    cx.unconditional()?;
    let project = ProjectId::from_uuid(id);
    let limits = limits.read()?;
    cx.control()
        .set_quotas(&cx.caller, project, &limits)
        .await?;
    Ok(Answer(of(&cx, project).await?))
}

/// Goes back to what projects may have that nobody said anything of. For administrators.
#[utoipa::path(
    delete, path = "/quotas/{project}", tag = "quotas", operation_id = "reset_quota", params(("project" = Uuid, Path)),
    responses(
        (status = 204, description = "The defaults hold."),
        refusals::Deleted,
    ),
)]
async fn reset(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    cx.unconditional()?;
    let project = ProjectId::from_uuid(id);
    cx.control().reset_quotas(&cx.caller, project).await?;
    Ok(StatusCode::NO_CONTENT)
}
