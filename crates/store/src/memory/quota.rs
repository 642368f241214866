//! [`Quotas`] in memory.

use std::collections::BTreeMap;

use adit_model::ProjectId;
use async_trait::async_trait;

use super::MemoryTransaction;
use crate::{Quotas, StoreError, WriteQuotas};

#[async_trait]
impl Quotas for MemoryTransaction {
    async fn quotas(&mut self, project: ProjectId) -> Result<BTreeMap<String, i64>, StoreError> {
        Ok(self
            .tables
            .quotas
            .get(&project)
            .cloned()
            .unwrap_or_default())
    }

    async fn projects_with_quotas(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        Ok(self.tables.quotas.keys().copied().collect())
    }
}

#[async_trait]
impl WriteQuotas for MemoryTransaction {
    async fn set_quota(
        &mut self,
        project: ProjectId,
        resource: &str,
        limit: i64,
    ) -> Result<(), StoreError> {
        self.need_project(project)?;
        let quotas = self.writable().quotas.entry(project).or_default();
        quotas.insert(resource.to_owned(), limit);
        Ok(())
    }

    async fn delete_quotas(&mut self, project: ProjectId) -> Result<bool, StoreError> {
        Ok(self.writable().quotas.remove(&project).is_some())
    }
}
