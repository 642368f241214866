//! Phase 2 policies. One that a connection names can't be deleted.

use adit_model::{IpsecPolicy, IpsecPolicyId, ProjectId, Revision};
use async_trait::async_trait;

use crate::StoreError;

/// Phase 2 policies. One that a connection names can't be deleted.
#[async_trait]
pub trait IpsecPolicies: Send {
    /// The project's policy of this id; another project's is as good as none.
    ///
    /// # Errors
    /// The store can't answer.
    async fn ipsec_policy(
        &mut self,
        project: ProjectId,
        id: IpsecPolicyId,
    ) -> Result<Option<IpsecPolicy>, StoreError>;

    /// The project's, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn ipsec_policies(&mut self, project: ProjectId) -> Result<Vec<IpsecPolicy>, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when what it hangs on is missing.
    async fn insert_ipsec_policy(&mut self, row: &IpsecPolicy) -> Result<(), StoreError>;

    /// Replaces the one of the same project, id and revision, and answers its next revision.
    /// What it hangs on, and when it was made, stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is none of that revision.
    async fn update_ipsec_policy(&mut self, row: &IpsecPolicy) -> Result<Revision, StoreError>;

    /// Deletes the project's policy of this id; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while something hangs on it.
    async fn delete_ipsec_policy(
        &mut self,
        project: ProjectId,
        id: IpsecPolicyId,
    ) -> Result<bool, StoreError>;
}
