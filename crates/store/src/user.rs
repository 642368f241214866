//! Who may make requests.

use adit_model::{User, UserId};
use async_trait::async_trait;

use crate::StoreError;

/// Who may make requests. Two can't have one name.
#[async_trait]
pub trait Users: Send {
    /// The user of this id.
    ///
    /// # Errors
    /// The store can't answer.
    async fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError>;

    /// All of them, by name.
    ///
    /// # Errors
    /// The store can't answer.
    async fn users(&mut self) -> Result<Vec<User>, StoreError>;
}

/// Changes of [`Users`].
#[async_trait]
pub trait WriteUsers: Users {
    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when its default project is missing.
    async fn insert_user(&mut self, row: &User) -> Result<(), StoreError>;

    /// Replaces all of one but its id; answers whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when its default project is missing.
    async fn update_user(&mut self, row: &User) -> Result<bool, StoreError>;

    /// Deletes one, and with it its roles, API keys and application credentials; answers whether it
    /// was there.
    ///
    /// # Errors
    /// The store can't answer.
    async fn delete_user(&mut self, id: UserId) -> Result<bool, StoreError>;
}
