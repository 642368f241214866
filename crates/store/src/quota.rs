//! How many of a resource a project may have, where the operator said otherwise than by default.

use std::collections::BTreeMap;

use adit_model::ProjectId;
use async_trait::async_trait;

use crate::StoreError;

/// Quotas of projects, by the resource's name. A project without any has the defaults.
#[async_trait]
pub trait Quotas: Send {
    /// What was set for a project; a negative number is no limit.
    ///
    /// # Errors
    /// The store can't answer.
    async fn quotas(&mut self, project: ProjectId) -> Result<BTreeMap<String, i64>, StoreError>;

    /// The projects for which something was set.
    ///
    /// # Errors
    /// The store can't answer.
    async fn projects_with_quotas(&mut self) -> Result<Vec<ProjectId>, StoreError>;
}

/// Changes of [`Quotas`].
#[async_trait]
pub trait WriteQuotas: Quotas {
    /// Sets one.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] when the project is missing.
    async fn set_quota(
        &mut self,
        project: ProjectId,
        resource: &str,
        limit: i64,
    ) -> Result<(), StoreError>;

    /// Forgets what was set; answers whether something was.
    ///
    /// # Errors
    /// The store can't answer.
    async fn delete_quotas(&mut self, project: ProjectId) -> Result<bool, StoreError>;
}
