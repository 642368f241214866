//! Tenants.

use adit_model::{Project, ProjectId};
use async_trait::async_trait;

use crate::StoreError;

/// Tenants. Two can't have one name. One that ended is none, except to what belongs to it.
#[async_trait]
pub trait Projects: Send {
    /// The project of this id.
    ///
    /// # Errors
    /// The store can't answer.
    async fn project(&mut self, id: ProjectId) -> Result<Option<Project>, StoreError>;

    /// All of them, by name.
    ///
    /// # Errors
    /// The store can't answer.
    async fn projects(&mut self) -> Result<Vec<Project>, StoreError>;

    /// Those that ended and are not deleted yet.
    ///
    /// # Errors
    /// The store can't answer.
    async fn ended_projects(&mut self) -> Result<Vec<ProjectId>, StoreError>;
}

/// Changes of [`Projects`].
#[async_trait]
pub trait WriteProjects: Projects {
    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`].
    async fn insert_project(&mut self, row: &Project) -> Result<(), StoreError>;

    /// Replaces all of one but its id; answers whether it was there.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`].
    async fn update_project(&mut self, row: &Project) -> Result<bool, StoreError>;

    /// Ends one: from now on it is there for what belongs to it alone, is neither found nor listed, and
    /// another may have its name. Answers whether it was there.
    ///
    /// # Errors
    /// The store can't answer.
    async fn end_project(&mut self, id: ProjectId) -> Result<bool, StoreError>;

    /// Deletes one, ended or not, and with it the roles and application credentials there; answers whether it was
    /// there. Users it was the default of have none then.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] when things belong to it.
    async fn delete_project(&mut self, id: ProjectId) -> Result<bool, StoreError>;
}
