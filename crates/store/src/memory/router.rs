//! [`Routers`] in memory.

use adit_model::{ProjectId, Revision, Router, RouterId};
use async_trait::async_trait;

use super::{MemoryTransaction, need};
use crate::{Routers, StoreError};

#[async_trait]
impl Routers for MemoryTransaction {
    async fn router(
        &mut self,
        project: ProjectId,
        id: RouterId,
    ) -> Result<Option<Router>, StoreError> {
        Ok(self.tables.routers.get(project, id))
    }

    async fn routers(&mut self, project: ProjectId) -> Result<Vec<Router>, StoreError> {
        Ok(self.tables.routers.list(|row| row.project == project))
    }

    async fn any_router(&mut self, id: RouterId) -> Result<Option<Router>, StoreError> {
        Ok(self.tables.routers.get_any(id))
    }

    async fn all_routers(&mut self) -> Result<Vec<Router>, StoreError> {
        Ok(self.tables.routers.list(|_| true))
    }

    async fn insert_router(&mut self, row: &Router) -> Result<(), StoreError> {
        self.need_project(row.project)?;
        self.writable()?.routers.insert(row)
    }

    async fn update_router(&mut self, row: &Router) -> Result<Revision, StoreError> {
        self.writable()?.routers.update(row)
    }

    async fn delete_router(
        &mut self,
        project: ProjectId,
        id: RouterId,
    ) -> Result<bool, StoreError> {
        let used = self.tables.subnets.any(|subnet| subnet.router == id)
            || self.tables.gateways.any(|gateway| gateway.router == id);
        let mine = self.tables.routers.get(project, id).is_some();
        need(!(mine && used))?;
        Ok(self.writable()?.routers.delete(project, id))
    }
}
