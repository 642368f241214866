//! The three roles, each of which includes the lesser ones.

use adit_model::project::Role;
use axum::Json;
use axum::extract::Path;
use serde_json::{Value, json};

use crate::context::{Context, Place};
use crate::domains::need_admin;
use crate::error::ApiError;

/// A role's id, the same everywhere and for ever.
pub(crate) const fn id(role: Role) -> &'static str {
    match role {
        Role::Admin => "ad17000000000000000000000000000a",
        Role::Member => "ad17000000000000000000000000000b",
        Role::Reader => "ad17000000000000000000000000000c",
    }
}

pub(crate) fn parse(text: &str) -> Option<Role> {
    let text = text.replace('-', "");
    Role::ALL.into_iter().find(|role| id(*role) == text)
}

pub(crate) fn need(text: &str) -> Result<Role, ApiError> {
    parse(text).ok_or_else(|| ApiError::missing("role", text))
}

/// How other things refer to a role.
pub(crate) fn reference(role: Role) -> Value {
    json!({"id": id(role), "name": role.as_str()})
}

/// A role and those it includes, the greatest first, as tokens carry them.
pub(crate) fn with_included(role: Role) -> Vec<Value> {
    let mut roles: Vec<Value> = role.with_included().map(reference).collect();
    roles.reverse();
    roles
}

pub(crate) fn body(place: &Place, role: Role) -> Value {
    json!({
        "id": id(role),
        "name": role.as_str(),
        "domain_id": null,
        "description": null,
        "options": {"immutable": true},
        "links": place.link(&format!("roles/{}", id(role))),
    })
}

pub(crate) async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    need_admin(&cx, "identity:list_roles")?;
    // Roles of a domain's own are asked for by its id; there are none.
    let global = cx.place.query("domain_id").is_none();
    let roles = Role::ALL.into_iter().rev();
    let rows = roles.filter(|role| global && cx.place.wants("name", role.as_str()));
    let rows = rows.map(|role| body(&cx.place, role)).collect();
    Ok(cx.place.list("roles", rows))
}

pub(crate) async fn show(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    need_admin(&cx, "identity:get_role")?;
    Ok(Json(json!({"role": body(&cx.place, need(&id)?)})))
}

pub(crate) async fn inferences(cx: Context) -> Result<Json<Value>, ApiError> {
    need_admin(&cx, "identity:list_role_inference_rules")?;
    // Keystone names the next lesser role; the others follow from that one's own rule.
    let pairs = Role::ALL.into_iter().zip(Role::ALL.into_iter().skip(1));
    let rows = pairs.map(|(lesser, greater)| {
        json!({
            "prior_role": body(&cx.place, greater),
            "implies": [body(&cx.place, lesser)],
        })
    });
    Ok(cx.place.list("role_inferences", rows.collect()))
}
