//! `secrets/open`, and a page for people (`page`): a pre-shared key by the link that was made for its recipient. Nobody
//! is logged in here; the code and the passphrase are all that counts.

mod page;

use adit_api::answer;
use adit_control::connection_request::{Opened, SecretError};
use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::context::Json;
use crate::problem::Problem;
use crate::state::Native;
pub(crate) use page::routes as page;

pub(crate) fn routes() -> OpenApiRouter<Native> {
    OpenApiRouter::new().routes(routes!(open))
}

/// What opens a key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KnownShape {
    /// That of the link.
    code: String,
    /// What was told by another way. Hyphens and capitals don't matter.
    passphrase: String,
}

/// A key.
#[derive(Serialize, ToSchema)]
struct OpenedShape {
    /// What the connection is called.
    name: String,
    /// Whom it is for.
    recipient: String,
    /// The pre-shared key; `0x` is before hexadecimal digits where it is no text.
    psk: String,
}

impl OpenedShape {
    fn of(opened: &Opened) -> Self {
        Self {
            name: opened.request.name.to_string(),
            recipient: opened.request.recipient.clone(),
            psk: answer::key(&opened.psk, true).into_owned(),
        }
    }
}

fn refused(error: SecretError) -> Problem {
    let detail = error.to_string();
    let (status, kind) = match error {
        SecretError::Unknown => (StatusCode::NOT_FOUND, "not-found"),
        SecretError::Used => (StatusCode::GONE, "used"),
        SecretError::Expired => (StatusCode::GONE, "expired"),
        SecretError::Locked => (StatusCode::GONE, "closed"),
        SecretError::Passphrase { .. } => (StatusCode::FORBIDDEN, "passphrase"),
        SecretError::Control(error) => return error.into(),
    };
    Problem::new(status, kind, detail)
}

/// Reads a pre-shared key by its link: once. Nobody has to be logged in.
#[utoipa::path(
    post, path = "/secrets/open", tag = "requests", operation_id = "open_secret", request_body = KnownShape, security(()),
    responses(
        (status = 200, description = "The key; the link opens nothing any more.", body = OpenedShape),
        (status = 400, description = "A field is wrong.", body = Problem),
        (status = 403, description = "The passphrase is wrong.", body = Problem),
        (status = 404, description = "There is no such link.", body = Problem),
        (status = 410, description = "The link was used, has expired, or was closed by wrong passphrases.", body = Problem),
    ),
)]
async fn open(
    State(native): State<Native>,
    Json(known): Json<KnownShape>,
) -> Result<impl IntoResponse, Problem> {
    let opened = native
        .control
        .open_secret(&known.code, &known.passphrase)
        .await;
    let shape = OpenedShape::of(&opened.map_err(refused)?);
    Ok(([(CACHE_CONTROL, "no-store")], Answer(shape)))
}
