//! What users prove themselves with.

use adit_model::user::{ApiKey, KeyHash};
use adit_model::{ApiKeyId, UserId};
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

    /// The key of this id.
    ///
    /// # Errors
    /// The store can't answer.
    async fn api_key_of_id(&mut self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError>;

    /// A user's keys, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn api_keys(&mut self, user: UserId) -> Result<Vec<ApiKey>, StoreError>;
}

/// Changes of [`ApiKeys`].
#[async_trait]
pub trait WriteApiKeys: ApiKeys {
    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when its user is missing.
    async fn insert_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError>;

    /// Changes the name and the description of the one of this id; answers whether it was there.
    ///
    /// # Errors
    /// The store can't answer.
    async fn update_api_key(&mut self, row: &ApiKey) -> Result<bool, StoreError>;

    /// Deletes one; answers whether it was there.
    ///
    /// # Errors
    /// The store can't answer.
    async fn delete_api_key(&mut self, id: ApiKeyId) -> Result<bool, StoreError>;

    /// Deletes all keys of a user; answers how many there were.
    ///
    /// # Errors
    /// The store can't answer.
    async fn delete_api_keys(&mut self, user: UserId) -> Result<u64, StoreError>;
}
