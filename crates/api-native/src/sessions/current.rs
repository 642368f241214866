//! `sessions/current`: who one is, and logging out.

use adit_api::bearer::BearerError;
use adit_api::origin::Scheme;
use adit_control::token::TokenError;
use adit_control::{Control, Session};
use adit_model::Project;
use adit_model::project::Role;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json as Answer};
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::cookie;
use crate::problem::Problem;
use crate::shown::Shown;
use crate::state::Native;

pub(super) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(show, delete))
}

/// Somebody, or a project, as it is called.
#[derive(Serialize, ToSchema)]
struct CalledShape {
    id: Uuid,
    name: String,
}

/// A project, and what one may do there.
#[derive(Serialize, ToSchema)]
struct ScopeShape {
    id: Uuid,
    name: String,
    /// `reader`, `member` or `admin`.
    role: &'static str,
}

impl ScopeShape {
    fn of(project: &Project, role: Role) -> Self {
        Self {
            id: project.id.uuid(),
            name: project.name.to_string(),
            role: role.as_str(),
        }
    }
}

/// The session that a request shows.
#[derive(Serialize, ToSchema)]
struct CurrentShape {
    user: CalledShape,
    /// Where it acts, and as what; nowhere, if it was got from another face so.
    project: Option<ScopeShape>,
    /// Where else it may go on: `POST /adit/v1/sessions` with `project`.
    projects: Vec<ScopeShape>,
    /// Where it is in a cookie: what to send as `X-CSRF-Token` with each request that changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    issued_at: OffsetDateTime,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Shows who one is, in which project and as what, and in which others one may act.
#[utoipa::path(
    get, path = "/sessions/current", tag = "sessions", operation_id = "show_session",
    responses(
        (status = 200, description = "Somebody.", body = CurrentShape),
        (status = 401, description = "Nobody is known to ask.", body = Problem),
    ),
)]
async fn show(State(native): State<Native>, shown: Shown) -> Result<impl IntoResponse, Problem> {
    let control = &native.control;
    let session = shown.session(control).await?;
    let projects = control.projects_of_session(&session).await?;
    let shape = CurrentShape {
        user: CalledShape {
            id: session.user.id.uuid(),
            name: session.user.name.to_string(),
        },
        project: session
            .scope
            .as_ref()
            .map(|scope| ScopeShape::of(&scope.project, scope.role)),
        projects: projects
            .iter()
            .map(|(project, role)| ScopeShape::of(project, *role))
            .collect(),
        csrf_token: shown
            .token()
            .filter(|_| shown.is_cookie())
            .map(|token| control.csrf_word(token)),
        issued_at: session.issued_at,
        expires_at: session.expires_at,
    };
    Ok(([(CACHE_CONTROL, "no-store")], Answer(shape)))
}

/// Takes a session's token back.
pub(super) async fn end(
    control: &Control,
    session: &Session,
    shown: &Shown,
) -> Result<(), Problem> {
    // The operator's is made for each request.
    let Some(token) = shown.token() else {
        return Ok(());
    };
    match control.revoke_token(session, token).await? {
        Ok(()) | Err(TokenError::Invalid | TokenError::Expired) => Ok(()),
        Err(error) => Err(BearerError::Token(error).into()),
    }
}

/// Logs out: the token that is shown opens nothing any more, and a cookie is forgotten.
#[utoipa::path(
    delete, path = "/sessions/current", tag = "sessions",
    responses(
        (status = 204, description = "It is over."),
        (status = 401, description = "There was none.", body = Problem),
        (status = 403, description = "It is in a cookie, and X-CSRF-Token is not its own.", body = Problem),
    ),
)]
async fn delete(
    State(native): State<Native>,
    scheme: Option<Extension<Scheme>>,
    shown: Shown,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let control = &native.control;
    let session = shown.session(control).await?;
    shown.check_meant(control, &Method::DELETE, &headers)?;
    end(control, &session, &shown).await?;
    let mut answered = HeaderMap::new();
    if shown.is_cookie() {
        let gone = cookie::forget(native.scheme(scheme));
        answered.extend(gone.map(|gone| (SET_COOKIE, gone)));
    }
    Ok((StatusCode::NO_CONTENT, answered))
}
