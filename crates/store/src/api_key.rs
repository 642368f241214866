//! What users prove themselves with.

use adit_model::UserId;
use adit_model::user::{ApiKey, KeyHash};
use async_trait::async_trait;

use crate::StoreError;

/// API keys, known by their hash alone.
#[async_trait]
pub trait ApiKeys: Send {
    /// The key of this hash.
    ///
    /// # Errors
    /// The store can't answer.
    async fn api_key(&mut self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError>;
}

/// Changes of [`ApiKeys`].
#[async_trait]
pub trait WriteApiKeys: ApiKeys {
    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when its user is missing.
    async fn insert_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError>;

    /// Deletes all keys of a user; answers how many there were.
    ///
    /// # Errors
    /// The store can't answer.
    async fn delete_api_keys(&mut self, user: UserId) -> Result<u64, StoreError>;
}
