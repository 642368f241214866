//! Users and their passwords. No answer holds a password or its hash.

use adit_api::answer::set;
use adit_control::Password;
use adit_control::user::{NewUser, UserChange};
use adit_model::{ProjectId, User, UserId};
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

pub(crate) fn parse(text: &str) -> Result<UserId, ApiError> {
    let uuid = adit_api::ids::parse(text).ok_or_else(|| ApiError::missing("user", text))?;
    Ok(UserId::from_uuid(uuid))
}

/// How other things refer to a user.
pub(crate) fn reference(row: &User) -> Value {
    json!({
        "id": ids::id(row.id.uuid()),
        "name": row.name.as_str(),
        "domain": domains::reference(),
    })
}

fn body(place: &Place, row: &User) -> Value {
    let id = ids::id(row.id.uuid());
    let mut body = json!({
        "links": place.link(&format!("users/{id}")),
        "id": id,
        "name": row.name.as_str(),
        "description": row.description,
        "email": row.email,
        "enabled": row.enabled,
        "domain_id": domains::ID,
        "password_expires_at": null,
        "options": {},
    });
    if let Some(project) = row.default_project {
        set(
            &mut body,
            "default_project_id",
            json!(ids::id(project.uuid())),
        );
    }
    body
}

fn email(fields: &Fields) -> Result<Option<String>, ApiError> {
    Ok(fields.text("email")?.map(str::to_owned))
}

const DEFAULT_PROJECT: &str = "default_project_id";

/// What some clients, tempest among them, send instead.
const PROJECT: &str = "project_id";

fn default_project(fields: &Fields) -> Result<Option<ProjectId>, ApiError> {
    let text = match fields.text(DEFAULT_PROJECT)? {
        None => fields.text(PROJECT)?,
        given => given,
    };
    text.map(crate::projects::parse).transpose()
}

/// Refuses what a user here doesn't have. Keystone keeps everything; what is not kept must not look
/// as if it were.
fn check(fields: &Fields) -> Result<(), ApiError> {
    fields.check_domain()?;
    fields.check_known(&[
        "name",
        "description",
        "email",
        "enabled",
        "password",
        "domain_id",
        "options",
        DEFAULT_PROJECT,
        PROJECT,
    ])?;
    match fields.object("options")? {
        Some(options) if !options.is_empty() => {
            Err(ApiError::invalid("options", "there are none here"))
        }
        _ => Ok(()),
    }
}

fn password(fields: &Fields) -> Result<Option<Password>, ApiError> {
    let text = fields.text("password")?;
    Ok(text.map(Password::new).transpose()?)
}

pub(crate) async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let place = &cx.place;
    let named = place.query("name");
    let found = cx.control().users(&cx.session, named).await?;
    let rows = found.iter().filter(|row| {
        place.wants("name", row.name.as_str())
            && place.wants("domain_id", domains::ID)
            && place.wants_flag("enabled", row.enabled)
    });
    Ok(place.list("users", rows.map(|row| body(place, row)).collect()))
}

pub(crate) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let row = cx.control().user(&cx.session, parse(&id)?).await;
    let row = row.map_err(about(&id))?;
    Ok(Json(json!({"user": body(&cx.place, &row)})))
}

pub(crate) async fn create(cx: Context, octets: Body) -> Result<impl IntoResponse, ApiError> {
    let fields = fields::read(octets, "user").await?;
    check(&fields)?;
    let new = NewUser {
        name: fields.need_name()?,
        description: fields.description()?.unwrap_or_default(),
        email: email(&fields)?,
        enabled: fields.flag("enabled")?.unwrap_or(true),
        default_project: default_project(&fields)?,
        password: password(&fields)?,
    };
    let row = cx.control().create_user(&cx.session, new).await?;
    let body = json!({"user": body(&cx.place, &row)});
    Ok((StatusCode::CREATED, Json(body)))
}

pub(crate) async fn update(
    cx: Context,
    Path(id): Path<String>,
    octets: Body,
) -> Result<Json<Value>, ApiError> {
    let user = parse(&id)?;
    let fields = fields::read(octets, "user").await?;
    check(&fields)?;
    let given = |name| fields.has(name);
    let change = UserChange {
        name: fields.name()?,
        description: fields.description()?,
        email: given("email").then(|| email(&fields)).transpose()?,
        enabled: fields.flag("enabled")?,
        default_project: (given(DEFAULT_PROJECT) || given(PROJECT))
            .then(|| default_project(&fields))
            .transpose()?,
        password: password(&fields)?,
    };
    let row = cx.control().update_user(&cx.session, user, change).await;
    let row = row.map_err(about(&id))?;
    Ok(Json(json!({"user": body(&cx.place, &row)})))
}

pub(crate) async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let done = cx.control().delete_user(&cx.session, parse(&id)?).await;
    done.map_err(about(&id))?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn change_password(
    cx: Context,
    Path(id): Path<String>,
    octets: Body,
) -> Result<StatusCode, ApiError> {
    let user = parse(&id)?;
    let fields = fields::read(octets, "user").await?;
    let original = Password::new(fields.need_text("original_password")?)?;
    let new = Password::new(fields.need_text("password")?)?;
    let control = cx.control();
    let done = control.change_password(&cx.session, user, &original, &new);
    if done.await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::unauthorized())
    }
}
