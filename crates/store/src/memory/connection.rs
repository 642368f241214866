//! [`Connections`] in memory.

use adit_model::{
    Connection, ConnectionId, GatewayId, IkePolicyId, IpsecPolicyId, ProjectId, Revision,
};
use async_trait::async_trait;

use super::{MemoryTransaction, need};
use crate::{Connections, StoreError};

#[async_trait]
impl Connections for MemoryTransaction {
    async fn connection(
        &mut self,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<Option<Connection>, StoreError> {
        Ok(self.tables.connections.get(project, id))
    }

    async fn connections(&mut self, project: ProjectId) -> Result<Vec<Connection>, StoreError> {
        Ok(self.tables.connections.list(|row| row.project == project))
    }

    async fn all_connections(&mut self) -> Result<Vec<Connection>, StoreError> {
        Ok(self.tables.connections.list(|_| true))
    }

    async fn connections_of_gateway(
        &mut self,
        gateway: GatewayId,
    ) -> Result<Vec<Connection>, StoreError> {
        Ok(self
            .tables
            .connections
            .list(|connection| connection.gateway == gateway))
    }

    async fn connections_of_ike_policy(
        &mut self,
        policy: IkePolicyId,
    ) -> Result<Vec<Connection>, StoreError> {
        Ok(self
            .tables
            .connections
            .list(|connection| connection.ike_policy == Some(policy)))
    }

    async fn connections_of_ipsec_policy(
        &mut self,
        policy: IpsecPolicyId,
    ) -> Result<Vec<Connection>, StoreError> {
        Ok(self
            .tables
            .connections
            .list(|connection| connection.ipsec_policy == Some(policy)))
    }

    async fn insert_connection(&mut self, row: &Connection) -> Result<(), StoreError> {
        self.need_project(row.project)?;
        need(self.tables.gateways.contains(row.gateway))?;
        self.need_policies(row)?;
        self.writable()?.connections.insert(row)
    }

    async fn update_connection(&mut self, row: &Connection) -> Result<Revision, StoreError> {
        self.need_policies(row)?;
        self.writable()?.connections.update(row)
    }

    async fn delete_connection(
        &mut self,
        project: ProjectId,
        id: ConnectionId,
    ) -> Result<bool, StoreError> {
        Ok(self.writable()?.connections.delete(project, id))
    }
}
