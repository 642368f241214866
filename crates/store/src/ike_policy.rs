//! Phase 1 policies. One that a connection names can't be deleted.

use adit_model::{IkePolicy, IkePolicyId, ProjectId, Revision};
use async_trait::async_trait;

use crate::StoreError;

/// Phase 1 policies. One that a connection names can't be deleted.
#[async_trait]
pub trait IkePolicies: Send {
    /// The project's policy of this id; another project's is as good as none.
    ///
    /// # Errors
    /// The store can't answer.
    async fn ike_policy(
        &mut self,
        project: ProjectId,
        id: IkePolicyId,
    ) -> Result<Option<IkePolicy>, StoreError>;

    /// The project's, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn ike_policies(&mut self, project: ProjectId) -> Result<Vec<IkePolicy>, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when what it hangs on is missing.
    async fn insert_ike_policy(&mut self, row: &IkePolicy) -> Result<(), StoreError>;

    /// Replaces the one of the same project, id and revision, and answers its next revision.
    /// What it hangs on, and when it was made, stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is none of that revision.
    async fn update_ike_policy(&mut self, row: &IkePolicy) -> Result<Revision, StoreError>;

    /// Deletes the project's policy of this id; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while something hangs on it.
    async fn delete_ike_policy(
        &mut self,
        project: ProjectId,
        id: IkePolicyId,
    ) -> Result<bool, StoreError>;
}
