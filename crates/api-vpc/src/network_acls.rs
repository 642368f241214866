//! `/network_acls`: what may pass the edges of subnets, and `/subnets/{id}/network_acl`. Each VPC has a
//! default one, which lets everything through until somebody changes it.

mod rules;

use adit_api::paging::Place;
use adit_api::times;
use adit_control::network_acl::{FirstRules, NetworkAclView, NewNetworkAcl};
use adit_control::{Error, Noun, OnDelete};
use adit_model::{NetworkAcl, NetworkAclId, Router as Row};
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::context::{Context, etag};
use crate::error::ApiError;
use crate::fields::{Fields, IbmFields as _, identified};
use crate::page::{page_of, part, show};
use crate::state::Vpc;
use crate::{ids, references};

const MANY: &str = "network_acls";
const SOURCE: &str = "source_network_acl";

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/network_acls", get(list).post(create))
        .route("/network_acls/{acl}", get(one).patch(update).delete(delete))
        .route("/subnets/{subnet}/network_acl", get(of_subnet).put(attach))
        .route("/vpcs/{vpc}/default_network_acl", get(of_vpc))
        .merge(rules::routes())
}

async fn create(cx: Context, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name", "resource_group", "rules", SOURCE, "vpc"])?;
    let vpc = body.identity("vpc")?.ok_or_else(|| body.missing("vpc"))?;
    let new = NewNetworkAcl {
        name: body.new_name(&cx, Noun::NetworkAcl)?,
        resource_group: body.resource_group(&cx)?,
        router: vpc.ok_or_else(|| body.no_such("vpc", Noun::Router))?,
        rules: first_rules(&cx, &body)?,
    };
    let control = &cx.vpc.control;
    let made = control.create_network_acl(&cx.caller, new).await;
    let made = made.map_err(|error| match error {
        Error::NotFound(Noun::NetworkAcl) => body.no_such(SOURCE, Noun::NetworkAcl),
        other => body.named("vpc", Noun::Router, other),
    })?;
    let view = control.network_acl_view(&cx.caller, made.id).await?;
    Ok((StatusCode::CREATED, answer(&cx, &view)).into_response())
}

/// The rules that are given, those of another, or those by which everything passes.
fn first_rules(cx: &Context, body: &Fields) -> Result<FirstRules, ApiError> {
    let given = body.list("rules")?;
    if let Some(of) = body.identity::<NetworkAclId>(SOURCE)? {
        if given.is_some() {
            return Err(body.wrong(SOURCE, "left out when `rules` are given"));
        }
        let of = of.ok_or_else(|| body.no_such(SOURCE, Noun::NetworkAcl))?;
        return Ok(FirstRules::Of(of));
    }
    let Some(given) = given else {
        return Ok(FirstRules::Everything);
    };
    let mut wished = Vec::new();
    for (number, rule) in given.iter().enumerate() {
        let rule = Fields::of(rule, &body.path(&format!("rules.{number}")))?;
        wished.push(rules::read(cx, &rule, &[])?);
    }
    Ok(FirstRules::These(wished))
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let control = &cx.vpc.control;
    let found = control.network_acls(&cx.caller, part(&cx)?).await?;
    let place = |row: &NetworkAcl| Place::new(row.created_at, row.id.uuid());
    let is_wanted = |row: &NetworkAcl| cx.wants_group(row.resource_group.as_ref());
    let mut page = page_of(&cx, found, place, is_wanted)?;
    let views = control.network_acl_views(page.take()).await?;
    let rendered = views.iter().map(|view| render(&cx, view)).collect();
    show(&cx, MANY, MANY, &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Response, ApiError> {
    Ok(answer(&cx, &find(&cx, &id).await?))
}

async fn of_vpc(cx: Context, Path(vpc): Path<String>) -> Result<Response, ApiError> {
    let control = &cx.vpc.control;
    let row = control.router(&cx.caller, references::vpc_id(&vpc)?);
    default_of(&cx, &row.await?).await
}

async fn of_subnet(cx: Context, Path(subnet): Path<String>) -> Result<Response, ApiError> {
    let control = &cx.vpc.control;
    let view = control.subnet_view(&cx.caller, references::subnet_id(&subnet)?);
    let view = view.await?;
    let Some(acl) = view.network_acl else {
        return default_of(&cx, &view.router).await;
    };
    let view = control.network_acl_view(&cx.caller, acl.id).await?;
    Ok(answer(&cx, &view))
}

async fn default_of(cx: &Context, vpc: &Row) -> Result<Response, ApiError> {
    let control = &cx.vpc.control;
    let defaults = control.default_acls_of_routers(std::slice::from_ref(vpc));
    let acl = defaults.await?.remove(&vpc.id);
    let acl = acl.ok_or(Error::NotFound(Noun::Router))?;
    let view = control.network_acl_view(&cx.caller, acl.id).await?;
    Ok(answer(cx, &view))
}

async fn attach(
    cx: Context,
    Path(subnet): Path<String>,
    body: Fields,
) -> Result<Response, ApiError> {
    let control = &cx.vpc.control;
    let subnet = references::subnet_id(&subnet)?;
    // What is missing of the path is told before what is wrong with the body.
    control.subnet_view(&cx.caller, subnet).await?;
    let missing = || body.nothing(Noun::NetworkAcl);
    let id: NetworkAclId = identified(&body)?.ok_or_else(missing)?;
    let attached = control.attach_network_acl(&cx.caller, subnet, id).await;
    attached.map_err(|error| match error {
        Error::NotFound(Noun::NetworkAcl) => missing(),
        other => other.into(),
    })?;
    let view = control.network_acl_view(&cx.caller, id).await?;
    Ok((StatusCode::CREATED, answer(&cx, &view)).into_response())
}

/// Its name. With `If-Match`, if it is that version of it.
async fn update(cx: Context, Path(id): Path<String>, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name"])?;
    let name = body.name_change(&cx, Noun::NetworkAcl)?;
    let (control, id) = (&cx.vpc.control, parse(&id)?);
    let name = name.map(|(name, _)| name);
    control
        .update_network_acl(&cx.caller, id, cx.if_match()?, name)
        .await?;
    let view = control.network_acl_view(&cx.caller, id).await?;
    Ok(answer(&cx, &view))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let control = &cx.vpc.control;
    control
        .delete_network_acl(&cx.caller, OnDelete::Restrict, parse(&id)?, cx.if_match()?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(text: &str) -> Result<NetworkAclId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::NetworkAcl, text))
}

async fn find(cx: &Context, id: &str) -> Result<NetworkAclView, ApiError> {
    let view = cx.vpc.control.network_acl_view(&cx.caller, parse(id)?);
    Ok(view.await?)
}

fn answer(cx: &Context, view: &NetworkAclView) -> Response {
    (etag(view.acl.revision), Json(render(cx, view))).into_response()
}

fn render(cx: &Context, view: &NetworkAclView) -> Value {
    let NetworkAclView { acl, router, .. } = view;
    let subnets: Vec<_> = view
        .subnets
        .iter()
        .map(|subnet| references::subnet(cx, subnet))
        .collect();
    let own = json!({
        "created_at": times::microseconds(acl.created_at),
        "resource_group": cx.resource_group(acl.resource_group.as_ref()),
        "rules": rules::of(cx, acl),
        "subnets": subnets,
        "vpc": references::vpc(cx, router),
    });
    references::whole(references::network_acl(cx, acl), own)
}
