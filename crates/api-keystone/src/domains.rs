//! The one domain, which is always there.

use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use crate::context::{Context, Place};
use crate::error::ApiError;
use adit_model::project::Role;

/// Its id.
pub(crate) const ID: &str = "default";

/// Its name.
pub(crate) const NAME: &str = "Default";

/// How other things refer to it.
pub(crate) fn reference() -> Value {
    json!({"id": ID, "name": NAME})
}

fn body(place: &Place) -> Value {
    json!({
        "id": ID,
        "name": NAME,
        "description": "The default domain",
        "enabled": true,
        "tags": [],
        "options": {},
        "links": place.link(&format!("domains/{ID}")),
    })
}

pub(crate) async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    need_admin(&cx, "identity:list_domains")?;
    let place = &cx.place;
    let wanted = place.wants("name", NAME) && place.wants_flag("enabled", true);
    let rows = wanted.then(|| body(place)).into_iter().collect();
    Ok(place.list("domains", rows))
}

/// Domains that the token could be scoped to: none, since roles are had in projects alone.
pub(crate) async fn list_own(cx: Context) -> Json<Value> {
    cx.place.list("domains", Vec::new())
}

pub(crate) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    if id != ID {
        return Err(ApiError::missing("domain", &id));
    }
    Ok(Json(json!({"domain": body(&cx.place)})))
}

/// Refuses all but administrators what no use case guards.
pub(crate) fn need_admin(cx: &Context, action: &str) -> Result<(), ApiError> {
    match cx.session.caller() {
        Some(caller) if caller.role == Role::Admin => Ok(()),
        _ => Err(ApiError::forbidden(action)),
    }
}
