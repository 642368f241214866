//! Role assignments: which users may do what in which projects. All of it is for administrators.

use adit_model::{ProjectId, RoleAssignment, UserId};
use adit_store::Transaction;

use crate::Control;
use crate::error::{Error, Noun};
use crate::session::Session;

async fn check_ends(tx: &mut dyn Transaction, row: &RoleAssignment) -> Result<(), Error> {
    let project = tx.project(row.project).await?;
    project.ok_or(Error::NotFound(Noun::Project))?;
    let user = tx.user(row.user).await?;
    user.ok_or(Error::NotFound(Noun::User))?;
    Ok(())
}

impl Control {
    /// Gives a user a role in a project, unless it has it.
    ///
    /// # Errors
    /// There is no such user or project.
    pub async fn grant_role(&self, session: &Session, row: RoleAssignment) -> Result<(), Error> {
        session.must_be_admin()?;
        let mut tx = self.change_by(session.actor()).await?;
        check_ends(&mut *tx, &row).await?;
        tx.insert_role_assignment(&row).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a role from a user; its tokens for that role are void then.
    ///
    /// # Errors
    /// It doesn't have it.
    pub async fn withdraw_role(&self, session: &Session, row: RoleAssignment) -> Result<(), Error> {
        session.must_be_admin()?;
        let mut tx = self.change_by(session.actor()).await?;
        check_ends(&mut *tx, &row).await?;
        if !tx.delete_role_assignment(&row).await? {
            return Err(Error::NotFound(Noun::RoleAssignment));
        }
        tx.commit().await?;
        Ok(())
    }

    /// The roles that a user was given in a project, without those they include.
    ///
    /// # Errors
    /// There is no such user or project.
    pub async fn roles(
        &self,
        session: &Session,
        user: UserId,
        project: ProjectId,
    ) -> Result<Vec<RoleAssignment>, Error> {
        session.must_be_admin()?;
        let mut tx = self.read().await?;
        let role = adit_model::project::Role::Reader;
        check_ends(
            &mut *tx,
            &RoleAssignment {
                user,
                project,
                role,
            },
        )
        .await?;
        Ok(tx.role_assignments(Some(user), Some(project)).await?)
    }

    /// The roles that were given to a user, in a project, or at all; with the users and projects
    /// that they are about, for their names.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn role_assignments(
        &self,
        session: &Session,
        user: Option<UserId>,
        project: Option<ProjectId>,
    ) -> Result<Vec<(RoleAssignment, adit_model::User, adit_model::Project)>, Error> {
        session.must_be_admin()?;
        let mut tx = self.read().await?;
        let rows = tx.role_assignments(user, project).await?;
        let (users, projects) = (tx.users().await?, tx.projects().await?);
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                let user = users.iter().find(|user| user.id == row.user)?;
                let project = projects.iter().find(|project| project.id == row.project)?;
                Some((row, user.clone(), project.clone()))
            })
            .collect())
    }
}
