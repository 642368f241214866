//! `/security_groups`: those of VPCs. Each VPC has a default one, which lets everything through until
//! somebody changes it.

mod rules;
mod targets;

use adit_api::paging::Place;
use adit_api::times;
use adit_control::security_group::{GroupChange, NewGroup, NewRule, RouterGroupView, Rules};
use adit_control::{Allowance, Naming, Noun, OnDelete};
use adit_model::{SecurityGroup, SecurityGroupId};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::{Context, etag};
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _};
use crate::ids;
use crate::page::{cut_out, page_of, part, show};
use crate::references;
use crate::state::Vpc;

const MANY: &str = "security_groups";

/// What IBM refuses, too.
pub(crate) const RULES: Rules = Rules {
    naming: Naming::Unique,
    allowance: Allowance::Fixed,
    on_delete: OnDelete::Restrict,
};

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/security_groups", get(list).post(create))
        .route(
            "/security_groups/{group}",
            get(one).patch(update).delete(delete),
        )
        .route("/vpcs/{vpc}/default_security_group", get(of_vpc))
        .merge(rules::routes())
        .merge(targets::routes())
}

async fn create(cx: Context, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name", "resource_group", "rules", "vpc"])?;
    let vpc = body.identity("vpc")?.ok_or_else(|| body.missing("vpc"))?;
    let vpc = vpc.ok_or_else(|| body.no_such("vpc", Noun::Router))?;
    let mut wished: Vec<NewRule> = Vec::new();
    for (number, rule) in body.list("rules")?.unwrap_or_default().iter().enumerate() {
        let rule = Fields::of(rule, &body.path(&format!("rules.{number}")))?;
        wished.push(rules::read(&cx, &rule)?);
    }
    let new = NewGroup {
        name: body.new_name(&cx, Noun::SecurityGroup)?,
        resource_group: body.resource_group(&cx)?,
        description: String::new(),
        router: Some(vpc),
        rules: Some(wished),
    };
    let control = &cx.vpc.control;
    let made = control.create_security_group(&cx.caller, RULES, new).await;
    let made = body.naming("vpc", Noun::Router, made)?;
    let view = control.router_group_view(&cx.caller, made.group.id).await?;
    Ok((StatusCode::CREATED, answer(&cx, &view)).into_response())
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let found = control.security_groups_of_routers(&cx.caller, part(&cx)?);
    let found = found.await?;
    let place = |row: &SecurityGroup| Place::new(row.created_at, row.id.uuid());
    if cx.has_filters() {
        let mut views = control.router_group_views(found.rows).await?;
        views.retain(|view| {
            cx.wants_group(view.group.resource_group.as_ref())
                && references::wants_vpc(&cx, &view.router)
        });
        let page = cut_out(&cx, views, |view| place(&view.group))?;
        let rendered = page.items.iter().map(|view| render(&cx, view)).collect();
        return show(&cx, MANY, MANY, &page, rendered);
    }
    let mut page = page_of(&cx, found, place, |_| true)?;
    let views = control.router_group_views(page.take()).await?;
    let rendered = views.iter().map(|view| render(&cx, view)).collect();
    show(&cx, MANY, MANY, &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Response, ApiError> {
    Ok(answer(&cx, &find(&cx, &id).await?))
}

async fn of_vpc(cx: Context, Path(vpc): Path<String>) -> Result<Response, ApiError> {
    let control = &cx.vpc.control;
    let row = control.router(&cx.caller, references::vpc_id(&vpc)?);
    let row = row.await?;
    let defaults = control.default_groups_of_routers(std::slice::from_ref(&row));
    let group = defaults.await?.remove(&row.id);
    let group = group.ok_or_else(|| ApiError::not_found(Noun::Router, &vpc))?;
    let view = control.router_group_view(&cx.caller, group.id).await?;
    Ok(answer(&cx, &view))
}

/// Its name. With `If-Match`, if it is that version of it.
async fn update(cx: Context, Path(id): Path<String>, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name"])?;
    let group = find(&cx, &id).await?.group.id;
    let name = body.name_change(&cx, Noun::SecurityGroup)?;
    let change = GroupChange {
        expected: cx.if_match()?,
        name: name.map(|(name, _)| name),
        description: None,
    };
    let control = &cx.vpc.control;
    control
        .update_security_group(&cx.caller, RULES, group, change)
        .await?;
    let view = control.router_group_view(&cx.caller, group).await?;
    Ok(answer(&cx, &view))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let group = find(&cx, &id).await?.group.id;
    let control = &cx.vpc.control;
    control
        .delete_security_group(&cx.caller, RULES, group, cx.if_match()?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The group that a path names. One that is of no VPC is not there in this dialect.
async fn find(cx: &Context, id: &str) -> Result<RouterGroupView, ApiError> {
    let missing = || ApiError::not_found(Noun::SecurityGroup, id);
    let own: SecurityGroupId = ids::parse(id).ok_or_else(missing)?;
    let view = cx.vpc.control.router_group_view(&cx.caller, own).await;
    view.map_err(|error| ApiError::from(error).or_missing(missing()))
}

fn answer(cx: &Context, view: &RouterGroupView) -> Response {
    (etag(view.group.revision), Json(render(cx, view))).into_response()
}

fn render(cx: &Context, view: &RouterGroupView) -> Value {
    let RouterGroupView { group, router, .. } = view;
    let targets: Vec<_> = view
        .members
        .iter()
        .map(|port| references::interface(cx, port))
        .collect();
    let own = json!({
        "created_at": times::microseconds(group.created_at),
        "resource_group": cx.resource_group(group.resource_group.as_ref()),
        "rules": rules::of(cx, view),
        "targets": targets,
        "vpc": references::vpc(cx, router),
    });
    references::whole(references::security_group(cx, group), own)
}
