//! Application credentials. The secret is in the answer to its making, and in no other.

use adit_api::answer::set;
use adit_control::Password;
use adit_control::application_credential::NewApplicationCredential;
use adit_model::project::Role;
use adit_model::{ApplicationCredential, ApplicationCredentialId};
use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::context::{Context, Place};
use crate::error::{ApiError, about};
use crate::fields::{self, Fields, KeystoneFields as _};
use crate::{ids, roles, users};

fn parse(text: &str) -> Result<ApplicationCredentialId, ApiError> {
    let uuid = adit_api::ids::parse(text)
        .ok_or_else(|| ApiError::missing("application credential", text))?;
    Ok(ApplicationCredentialId::from_uuid(uuid))
}

fn body(place: &Place, row: &ApplicationCredential) -> Value {
    let id = ids::id(row.id.uuid());
    let user = ids::id(row.user.uuid());
    let path = format!("users/{user}/application_credentials/{id}");
    json!({
        "links": place.link(&path),
        "id": id,
        "name": row.name.as_str(),
        "description": row.description,
        "user_id": user,
        "project_id": ids::id(row.project.uuid()),
        "system": null,
        "roles": roles::with_included(row.role),
        "expires_at": row.expires_at.map(ids::time_without_zone),
        "unrestricted": row.unrestricted,
    })
}

/// The greatest of the roles that are named by id or by name.
fn role(fields: &Fields) -> Result<Option<Role>, ApiError> {
    let mut greatest = None;
    for value in fields.list("roles")?.unwrap_or_default() {
        let fields = Fields::of(value, "roles")?;
        let role = match fields.text("id")? {
            Some(id) => roles::parse(id),
            None => fields.need_text("name")?.parse().ok(),
        };
        let role = role.ok_or_else(|| ApiError::invalid("roles", "there is no such role"))?;
        greatest = greatest.max(Some(role));
    }
    Ok(greatest)
}

fn read(fields: &Fields) -> Result<NewApplicationCredential, ApiError> {
    if fields
        .list("access_rules")?
        .is_some_and(|rules| !rules.is_empty())
    {
        return Err(ApiError::invalid(
            "access_rules",
            "access rules are not supported",
        ));
    }
    let expires_at = fields.text("expires_at")?.map(|text| {
        adit_api::times::parse(text)
            .ok_or_else(|| ApiError::invalid("expires_at", "it is not a time"))
    });
    let secret = fields.text("secret")?.map(Password::new);
    Ok(NewApplicationCredential {
        name: fields.need_name()?,
        description: fields.description()?.unwrap_or_default(),
        secret: secret.transpose()?,
        role: role(fields)?,
        unrestricted: fields.flag("unrestricted")?.unwrap_or(false),
        expires_at: expires_at.transpose()?,
    })
}

pub(crate) async fn list(cx: Context, Path(user): Path<String>) -> Result<Json<Value>, ApiError> {
    let place = &cx.place;
    let found = cx
        .control()
        .application_credentials(&cx.session, users::parse(&user)?);
    let found = found.await?;
    let rows = found
        .iter()
        .filter(|row| place.wants("name", row.name.as_str()));
    let rows = rows.map(|row| body(place, row)).collect();
    Ok(place.list("application_credentials", rows))
}

pub(crate) async fn create(
    cx: Context,
    Path(user): Path<String>,
    octets: Body,
) -> Result<impl IntoResponse, ApiError> {
    let user = users::parse(&user)?;
    let new = read(&fields::read(octets, "application_credential").await?)?;
    let made = cx
        .control()
        .create_application_credential(&cx.session, user, new);
    let (row, secret) = made.await?;
    let mut body = body(&cx.place, &row);
    set(&mut body, "secret", json!(secret.expose()));
    Ok((
        StatusCode::CREATED,
        Json(json!({"application_credential": body})),
    ))
}

pub(crate) async fn show(
    cx: Context,
    Path((user, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (user, credential) = (users::parse(&user)?, parse(&id)?);
    let row = cx
        .control()
        .application_credential(&cx.session, user, credential);
    let row = row.await.map_err(about(&id))?;
    Ok(Json(
        json!({"application_credential": body(&cx.place, &row)}),
    ))
}

pub(crate) async fn delete(
    cx: Context,
    Path((user, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let (user, credential) = (users::parse(&user)?, parse(&id)?);
    let done = cx
        .control()
        .delete_application_credential(&cx.session, user, credential);
    done.await.map_err(about(&id))?;
    Ok(StatusCode::NO_CONTENT)
}
