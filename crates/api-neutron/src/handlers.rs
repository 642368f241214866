//! What all resources do with a request: routes, roles, answers.

use adit_api::ids;
use adit_api::object::{Object, One};
use adit_control::{Error, Rule};
use adit_model::Revision;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use uuid::Uuid;

use crate::attribute::{REVISION, named};
use crate::body::{self, Values};
use crate::context::Context;
use crate::error::ApiError;
use crate::refusal::Failure;
use crate::resource::{Resource, find};
use crate::state::Neutron;
use crate::{bulk, list, privilege, query};

/// Its routes, in every spelling.
pub(crate) fn routes<R: Resource>() -> Router<Neutron> {
    let words = R::WORDS;
    let underscores = words.path.replace('-', "_");
    let mut paths = vec![words.path.to_owned()];
    if underscores != words.path {
        paths.push(underscores);
    }
    let mut router = Router::new();
    for path in paths {
        router = router
            .route(&format!("/v2.0/{path}"), collection::<R>())
            .route(&format!("/v2.0/{path}.json"), collection::<R>())
            .route(&format!("/v2.0/{path}/{{id}}"), item::<R>());
    }
    router
}

fn collection<R: Resource>() -> MethodRouter<Neutron> {
    get(all::<R>)
        .options(all::<R>)
        .post(create::<R>)
        .delete(nothing::<R>)
        .head(method_not_allowed)
}

fn item<R: Resource>() -> MethodRouter<Neutron> {
    get(show::<R>)
        .put(update::<R>)
        .delete(delete::<R>)
        .head(method_not_allowed)
}

fn sees<R: Resource>(cx: &Context) -> bool {
    cx.caller.role >= R::SEES
}

/// The id in a path, with or without `.json`.
fn parse<R: Resource>(text: &str) -> Result<Uuid, ApiError> {
    let id = text.strip_suffix(".json").unwrap_or(text);
    ids::parse(id).ok_or_else(|| R::missing(id.to_owned()))
}

fn forbidden<R: Resource>(verb: &str) -> ApiError {
    let rule = format!("{verb}_{}", R::WORDS.one);
    ApiError::Policy { rule }
}

/// Refuses those whose role is not enough. What is theirs, and not theirs to see, is said not to
/// be there, in other words than what is not there at all.
async fn check<R: Resource>(cx: &Context, verb: &str, id: Uuid) -> Result<(), ApiError> {
    if cx.caller.role >= R::CHANGES {
        return Ok(());
    }
    find::<R>(cx, id).await?;
    if sees::<R>(cx) {
        return Err(forbidden::<R>(verb));
    }
    Err(ApiError::NotFound)
}

fn answer<R: Resource>(object: Object) -> One {
    One(R::WORDS.one, object)
}

async fn create<R: Resource>(cx: Context, body: Body) -> Result<Response, ApiError> {
    cx.expects_nothing()?;
    let octets = adit_api::body::octets(body).await?;
    if R::BULK
        && let Some(objects) = bulk::objects(&octets, R::WORDS.many)?
    {
        let made = bulk::create::<R>(&cx, objects).await?;
        return Ok((StatusCode::CREATED, made).into_response());
    }
    let values = body::post(&octets, R::WORDS.one, R::ATTRIBUTES, cx.speaker())?;
    may_create::<R>(&cx)?;
    let object = make::<R>(&cx, &values).await?;
    Ok((StatusCode::CREATED, answer::<R>(object)).into_response())
}

/// Refuses those whose role is not enough to make one.
pub(crate) fn may_create<R: Resource>(cx: &Context) -> Result<(), ApiError> {
    if cx.caller.role < R::CHANGES {
        return Err(forbidden::<R>("create"));
    }
    Ok(())
}

/// Makes one; what the answer shows of it.
pub(crate) async fn make<R: Resource>(cx: &Context, values: &Values) -> Result<Object, ApiError> {
    privilege::check::<R>(cx, None, values).await?;
    let maker = cx.maker(values.project).await?;
    let row = R::create(cx, maker, values).await;
    let row = row.map_err(|failure| failure.about::<R>(""))?;
    let mut object = R::render(cx, &row);
    values.echo(&mut object);
    if let Some(status) = R::MADE {
        object.set("status", &status.into());
    }
    Ok(object)
}

async fn all<R: Resource>(cx: Context) -> Result<Response, ApiError> {
    list::page::<R>(&cx, sees::<R>(&cx)).await
}

async fn show<R: Resource>(cx: Context, Path(id): Path<String>) -> Result<One, ApiError> {
    let row = find::<R>(&cx, parse::<R>(&id)?).await?;
    if !sees::<R>(&cx) {
        return Err(ApiError::NotFound);
    }
    let mut object = R::render(&cx, &row);
    query::trim(&mut object, query::fields(&cx.query).as_deref());
    Ok(answer::<R>(object))
}

async fn update<R: Resource>(
    cx: Context,
    Path(id): Path<String>,
    body: Body,
) -> Result<One, ApiError> {
    let octets = adit_api::body::octets(body).await?;
    let values = body::put(&octets, R::WORDS.one, R::ATTRIBUTES, cx.speaker())?;
    let id = parse::<R>(&id)?;
    check_expected::<R>(&cx)?;
    check::<R>(&cx, "update", id).await?;
    privilege::check::<R>(&cx, Some(id), &values).await?;
    let row = R::update(&cx, id, &values).await;
    let row = row.map_err(|failure| refused::<R>(&cx, failure, id))?;
    let mut object = R::render(&cx, &row);
    values.echo(&mut object);
    Ok(answer::<R>(object))
}

async fn delete<R: Resource>(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let id = parse::<R>(&id)?;
    check_expected::<R>(&cx)?;
    check::<R>(&cx, "delete", id).await?;
    let deleted = R::delete(&cx, id).await;
    deleted.map_err(|failure| refused::<R>(&cx, failure, id))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses to expect a revision of what counts none.
fn check_expected<R: Resource>(cx: &Context) -> Result<(), ApiError> {
    match named(R::ATTRIBUTES, REVISION.name) {
        Some(_) => Ok(()),
        None => cx.expects_nothing(),
    }
}

/// Why one was not changed or deleted.
fn refused<R: Resource>(cx: &Context, failure: Failure, id: Uuid) -> ApiError {
    match (cx.expected(), failure) {
        (
            Some(Revision(expected)),
            Failure::Failed(Error::Conflict {
                rule: Rule::Revision,
                ..
            }),
        ) => ApiError::Stale {
            expected: expected.to_string(),
        },
        (_, failure) => failure.about::<R>(&id.to_string()),
    }
}

/// A DELETE without an id.
async fn nothing<R: Resource>(_: Context) -> ApiError {
    R::missing("None".to_owned())
}

/// What there is nothing at. Who asks is checked first, as everywhere below `/v2.0`.
pub(crate) async fn not_found(_: Context) -> ApiError {
    ApiError::NotFound
}

/// What is not even below `/v2.0`.
pub(crate) async fn nowhere() -> ApiError {
    ApiError::NotFound
}

/// What can't be asked like this.
pub(crate) async fn method_not_allowed(_: Context) -> ApiError {
    ApiError::MethodNotAllowed
}
