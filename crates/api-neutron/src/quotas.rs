//! `/quotas`: how many of each a project may have.

use std::collections::BTreeMap;

use adit_api::ids;
use adit_control::{Error, Resource as Counted};
use adit_model::ProjectId;
use adit_model::project::Role;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};

use crate::body::open;
use crate::context::Context;
use crate::error::ApiError;
use crate::python;
use crate::refusal::counted;
use crate::state::Neutron;

/// What clients expect to be counted and there is nothing of here: name and limit.
const NOTHING_OF: &[(&str, i64)] = &[
    ("subnetpool", -1),
    ("rbac_policy", 10),
    ("router_route", 30),
];

pub(crate) fn routes() -> Router<Neutron> {
    Router::new()
        .route("/v2.0/quotas", get(all))
        .route("/v2.0/quotas/tenant", get(own))
        .route("/v2.0/quotas/project", get(own))
        .route("/v2.0/quotas/{id}", get(one).put(update).delete(reset))
        .route("/v2.0/quotas/{id}/default", get(default))
        .route("/v2.0/quotas/{id}/details", get(details))
        .route("/v2.0/quotas/{id}/details.json", get(details))
}

/// The project of a path, where the caller may see its quotas.
fn project(cx: &Context, text: &str) -> Result<ProjectId, ApiError> {
    let text = text.strip_suffix(".json").unwrap_or(text);
    let id = ids::parse(text).map(ProjectId::from_uuid);
    if cx.caller.role >= Role::Admin || id == Some(cx.caller.project) {
        return id.ok_or_else(|| ApiError::ProjectNotFound {
            id: text.to_owned(),
        });
    }
    let rule = "get_quota".to_owned();
    Err(ApiError::Policy { rule })
}

fn must_be_admin(cx: &Context, rule: &str) -> Result<(), ApiError> {
    if cx.caller.role >= Role::Admin {
        return Ok(());
    }
    let rule = rule.to_owned();
    Err(ApiError::Policy { rule })
}

fn show(limits: &BTreeMap<Counted, i64>) -> Map<String, Value> {
    let each = limits.iter();
    let each = each.map(|(resource, limit)| (counted(*resource).to_owned(), json!(limit)));
    let others = NOTHING_OF
        .iter()
        .map(|(name, limit)| ((*name).to_owned(), json!(limit)));
    each.chain(others).collect()
}

async fn all(cx: Context) -> Result<Json<Value>, ApiError> {
    must_be_admin(&cx, "get_quota")?;
    let mut quotas = Vec::new();
    for project in cx.control.projects_with_quotas(&cx.caller).await? {
        let mut quota = show(&cx.control.quotas(project).await?);
        let id = project.uuid().simple().to_string();
        quota.insert("project_id".to_owned(), json!(id));
        quota.insert("tenant_id".to_owned(), json!(id));
        quotas.push(Value::Object(quota));
    }
    Ok(Json(json!({"quotas": quotas})))
}

async fn own(cx: Context) -> Json<Value> {
    let id = cx.caller.project.uuid().simple().to_string();
    Json(json!({"tenant": {"tenant_id": id, "project_id": id}}))
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let limits = cx.control.quotas(project(&cx, &id)?).await?;
    Ok(Json(json!({"quota": show(&limits)})))
}

async fn default(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    project(&cx, &id)?;
    let each = Counted::ALL
        .iter()
        .map(|resource| (*resource, cx.control.default_quota(*resource)));
    Ok(Json(json!({"quota": show(&each.collect())})))
}

async fn details(cx: Context, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let usage = cx.control.quota_usage(project(&cx, &id)?).await?;
    let shown = |limit: i64, used: usize| json!({"limit": limit, "used": used, "reserved": 0});
    let each = usage.iter();
    let each = each.map(|(resource, usage)| {
        (
            counted(*resource).to_owned(),
            shown(usage.limit, usage.used),
        )
    });
    let others = NOTHING_OF
        .iter()
        .map(|(name, limit)| ((*name).to_owned(), shown(*limit, 0)));
    let all: Map<String, Value> = each.chain(others).collect();
    Ok(Json(json!({"quota": all})))
}

async fn update(cx: Context, Path(id): Path<String>, body: Body) -> Result<Json<Value>, ApiError> {
    cx.expects_nothing()?;
    let octets = adit_api::body::octets(body).await?;
    let map = open(&octets, "quota")?;
    must_be_admin(&cx, "update_quota")?;
    let project = project(&cx, &id)?;
    let mut limits = BTreeMap::new();
    let mut unknown = Vec::new();
    for (name, value) in &map {
        let mut all = Counted::ALL.iter();
        let resource = all.find(|resource| counted(**resource) == name);
        match resource {
            Some(resource) => drop(limits.insert(*resource, limit(name, value)?)),
            None if matches!(
                name.as_str(),
                "tenant_id" | "project_id" | "check_limit" | "force"
            ) => {}
            None if NOTHING_OF.iter().any(|(known, _)| known == name) => {}
            None => unknown.push(name.as_str()),
        }
    }
    if !unknown.is_empty() {
        let names = unknown.join(", ");
        return Err(ApiError::Unrecognized { names });
    }
    let set = cx.control.set_quotas(&cx.caller, project, &limits).await;
    set.map_err(|error| match error {
        Error::NotFound(_) => ApiError::ProjectNotFound { id },
        other => other.into(),
    })?;
    let limits = cx.control.quotas(project).await?;
    Ok(Json(json!({"quota": show(&limits)})))
}

fn limit(name: &str, value: &Value) -> Result<i64, ApiError> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let text = python::text(value);
    let number = number.ok_or_else(|| ApiError::Input {
        reason: format!("'{text}' is not an integer"),
    })?;
    if number < -1 {
        let reason = format!("'{text}' is too small - must be at least '-1'");
        return Err(ApiError::attribute(name, reason));
    }
    if number > i64::from(i32::MAX) {
        let reason = format!(
            "'{text}' is too large - must be no larger than '{}'",
            i32::MAX
        );
        return Err(ApiError::attribute(name, reason));
    }
    Ok(number)
}

async fn reset(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    cx.expects_nothing()?;
    must_be_admin(&cx, "delete_quota")?;
    let project = project(&cx, &id)?;
    if !cx.control.reset_quotas(&cx.caller, project).await? {
        return Err(ApiError::QuotaNotFound { id });
    }
    Ok(StatusCode::NO_CONTENT)
}
