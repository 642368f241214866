//! The part of IBM Cloud IAM that its clients need: `POST /identity/token` gives a bearer token
//! for an API key. Clients decode the token without verifying it, and want `iat` and `exp`.

use std::borrow::Cow;

use adit_api::body;
use adit_control::{Caller, Control};
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
const SCOPE: &str = "ibm openid";

/// Who tokens say they are from. It is the same under every address: tokens are checked by this service
/// alone, and by their signature.
const ISSUER: &str = "adit";

/// `POST /identity/token`, and the same at `POST /` for clients that take their URL verbatim.
pub fn router(control: Control) -> Router {
    Router::new()
        .route("/identity/token", post(token))
        .route("/", post(token))
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
    match field("grant_type").as_deref() {
        Some(API_KEY_GRANT) => {}
        None => {
            return Err(refused(
                "BXNIM0109E",
                "Property missing or empty: grant_type.",
            ));
        }
        Some(_) => return Err(refused("BXNIM0107E", "The grant type is not supported.")),
    }
    let Some(key) = field("apikey").filter(|key| !key.is_empty()) else {
        return Err(refused("BXNIM0109E", "Property missing or empty: apikey."));
    };
    match control.authenticate(&key).await {
        Ok(Some(caller)) => Ok(answer(&control, &caller)),
        Ok(None) => Err(refused(
            "BXNIM0415E",
            "Provided API key could not be found.",
        )),
        Err(error) => {
            error!(
                error = &error as &dyn std::error::Error,
                "no token could be made"
            );
            Err(IamError {
                status: StatusCode::SERVICE_UNAVAILABLE,
                code: "BXNIM0440E",
                message: "The service can't answer at this moment.".into(),
            })
        }
    }
}

fn answer(control: &Control, caller: &Caller) -> Response {
    let token = control.issue_token(caller, claims(caller));
    let expires_in = (token.expires_at - token.issued_at).whole_seconds();
    let body = json!({
        "access_token": token.text,
        // What IAM answers to clients that are not to refresh but to show their key again.
        "refresh_token": "not_supported",
        "token_type": "Bearer",
        "expires_in": expires_in,
        "expiration": token.expires_at.unix_timestamp(),
        "scope": SCOPE,
    });
    ([(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// The claims that IBM's clients read besides the times.
///
/// IBM's Terraform provider reads `id` and `iss` before its first call, unguarded. By the issuer it knows
/// the cloud; by any other than IBM's own it takes it for one of its kind.
fn claims(caller: &Caller) -> Map<String, Value> {
    let account = caller.project.uuid().simple().to_string();
    let mut claims = Map::new();
    let user = format!("iam-ServiceId-{}", caller.user);
    claims.insert("iam_id".to_owned(), json!(user));
    claims.insert("id".to_owned(), json!(user));
    claims.insert("iss".to_owned(), json!(ISSUER));
    claims.insert("account".to_owned(), json!({"valid": true, "bss": account}));
    claims.insert("grant_type".to_owned(), json!(API_KEY_GRANT));
    claims.insert("scope".to_owned(), json!(SCOPE));
    claims
}
