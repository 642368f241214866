//! [`Subnets`] in memory.

use adit_model::{ProjectId, Revision, RouterId, Subnet, SubnetId};
use async_trait::async_trait;

use super::{MemoryTransaction, need};
use crate::{StoreError, Subnets};

#[async_trait]
impl Subnets for MemoryTransaction {
    async fn subnet(
        &mut self,
        project: ProjectId,
        id: SubnetId,
    ) -> Result<Option<Subnet>, StoreError> {
        Ok(self.tables.subnets.get(project, id))
    }

    async fn subnets(&mut self, project: ProjectId) -> Result<Vec<Subnet>, StoreError> {
        Ok(self.tables.subnets.list(|row| row.project == project))
    }

    async fn subnets_of_router(&mut self, router: RouterId) -> Result<Vec<Subnet>, StoreError> {
        Ok(self.tables.subnets.list(|subnet| subnet.router == router))
    }

    async fn insert_subnet(&mut self, row: &Subnet) -> Result<(), StoreError> {
        self.need_project(row.project)?;
        need(self.tables.routers.contains(row.router))?;
        self.writable()?.subnets.insert(row)
    }

    async fn update_subnet(&mut self, row: &Subnet) -> Result<Revision, StoreError> {
        self.writable()?.subnets.update(row)
    }

    async fn delete_subnet(
        &mut self,
        project: ProjectId,
        id: SubnetId,
    ) -> Result<bool, StoreError> {
        let used = self.tables.instances.any(|instance| instance.subnet == id)
            || self.tables.gateways.any(|gateway| gateway.subnet == id);
        let mine = self.tables.subnets.get(project, id).is_some();
        need(!(mine && used))?;
        Ok(self.writable()?.subnets.delete(project, id))
    }
}
