//! [`Projects`], [`Users`] and [`RoleAssignments`] in memory.

use adit_model::{Project, ProjectId, RoleAssignment, User, UserId};
use async_trait::async_trait;

use super::{MemoryTransaction, need};
use crate::{
    Projects, RoleAssignments, StoreError, Users, WriteProjects, WriteRoleAssignments, WriteUsers,
};

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

    async fn ended_projects(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        Ok(self.tables.ended_projects.iter().copied().collect())
    }
}

#[async_trait]
impl WriteProjects for MemoryTransaction {
    async fn insert_project(&mut self, row: &Project) -> Result<(), StoreError> {
        self.identity = true;
        let projects = &mut self.writable().projects;
        if projects
            .values()
            .any(|other| other.id == row.id || other.name == row.name)
        {
            return Err(StoreError::Duplicate);
        }
        projects.insert(row.id, row.clone());
        Ok(())
    }

    async fn update_project(&mut self, row: &Project) -> Result<bool, StoreError> {
        self.identity = true;
        let projects = &mut self.writable().projects;
        if projects
            .values()
            .any(|other| other.id != row.id && other.name == row.name)
        {
            return Err(StoreError::Duplicate);
        }
        let old = projects.get_mut(&row.id);
        Ok(old.map(|old| old.clone_from(row)).is_some())
    }

    async fn end_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        self.identity = true;
        let tables = self.writable();
        let found = tables.projects.remove(&id).is_some();
        if found {
            tables.ended_projects.insert(id);
        }
        Ok(found)
    }

    async fn delete_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        self.identity = true;
        let tables = self.writable();
        need(!tables.nouns.has_any_of(id))?;
        tables.quotas.remove(&id);
        tables.numbers.retain(|(project, ..), _| *project != id);
        tables.role_assignments.retain(|row| row.project != id);
        tables
            .application_credentials
            .retain(|_, row| row.project != id);
        for user in tables.users.values_mut() {
            user.default_project = user.default_project.filter(|project| *project != id);
        }
        let ended = tables.ended_projects.remove(&id);
        Ok(tables.projects.remove(&id).is_some() || ended)
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
}

#[async_trait]
impl WriteUsers for MemoryTransaction {
    async fn insert_user(&mut self, row: &User) -> Result<(), StoreError> {
        self.identity = true;
        self.need_default_project(row)?;
        let users = &mut self.writable().users;
        if users
            .values()
            .any(|other| other.id == row.id || other.name == row.name)
        {
            return Err(StoreError::Duplicate);
        }
        users.insert(row.id, row.clone());
        Ok(())
    }

    async fn update_user(&mut self, row: &User) -> Result<bool, StoreError> {
        self.identity = true;
        self.need_default_project(row)?;
        let users = &mut self.writable().users;
        if users
            .values()
            .any(|other| other.id != row.id && other.name == row.name)
        {
            return Err(StoreError::Duplicate);
        }
        let old = users.get_mut(&row.id);
        Ok(old.map(|old| old.clone_from(row)).is_some())
    }

    async fn delete_user(&mut self, id: UserId) -> Result<bool, StoreError> {
        self.identity = true;
        let tables = self.writable();
        tables.role_assignments.retain(|row| row.user != id);
        tables.api_keys.retain(|_, row| row.user != id);
        tables
            .application_credentials
            .retain(|_, row| row.user != id);
        Ok(tables.users.remove(&id).is_some())
    }
}

impl MemoryTransaction {
    fn need_default_project(&self, row: &User) -> Result<(), StoreError> {
        row.default_project
            .map_or(Ok(()), |id| self.need_project(id))
    }
}

#[async_trait]
impl RoleAssignments for MemoryTransaction {
    async fn role_assignments(
        &mut self,
        user: Option<UserId>,
        project: Option<ProjectId>,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        let rows = self.tables.role_assignments.iter().copied();
        Ok(rows
            .filter(|row| user.is_none_or(|user| user == row.user))
            .filter(|row| project.is_none_or(|project| project == row.project))
            .collect())
    }
}

#[async_trait]
impl WriteRoleAssignments for MemoryTransaction {
    async fn insert_role_assignment(&mut self, row: &RoleAssignment) -> Result<(), StoreError> {
        self.identity = true;
        need(self.tables.users.contains_key(&row.user))?;
        self.need_project(row.project)?;
        self.writable().role_assignments.insert(*row);
        Ok(())
    }

    async fn delete_role_assignment(&mut self, row: &RoleAssignment) -> Result<bool, StoreError> {
        self.identity = true;
        Ok(self.writable().role_assignments.remove(row))
    }
}
