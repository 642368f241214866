//! `/v1/apikeys`: the keys of a user, as IAM has them. Everybody has their own; an administrator has
//! everybody's, by `iam_id`. A key is shown once, when it is made.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use adit_api::answer::{log, set};
use adit_api::bearer::{self, BearerError};
use adit_api::fields::{FieldError, Fields};
use adit_api::{origin, times};
use adit_control::token::TokenError;
use adit_control::{Control, Error, Session};
use adit_model::user::ApiKey;
use adit_model::{ApiKeyId, ProjectId, UserId};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::{IAM_ID, IamError, iam_id, refused, unavailable};

/// What ids of keys begin with.
const API_KEY_ID: &str = "ApiKey-";

pub(crate) fn routes() -> Router<Control> {
    Router::new()
        .route("/v1/apikeys", get(list).post(create))
        .route("/v1/apikeys/details", get(details))
        .route("/v1/apikeys/{id}", get(one).put(update).delete(delete))
}

/// Who asks, and what for.
struct Asked {
    control: Control,
    session: Session,
    base: String,
}

impl Asked {
    async fn new(control: Control, parts: &Parts) -> Result<Self, IamError> {
        let session = bearer::session(&control, &parts.headers).await?;
        let base = origin::of(None, &parts.headers, &parts.extensions);
        Ok(Self {
            control,
            session,
            base,
        })
    }

    /// The key that a path names.
    async fn key(&self, id: &str) -> Result<ApiKey, IamError> {
        let parsed = id.strip_prefix(API_KEY_ID).unwrap_or(id).parse();
        let parsed: ApiKeyId = parsed.map_err(|_| missing(id))?;
        let row = self.control.api_key(&self.session, parsed).await;
        row.map_err(|error| match error {
            Error::NotFound(_) => missing(id),
            other => other.into(),
        })
    }

    async fn render(&self, row: &ApiKey) -> Result<Value, IamError> {
        let id = format!("{API_KEY_ID}{}", row.id);
        let account = account(self.control.project_of_api_keys(row.user).await?);
        Ok(json!({
            "id": id,
            "entity_tag": entity_tag(row),
            "crn": format!("crn:v1:adit:public:iam-identity::a/{account}::apikey:{id}"),
            "href": format!("{}/v1/apikeys/{id}", self.base),
            "locked": false,
            "disabled": false,
            "created_at": times::seconds(row.created_at),
            "created_by": iam_id(row.user),
            "name": row.name.as_str(),
            "description": row.description,
            "iam_id": iam_id(row.user),
            "account_id": account,
            // It is told once, when it is made.
            "apikey": "",
        }))
    }
}

/// An account's id, from that of the project.
fn account(project: Option<ProjectId>) -> String {
    project.map_or_else(String::new, |id| id.uuid().simple().to_string())
}

/// What names this version of a key.
fn entity_tag(row: &ApiKey) -> String {
    let mut hasher = DefaultHasher::new();
    (row.name.as_str(), &row.description).hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn missing(id: &str) -> IamError {
    IamError {
        status: StatusCode::NOT_FOUND,
        ..refused(
            "BXNIM0415E",
            format!("The API key {id} could not be found."),
        )
    }
}

/// The user that an IAM id names.
fn user(text: &str) -> Result<UserId, IamError> {
    let id = text.strip_prefix(IAM_ID).unwrap_or(text).parse();
    id.map_err(|_| refused("BXNIM0109E", format!("There is no iam_id {text}.")))
}

impl From<BearerError> for IamError {
    fn from(error: BearerError) -> Self {
        match error {
            BearerError::Token(TokenError::Unavailable(error)) => Error::from(error).into(),
            BearerError::Token(TokenError::Unasked(_)) => unavailable(),
            other => Self {
                status: StatusCode::UNAUTHORIZED,
                ..refused("BXNIM0308E", format!("{other}."))
            },
        }
    }
}

impl From<Error> for IamError {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Conflict { .. } => StatusCode::CONFLICT,
            Error::Unavailable(_) | Error::Internal(_) => {
                log(&error);
                return unavailable();
            }
            _ => StatusCode::BAD_REQUEST,
        };
        Self {
            status,
            ..refused("BXNIM0109E", format!("{error}."))
        }
    }
}

impl From<FieldError> for IamError {
    fn from(error: FieldError) -> Self {
        refused("BXNIM0109E", format!("{error}."))
    }
}

async fn read(body: Body) -> Result<Fields, IamError> {
    let fields = Fields::read(body).await;
    fields.map_err(|error| refused("BXNIM0109E", format!("{error}.")))
}

