//! `sessions`: logging in, and going on in another project.

mod current;

use adit_api::ClientAddress;
use adit_api::bearer::BearerError;
use adit_api::origin::Scheme;
use adit_control::login::{LoginError, ProjectRef, Proof, UserRef, Wish};
use adit_control::{Control, Password, Session};
use adit_model::Name;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::IntoResponse;
use axum::{Extension, Json as Answer};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::context::{Json, name};
use crate::cookie;
use crate::problem::Problem;
use crate::shown::Shown;
use crate::state::Native;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .merge(current::routes())
}

/// Who wants to be let in: by `user` and `password`, by an `api_key`, which is one project's, or by the session that the
/// request shows, which may go on in another `project`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSession {
    /// The user's name.
    user: Option<String>,
    /// The user's password.
    password: Option<String>,
    /// The project's name or id; the user's default one, if it is left out.
    project: Option<String>,
    /// The key.
    api_key: Option<String>,
    /// Whether the token is to be a cookie that no script can read, for a page, and not in the answer.
    #[serde(default)]
    cookie: bool,
}

/// What a new session is got by.
enum Credentials {
    ApiKey(String),
    Password {
        user: Name,
        password: Password,
        wish: Wish,
    },
    /// A session that is there.
    Present(Shown, ProjectRef),
}

fn project(text: &str) -> Result<ProjectRef, Problem> {
    match text.parse() {
        Ok(id) => Ok(ProjectRef::Id(id)),
        Err(_) => Ok(ProjectRef::Name(name("project", text)?)),
    }
}

impl NewSession {
    fn credentials(self, shown: Option<Shown>) -> Result<Credentials, Problem> {
        let missing =
            |field| Problem::invalid(field, "a session needs user and password, or api_key");
        match self {
            Self {
                user: None,
                password: None,
                project: None,
                api_key: Some(key),
                ..
            } => Ok(Credentials::ApiKey(key)),
            Self {
                api_key: Some(_), ..
            } => {
                let detail =
                    "an api_key is one project's, and goes without user, password and project";
                Err(Problem::invalid("api_key", detail))
            }
            Self {
                user: None,
                password: None,
                project: Some(text),
                ..
            } => {
                let shown = shown.ok_or_else(|| missing("user"))?;
                Ok(Credentials::Present(shown, project(&text)?))
            }
            Self {
                user,
                password,
                project: wanted,
                ..
            } => Ok(Credentials::Password {
                user: name("user", &user.ok_or_else(|| missing("user"))?)?,
                password: Password::new(&password.ok_or_else(|| missing("password"))?)?,
                wish: match wanted {
                    Some(text) => Wish::Project(project(&text)?),
                    None => Wish::Default,
                },
            }),
        }
    }
}

/// A session.
#[derive(Serialize, ToSchema)]
struct SessionShape {
    /// What to send as the bearer (RFC 6750), unless it is in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// With a cookie: what to send as `X-CSRF-Token` with each request that changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
    /// Who it is for.
    user: Uuid,
    /// In which project.
    project: Uuid,
    /// As what: `reader`, `member` or `admin`.
    role: &'static str,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
}

/// Whose page asks, as browsers say of each request (Fetch Metadata).
const FETCH_SITE: &str = "sec-fetch-site";

/// Refuses to let somebody in by another site's page, who would then act as somebody else and not see it.
fn check_own_page(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get(FETCH_SITE).map(HeaderValue::as_bytes);
    if matches!(site, None | Some(b"same-origin" | b"none")) {
        return Ok(());
    }
    let detail = "a session by cookie is for this service's own page, and another site's asks";
    Err(Problem::new(StatusCode::FORBIDDEN, "csrf", detail).of("cookie"))
}

/// Lets somebody in: the token, and what it stands for.
async fn let_in(
    control: &Control,
    headers: &HeaderMap,
    from: Option<Extension<ClientAddress>>,
    credentials: Credentials,
) -> Result<(String, Session), Problem> {
    match credentials {
        Credentials::ApiKey(key) => {
            let caller = control.authenticate(&key).await?;
            let caller = caller.ok_or(LoginError::Refused)?;
            let token = control.issue_token(&caller, serde_json::Map::new()).text;
            let session = control.session(&token).await.map_err(BearerError::Token)?;
            Ok((token, session))
        }
        Credentials::Password {
            user,
            password,
            wish,
        } => {
            let from = from.map(|Extension(ClientAddress(address))| address);
            let proof = Proof::Password(UserRef::Name(user), password);
            Ok(control.log_in(from, proof, &wish).await?)
        }
        Credentials::Present(shown, project) => {
            if shown.token().is_none() {
                let detail = "who comes by the operator's socket says the project in X-Adit-Project, and needs no session";
                return Err(Problem::invalid("project", detail));
            }
            let session = shown.session(control).await?;
            shown.check_meant(control, &Method::POST, headers)?;
            let proof = Proof::Session(Box::new(session.clone()));
            let made = control.log_in(None, proof, &Wish::Project(project)).await;
            let made = made.map_err(|error| match error {
                // The session itself is well.
                LoginError::Refused => {
                    let detail = "there is no such project that this session can go on in";
                    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).of("project")
                }
                other => other.into(),
            })?;
            if shown.is_cookie() {
                // Its page has the new one in its place, and nobody could end it any more.
                current::end(control, &session, &shown).await?;
            }
            Ok(made)
        }
    }
}

/// Logs in, or goes on in another project.
///
/// With `cookie` the token is in a cookie (`HttpOnly`, `SameSite=Strict`), which stands for a bearer's token; a session by
/// cookie that goes on in another project has the new one in place of the old one, which is over then.
#[utoipa::path(
    post, path = "/sessions", request_body = NewSession, security(()), tag = "sessions",
    responses(
        (status = 201, description = "Somebody is let in.", body = SessionShape,
            headers(("Set-Cookie" = Option<String>, description = "The session, where a cookie was asked for."))),
        (status = 400, description = "A field is wrong.", body = Problem),
        (status = 401, description = "The credentials are not good for this.", body = Problem),
        (status = 403, description = "The session can't go on in that project, or another site's page asks.", body = Problem),
        (status = 429, description = "There were too many failed attempts.", body = Problem),
    ),
)]
async fn create(
    State(native): State<Native>,
    from: Option<Extension<ClientAddress>>,
    scheme: Option<Extension<Scheme>>,
    headers: HeaderMap,
    shown: Result<Shown, Problem>,
    Json(new): Json<NewSession>,
) -> Result<impl IntoResponse, Problem> {
    let control = &native.control;
    let by_cookie = new.cookie;
    if by_cookie {
        check_own_page(&headers)?;
    }
    let credentials = new.credentials(shown.ok())?;
    let (token, session) = let_in(control, &headers, from, credentials).await?;
    let scope = session.scope.as_ref();
    let scope = scope.ok_or_else(|| Problem::invalid("project", "name the project to act in"))?;
    let mut answered = HeaderMap::new();
    answered.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let mut shape = SessionShape {
        token: None,
        csrf_token: None,
        user: session.user.id.uuid(),
        project: scope.project.id.uuid(),
        role: scope.role.as_str(),
        expires_at: session.expires_at,
    };
    if by_cookie {
        let lasts = session.expires_at - session.issued_at;
        let cookie = cookie::set(&token, lasts, native.scheme(scheme));
        answered.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        shape.csrf_token = Some(control.csrf_word(&token));
    } else {
        shape.token = Some(token);
    }
    Ok((StatusCode::CREATED, answered, Answer(shape)))
}
