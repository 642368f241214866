//! Quotas that were asked for already.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use adit_model::ProjectId;

use crate::resource::Resource;

/// What was set for projects, as far as it was asked for. This process alone sets it.
#[derive(Default)]
pub(crate) struct KnownQuotas(Mutex<HashMap<ProjectId, BTreeMap<String, i64>>>);

impl KnownQuotas {
    pub(crate) fn limit(&self, project: ProjectId, resource: Resource) -> Option<Option<i64>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let set = known.get(&project)?;
        Some(set.get(resource.as_str()).copied())
    }

    pub(crate) fn put(&self, project: ProjectId, set: BTreeMap<String, i64>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(project, set);
    }

    pub(crate) fn forget(&self, project: ProjectId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.remove(&project);
    }
}
