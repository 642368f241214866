//! `/v2/resource_groups`, of IBM's Resource Manager: the default group, and those that something of
//! the account's is in. A group needs no making: it is there once something is put in it.

use adit_api::{bearer, origin};
use adit_control::Caller;
use adit_model::ResourceGroup;
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;

use crate::error::ApiError;
use crate::state::Vpc;

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/resource_groups", get(list))
        .route("/resource_groups/{group}", get(one))
}

/// Who asks, for what. It takes neither a version nor a generation.
struct Asked {
    caller: Caller,
    base: String,
    vpc: Vpc,
}

impl Asked {
    async fn new(vpc: Vpc, parts: &Parts) -> Result<Self, ApiError> {
        let headers: &HeaderMap = &parts.headers;
        let public_url = vpc.config.public_url.as_deref();
        Ok(Self {
            caller: bearer::caller(&vpc.control, headers).await?,
            base: origin::of(public_url, headers, &parts.extensions),
            vpc,
        })
    }

    fn render(&self, group: Option<&ResourceGroup>) -> Value {
        let (default, name) = &self.vpc.config.resource_group;
        let (id, name) = match group.map(ResourceGroup::as_str) {
            None => (default.as_str(), name.as_str()),
            Some(id) => (id, id),
        };
        let account = self.caller.project.uuid().simple().to_string();
        let environment = &self.vpc.config.environment;
        json!({
            "id": id,
            "crn": format!("crn:v1:{environment}:public:resource-controller::a/{account}::resource-group:{id}"),
            "href": format!("{}/v2/resource_groups/{id}", self.base),
            "account_id": account,
            "name": name,
            "state": "ACTIVE",
            "default": group.is_none(),
            "resource_linkages": [],
        })
    }

    /// The default group, and the others by their ids.
    async fn all(&self) -> Result<Vec<Value>, ApiError> {
        let groups = self.vpc.control.resource_groups(&self.caller).await?;
        let others = groups.iter().map(|group| self.render(Some(group)));
        Ok(std::iter::once(self.render(None)).chain(others).collect())
    }
}

async fn list(
    State(vpc): State<Vpc>,
    Query(query): Query<HashMap<String, String>>,
    parts: Parts,
) -> Result<Json<Value>, ApiError> {
    let asked = Asked::new(vpc, &parts).await?;
    let mut groups = asked.all().await?;
    for (name, value) in &query {
        let of = match name.as_str() {
            "account_id" | "default" | "name" => name,
            // There is none that is deleted.
            "include_deleted" => continue,
            _ => {
                let message = format!("The `{name}` query parameter is not supported here.");
                return Err(ApiError::bad("bad_parameter", message).parameter(name));
            }
        };
        groups.retain(|group| match group.get(of) {
            Some(Value::Bool(flag)) => flag.to_string() == *value,
            Some(Value::String(text)) => text == value,
            _ => false,
        });
    }
    Ok(Json(json!({"resources": groups})))
}

async fn one(
    State(vpc): State<Vpc>,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Json<Value>, ApiError> {
    let asked = Asked::new(vpc, &parts).await?;
    let mut groups = asked.all().await?.into_iter();
    let found = groups.find(|group| group.get("id") == Some(&json!(id)));
    found.map(Json).ok_or_else(|| {
        let message = format!("The resource group `{id}` could not be found.");
        ApiError::new(StatusCode::NOT_FOUND, "resource_group_not_found", message)
    })
}
