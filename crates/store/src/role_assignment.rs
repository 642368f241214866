//! Who may do what where.

use adit_model::{ProjectId, RoleAssignment, UserId};
use async_trait::async_trait;

use crate::StoreError;

/// Roles of users in projects.
#[async_trait]
pub trait RoleAssignments: Send {
    /// Those of a user, of a project, of both, or all of them; in the order of their ids, the least
    /// role first.
    ///
    /// # Errors
    /// The store can't answer.
    async fn role_assignments(
        &mut self,
        user: Option<UserId>,
        project: Option<ProjectId>,
    ) -> Result<Vec<RoleAssignment>, StoreError>;
}

/// Changes of [`RoleAssignments`].
#[async_trait]
pub trait WriteRoleAssignments: RoleAssignments {
    /// Adds one, unless it is there.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] when its user or project is missing.
    async fn insert_role_assignment(&mut self, row: &RoleAssignment) -> Result<(), StoreError>;

    /// Deletes one; answers whether it was there.
    ///
    /// # Errors
    /// The store can't answer.
    async fn delete_role_assignment(&mut self, row: &RoleAssignment) -> Result<bool, StoreError>;
}
