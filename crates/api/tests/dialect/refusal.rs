//! What is refused, in this dialect's words.

use adit_api::answer::log;
use adit_api::bearer::BearerError;
use adit_api::body::BodyError;
use adit_api::values;
use adit_control::Error;
use adit_control::token::TokenError;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

pub(crate) struct Refusal(StatusCode, String);

impl From<BearerError> for Refusal {
    fn from(error: BearerError) -> Self {
        let status = match &error {
            // Nobody is called unknown while nobody can be asked.
            BearerError::Token(TokenError::Unavailable(_) | TokenError::Unasked(_)) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            BearerError::Token(TokenError::NoRole) => StatusCode::FORBIDDEN,
            BearerError::Token(_) | BearerError::Missing => StatusCode::UNAUTHORIZED,
        };
        Self(status, error.to_string())
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        Self(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl From<values::Refusal> for Refusal {
    fn from(refusal: values::Refusal) -> Self {
        let said = match refusal {
            values::Refusal::Unknown(names) => format!("there is no {}", names.join(", ")),
            values::Refusal::NotInPost(name) | values::Refusal::ReadOnly(name) => {
                format!("{name} is not yours to say")
            }
            values::Refusal::Required(name) => format!("{name} is missing"),
            values::Refusal::Wrong(name, wrong) => format!("{name}: {:?}", wrong.what),
        };
        Self(StatusCode::BAD_REQUEST, said)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::NotFound(_) | Error::NotListed => StatusCode::NOT_FOUND,
            Error::Conflict { .. } | Error::Used { .. } => StatusCode::CONFLICT,
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::Unavailable(_) | Error::Internal(_) => {
                log(&error);
                StatusCode::SERVICE_UNAVAILABLE
            }
            _ => StatusCode::BAD_REQUEST,
        };
        Self(status, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"refused": self.1}))).into_response()
    }
}
