//! [`IkePolicies`] in memory.

use adit_model::{IkePolicy, IkePolicyId, ProjectId, Revision};
use async_trait::async_trait;

use super::{MemoryTransaction, need};
use crate::{IkePolicies, StoreError};

#[async_trait]
impl IkePolicies for MemoryTransaction {
    async fn ike_policy(
        &mut self,
        project: ProjectId,
        id: IkePolicyId,
    ) -> Result<Option<IkePolicy>, StoreError> {
        Ok(self.tables.ike_policies.get(project, id))
    }

    async fn ike_policies(&mut self, project: ProjectId) -> Result<Vec<IkePolicy>, StoreError> {
        Ok(self.tables.ike_policies.list(|row| row.project == project))
    }

    async fn insert_ike_policy(&mut self, row: &IkePolicy) -> Result<(), StoreError> {
        self.need_project(row.project)?;
        self.writable()?.ike_policies.insert(row)
    }

    async fn update_ike_policy(&mut self, row: &IkePolicy) -> Result<Revision, StoreError> {
        self.writable()?.ike_policies.update(row)
    }

    async fn delete_ike_policy(
        &mut self,
        project: ProjectId,
        id: IkePolicyId,
    ) -> Result<bool, StoreError> {
        let used = self.tables.connections.any(|c| c.ike_policy == Some(id));
        let mine = self.tables.ike_policies.get(project, id).is_some();
        need(!(mine && used))?;
        Ok(self.writable()?.ike_policies.delete(project, id))
    }
}
