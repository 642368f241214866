//! Bearer tokens: a JSON Web Token signed with HMAC-SHA-256 (RFC 7519, RFC 7515 `HS256`).
//!
//! They are good without a look into the store, and after a restart. Only `HS256` is ever
//! accepted, whatever a header says: the header is compared, not read.

use adit_crypto::{hmac_sha256, verify_hmac_sha256};
use adit_model::project::Role;
use adit_model::{ProjectId, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::{Caller, Control};

const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// A token and the times it carries.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What the client shows.
    pub text: String,
    /// When it was made, UTC.
    pub issued_at: OffsetDateTime,
    /// When it ends, UTC.
    pub expires_at: OffsetDateTime,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Token")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Why a token was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It is no token of ours.
    #[error("the token is not valid")]
    Invalid,
}

#[derive(Deserialize)]
struct Claims {
    sub: UserId,
    project: ProjectId,
    role: String,
    exp: i64,
}

impl Control {
    /// Makes a token for a caller. `extra` are claims that a dialect's clients want to read.
    #[must_use]
    pub fn issue_token(&self, caller: &Caller, extra: Map<String, Value>) -> Token {
        let issued_at = self.now();
        let expires_at = issued_at + self.0.config.token_lifetime;
        let mut claims = extra;
        claims.insert("sub".to_owned(), json!(caller.user));
        claims.insert("project".to_owned(), json!(caller.project));
        claims.insert("role".to_owned(), json!(caller.role.as_str()));
        claims.insert("iat".to_owned(), json!(issued_at.unix_timestamp()));
        claims.insert("exp".to_owned(), json!(expires_at.unix_timestamp()));
        let body = Value::Object(claims).to_string();
        let signed = format!("{}.{}", BASE64.encode(HEADER), BASE64.encode(body));
        let tag = hmac_sha256(&*self.0.config.token_key, &[signed.as_bytes()]);
        Token {
            text: format!("{signed}.{}", BASE64.encode(tag)),
            issued_at,
            expires_at,
        }
    }

    /// Who shows this token.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn verify_token(&self, text: &str) -> Result<Caller, TokenError> {
        let (signed, tag) = text.rsplit_once('.').ok_or(TokenError::Invalid)?;
        let (header, body) = signed.split_once('.').ok_or(TokenError::Invalid)?;
        let tag = BASE64.decode(tag).map_err(|_| TokenError::Invalid)?;
        let key = &*self.0.config.token_key;
        let genuine = verify_hmac_sha256(key, &[signed.as_bytes()], &tag);
        if !genuine || header != BASE64.encode(HEADER) {
            return Err(TokenError::Invalid);
        }
        let body = BASE64.decode(body).map_err(|_| TokenError::Invalid)?;
        let claims: Claims = serde_json::from_slice(&body).map_err(|_| TokenError::Invalid)?;
        if claims.exp <= self.now().unix_timestamp() {
            return Err(TokenError::Expired);
        }
        let role: Role = claims.role.parse().map_err(|_| TokenError::Invalid)?;
        Ok(Caller {
            project: claims.project,
            user: claims.sub,
            role,
        })
    }
}
