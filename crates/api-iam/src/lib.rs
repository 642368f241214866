//! The part of IBM Cloud IAM that its clients need: `POST /identity/token` gives a bearer token
//! for an API key, or for the refresh token that came with the last one; `/v1/apikeys` is a user's keys.
//! Clients decode the token without verifying it, and want `iat` and `exp`.

mod apikeys;

use std::borrow::Cow;

use adit_api::body;
use adit_control::api_key::RefreshText;
use adit_control::{Caller, Control};
use adit_model::UserId;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use tracing::error;

#[cfg(test)]
mod tests;

const API_KEY_GRANT: &str = "urn:ibm:params:oauth:grant-type:apikey";
const REFRESH_GRANT: &str = "refresh_token";
const SCOPE: &str = "ibm openid";

/// Who tokens say they are from. It is the same under every address: tokens are checked by this service
/// alone, and by their signature.
const ISSUER: &str = "adit";

/// What IAM ids of users begin with.
const IAM_ID: &str = "iam-ServiceId-";

/// `POST /identity/token`, and the same at `POST /` for clients that take their URL verbatim; and
/// `/v1/apikeys`.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/identity/token", post(token))
        .route("/", post(token))
        .merge(apikeys::routes())
        .with_state(control)
}

/// The same addresses where another service has the identities: whoever asks is told where.
pub fn elsewhere(identity_url: &str) -> Router {
    let message = format!(
        "API keys are not for this service. Get a token from the Keystone at {identity_url}, and send it as the bearer."
    );
    let answer = move || std::future::ready(refused("BXNIM0107E", message.clone()));
    Router::new()
        .route("/identity/token", post(answer.clone()))
        .route("/", post(answer))
}

/// What IAM's clients show their user.
struct IamError {
    status: StatusCode,
    code: &'static str,
    message: Cow<'static, str>,
}

impl IntoResponse for IamError {
    fn into_response(self) -> Response {
        let body = json!({
            "errorCode": self.code,
            "errorMessage": self.message,
            "context": {},
        });
        (self.status, Json(body)).into_response()
    }
}

fn refused(code: &'static str, message: impl Into<Cow<'static, str>>) -> IamError {
    IamError {
        status: StatusCode::BAD_REQUEST,
        code,
        message: message.into(),
    }
}

async fn token(State(control): State<Control>, body: Body) -> Result<Response, IamError> {
    let too_large = IamError {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        code: "BXNIM0109E",
        message: "The request is too large.".into(),
    };
    let form = body::octets(body).await.map_err(|_| too_large)?;
    let field = |name: &str| {
        let mut pairs = form_urlencoded::parse(&form);
        pairs.find(|(key, _)| key == name).map(|(_, value)| value)
    };
    let needed = |name: &'static str| {
        let found = field(name).filter(|value| !value.is_empty());
        let message = format!("Property missing or empty: {name}.");
        found.ok_or_else(|| refused("BXNIM0109E", message))
    };
    let (found, unknown) = match needed("grant_type")?.as_ref() {
        API_KEY_GRANT => {
            let key = needed("apikey")?;
            let message = "Provided API key could not be found.";
            (
                control.log_in_by_key(&key).await,
                refused("BXNIM0415E", message),
            )
        }
        REFRESH_GRANT => {
            let text = needed("refresh_token")?;
            let message = "Provided refresh_token is not valid, or its API key is gone.";
            (control.refresh(&text).await, refused("BXNIM0408E", message))
        }
        _ => return Err(refused("BXNIM0107E", "The grant type is not supported.")),
    };
    match found {
        Ok(Some((caller, refresh))) => Ok(answer(&control, &caller, &refresh)),
        Ok(None) => Err(unknown),
        Err(error) => {
            error!(
                error = &error as &dyn std::error::Error,
                "no token could be made"
            );
            Err(unavailable())
        }
    }
}

fn unavailable() -> IamError {
    IamError {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "BXNIM0440E",
        message: "The service can't answer at this moment.".into(),
    }
}

fn answer(control: &Control, caller: &Caller, refresh: &RefreshText) -> Response {
    let token = control.issue_token(caller, claims(caller));
    let expires_in = (token.expires_at - token.issued_at).whole_seconds();
    let body = json!({
        "access_token": token.text,
        "refresh_token": refresh.expose(),
        "token_type": "Bearer",
        "expires_in": expires_in,
        "expiration": token.expires_at.unix_timestamp(),
        "scope": SCOPE,
    });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Who somebody is, in IAM's words.
fn iam_id(user: UserId) -> String {
    format!("{IAM_ID}{user}")
}

/// The claims that IBM's clients read besides the times.
///
/// IBM's Terraform provider reads `id` and `iss` before its first call, unguarded. By the issuer it knows
/// the cloud; by any other than IBM's own it takes it for one of its kind.
fn claims(caller: &Caller) -> Map<String, Value> {
    let account = caller.project.uuid().simple().to_string();
    let mut claims = Map::new();
    let user = iam_id(caller.user);
    claims.insert("iam_id".to_owned(), json!(user));
    claims.insert("id".to_owned(), json!(user));
    claims.insert("iss".to_owned(), json!(ISSUER));
    claims.insert("account".to_owned(), json!({"valid": true, "bss": account}));
    claims.insert("grant_type".to_owned(), json!(API_KEY_GRANT));
    claims.insert("scope".to_owned(), json!(SCOPE));
    claims
}
