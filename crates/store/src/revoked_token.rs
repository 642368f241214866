//! Tokens that were taken back.

use adit_model::TokenId;
use adit_model::user::RevokedToken;
use async_trait::async_trait;
use time::OffsetDateTime;

use crate::StoreError;

/// Tokens that were taken back, each until it would have ended anyway.
#[async_trait]
pub trait RevokedTokens: Send {
    /// Whether this one was.
    ///
    /// # Errors
    /// The store can't answer.
    async fn is_token_revoked(&mut self, id: TokenId) -> Result<bool, StoreError>;
}

/// Changes of [`RevokedTokens`].
#[async_trait]
pub trait WriteRevokedTokens: RevokedTokens {
    /// Takes one back; more than once is once.
    ///
    /// # Errors
    /// The store can't answer.
    async fn insert_revoked_token(&mut self, row: &RevokedToken) -> Result<(), StoreError>;

    /// Forgets those that ended before a time; answers how many there were.
    ///
    /// # Errors
    /// The store can't answer.
    async fn delete_revoked_tokens(&mut self, before: OffsetDateTime) -> Result<u64, StoreError>;
}
