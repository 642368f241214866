//! Request bodies, whole and bounded. What they are called does not matter: `curl -d` sends JSON
//! as a form.

use axum::body::{Body, to_bytes};
use serde_json::{Map, Value};

/// The longest body that is read, in octets.
pub const LIMIT: usize = 256 * 1024;

/// Why a body was not taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BodyError {
    /// It is not JSON. The place is told, the content is not: it may hold a secret.
    #[error("the body is not JSON: line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// It is JSON, but no object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// It is longer than [`LIMIT`], or broke off.
    #[error("the body has more than {LIMIT} octets, or broke off")]
    TooLarge,
}

/// Reads all of a body.
///
/// # Errors
/// [`BodyError::TooLarge`].
pub async fn octets(body: Body) -> Result<Vec<u8>, BodyError> {
    let octets = to_bytes(body, LIMIT).await;
    octets.map(Vec::from).map_err(|_| BodyError::TooLarge)
}

/// Reads a body as a JSON object.
///
/// # Errors
/// See [`BodyError`].
pub async fn object(body: Body) -> Result<Map<String, Value>, BodyError> {
    match json(body).await? {
        Value::Object(map) => Ok(map),
        _ => Err(BodyError::NotObject),
    }
}

/// Reads a body as JSON.
///
/// # Errors
/// See [`BodyError`].
pub async fn json(body: Body) -> Result<Value, BodyError> {
    let octets = octets(body).await?;
    serde_json::from_slice(&octets).map_err(|error| BodyError::NotJson {
        line: error.line(),
        column: error.column(),
    })
}
