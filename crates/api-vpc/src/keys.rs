//! `/keys`: public keys for SSH. They are kept and shown; nobody logs in to an instance here.

use adit_api::paging::Place;
use adit_api::times;
use adit_control::Noun;
use adit_control::ssh_key::NewSshKey;
use adit_model::ssh_key::KeyKind;
use adit_model::{SshKey, SshKeyId};
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
use crate::page::{page_of, part, show};
use crate::state::Vpc;

const MANY: &str = "keys";

pub(crate) fn routes() -> Router<Vpc> {
    Router::new()
        .route("/keys", get(list).post(create))
        .route("/keys/{key}", get(one).patch(update).delete(delete))
}

async fn create(cx: Context, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name", "public_key", "resource_group", "type"])?;
    let kind = match body.text("type")? {
        None => None,
        Some("rsa") => Some(KeyKind::Rsa),
        Some("ed25519") => Some(KeyKind::Ed25519),
        Some(_) => return Err(body.wrong("type", "rsa or ed25519")),
    };
    let new = NewSshKey {
        name: body.new_name(&cx, Noun::SshKey)?,
        resource_group: body.resource_group(&cx)?,
        public_key: body.need_text("public_key")?.to_owned(),
        kind,
    };
    let row = cx.vpc.control.create_ssh_key(&cx.caller, new).await?;
    Ok((StatusCode::CREATED, answer(&cx, &row)).into_response())
}

async fn list(cx: Context) -> Result<Json<Value>, ApiError> {
    let found = cx.vpc.control.ssh_keys(&cx.caller, part(&cx)?).await?;
    let place = |row: &SshKey| Place::new(row.created_at, row.id.uuid());
    let is_wanted = |row: &SshKey| cx.wants_group(row.resource_group.as_ref());
    let page = page_of(&cx, found, place, is_wanted)?;
    let rendered = page.items.iter().map(|row| render(&cx, row)).collect();
    show(&cx, MANY, MANY, &page, rendered)
}

async fn one(cx: Context, Path(id): Path<String>) -> Result<Response, ApiError> {
    let row = cx.vpc.control.ssh_key(&cx.caller, parse(&id)?).await?;
    Ok(answer(&cx, &row))
}

/// Its name. With `If-Match`, if it is that version of it.
async fn update(cx: Context, Path(id): Path<String>, body: Fields) -> Result<Response, ApiError> {
    body.check_known(&["name"])?;
    let name = body.name_change(&cx, Noun::SshKey)?;
    let (control, name) = (&cx.vpc.control, name.map(|(name, _)| name));
    let row = control
        .update_ssh_key(&cx.caller, parse(&id)?, cx.if_match()?, name)
        .await?;
    Ok(answer(&cx, &row))
}

async fn delete(cx: Context, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let control = &cx.vpc.control;
    control
        .delete_ssh_key(&cx.caller, parse(&id)?, cx.if_match()?)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn parse(text: &str) -> Result<SshKeyId, ApiError> {
    ids::parse(text).ok_or_else(|| ApiError::not_found(Noun::SshKey, text))
}

fn answer(cx: &Context, row: &SshKey) -> Response {
    (etag(row.revision), Json(render(cx, row))).into_response()
}

fn render(cx: &Context, row: &SshKey) -> Value {
    let id = cx.regional(row.id.uuid());
    json!({
        "id": id,
        "crn": cx.crn("key", &id),
        "href": cx.href(&format!("{MANY}/{id}")),
        "name": row.name.as_str(),
        "created_at": times::microseconds(row.created_at),
        "fingerprint": row.fingerprint,
        "length": row.bits,
        "public_key": row.public_key,
        "resource_group": cx.resource_group(row.resource_group.as_ref()),
        "type": match row.kind {
            KeyKind::Ed25519 => "ed25519",
            KeyKind::Rsa => "rsa",
        },
    })
}
