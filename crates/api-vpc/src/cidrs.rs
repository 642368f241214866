//! The CIDR lists of a connection, one by one: `local_cidrs/{address}/{length}` as it was, and
//! `local/cidrs/{cidr}` as it is. Both at every version; the shape of a list follows its path.

use adit_control::Error;
use adit_control::connection::{ConnectionView, Side};
use adit_model::Cidr;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::connections;
use crate::context::Context;
use crate::error::ApiError;
use crate::state::Vpc;

pub(crate) fn routes() -> Router<Vpc> {
    let mut routes = Router::new();
    for side in [Side::Local, Side::Peer] {
        let word = word(side);
        let base = "/vpn_gateways/{gateway}/connections/{connection}";
        let old_list = get(async move |cx, Path(of)| old_list(cx, of, side).await);
        let new_list = get(async move |cx, Path(of)| new_list(cx, of, side).await);
        let old = get(async move |cx, Path(at): Path<OldPath>| check(cx, at.into(), side).await)
            .put(async move |cx, Path(at): Path<OldPath>| add_old(cx, at.into(), side).await)
            .delete(async move |cx, Path(at): Path<OldPath>| remove(cx, at.into(), side).await);
        let new = get(async move |cx, Path(at): Path<NewPath>| check(cx, at.into(), side).await)
            .put(async move |cx, Path(at): Path<NewPath>| add_new(cx, at.into(), side).await)
            .delete(async move |cx, Path(at): Path<NewPath>| remove(cx, at.into(), side).await);
        routes = routes
            .route(&format!("{base}/{word}_cidrs"), old_list)
            .route(&format!("{base}/{word}_cidrs/{{address}}/{{length}}"), old)
            .route(&format!("{base}/{word}/cidrs"), new_list)
            .route(&format!("{base}/{word}/cidrs/{{cidr}}"), new);
    }
    routes
}

type OldPath = (String, String, String, String);
type NewPath = (String, String, String);

/// A block of a connection, as a path names it.
struct At {
    gateway: String,
    connection: String,
    cidr: String,
}

impl From<OldPath> for At {
    fn from((gateway, connection, address, length): OldPath) -> Self {
        Self {
            gateway,
            connection,
            cidr: format!("{address}/{length}"),
        }
    }
}

impl From<NewPath> for At {
    fn from((gateway, connection, cidr): NewPath) -> Self {
        Self {
            gateway,
            connection,
            cidr,
        }
    }
}

const fn word(side: Side) -> &'static str {
    match side {
        Side::Local => "local",
        Side::Peer => "peer",
    }
}

fn texts(view: &ConnectionView, side: Side) -> Vec<String> {
    let cidrs = side.of(&view.connection).iter();
    cidrs.map(ToString::to_string).collect()
}

async fn old_list(cx: Context, of: (String, String), side: Side) -> Result<Json<Value>, ApiError> {
    let view = connections::find(&cx, &of.0, &of.1).await?;
    let name = format!("{}_cidrs", word(side));
    Ok(Json(json!({ name: texts(&view, side) })))
}

async fn new_list(cx: Context, of: (String, String), side: Side) -> Result<Json<Value>, ApiError> {
    let view = connections::find(&cx, &of.0, &of.1).await?;
    Ok(Json(json!({"cidrs": texts(&view, side)})))
}

/// The ids and the block of a path; the connection exists.
async fn locate(cx: &Context, at: At) -> Result<(ConnectionView, Cidr), ApiError> {
    let view = connections::find(cx, &at.gateway, &at.connection).await?;
    Ok((view, connections::cidr(&at.cidr, "cidr")?))
}

async fn check(cx: Context, at: At, side: Side) -> Result<StatusCode, ApiError> {
    let (view, cidr) = locate(&cx, at).await?;
    if side.of(&view.connection).contains(&cidr) {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::cidr_not_found(Some(cidr)))
}

async fn add(cx: &Context, at: At, side: Side) -> Result<bool, ApiError> {
    let (view, cidr) = locate(cx, at).await?;
    let id = view.connection.id;
    let control = &cx.vpc.control;
    Ok(control
        .add_cidr(&cx.caller, connections::RULES, id, side, cidr)
        .await?)
}

async fn add_old(cx: Context, at: At, side: Side) -> Result<StatusCode, ApiError> {
    add(&cx, at, side).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn add_new(cx: Context, at: At, side: Side) -> Result<StatusCode, ApiError> {
    let new = add(&cx, at, side).await?;
    if new && cx.version.has_nested_ends() {
        return Ok(StatusCode::CREATED);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(cx: Context, at: At, side: Side) -> Result<StatusCode, ApiError> {
    let (view, cidr) = locate(&cx, at).await?;
    let id = view.connection.id;
    let control = &cx.vpc.control;
    control
        .remove_cidr(&cx.caller, connections::RULES, id, side, cidr)
        .await
        .map_err(|error| match error {
            Error::NotListed => ApiError::cidr_not_found(Some(cidr)),
            other => other.into(),
        })?;
    Ok(StatusCode::NO_CONTENT)
}
