//! [`IpsecPolicies`] in memory.

use adit_model::{IpsecPolicy, IpsecPolicyId, ProjectId, Revision};
use async_trait::async_trait;

use super::{MemoryTransaction, need};
use crate::{IpsecPolicies, StoreError};

#[async_trait]
impl IpsecPolicies for MemoryTransaction {
    async fn ipsec_policy(
        &mut self,
        project: ProjectId,
        id: IpsecPolicyId,
    ) -> Result<Option<IpsecPolicy>, StoreError> {
        Ok(self.tables.ipsec_policies.get(project, id))
    }

    async fn ipsec_policies(&mut self, project: ProjectId) -> Result<Vec<IpsecPolicy>, StoreError> {
        Ok(self
            .tables
            .ipsec_policies
            .list(|row| row.project == project))
    }

    async fn insert_ipsec_policy(&mut self, row: &IpsecPolicy) -> Result<(), StoreError> {
        self.need_project(row.project)?;
        self.writable()?.ipsec_policies.insert(row)
    }

    async fn update_ipsec_policy(&mut self, row: &IpsecPolicy) -> Result<Revision, StoreError> {
        self.writable()?.ipsec_policies.update(row)
    }

    async fn delete_ipsec_policy(
        &mut self,
        project: ProjectId,
        id: IpsecPolicyId,
    ) -> Result<bool, StoreError> {
        let used = self.tables.connections.any(|c| c.ipsec_policy == Some(id));
        let mine = self.tables.ipsec_policies.get(project, id).is_some();
        need(!(mine && used))?;
        Ok(self.writable()?.ipsec_policies.delete(project, id))
    }
}
