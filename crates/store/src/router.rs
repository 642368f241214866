//! Routing domains.

use adit_model::{ProjectId, Revision, Router, RouterId};
use async_trait::async_trait;

use crate::StoreError;

/// Routing domains.
#[async_trait]
pub trait Routers: Send {
    /// The project's router of this id; another project's is as good as none.
    ///
    /// # Errors
    /// The store can't answer.
    async fn router(
        &mut self,
        project: ProjectId,
        id: RouterId,
    ) -> Result<Option<Router>, StoreError>;

    /// The project's, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn routers(&mut self, project: ProjectId) -> Result<Vec<Router>, StoreError>;

    /// The router of this id, whosever it is. For reconcilers.
    ///
    /// # Errors
    /// The store can't answer.
    async fn any_router(&mut self, id: RouterId) -> Result<Option<Router>, StoreError>;

    /// Everybody's, oldest first. For reconcilers.
    ///
    /// # Errors
    /// The store can't answer.
    async fn all_routers(&mut self) -> Result<Vec<Router>, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when what it hangs on is missing.
    async fn insert_router(&mut self, row: &Router) -> Result<(), StoreError>;

    /// Replaces the one of the same project, id and revision, and answers its next revision.
    /// What it hangs on, and when it was made, stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is none of that revision.
    async fn update_router(&mut self, row: &Router) -> Result<Revision, StoreError>;

    /// Deletes the project's router of this id; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while something hangs on it.
    async fn delete_router(&mut self, project: ProjectId, id: RouterId)
    -> Result<bool, StoreError>;
}
