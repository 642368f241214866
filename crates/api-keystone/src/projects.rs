//! Projects.

use adit_control::project::ProjectChange;
use adit_model::{Project, ProjectId};
use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::context::{Context, Place};
use crate::domains;
use crate::error::{ApiError, about};
use crate::fields::{self, Fields, KeystoneFields as _};
use crate::ids;

pub(crate) fn parse(text: &str) -> Result<ProjectId, ApiError> {
    let uuid = adit_api::ids::parse(text).ok_or_else(|| ApiError::missing("project", text))?;
    Ok(ProjectId::from_uuid(uuid))
}

/// How other things refer to a project.
pub(crate) fn reference(row: &Project) -> Value {
    json!({
        "id": ids::id(row.id.uuid()),
        "name": row.name.as_str(),
        "domain": domains::reference(),
    })
}

fn body(place: &Place, row: &Project) -> Value {
    let id = ids::id(row.id.uuid());
    json!({
        "links": place.link(&format!("projects/{id}")),
        "id": id,
        "name": row.name.as_str(),
        "description": row.description,
        "enabled": row.enabled,
        "domain_id": domains::ID,
        "parent_id": domains::ID,
        "is_domain": false,
        "tags": [],
        "options": {},
    })
}

fn rows(place: &Place, rows: &[Project]) -> Json<Value> {
    // A project that is a domain is none of ours.
    let domains = place.query("is_domain").is_some() && place.is_set("is_domain");
    let wanted = rows.iter().filter(|row| {
        !domains
            && place.wants("name", row.name.as_str())
            && place.wants("domain_id", domains::ID)
            && place.wants("parent_id", domains::ID)
            && place.wants_flag("enabled", row.enabled)
    });
    let wanted = wanted.map(|row| body(place, row)).collect();
    place.list("projects", wanted)
}

/// The longest name of a project, in characters, as in Keystone.
const LONGEST_NAME: usize = 64;

/// Refuses what would make the project something other than a tenant in the one domain.
fn check(fields: &Fields) -> Result<(), ApiError> {
    fields.check_domain()?;
    if fields.flag("is_domain")?.unwrap_or(false) {
        return Err(ApiError::invalid(
            "is_domain",
            "there is one domain, and no more",
        ));
    }
    if let Some(name) = fields.text("name")?
        && name.chars().count() > LONGEST_NAME
    {
        return Err(ApiError::invalid(
            "name",
            "a project's name has at most 64 characters",
        ));
    }
    match fields.text("parent_id")? {
        Some(id) if id != domains::ID => {
            Err(ApiError::invalid("parent_id", "projects have no projects"))
        }
        _ => Ok(()),
    }
}

pub(crate) async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let named = cx.place.query("name");
    let found = cx.control().projects(&cx.session, named).await?;
    Ok(rows(&cx.place, &found))
}

pub(crate) async fn list_own(cx: Context) -> Result<Json<Value>, ApiError> {
    let user = cx.session.user.id;
    let found = cx.control().projects_of_user(&cx.session, user).await?;
    Ok(rows(&cx.place, &found))
}

pub(crate) async fn list_of_user(
    cx: Context,
    Path(user): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = crate::users::parse(&user)?;
    let found = cx.control().projects_of_user(&cx.session, id).await;
    Ok(rows(&cx.place, &found.map_err(about(&user))?))
}

pub(crate) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = cx.control().project(&cx.session, parse(&id)?).await;
    let row = row.map_err(about(&id))?;
    Ok(Json(json!({"project": body(&cx.place, &row)})))
}

pub(crate) async fn create(cx: Context, octets: Body) -> Result<impl IntoResponse, ApiError> {
    let fields = fields::read(octets, "project").await?;
    check(&fields)?;
    let row = cx.control().create_project(
        &cx.session,
        fields.need_name()?,
        fields.description()?.unwrap_or_default(),
        fields.flag("enabled")?.unwrap_or(true),
    );
    let body = json!({"project": body(&cx.place, &row.await?)});
    Ok((StatusCode::CREATED, Json(body)))
}

pub(crate) async fn update(
    cx: Context,
    Path(id): Path<String>,
    octets: Body,
) -> Result<Json<Value>, ApiError> {
    let project = parse(&id)?;
    let fields = fields::read(octets, "project").await?;
    check(&fields)?;
    let change = ProjectChange {
        name: fields.name()?,
        description: fields.description()?,
        enabled: fields.flag("enabled")?,
    };
    let row = cx.control().update_project(&cx.session, project, change);
    let row = row.await.map_err(about(&id))?;
    Ok(Json(json!({"project": body(&cx.place, &row)})))
}

pub(crate) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let done = cx.control().delete_project(&cx.session, parse(&id)?);
    done.await.map_err(about(&id))?;
    Ok(StatusCode::NO_CONTENT)
}
