//! Private subnets of routers.

use adit_model::{ProjectId, Revision, RouterId, Subnet, SubnetId};
use async_trait::async_trait;

use crate::StoreError;

/// Private subnets of routers.
#[async_trait]
pub trait Subnets: Send {
    /// The project's subnet of this id; another project's is as good as none.
    ///
    /// # Errors
    /// The store can't answer.
    async fn subnet(
        &mut self,
        project: ProjectId,
        id: SubnetId,
    ) -> Result<Option<Subnet>, StoreError>;

    /// The project's, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn subnets(&mut self, project: ProjectId) -> Result<Vec<Subnet>, StoreError>;

    /// The subnets of a router, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn subnets_of_router(&mut self, router: RouterId) -> Result<Vec<Subnet>, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when what it hangs on is missing.
    async fn insert_subnet(&mut self, row: &Subnet) -> Result<(), StoreError>;

    /// Replaces the one of the same project, id and revision, and answers its next revision.
    /// What it hangs on, and when it was made, stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is none of that revision.
    async fn update_subnet(&mut self, row: &Subnet) -> Result<Revision, StoreError>;

    /// Deletes the project's subnet of this id; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while something hangs on it.
    async fn delete_subnet(&mut self, project: ProjectId, id: SubnetId)
    -> Result<bool, StoreError>;
}
