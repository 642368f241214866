//! [`Projects`], [`Users`] and [`ApiKeys`] in memory.

use adit_model::project::{ApiKey, KeyHash};
use adit_model::{Project, ProjectId, User, UserId};
use async_trait::async_trait;

use super::{MemoryTransaction, need};
use crate::{ApiKeys, Projects, StoreError, Users};

#[async_trait]
impl Projects for MemoryTransaction {
    async fn project(&mut self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        Ok(self.tables.projects.get(&id).cloned())
    }

    async fn projects(&mut self) -> Result<Vec<Project>, StoreError> {
        let mut rows: Vec<Project> = self.tables.projects.values().cloned().collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    async fn insert_project(&mut self, row: &Project) -> Result<(), StoreError> {
        let projects = &mut self.writable()?.projects;
        if projects
            .values()
            .any(|other| other.id == row.id || other.name == row.name)
        {
            return Err(StoreError::Duplicate);
        }
        projects.insert(row.id, row.clone());
        Ok(())
    }
}

#[async_trait]
impl Users for MemoryTransaction {
    async fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(self.tables.users.get(&id).cloned())
    }

    async fn users(&mut self) -> Result<Vec<User>, StoreError> {
        let mut rows: Vec<User> = self.tables.users.values().cloned().collect();
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    async fn insert_user(&mut self, row: &User) -> Result<(), StoreError> {
        self.need_project(row.project)?;
        let users = &mut self.writable()?.users;
        if users
            .values()
            .any(|other| other.id == row.id || other.name == row.name)
        {
            return Err(StoreError::Duplicate);
        }
        users.insert(row.id, row.clone());
        Ok(())
    }
}

#[async_trait]
impl ApiKeys for MemoryTransaction {
    async fn api_key(&mut self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.tables.api_keys.get(hash).cloned())
    }

    async fn insert_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError> {
        need(self.tables.users.contains_key(&row.user))?;
        let keys = &mut self.writable()?.api_keys;
        if keys.contains_key(&row.hash) {
            return Err(StoreError::Duplicate);
        }
        keys.insert(row.hash, row.clone());
        Ok(())
    }

    async fn delete_api_keys(&mut self, user: UserId) -> Result<u64, StoreError> {
        let keys = &mut self.writable()?.api_keys;
        let before = keys.len();
        keys.retain(|_, key| key.user != user);
        Ok(before.saturating_sub(keys.len()) as u64)
    }
}
