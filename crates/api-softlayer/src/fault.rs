//! Why a call was refused, in SoftLayer's words: an exception's name, a sentence, and the status that REST gives it.

use std::fmt::Display;

use adit_api::body::BodyError;
use adit_control::Error;
use axum::http::StatusCode;

/// A refused call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) status: StatusCode,
    /// Such as `SoftLayer_Exception_ObjectNotFound`.
    pub(crate) code: &'static str,
    pub(crate) text: String,
}

/// What clients' XML-RPC libraries know for what is not XML.
const NOT_WELL_FORMED: &str = "-32700";
const INVALID_VALUE: &str = "SoftLayer_Exception_InvalidValue";
/// What people may read.
const PUBLIC: &str = "SoftLayer_Exception_Public";

impl Fault {
    fn new(status: StatusCode, code: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { status, code, text }
    }

    /// Nobody is known to ask.
    pub(crate) fn unknown_caller() -> Self {
        let text = "Invalid API token.";
        Self::new(StatusCode::UNAUTHORIZED, "SoftLayer_Exception", text)
    }

    /// It is not there, or another account's.
    pub(crate) fn not_found(id: impl Display) -> Self {
        let text = format!("Unable to find object with id of '{id}'.");
        let code = "SoftLayer_Exception_ObjectNotFound";
        Self::new(StatusCode::NOT_FOUND, code, text)
    }

    /// An object is needed, and the call names none.
    pub(crate) fn no_object(service: &str) -> Self {
        let text = format!("Object does not exist to execute method on: {service} needs an id.");
        let code = "SoftLayer_Exception_ObjectNotFound";
        Self::new(StatusCode::NOT_FOUND, code, text)
    }

    pub(crate) fn no_service(name: &str) -> Self {
        let text = format!("Service \"{name}\" does not exist.");
        let code = "SoftLayer_Exception_NotFound";
        Self::new(StatusCode::NOT_FOUND, code, text)
    }

    pub(crate) fn no_method(service: &str, method: &str) -> Self {
        let text = format!("Function (\"{method}\") is not a valid method for {service}.");
        let code = "SoftLayer_Exception_NotFound";
        Self::new(StatusCode::NOT_FOUND, code, text)
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_VALUE, text)
    }

    pub(crate) fn missing(what: &str) -> Self {
        let text = format!("{what} is missing.");
        let code = "SoftLayer_Exception_MissingParameter";
        Self::new(StatusCode::BAD_REQUEST, code, text)
    }

    /// Something that can't be, in a sentence for people.
    pub(crate) fn public(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, PUBLIC, text)
    }

    /// What was sent is not what the transport is made of.
    pub(crate) fn malformed(text: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, NOT_WELL_FORMED, text)
    }
}

impl From<BodyError> for Fault {
    fn from(error: BodyError) -> Self {
        Self::malformed(error.to_string())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::NotFound(_) | Error::NotListed => {
                let code = "SoftLayer_Exception_ObjectNotFound";
                Self::new(StatusCode::NOT_FOUND, code, text)
            }
            Error::Invalid { .. } => Self::invalid(text),
            Error::Forbidden(_) => {
                let code = "SoftLayer_Exception_PermissionDenied";
                Self::new(StatusCode::FORBIDDEN, code, text)
            }
            Error::Busy { .. } | Error::TooManyAttempts { .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, PUBLIC, text)
            }
            Error::Unavailable(_) | Error::Internal(_) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "a call could not be answered"
                );
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "SoftLayer_Exception", text)
            }
            _ => Self::public(text),
        }
    }
}
