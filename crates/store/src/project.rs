//! Tenants.

use adit_model::{Project, ProjectId};
use async_trait::async_trait;

use crate::StoreError;

/// Tenants. Two can't have one name.
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

    /// Adds one.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`].
    async fn insert_project(&mut self, row: &Project) -> Result<(), StoreError>;
}
