//! Application credentials: programs' own ways in, made by users for themselves.

use adit_model::project::Role;
use adit_model::{ApplicationCredential, ApplicationCredentialId, Name, UserId};
use adit_store::StoreError;
use time::OffsetDateTime;

use crate::Control;
use crate::error::{Error, Noun, Rule};
use crate::hashing::Asker;
use crate::password::Password;
use crate::project::check_not_empty;
use crate::session::Session;

/// An application credential to be.
#[derive(Clone, Debug)]
pub struct NewApplicationCredential {
    /// The user has no other credential of this name.
    pub name: Name,
    /// What it is for.
    pub description: String,
    /// Its secret, unless a random one is to be made.
    pub secret: Option<Password>,
    /// What it may do, unless all that its user may.
    pub role: Option<Role>,
    /// Whether it may make and delete application credentials.
    pub unrestricted: bool,
    /// When it ends, UTC.
    pub expires_at: Option<OffsetDateTime>,
}

/// A program must not make itself further ways in, unless it was allowed to.
fn must_be_unrestricted(session: &Session) -> Result<(), Error> {
    match &session.credential {
        Some(credential) if !credential.unrestricted => Err(Error::Forbidden(
            "the user itself and unrestricted credentials",
        )),
        _ => Ok(()),
    }
}

impl Control {
    /// Makes an application credential for the session's user, in the session's project. The secret
    /// is told this once.
    ///
    /// # Errors
    /// It is for another user, the session has no project or not that role, the name is taken, or
    /// its time is over already.
    pub async fn create_application_credential(
        &self,
        session: &Session,
        user: UserId,
        new: NewApplicationCredential,
    ) -> Result<(ApplicationCredential, Password), Error> {
        let (Some(scope), true) = (&session.scope, session.user.id == user) else {
            return Err(Error::Forbidden("the user itself, in a project,"));
        };
        must_be_unrestricted(session)?;
        check_not_empty(&new.name)?;
        let role = new.role.unwrap_or(scope.role);
        if role > scope.role {
            let message = "the user does not have this role itself";
            return Err(Error::invalid("roles", Rule::Role, message));
        }
        let now = self.now();
        if new.expires_at.is_some_and(|end| end <= now) {
            let message = "the expiry is not in the future";
            return Err(Error::invalid("expires_at", Rule::Expiry, message));
        }
        let secret = new.secret.unwrap_or_else(|| self.random_password());
        let row = ApplicationCredential {
            id: ApplicationCredentialId::random(),
            name: new.name,
            description: new.description,
            user,
            project: scope.project.id,
            role,
            secret: self.hash(Asker::User(session.user.id), &secret).await?,
            unrestricted: new.unrestricted,
            created_at: now,
            expires_at: new.expires_at,
        };
        let mut tx = self.change_by(session.actor()).await?;
        let done = tx.insert_application_credential(&row).await;
        done.map_err(|error| match error {
            StoreError::Duplicate => Error::conflict(
                Rule::NameTaken(Noun::ApplicationCredential),
                format!(
                    "the user has an application credential named {} already",
                    row.name
                ),
            ),
            other => other.into(),
        })?;
        tx.commit().await?;
        Ok((row, secret))
    }

    /// A user's, by name. For that user, and for administrators.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn application_credentials(
        &self,
        session: &Session,
        user: UserId,
    ) -> Result<Vec<ApplicationCredential>, Error> {
        session.must_be(user)?;
        let mut tx = self.read().await?;
        Ok(tx.application_credentials(user).await?)
    }

    /// One of a user's. For that user, and for administrators.
    ///
    /// # Errors
    /// It is not there.
    pub async fn application_credential(
        &self,
        session: &Session,
        user: UserId,
        id: ApplicationCredentialId,
    ) -> Result<ApplicationCredential, Error> {
        session.must_be(user)?;
        let row = self.read().await?.application_credential(id).await?;
        row.filter(|row| row.user == user)
            .ok_or(Error::NotFound(Noun::ApplicationCredential))
    }

    /// Deletes one; its tokens are void then. For its user, and for administrators.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_application_credential(
        &self,
        session: &Session,
        user: UserId,
        id: ApplicationCredentialId,
    ) -> Result<(), Error> {
        must_be_unrestricted(session)?;
        let row = self.application_credential(session, user, id).await?;
        let mut tx = self.change_by(session.actor()).await?;
        tx.delete_application_credential(&row).await?;
        tx.commit().await?;
        Ok(())
    }
}
