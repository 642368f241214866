//! Programs' own ways in.

use adit_model::{ApplicationCredential, ApplicationCredentialId, UserId};
use async_trait::async_trait;

use crate::StoreError;

/// Application credentials. Two of one user can't have one name.
#[async_trait]
pub trait ApplicationCredentials: Send {
    /// The one of this id.
    ///
    /// # Errors
    /// The store can't answer.
    async fn application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<Option<ApplicationCredential>, StoreError>;

    /// A user's, by name.
    ///
    /// # Errors
    /// The store can't answer.
    async fn application_credentials(
        &mut self,
        user: UserId,
    ) -> Result<Vec<ApplicationCredential>, StoreError>;
}

/// Changes of [`ApplicationCredentials`].
#[async_trait]
pub trait WriteApplicationCredentials: ApplicationCredentials {
    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when its user or project is missing.
    async fn insert_application_credential(
        &mut self,
        row: &ApplicationCredential,
    ) -> Result<(), StoreError>;

    /// Deletes one; answers whether it was there.
    ///
    /// # Errors
    /// The store can't answer.
    async fn delete_application_credential(
        &mut self,
        id: ApplicationCredentialId,
    ) -> Result<bool, StoreError>;
}
