//! Which users have which roles in which projects.

use adit_model::project::Role;
use adit_model::{Project, RoleAssignment, User};
use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::context::{Context, Place};
use crate::error::ApiError;
use crate::{ids, projects, roles, users};

type Triple = Path<(String, String, String)>;

fn parse(project: &str, user: &str, role: &str) -> Result<RoleAssignment, ApiError> {
    Ok(RoleAssignment {
        project: projects::parse(project)?,
        user: users::parse(user)?,
        role: roles::need(role)?,
    })
}

pub(crate) async fn grant(
    cx: Context,
    Path((project, user, role)): Triple,
) -> Result<StatusCode, ApiError> {
    let row = parse(&project, &user, &role)?;
    cx.control().grant_role(&cx.session, row).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn withdraw(
    cx: Context,
    Path((project, user, role)): Triple,
) -> Result<StatusCode, ApiError> {
    let row = parse(&project, &user, &role)?;
    cx.control().withdraw_role(&cx.session, row).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn check(
    cx: Context,
    Path((project, user, role)): Triple,
) -> Result<StatusCode, ApiError> {
    let row = parse(&project, &user, &role)?;
    let rows = cx.control().roles(&cx.session, row.user, row.project);
    if rows.await?.contains(&row) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::missing("role assignment with role", &role))
    }
}

pub(crate) async fn list_of_user(
    cx: Context,
    Path((project, user)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (project, user) = (projects::parse(&project)?, users::parse(&user)?);
    let rows = cx.control().roles(&cx.session, user, project).await?;
    let rows = rows.iter().map(|row| roles::body(&cx.place, row.role));
    Ok(cx.place.list("roles", rows.collect()))
}

pub(crate) async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let place = &cx.place;
    let user = place.query("user.id").map(users::parse).transpose()?;
    let project = place.query("scope.project.id");
    let project = project.map(projects::parse).transpose()?;
    let found = cx.control().role_assignments(&cx.session, user, project);
    let found = found.await?;
    // Roles are had by users in projects: what is asked of others has none.
    let others = ["group.id", "scope.domain.id", "scope.system"];
    if others.iter().any(|name| place.query(name).is_some()) {
        return Ok(place.list("role_assignments", Vec::new()));
    }
    let mut rows = Vec::new();
    for (row, user, project) in &found {
        for role in effective(place, row.role) {
            if place.wants("role.id", roles::id(role)) {
                rows.push(body(place, role, user, project));
            }
        }
    }
    Ok(place.list("role_assignments", rows))
}

/// The role itself, or with `?effective` also those it includes.
fn effective(place: &Place, role: Role) -> Vec<Role> {
    if place.is_set("effective") {
        role.with_included().collect()
    } else {
        vec![role]
    }
}

fn body(place: &Place, role: Role, user: &User, project: &Project) -> Value {
    let (user_id, project_id) = (ids::id(user.id.uuid()), ids::id(project.id.uuid()));
    let path = format!(
        "projects/{project_id}/users/{user_id}/roles/{}",
        roles::id(role)
    );
    let links = json!({"assignment": place.href(&path)});
    if place.is_set("include_names") {
        json!({
            "role": roles::reference(role),
            "user": users::reference(user),
            "scope": {"project": projects::reference(project)},
            "links": links,
        })
    } else {
        json!({
            "role": {"id": roles::id(role)},
            "user": {"id": user_id},
            "scope": {"project": {"id": project_id}},
            "links": links,
        })
    }
}
