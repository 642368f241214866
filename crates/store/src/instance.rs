//! Machines on subnets.

use adit_model::{Instance, InstanceId, ProjectId, Revision, SubnetId};
use async_trait::async_trait;

use crate::StoreError;

/// Machines on subnets.
#[async_trait]
pub trait Instances: Send {
    /// The project's instance of this id; another project's is as good as none.
    ///
    /// # Errors
    /// The store can't answer.
    async fn instance(
        &mut self,
        project: ProjectId,
        id: InstanceId,
    ) -> Result<Option<Instance>, StoreError>;

    /// The project's, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn instances(&mut self, project: ProjectId) -> Result<Vec<Instance>, StoreError>;

    /// The machines on a subnet, oldest first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn instances_of_subnet(&mut self, subnet: SubnetId) -> Result<Vec<Instance>, StoreError>;

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`], [`StoreError::Referenced`] when what it hangs on is missing.
    async fn insert_instance(&mut self, row: &Instance) -> Result<(), StoreError>;

    /// Replaces the one of the same project, id and revision, and answers its next revision.
    /// What it hangs on, and when it was made, stay as they are.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when there is none of that revision.
    async fn update_instance(&mut self, row: &Instance) -> Result<Revision, StoreError>;

    /// Deletes the project's instance of this id; answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] while something hangs on it.
    async fn delete_instance(
        &mut self,
        project: ProjectId,
        id: InstanceId,
    ) -> Result<bool, StoreError>;
}
