//! `security-groups`: what may get to machines and from them.

mod rules;

use adit_api::paging::Place;
use adit_control::security_group::{GroupChange, GroupView, NewGroup, Rules};
use adit_control::{Allowance, Error, Naming, Noun, OnDelete};
use adit_model::{RouterId, SecurityGroupId};
use axum::Json as Answer;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Context, IfMatch, Json, etag, name};
use crate::page::{Page, Wanted};
use crate::problem::Problem;
use crate::refusals;
use crate::state::Native;
use rules::{NewSecurityRuleShape, SecurityRuleShape};

/// Names may be given twice; a group that rules of others name is in their way.
const RULES: Rules = Rules {
    naming: Naming::Free,
    allowance: Allowance::OfProject,
    on_delete: OnDelete::Restrict,
};

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, update, delete))
        .merge(rules::routes())
}

/// What a security group is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSecurityGroupShape {
    /// What to call it; names may be given twice.
    name: String,
    /// What to say of it.
    #[serde(default)]
    description: String,
    /// The router that it is of, and goes with; without one it is the project's.
    router: Option<Uuid>,
    /// What it allows. If it is left out, its members may send anything, and nothing gets to them but answers.
    rules: Option<Vec<NewSecurityRuleShape>>,
}

/// What to change of a security group; what is left out stays. Its rules are changed one by one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SecurityGroupChangeShape {
    name: Option<String>,
    description: Option<String>,
}

/// A security group.
#[derive(Serialize, ToSchema)]
struct SecurityGroupShape {
    id: Uuid,
    name: String,
    description: String,
    /// The router that it is of; without one it is the project's.
    router: Option<Uuid>,
    /// Whether it is the one that the project, or the router, has by itself.
    is_default: bool,
    /// What it allows, oldest first. What answers something allowed is always let through.
    rules: Vec<SecurityRuleShape>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    /// Its ETag's number. Rules have their own.
    revision: u64,
}

fn shape(view: &GroupView) -> SecurityGroupShape {
    let row = &view.group;
    SecurityGroupShape {
        id: row.id.uuid(),
        name: row.name.to_string(),
        description: row.description.clone(),
        router: row.router.map(|id| id.uuid()),
        is_default: row.is_default,
        rules: view.rules.iter().map(SecurityRuleShape::of).collect(),
        created_at: row.created_at,
        revision: row.revision.0,
    }
}

/// Lists security groups with their rules, oldest first. Each project has a default one.
#[utoipa::path(
    get, path = "/security-groups", tag = "security-groups", operation_id = "list_security_groups", params(Wanted),
    responses(
        (status = 200, description = "A page of them.", body = Page<SecurityGroupShape>),
        refusals::Listed,
    ),
)]
async fn list(cx: Context, wanted: Wanted) -> Result<impl IntoResponse, Problem> {
    let query = wanted.query(&cx.caller)?;
    let views = cx.control().page_security_groups(&cx.caller, query).await?;
    let place = |view: &GroupView| Place::new(view.group.created_at, view.group.id.uuid());
    Ok(Answer(wanted.page(views, place, |view| shape(&view))))
}

/// Makes a security group with its rules: all of it, or nothing.
#[utoipa::path(
    post, path = "/security-groups", tag = "security-groups", operation_id = "create_security_group",
    request_body = NewSecurityGroupShape,
    responses(
        (status = 201, description = "It is made.", body = SecurityGroupShape),
        (status = 409, description = "A quota is used up, or a rule is there twice.", body = Problem),
        (status = 422, description = "Something that it names is not there.", body = Problem),
        refusals::Made,
    ),
)]
async fn create(
    cx: Context,
    Json(new): Json<NewSecurityGroupShape>,
) -> Result<impl IntoResponse, Problem> {
    let rules = match new.rules {
        None => None,
        Some(rules) => {
            let rules = rules.into_iter().enumerate().map(|(at, rule)| {
                let rule = rule.read();
                rule.map_err(|problem| problem.within(&format!("rules[{at}]")))
            });
            Some(rules.collect::<Result<_, _>>()?)
        }
    };
    let new = NewGroup {
        name: name("name", &new.name)?,
        resource_group: None,
        description: new.description,
        router: new.router.map(RouterId::from_uuid),
        rules,
    };
    let made = cx.control().create_security_group(&cx.caller, RULES, new);
    let made = made.await.map_err(|error| match error {
        Error::NotFound(Noun::SecurityGroup) => {
            let detail = "a security group that a rule names is not there";
            Problem::misfit(detail).of("rules")
        }
        Error::Invalid { .. } => Problem::from(error).within("rules"),
        other => Problem::naming(Noun::SecurityGroup, other),
    })?;
    let headers = etag(made.group.revision);
    Ok((StatusCode::CREATED, headers, Answer(shape(&made))))
}

/// Shows a security group with its rules.
#[utoipa::path(
    get, path = "/security-groups/{id}", tag = "security-groups", operation_id = "show_security_group",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "It is there.", body = SecurityGroupShape),
        refusals::Shown,
    ),
)]
async fn show(cx: Context, Path(id): Path<Uuid>) -> Result<impl IntoResponse, Problem> {
    let id = SecurityGroupId::from_uuid(id);
    let view = cx.control().security_group(&cx.caller, id).await?;
    Ok((etag(view.group.revision), Answer(shape(&view))))
}

/// Changes what a security group is called and what is said of it.
#[utoipa::path(
    patch, path = "/security-groups/{id}", tag = "security-groups", operation_id = "update_security_group",
    params(("id" = Uuid, Path), IfMatch), request_body = SecurityGroupChangeShape,
    responses(
        (status = 200, description = "It is changed.", body = SecurityGroupShape),
        (status = 409, description = "The default one keeps its name.", body = Problem),
        refusals::Changed,
        refusals::Conditional,
    ),
)]
async fn update(
    cx: Context,
    Path(id): Path<Uuid>,
    Json(change): Json<SecurityGroupChangeShape>,
) -> Result<impl IntoResponse, Problem> {
    let called = change.name.map(|text| name("name", &text));
    let change = GroupChange {
        expected: cx.if_match()?,
        name: called.transpose()?,
        description: change.description,
    };
    let id = SecurityGroupId::from_uuid(id);
    let changed = cx
        .control()
        .update_security_group(&cx.caller, RULES, id, change);
    let view = changed.await?;
    Ok((etag(view.group.revision), Answer(shape(&view))))
}

/// Deletes a security group that no machine has and no other group's rule names.
#[utoipa::path(
    delete, path = "/security-groups/{id}", tag = "security-groups", operation_id = "delete_security_group",
    params(("id" = Uuid, Path), IfMatch),
    responses(
        (status = 204, description = "It is gone."),
        (status = 409, description = "A machine has it, another's rule names it, or it is a default one.", body = Problem),
        refusals::Deleted,
        refusals::Conditional,
    ),
)]
async fn delete(cx: Context, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    let (id, expected) = (SecurityGroupId::from_uuid(id), cx.if_match()?);
    cx.control()
        .delete_security_group(&cx.caller, RULES, id, expected)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
