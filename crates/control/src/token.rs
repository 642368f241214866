//! Bearer tokens: a JSON Web Token signed with HMAC-SHA-256 (RFC 7519, RFC 7515 `HS256`).
//!
//! They are good after a restart. Only `HS256` is ever accepted, whatever a header says: the header
//! is compared, not read. What a token says is checked against the store each time: it ends early
//! when it is revoked, when its user or project is gone or disabled, when the user lost the role,
//! or has a new password.

use adit_crypto::{hmac_sha256, verify_hmac_sha256};
use adit_model::project::Role;
use adit_model::user::RevokedToken;
use adit_model::{ApplicationCredentialId, ProjectId, TokenId, UserId};
use adit_store::{StoreError, Transaction};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use crate::error::Error;
use crate::identity::IdentityUnavailable;
use crate::session::{Method, Scope, Session};
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
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It is no token of ours, or has no project where one is needed.
    #[error("the token is not valid")]
    Invalid,
    /// It is good, but none of its roles is known here.
    #[error("the token has none of the roles reader, member and admin")]
    NoRole,
    /// It ended before its time.
    #[error("the token is no longer good")]
    Revoked,
    /// The store can't answer.
    #[error("the token can't be checked at this moment")]
    Unavailable(#[from] StoreError),
    /// The service that knows tokens can't be asked.
    #[error(transparent)]
    Unasked(#[from] IdentityUnavailable),
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: UserId,
    pub(crate) jti: TokenId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent: Option<TokenId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<(ProjectId, RoleWord)>,
    pub(crate) methods: Vec<Method>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) credential: Option<ApplicationCredentialId>,
    /// Seconds: clients read them.
    iat: i64,
    /// The rest of `iat`, in nanoseconds.
    ns: u32,
    exp: i64,
}

/// A role as its word.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub(crate) struct RoleWord(pub(crate) Role);

impl TryFrom<String> for RoleWord {
    type Error = adit_model::project::RoleError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<RoleWord> for &'static str {
    fn from(word: RoleWord) -> Self {
        word.0.as_str()
    }
}

impl Claims {
    pub(crate) fn new(
        user: UserId,
        scope: Option<(ProjectId, Role)>,
        method: Method,
        issued_at: OffsetDateTime,
        expires_at: OffsetDateTime,
    ) -> Self {
        Self {
            sub: user,
            jti: TokenId::random(),
            parent: None,
            scope: scope.map(|(project, role)| (project, RoleWord(role))),
            methods: vec![method],
            credential: None,
            iat: issued_at.unix_timestamp(),
            ns: issued_at.nanosecond(),
            exp: expires_at.unix_timestamp(),
        }
    }

    fn issued_at(&self) -> Result<OffsetDateTime, TokenError> {
        let time = OffsetDateTime::from_unix_timestamp(self.iat);
        let time = time.map_err(|_| TokenError::Invalid)?;
        Ok(time + Duration::nanoseconds(self.ns.into()))
    }

    fn expires_at(&self) -> Result<OffsetDateTime, TokenError> {
        OffsetDateTime::from_unix_timestamp(self.exp).map_err(|_| TokenError::Invalid)
    }
}

/// The most that a user may do in a project.
pub(crate) async fn strongest_role(
    tx: &mut dyn Transaction,
    user: UserId,
    project: ProjectId,
) -> Result<Option<Role>, StoreError> {
    let rows = tx.role_assignments(Some(user), Some(project)).await?;
    Ok(rows.into_iter().map(|row| row.role).max())
}

/// Holds genuine claims against what is so today.
pub(crate) async fn check_claims(
    tx: &mut dyn Transaction,
    claims: Claims,
) -> Result<Session, TokenError> {
    let (issued_at, expires_at) = (claims.issued_at()?, claims.expires_at()?);
    if tx.is_token_revoked(claims.jti).await? {
        return Err(TokenError::Revoked);
    }
    let user = tx.user(claims.sub).await?.ok_or(TokenError::Revoked)?;
    if !user.enabled || issued_at < user.tokens_from {
        return Err(TokenError::Revoked);
    }
    let scope = match claims.scope {
        None => None,
        Some((project, RoleWord(role))) => {
            let project = tx.project(project).await?.ok_or(TokenError::Revoked)?;
            let held = strongest_role(tx, user.id, project.id).await?;
            if !project.enabled || held < Some(role) {
                return Err(TokenError::Revoked);
            }
            Some(Scope { project, role })
        }
    };
    let credential = match claims.credential {
        None => None,
        Some(id) => {
            let row = tx.application_credential(id).await?;
            Some(row.ok_or(TokenError::Revoked)?)
        }
    };
    Ok(Session {
        id: claims.jti,
        parent: claims.parent,
        user,
        scope,
        methods: claims.methods,
        issued_at,
        expires_at,
        credential,
    })
}

