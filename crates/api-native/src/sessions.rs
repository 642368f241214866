//! `sessions`: logging in, and out.

use adit_api::ClientAddress;
use adit_api::bearer::BearerError;
use adit_control::Password;
use adit_control::login::{LoginError, ProjectRef, Proof, UserRef, Wish};
use adit_control::token::TokenError;
use adit_model::Name;
use adit_model::project::Role;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json as Answer};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Json, name};
use crate::problem::Problem;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(delete))
}

/// Who wants to be let in: by `user` and `password`, or by an `api_key`, which is one project's.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSession {
    /// The user's name.
    user: Option<String>,
    /// The user's password.
    password: Option<String>,
    /// The project's name; the user's default one, if it is left out.
    project: Option<String>,
    /// The key.
    api_key: Option<String>,
}

/// What a new session is got by.
enum Credentials {
    ApiKey(String),
    Password {
        user: Name,
        password: Password,
        wish: Wish,
    },
}

impl NewSession {
    fn credentials(self) -> Result<Credentials, Problem> {
        let missing =
            |field| Problem::invalid(field, "a session needs user and password, or api_key");
        match self {
            Self {
                user: None,
                password: None,
                project: None,
                api_key: Some(key),
            } => Ok(Credentials::ApiKey(key)),
            Self {
                api_key: Some(_), ..
            } => {
                let detail =
                    "an api_key is one project's, and goes without user, password and project";
                Err(Problem::invalid("api_key", detail))
            }
            Self {
                user,
                password,
                project,
                api_key: None,
            } => Ok(Credentials::Password {
                user: name("user", &user.ok_or_else(|| missing("user"))?)?,
                password: Password::new(&password.ok_or_else(|| missing("password"))?)?,
                wish: match project {
                    Some(text) => Wish::Project(ProjectRef::Name(name("project", &text)?)),
                    None => Wish::Default,
                },
            }),
        }
    }
}

/// A session.
#[derive(Serialize, ToSchema)]
struct SessionShape {
    /// What to send as the bearer (RFC 6750).
    token: String,
    /// Who it is for.
    user: Uuid,
    /// In which project.
    project: Uuid,
    /// As what: `reader`, `member` or `admin`.
    role: String,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Logs in.
#[utoipa::path(
    post, path = "/sessions", request_body = NewSession, security(()), tag = "sessions",
    responses(
        (status = 201, description = "Somebody is let in.", body = SessionShape),
        (status = 401, description = "The credentials are not good for this.", body = Problem),
        (status = 429, description = "There were too many failed attempts.", body = Problem),
    ),
)]
async fn create(
    State(native): State<Native>,
    from: Option<Extension<ClientAddress>>,
    Json(new): Json<NewSession>,
) -> Result<impl IntoResponse, Problem> {
    let control = &native.control;
    let (token, session) = match new.credentials()? {
        Credentials::ApiKey(key) => {
            let caller = control.authenticate(&key).await?;
            let caller = caller.ok_or(LoginError::Refused)?;
            let token = control.issue_token(&caller, serde_json::Map::new()).text;
            let session = control.session(&token).await.map_err(BearerError::Token)?;
            (token, session)
        }
        Credentials::Password {
            user,
            password,
            wish,
        } => {
            let from = from.map(|Extension(ClientAddress(address))| address);
            let proof = Proof::Password(UserRef::Name(user), password);
            control.log_in(from, proof, &wish).await?
        }
    };
    let scope = session.scope.as_ref();
    let scope = scope.ok_or_else(|| Problem::invalid("project", "name the project to act in"))?;
    let shape = SessionShape {
        token,
        user: session.user.id.uuid(),
        project: scope.project.id.uuid(),
        role: word(scope.role).to_owned(),
        expires_at: session.expires_at,
    };
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Answer(shape),
    ))
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Reader => "reader",
        Role::Member => "member",
        Role::Admin => "admin",
    }
}

/// Logs out: the token that is shown opens nothing any more.
#[utoipa::path(
    delete, path = "/sessions/current", tag = "sessions",
    responses(
        (status = 204, description = "It is over."),
        (status = 401, description = "There was none.", body = Problem),
    ),
)]
async fn delete(State(native): State<Native>, headers: HeaderMap) -> Result<StatusCode, Problem> {
    let control = &native.control;
    let text = adit_api::bearer::token(&headers)?;
    let session = control.session(text).await.map_err(BearerError::Token)?;
    match control.revoke_token(&session, text).await? {
        Ok(()) | Err(TokenError::Invalid | TokenError::Expired) => Ok(StatusCode::NO_CONTENT),
        Err(error) => Err(BearerError::Token(error).into()),
    }
}
