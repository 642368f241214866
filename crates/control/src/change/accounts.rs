//! What changes of who may do what: each row with its entry in the change log. None of it is the
//! reconciler's concern.

use adit_model::change::ChangeKind::{Created, Deleted, Updated};
use adit_model::user::{ApiKey, RevokedToken};
use adit_model::{ApplicationCredential, Noun, Project, ProjectId, RoleAssignment, User, UserId};
use adit_store::StoreError;
use time::OffsetDateTime;

use super::Change;

impl Change {
    /// See [`adit_store::WriteProjects::insert_project`].
    pub(crate) async fn insert_project(&mut self, row: &Project) -> Result<(), StoreError> {
        self.unit().tx.insert_project(row).await?;
        self.note(Noun::Project, Some(row.id), row.id.uuid(), Created)
            .await
    }

    /// See [`adit_store::WriteProjects::update_project`].
    pub(crate) async fn update_project(&mut self, row: &Project) -> Result<bool, StoreError> {
        let found = self.unit().tx.update_project(row).await?;
        if found {
            self.note(Noun::Project, Some(row.id), row.id.uuid(), Updated)
                .await?;
        }
        Ok(found)
    }

    /// Ends a project, with the roles, credentials and quotas there; answers whether it was there.
    ///
    /// # Errors
    /// The store can't answer.
    pub(crate) async fn end_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        self.delete_quotas(id).await?;
        for role in self.role_assignments(None, Some(id)).await? {
            self.delete_role_assignment(&role).await?;
        }
        for mut user in self.users().await? {
            for credential in self.application_credentials(user.id).await? {
                if credential.project == id {
                    self.delete_application_credential(&credential).await?;
                }
            }
            if user.default_project == Some(id) {
                user.default_project = None;
                self.update_user(&user).await?;
            }
        }
        let found = self.unit().tx.end_project(id).await?;
        if found {
            self.note(Noun::Project, Some(id), id.uuid(), Deleted)
                .await?;
        }
        Ok(found)
    }

    /// Removes what is left of a project that ended, which was told of then.
    ///
    /// # Errors
    /// [`StoreError::Referenced`] when things belong to it.
    pub(crate) async fn remove_project(&mut self, id: ProjectId) -> Result<(), StoreError> {
        self.unit().tx.delete_project(id).await?;
        Ok(())
    }

    /// See [`adit_store::WriteUsers::insert_user`].
    pub(crate) async fn insert_user(&mut self, row: &User) -> Result<(), StoreError> {
        self.unit().tx.insert_user(row).await?;
        self.note(Noun::User, None, row.id.uuid(), Created).await
    }

    /// See [`adit_store::WriteUsers::update_user`].
    pub(crate) async fn update_user(&mut self, row: &User) -> Result<bool, StoreError> {
        let found = self.unit().tx.update_user(row).await?;
        if found {
            self.note(Noun::User, None, row.id.uuid(), Updated).await?;
        }
        Ok(found)
    }

    /// Deletes a user with its roles, keys and credentials; answers whether it was there.
    ///
    /// # Errors
    /// The store can't answer.
    pub(crate) async fn delete_user(&mut self, id: UserId) -> Result<bool, StoreError> {
        for role in self.role_assignments(Some(id), None).await? {
            self.delete_role_assignment(&role).await?;
        }
        for credential in self.application_credentials(id).await? {
            self.delete_application_credential(&credential).await?;
        }
        self.delete_api_keys(id).await?;
        let found = self.unit().tx.delete_user(id).await?;
        if found {
            self.note(Noun::User, None, id.uuid(), Deleted).await?;
        }
        Ok(found)
    }

    /// See [`adit_store::WriteRoleAssignments::insert_role_assignment`].
    pub(crate) async fn insert_role_assignment(
        &mut self,
        row: &RoleAssignment,
    ) -> Result<(), StoreError> {
        let had = self
            .role_assignments(Some(row.user), Some(row.project))
            .await?;
        if had.contains(row) {
            return Ok(());
        }
        self.unit().tx.insert_role_assignment(row).await?;
        let (project, user) = (Some(row.project), row.user.uuid());
        self.note(Noun::RoleAssignment, project, user, Created)
            .await
    }

    /// See [`adit_store::WriteRoleAssignments::delete_role_assignment`].
    pub(crate) async fn delete_role_assignment(
        &mut self,
        row: &RoleAssignment,
    ) -> Result<bool, StoreError> {
        let found = self.unit().tx.delete_role_assignment(row).await?;
        if found {
            let (project, user) = (Some(row.project), row.user.uuid());
            self.note(Noun::RoleAssignment, project, user, Deleted)
                .await?;
        }
        Ok(found)
    }

    /// See [`adit_store::WriteApiKeys::insert_api_key`].
    pub(crate) async fn insert_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError> {
        self.unit().tx.insert_api_key(row).await?;
        self.note(Noun::ApiKey, None, row.user.uuid(), Created)
            .await
    }

    /// See [`adit_store::WriteApiKeys::update_api_key`].
    pub(crate) async fn update_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError> {
        if self.unit().tx.update_api_key(row).await? {
            let user = row.user.uuid();
            self.note(Noun::ApiKey, None, user, Updated).await?;
        }
        Ok(())
    }

    /// See [`adit_store::WriteApiKeys::delete_api_key`].
    pub(crate) async fn delete_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError> {
        if self.unit().tx.delete_api_key(row.id).await? {
            let user = row.user.uuid();
            self.note(Noun::ApiKey, None, user, Deleted).await?;
        }
        Ok(())
    }

    /// See [`adit_store::WriteApiKeys::delete_api_keys`].
    pub(crate) async fn delete_api_keys(&mut self, user: UserId) -> Result<(), StoreError> {
        if self.unit().tx.delete_api_keys(user).await? > 0 {
            self.note(Noun::ApiKey, None, user.uuid(), Deleted).await?;
        }
        Ok(())
    }

    /// See [`adit_store::WriteApplicationCredentials::insert_application_credential`].
    pub(crate) async fn insert_application_credential(
        &mut self,
        row: &ApplicationCredential,
    ) -> Result<(), StoreError> {
        self.unit().tx.insert_application_credential(row).await?;
        let noun = Noun::ApplicationCredential;
        self.note(noun, Some(row.project), row.id.uuid(), Created)
            .await
    }

    /// See [`adit_store::WriteApplicationCredentials::delete_application_credential`].
    pub(crate) async fn delete_application_credential(
        &mut self,
        row: &ApplicationCredential,
    ) -> Result<(), StoreError> {
        let tx = &mut self.unit().tx;
        if tx.delete_application_credential(row.id).await? {
            let noun = Noun::ApplicationCredential;
            self.note(noun, Some(row.project), row.id.uuid(), Deleted)
                .await?;
        }
        Ok(())
    }

    /// See [`adit_store::WriteRevokedTokens::insert_revoked_token`].
    pub(crate) async fn insert_revoked_token(
        &mut self,
        row: &RevokedToken,
    ) -> Result<(), StoreError> {
        if self.is_token_revoked(row.id).await? {
            return Ok(());
        }
        self.unit().tx.insert_revoked_token(row).await?;
        self.note(Noun::RevokedToken, None, row.id.uuid(), Created)
            .await
    }

    /// Forgets tokens that ended anyway: that is no change to anybody, and not in the log.
    ///
    /// # Errors
    /// The store can't answer.
    pub(crate) async fn forget_revoked_tokens(
        &mut self,
        before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.unit().tx.delete_revoked_tokens(before).await?;
        Ok(())
    }

    /// Sets quotas of a project.
    ///
    /// # Errors
    /// See [`adit_store::WriteQuotas::set_quota`].
    pub(crate) async fn set_quotas(
        &mut self,
        project: ProjectId,
        limits: impl Iterator<Item = (&'static str, i64)> + Send,
    ) -> Result<(), StoreError> {
        for (resource, limit) in limits {
            let tx = &mut self.unit().tx;
            tx.set_quota(project, resource, limit).await?;
        }
        self.note(Noun::Quota, Some(project), project.uuid(), Updated)
            .await
    }

    /// See [`adit_store::WriteQuotas::delete_quotas`].
    pub(crate) async fn delete_quotas(&mut self, project: ProjectId) -> Result<bool, StoreError> {
        let found = self.unit().tx.delete_quotas(project).await?;
        if found {
            self.note(Noun::Quota, Some(project), project.uuid(), Deleted)
                .await?;
        }
        Ok(found)
    }
}