impl Control {
    /// Makes a token for a caller. `extra` are claims that a dialect's clients want to read.
    #[must_use]
    pub fn issue_token(&self, caller: &Caller, extra: Map<String, Value>) -> Token {
        let issued_at = self.now();
        let expires_at = issued_at + self.0.config.token_lifetime;
        let scope = Some((caller.project, caller.role));
        let claims = Claims::new(caller.user, scope, Method::ApiKey, issued_at, expires_at);
        Token {
            text: self.sign(&claims, extra),
            issued_at,
            expires_at,
        }
    }

    pub(crate) fn sign(&self, claims: &Claims, extra: Map<String, Value>) -> String {
        let mut body = extra;
        // Claims are a map with string keys, which never fails.
        if let Ok(Value::Object(own)) = serde_json::to_value(claims) {
            body.extend(own);
        }
        let body = Value::Object(body).to_string();
        let signed = format!("{}.{}", BASE64.encode(HEADER), BASE64.encode(body));
        let tag = hmac_sha256(&*self.0.config.token_key, &[signed.as_bytes()]);
        format!("{signed}.{}", BASE64.encode(tag))
    }

    /// On whose behalf a request with this token is made.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn verify_token(&self, text: &str) -> Result<Caller, TokenError> {
        let session = self.session(text).await?;
        session.caller().ok_or(TokenError::Invalid)
    }

    /// What this token stands for.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub async fn session(&self, text: &str) -> Result<Session, TokenError> {
        if let Some(provider) = &self.0.config.identity {
            return self.foreign_session(&**provider, text).await;
        }
        let version = self.0.store.identity_version();
        if let Some(known) = self.0.sessions.get(text, version, self.now()) {
            return Ok(known);
        }
        let claims = self.open(text)?;
        let mut tx = self.read().await?;
        let session = check_claims(&mut *tx, claims).await?;
        self.0.sessions.put(text, version, &session);
        Ok(session)
    }

    fn open(&self, text: &str) -> Result<Claims, TokenError> {
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
        Ok(claims)
    }

    /// Reads another's token, for a service that was shown it.
    ///
    /// # Errors
    /// It is neither the session's user's nor is the session an administrator's.
    pub async fn inspect_token(
        &self,
        session: &Session,
        text: &str,
    ) -> Result<Result<Session, TokenError>, Error> {
        let found = match self.session(text).await {
            Ok(found) => found,
            Err(TokenError::Unavailable(error)) => return Err(error.into()),
            Err(TokenError::Unasked(error)) => return Err(error.into()),
            // One's own was known to oneself. Who may not ask at all is not told this either.
            Err(error) => {
                let own = self.open(text).is_ok_and(|of| of.sub == session.user.id);
                if !own {
                    session.must_be_admin()?;
                }
                return Ok(Err(error));
            }
        };
        session.must_be(found.user.id)?;
        Ok(Ok(found))
    }

    /// Takes a token back.
    ///
    /// # Errors
    /// As [`Self::inspect_token`].
    pub async fn revoke_token(
        &self,
        session: &Session,
        text: &str,
    ) -> Result<Result<(), TokenError>, Error> {
        let found = match self.inspect_token(session, text).await? {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let row = RevokedToken {
            id: found.id,
            expires_at: found.expires_at,
        };
        let mut tx = self.change_by(session.actor()).await?;
        tx.forget_revoked_tokens(self.now()).await?;
        tx.insert_revoked_token(&row).await?;
        tx.commit().await?;
        Ok(Ok(()))
    }
}
