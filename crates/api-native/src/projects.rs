//! `projects`: tenants, as far as one acts in them; all of them, for administrators.

use adit_control::Noun;
use adit_control::project::ProjectChange;
use adit_model::project::Role;
use adit_model::{Project, ProjectId};
use axum::Json as Answer;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, Json, name, yes};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
}

/// What a project is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProjectShape {
    /// What to call it; no two projects have one name.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// Whether anybody may act in it.
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
}

/// What to change of a project; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProjectChangeShape {
    name: Option<String>,
    description: Option<String>,
    /// Whether anybody may act in it.
    enabled: Option<bool>,
}

/// A project.
#[derive(Serialize, ToSchema)]
struct ProjectShape {
    id: Uuid,
    name: String,
    description: String,
    /// Whether anybody may act in it.
    enabled: bool,
    /// What one may do there oneself: `reader`, `member` or `admin`; nothing, where one only knows of it.
    role: Option<&'static str>,
}

impl ProjectShape {
    fn of(row: &Project, role: Option<Role>) -> Self {
        Self {
            id: row.id.uuid(),
            name: row.name.to_string(),
            description: row.description.clone(),
            enabled: row.enabled,
            role: role.map(Role::as_str),
        }
    }
}

/// All projects that are seen.
#[derive(Serialize, ToSchema)]
struct ProjectsShape {
    /// By name.
    items: Vec<ProjectShape>,
}

/// The projects that are seen: one's own, and for administrators the others.
async fn seen(cx: &Context) -> Result<Vec<(Project, Option<Role>)>, Problem> {
    let session = cx.session().await?;
    let own = cx.control().projects_of_session(&session).await?;
    if cx.caller.role != Role::Admin {
        return Ok(own
            .into_iter()
            .map(|(row, role)| (row, Some(role)))
            .collect());
    }
    let all = cx.control().projects(&session, None).await?;
    let role_in = |row: &Project| {
        let mut own = own.iter();
        own.find(|(known, _)| known.id == row.id)
            .map(|(_, role)| *role)
    };
    let with_role = |row: Project| (role_in(&row), row);
    let all = all.into_iter().map(with_role);
    Ok(all.map(|(role, row)| (row, role)).collect())
}

/// Lists the projects that one acts in, by name; all of them, for administrators.
#[utoipa::path(
    get, path = "/projects", tag = "projects", operation_id = "list_projects",
    responses(
        (status = 200, description = "All of them.", body = ProjectsShape),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
    ),
)]
async fn list(cx: Context) -> Result<impl IntoResponse, Problem> {
    let items = seen(&cx).await?;
    let items = items.iter().map(|(row, role)| ProjectShape::of(row, *role));
    let items = items.collect();
    Ok(Answer(ProjectsShape { items }))
}

/// Makes a project. For administrators.
#[utoipa::path(
    post, path = "/projects", tag = "projects", operation_id = "create_project", request_body = NewProjectShape,
    responses(
        (status = 201, description = "It is made.", body = ProjectShape),
        (status = 409, description = "The name is taken, or another service keeps projects.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewProjectShape>,
) -> Result<impl IntoResponse, Problem> {
    let session = cx.session().await?;
    kept_here(&cx)?;
    let called = name("name", &new.name)?;
    let made = cx
        .control()
        .create_project(&session, called, new.description, new.enabled);
    let shape = ProjectShape::of(&made.await?, None);
    Ok((StatusCode::CREATED, Answer(shape)))
}

/// Refuses where another service says which projects there are.
fn kept_here(cx: &Context) -> Result<(), Problem> {
    if !cx.control().asks_another_service() {
        return Ok(());
    }
    let detail = "projects are kept by the identity service that this one asks; change them there";
    Err(Problem::new(StatusCode::CONFLICT, "conflict", detail))
}

/// Shows a project that one acts in.
#[utoipa::path(
    get, path = "/projects/{id}", tag = "projects", operation_id = "show_project", params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = ProjectShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let found = seen(&cx).await?;
    let mut found = found.iter();
    let found = found.find(|(row, _)| row.id.uuid() == id);
    let (row, role) = found.ok_or_else(|| Problem::not_found(Noun::Project))?;
    Ok(Answer(ProjectShape::of(row, *role)))
}

/// Changes a project; what is left out stays. For administrators.
#[utoipa::path(
    patch, path = "/projects/{id}", tag = "projects", operation_id = "update_project",
    params(("id" = Uuid, Path)), request_body = ProjectChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = ProjectShape),
        (status = 409, description = "The name is taken, or another service keeps projects.", body = Problem),
        refusals::Changed,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<ProjectChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    cx.unconditional()?;
    kept_here(&cx)?;
    let session = cx.session().await?;
    let called = change.name.map(|text| name("name", &text));
    let change = ProjectChange {
        name: called.transpose()?,
        description: change.description,
        enabled: change.enabled,
    };
    let id = ProjectId::from_uuid(id);
    let changed = cx.control().update_project(&session, id, change).await?;
    Ok(Answer(ProjectShape::of(&changed, None)))
}

/// Deletes a project, and behind it what belongs to it. For administrators.
#[utoipa::path(
    delete, path = "/projects/{id}", tag = "projects", operation_id = "delete_project", params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "Nobody finds it any more; what belongs to it is being deleted."),
        (status = 409, description = "The network that leads outside is its own, or another service keeps projects.", body = Problem),
        refusals::Deleted,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    cx.unconditional()?;
    kept_here(&cx)?;
    let session = cx.session().await?;
    let id = ProjectId::from_uuid(id);
    cx.control().delete_project(&session, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
