//! [`Instances`] in memory.

use adit_model::{Instance, InstanceId, ProjectId, Revision, SubnetId};
use async_trait::async_trait;

use super::{MemoryTransaction, need};
use crate::{Instances, StoreError};

#[async_trait]
impl Instances for MemoryTransaction {
    async fn instance(
        &mut self,
        project: ProjectId,
        id: InstanceId,
    ) -> Result<Option<Instance>, StoreError> {
        Ok(self.tables.instances.get(project, id))
    }

    async fn instances(&mut self, project: ProjectId) -> Result<Vec<Instance>, StoreError> {
        Ok(self.tables.instances.list(|row| row.project == project))
    }

    async fn instances_of_subnet(&mut self, subnet: SubnetId) -> Result<Vec<Instance>, StoreError> {
        Ok(self
            .tables
            .instances
            .list(|instance| instance.subnet == subnet))
    }

    async fn insert_instance(&mut self, row: &Instance) -> Result<(), StoreError> {
        self.need_project(row.project)?;
        need(self.tables.subnets.contains(row.subnet))?;
        self.writable()?.instances.insert(row)
    }

    async fn update_instance(&mut self, row: &Instance) -> Result<Revision, StoreError> {
        self.writable()?.instances.update(row)
    }

    async fn delete_instance(
        &mut self,
        project: ProjectId,
        id: InstanceId,
    ) -> Result<bool, StoreError> {
        Ok(self.writable()?.instances.delete(project, id))
    }
}
