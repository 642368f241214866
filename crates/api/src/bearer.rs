//! `Authorization: Bearer ...` (RFC 6750 section 2.1).

use adit_control::token::TokenError;
use adit_control::{Caller, Control, Session};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// Why nobody is known to ask.
#[derive(Debug, thiserror::Error)]
pub enum BearerError {
    /// The header is missing, or no bearer's.
    #[error("an Authorization header with a bearer token is needed")]
    Missing,
    /// The token was not taken.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Who asks. The word `Bearer` may stand twice, since some clients keep it in their token variable, or
/// not at all, since others keep neither there nor in the header what the other has.
///
/// # Errors
/// See [`BearerError`].
pub async fn caller(control: &Control, headers: &HeaderMap) -> Result<Caller, BearerError> {
    Ok(control.verify_token(token(headers)?).await?)
}

/// What the token stands for, for what is about who asks.
///
/// # Errors
/// See [`BearerError`].
pub async fn session(control: &Control, headers: &HeaderMap) -> Result<Session, BearerError> {
    Ok(control.session(token(headers)?).await?)
}

/// The token that is shown.
///
/// # Errors
/// [`BearerError::Missing`].
pub fn token(headers: &HeaderMap) -> Result<&str, BearerError> {
    let header = headers.get(AUTHORIZATION).ok_or(BearerError::Missing)?;
    let text = header.to_str().map_err(|_| BearerError::Missing)?.trim();
    // No token has a space: what has one and is no bearer's is another way to prove oneself.
    let token = strip(text).or((!text.contains(' ')).then_some(text));
    let token = token.ok_or(BearerError::Missing)?;
    Ok(strip(token).unwrap_or(token))
}

fn strip(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}
