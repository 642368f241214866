//! Refusals: `{"error": {"code", "message", "title"}}`, and the headers that every answer has.

use adit_api::answer::{self, log};
use adit_api::body::BodyError;
use adit_api::fields::{FieldError, FieldType};
use adit_api::request_id;
use adit_control::Error;
use adit_control::login::LoginError;
use adit_control::token::TokenError;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{RETRY_AFTER, VARY};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde_json::json;

use crate::state::Keystone;

/// A refusal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    message: String,
    /// When to come again, in seconds.
    retry_after: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            message,
            retry_after: None,
        }
    }

    fn later(status: StatusCode, seconds: u64, message: String) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(status, message)
        }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// A field that can't be what it is.
    pub(crate) fn invalid(name: &str, why: &str) -> Self {
        Self::bad(format!("Invalid input for field '{name}': {why}."))
    }

    pub(crate) fn unauthorized() -> Self {
        let message = "The request you have made requires authentication.";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(crate) fn forbidden(why: &str) -> Self {
        let message = format!("You are not authorized to perform the requested action: {why}.");
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn missing(noun: &str, id: &str) -> Self {
        let message = format!("Could not find {noun}: {id}.");
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

/// What the use case said, about the thing that the path names as `id`.
pub(crate) fn about(id: &str) -> impl Fn(Error) -> ApiError + '_ {
    move |error| match error {
        Error::NotFound(noun) => ApiError::missing(&noun.to_string(), id),
        other => other.into(),
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match &error {
            Error::NotFound(noun) => {
                Self::new(StatusCode::NOT_FOUND, format!("Could not find {noun}."))
            }
            Error::NotListed => Self::new(StatusCode::NOT_FOUND, format!("{error}.")),
            Error::Conflict { message, .. } => {
                let message = format!("Conflict occurred attempting to do so - {message}.");
                Self::new(StatusCode::CONFLICT, message)
            }
            Error::Used { .. } => {
                let message = format!("Conflict occurred attempting to do so - {error}.");
                Self::new(StatusCode::CONFLICT, message)
            }
            Error::NoWayOutside(_) | Error::Misfit(_) => Self::bad(format!("{error}.")),
            Error::Invalid { field, message, .. } => {
                Self::bad(format!("Invalid input for field '{field}': {message}."))
            }
            Error::Forbidden(_) => Self::forbidden(&error.to_string()),
            Error::ProjectQuota(_) | Error::QuotaExceeded { .. } => {
                Self::new(StatusCode::FORBIDDEN, error.to_string())
            }
            Error::Busy { seconds } => {
                Self::later(StatusCode::SERVICE_UNAVAILABLE, *seconds, error.to_string())
            }
            Error::TooManyAttempts { seconds } => {
                Self::later(StatusCode::TOO_MANY_REQUESTS, *seconds, error.to_string())
            }
            Error::Unavailable(_) => {
                log(&error);
                let message = "The service is currently unable to handle the request.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
            }
            Error::Internal(_) => {
                log(&error);
                let message =
                    "An unexpected error prevented the server from fulfilling your request.";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, message)
            }
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Refused => Self::unauthorized(),
            LoginError::Control(error) => error.into(),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Unavailable(error) => Error::from(error).into(),
            TokenError::Unasked(error) => Error::from(error).into(),
            _ => Self::unauthorized(),
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        let status = match error {
            BodyError::NotJson { .. } => StatusCode::BAD_REQUEST,
            BodyError::NotObject => {
                return Self::bad("The request body must be a JSON object.");
            }
            BodyError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        };
        Self::new(status, error.to_string())
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        let name = error.name();
        let wanted = match error {
            FieldError::Missing { .. } => {
                return Self::bad(format!("'{name}' is a required property"));
            }
            FieldError::Unknown { .. } => {
                return Self::bad(format!(
                    "Additional properties are not allowed ('{name}' was unexpected)"
                ));
            }
            FieldError::Type { wanted, .. } => wanted,
        };
        let kind = match wanted {
            FieldType::Flag => "boolean",
            FieldType::List | FieldType::Texts => "array",
            FieldType::Number => "integer",
            FieldType::Object => "object",
            FieldType::Text => "string",
        };
        Self::invalid(name, &format!("it is not of type '{kind}'"))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {
            "code": self.status.as_u16(),
            "message": self.message,
            "title": self.status.canonical_reason().unwrap_or_default(),
        }});
        let later = self.retry_after.map(|seconds| [(RETRY_AFTER, seconds)]);
        (self.status, later.map(AppendHeaders), Json(body)).into_response()
    }
}

/// A middleware: what every answer of this face says besides its body.
pub(crate) async fn layer(
    State(keystone): State<Keystone>,
    request: Request,
    next: Next,
) -> Response {
    let id = request_id::of(request.extensions());
    let base = keystone.origin(request.headers(), request.extensions());
    let mut response = next.run(request).await;
    if answer::is_undecodable(&response) {
        response = not_found().await.into_response();
    }
    let vary = HeaderValue::from_static("X-Auth-Token");
    response.headers_mut().insert(VARY, vary);
    answer::as_openstack(&mut response, &id, &format!("{base}/identity"));
    response
}

pub(crate) async fn not_found() -> ApiError {
    let message = "The resource could not be found.";
    ApiError::new(StatusCode::NOT_FOUND, message)
}

pub(crate) async fn method_not_allowed() -> ApiError {
    let message = "The method is not allowed for the requested URL.";
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message)
}
