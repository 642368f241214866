//! [`Gateways`] in memory.

use adit_model::{Gateway, GatewayId, ProjectId, Revision, RouterId};
use async_trait::async_trait;

use super::{MemoryTransaction, need};
use crate::{Gateways, StoreError};

#[async_trait]
impl Gateways for MemoryTransaction {
    async fn gateway(
        &mut self,
        project: ProjectId,
        id: GatewayId,
    ) -> Result<Option<Gateway>, StoreError> {
        Ok(self.tables.gateways.get(project, id))
    }

    async fn gateways(&mut self, project: ProjectId) -> Result<Vec<Gateway>, StoreError> {
        Ok(self.tables.gateways.list(|row| row.project == project))
    }

    async fn any_gateway(&mut self, id: GatewayId) -> Result<Option<Gateway>, StoreError> {
        Ok(self.tables.gateways.get_any(id))
    }

    async fn all_gateways(&mut self) -> Result<Vec<Gateway>, StoreError> {
        Ok(self.tables.gateways.list(|_| true))
    }

    async fn gateways_of_router(&mut self, router: RouterId) -> Result<Vec<Gateway>, StoreError> {
        Ok(self
            .tables
            .gateways
            .list(|gateway| gateway.router == router))
    }

    async fn insert_gateway(&mut self, row: &Gateway) -> Result<(), StoreError> {
        self.need_project(row.project)?;
        need(self.tables.routers.contains(row.router))?;
        need(self.tables.subnets.contains(row.subnet))?;
        let taken = |other: &Gateway| other.public_address == row.public_address;
        if self.tables.gateways.any(taken) {
            return Err(StoreError::Duplicate);
        }
        self.writable()?.gateways.insert(row)
    }

    async fn update_gateway(&mut self, row: &Gateway) -> Result<Revision, StoreError> {
        self.writable()?.gateways.update(row)
    }

    async fn delete_gateway(
        &mut self,
        project: ProjectId,
        id: GatewayId,
    ) -> Result<bool, StoreError> {
        let tables = self.writable()?;
        let deleted = tables.gateways.delete(project, id);
        if deleted {
            tables
                .connections
                .retain(|connection| connection.gateway != id);
        }
        Ok(deleted)
    }
}
