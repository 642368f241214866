//! How many of each thing a project may have, where projects are counted one by one.

use std::collections::BTreeMap;

use adit_model::ProjectId;
use adit_store::Transaction;

use crate::error::{Error, Noun};
use crate::resource::Resource;
use crate::{Caller, Control};

/// What a project may have and has of a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// How many it may have; negative is no limit.
    pub limit: i64,
    /// How many it has.
    pub used: usize,
}

impl Control {
    /// How many a project may have unless its quota was set; negative is no limit.
    #[must_use]
    pub fn default_quota(&self, resource: Resource) -> i64 {
        let set = self.0.config.project_quotas.get(&resource).copied();
        set.unwrap_or_else(|| resource.default_limit())
    }

    /// Refuses one more than the project may have, in a transaction that writes. Counting costs
    /// nothing where there is no limit.
    pub(crate) async fn check_quota(
        &self,
        tx: &mut dyn Transaction,
        project: ProjectId,
        resource: Resource,
    ) -> Result<(), Error> {
        self.check_quota_for(tx, project, resource, 1).await
    }

    /// The same of so many more.
    pub(crate) async fn check_quota_for(
        &self,
        tx: &mut dyn Transaction,
        project: ProjectId,
        resource: Resource,
        more: usize,
    ) -> Result<(), Error> {
        let limit = match self.0.quotas.limit(project, resource) {
            Some(limit) => limit,
            None => {
                let set = tx.quotas(project).await?;
                let limit = set.get(resource.as_str()).copied();
                self.0.quotas.put(project, set);
                limit
            }
        };
        let Ok(limit) = usize::try_from(limit.unwrap_or_else(|| self.default_quota(resource)))
        else {
            return Ok(());
        };
        if resource.count(tx, project).await?.saturating_add(more) <= limit {
            Ok(())
        } else {
            Err(Error::ProjectQuota(resource))
        }
    }

    /// Refuses so many more than the project may have, before any of them is made. Making them checks
    /// again.
    ///
    /// # Errors
    /// There is no room for them.
    pub async fn check_room(
        &self,
        project: ProjectId,
        resource: Resource,
        more: usize,
    ) -> Result<(), Error> {
        let limit = self.quotas(project).await?.get(&resource).copied();
        let Ok(limit) = usize::try_from(limit.unwrap_or(-1)) else {
            return Ok(());
        };
        let mut tx = self.read().await?;
        let used = resource.count(&mut *tx, project).await?;
        if used.saturating_add(more) <= limit {
            Ok(())
        } else {
            Err(Error::ProjectQuota(resource))
        }
    }

    /// What a project may have.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn quotas(&self, project: ProjectId) -> Result<BTreeMap<Resource, i64>, Error> {
        let set = self.read().await?.quotas(project).await?;
        let limit = |resource: Resource| set.get(resource.as_str()).copied();
        let each = Resource::ALL.iter().map(|resource| {
            let limit = limit(*resource).unwrap_or_else(|| self.default_quota(*resource));
            (*resource, limit)
        });
        Ok(each.collect())
    }

    /// What a project may have, and what it has.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn quota_usage(
        &self,
        project: ProjectId,
    ) -> Result<BTreeMap<Resource, Usage>, Error> {
        let limits = self.quotas(project).await?;
        let mut tx = self.read().await?;
        let mut usage = BTreeMap::new();
        for (resource, limit) in limits {
            let used = resource.count(&mut *tx, project).await?;
            usage.insert(resource, Usage { limit, used });
        }
        Ok(usage)
    }

    /// Says what a project may have. For administrators.
    ///
    /// # Errors
    /// There is no such project.
    pub async fn set_quotas(
        &self,
        caller: &Caller,
        project: ProjectId,
        limits: &BTreeMap<Resource, i64>,
    ) -> Result<(), Error> {
        caller.must_be_admin()?;
        self.look_for_project(project).await?;
        let mut tx = self.change_by(caller.actor()).await?;
        if tx.project(project).await?.is_none() {
            return Err(Error::NotFound(Noun::Project));
        }
        let limits = limits.iter();
        let limits = limits.map(|(resource, limit)| (resource.as_str(), *limit));
        tx.set_quotas(project, limits).await?;
        // Writers go one after another, so nobody keeps what was so before.
        self.0.quotas.forget(project);
        tx.commit().await?;
        Ok(())
    }

    /// Goes back to the defaults. Answers whether there was something else. For administrators.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn reset_quotas(&self, caller: &Caller, project: ProjectId) -> Result<bool, Error> {
        caller.must_be_admin()?;
        let mut tx = self.change_by(caller.actor()).await?;
        let found = tx.delete_quotas(project).await?;
        self.0.quotas.forget(project);
        tx.commit().await?;
        Ok(found)
    }

    /// The projects that don't have the defaults. For administrators.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn projects_with_quotas(&self, caller: &Caller) -> Result<Vec<ProjectId>, Error> {
        caller.must_be_admin()?;
        Ok(self.read().await?.projects_with_quotas().await?)
    }
}