async fn create(
    State(control): State<Control>,
    parts: Parts,
    body: Body,
) -> Result<(StatusCode, Json<Value>), IamError> {
    let asked = Asked::new(control, &parts).await?;
    let body = read(body).await?;
    body.check_known(&["account_id", "description", "iam_id", "name", "store_value"])?;
    let (name, description) = (body.need_text("name")?, body.text("description")?);
    if body.flag("store_value")? == Some(true) {
        return Err(refused(
            "BXNIM0109E",
            "A key is not kept here: store_value can't be true.",
        ));
    }
    let own = asked.session.user.id;
    let of = body.text("iam_id")?.map_or(Ok(own), user)?;
    let project = asked.control.project_of_api_keys(of).await?;
    if body
        .text("account_id")?
        .is_some_and(|id| id != account(project))
    {
        return Err(refused("BXNIM0109E", "The account_id is not the user's."));
    }
    let description = description.unwrap_or_default();
    let (row, key) = asked
        .control
        .create_api_key(&asked.session, of, name, description)
        .await?;
    let mut shown = asked.render(&row).await?;
    set(&mut shown, "apikey", json!(key.expose()));
    Ok((StatusCode::CREATED, Json(shown)))
}

async fn list(
    State(control): State<Control>,
    Query(query): Query<HashMap<String, String>>,
    parts: Parts,
) -> Result<Json<Value>, IamError> {
    let asked = Asked::new(control, &parts).await?;
    let known = ["account_id", "iam_id"];
    if let Some(name) = query.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(refused(
            "BXNIM0109E",
            format!("The parameter {name} is not supported here."),
        ));
    }
    let of = query.get("iam_id").map(|text| user(text));
    let of = of.unwrap_or(Ok(asked.session.user.id))?;
    let rows = asked.control.api_keys(&asked.session, of).await?;
    let project = asked.control.project_of_api_keys(of).await?;
    let wanted = query.get("account_id");
    let is_wanted = wanted.is_none_or(|id| *id == account(project));
    let mut shown = Vec::new();
    for row in rows.iter().filter(|_| is_wanted) {
        shown.push(asked.render(row).await?);
    }
    let limit = shown.len();
    Ok(Json(json!({"offset": 0, "limit": limit, "apikeys": shown})))
}

async fn one(
    State(control): State<Control>,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<Json<Value>, IamError> {
    let asked = Asked::new(control, &parts).await?;
    let row = asked.key(&id).await?;
    Ok(Json(asked.render(&row).await?))
}

/// The key that is shown in the header `IAM-ApiKey`.
async fn details(State(control): State<Control>, parts: Parts) -> Result<Json<Value>, IamError> {
    let asked = Asked::new(control, &parts).await?;
    let key = parts.headers.get("iam-apikey");
    let key = key.and_then(|key| key.to_str().ok());
    let key = key.ok_or_else(|| refused("BXNIM0109E", "The header IAM-ApiKey is missing."))?;
    let row = asked.control.api_key_by_text(&asked.session, key).await;
    let row = row.map_err(|error| match error {
        Error::NotFound(_) => missing("that is shown"),
        other => other.into(),
    })?;
    Ok(Json(asked.render(&row).await?))
}

async fn update(
    State(control): State<Control>,
    Path(id): Path<String>,
    parts: Parts,
    body: Body,
) -> Result<Json<Value>, IamError> {
    let asked = Asked::new(control, &parts).await?;
    let row = asked.key(&id).await?;
    check_tag(&parts.headers, &row)?;
    let body = read(body).await?;
    body.check_known(&["description", "name"])?;
    let (name, description) = (body.text("name")?, body.text("description")?);
    let row = asked
        .control
        .update_api_key(&asked.session, row.id, name, description)
        .await?;
    Ok(Json(asked.render(&row).await?))
}

/// IAM wants to be told which version is changed; `*` is any.
fn check_tag(headers: &HeaderMap, row: &ApiKey) -> Result<(), IamError> {
    let tag = headers.get("if-match").and_then(|tag| tag.to_str().ok());
    let status = match tag {
        None => StatusCode::BAD_REQUEST,
        Some(tag) if tag == "*" || tag.trim_matches('"') == entity_tag(row) => return Ok(()),
        Some(_) => StatusCode::CONFLICT,
    };
    Err(IamError {
        status,
        ..refused(
            "BXNIM0109E",
            "The header If-Match must be the key's entity_tag.",
        )
    })
}

async fn delete(
    State(control): State<Control>,
    Path(id): Path<String>,
    parts: Parts,
) -> Result<StatusCode, IamError> {
    let asked = Asked::new(control, &parts).await?;
    let row = asked.key(&id).await?;
    asked.control.delete_api_key(&asked.session, row.id).await?;
    Ok(StatusCode::NO_CONTENT)
}
