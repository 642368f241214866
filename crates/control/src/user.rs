//! Users: who may make requests, and their passwords.

use adit_model::ProjectId;
use adit_model::change::Actor;
use adit_model::{Name, User, UserId};
use adit_store::StoreError;
use time::OffsetDateTime;

use crate::Control;
use crate::error::{Error, Noun, Rule};
use crate::hashing::Asker;
use crate::login::{UserRef, find_user};
use crate::password::Password;
use crate::project::check_not_empty;
use crate::session::Session;

/// A user to be.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// No other user has it.
    pub name: Name,
    /// Who it is.
    pub description: String,
    /// Where it can be written to.
    pub email: Option<String>,
    /// Whether it may make requests.
    pub enabled: bool,
    /// Where its requests act if they don't say.
    pub default_project: Option<ProjectId>,
    /// Its password; without one it can't log in.
    pub password: Option<Password>,
}

/// What may be changed of a user. What is `None` stays.
#[derive(Clone, Default, Debug)]
pub struct UserChange {
    /// A new name.
    pub name: Option<Name>,
    /// A new description.
    pub description: Option<String>,
    /// A new address, or none any more.
    pub email: Option<Option<String>>,
    /// Whether it may make requests.
    pub enabled: Option<bool>,
    /// Another default project, or none any more.
    pub default_project: Option<Option<ProjectId>>,
    /// A new password; tokens of before are void then.
    pub password: Option<Password>,
}

fn refusal(error: StoreError, name: &Name) -> Error {
    match error {
        StoreError::Duplicate => Error::conflict(
            Rule::NameTaken(Noun::User),
            format!("there is a user named {name} already"),
        ),
        StoreError::Referenced => Error::NotFound(Noun::Project),
        other => other.into(),
    }
}

impl Control {
    /// Makes a user, who has no roles yet. For administrators.
    ///
    /// # Errors
    /// The name is taken, or there is no such default project.
    pub async fn create_user(&self, session: &Session, new: NewUser) -> Result<User, Error> {
        session.must_be_admin()?;
        check_not_empty(&new.name)?;
        let password = match &new.password {
            Some(password) => {
                let asker = Asker::User(session.user.id);
                Some(self.hash(asker, password).await?)
            }
            None => None,
        };
        let row = User {
            id: UserId::random(),
            name: new.name,
            description: new.description,
            email: new.email,
            enabled: new.enabled,
            default_project: new.default_project,
            password,
            tokens_from: OffsetDateTime::UNIX_EPOCH,
        };
        let mut tx = self.change_by(session.actor()).await?;
        let done = tx.insert_user(&row).await;
        done.map_err(|error| refusal(error, &row.name))?;
        tx.commit().await?;
        Ok(row)
    }

    /// All users, by name, for administrators. Who asks for itself by its name is told of itself.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn users(&self, session: &Session, named: Option<&str>) -> Result<Vec<User>, Error> {
        if named == Some(session.user.name.as_str()) {
            return Ok(vec![session.user.clone()]);
        }
        session.must_be_admin()?;
        Ok(self.read().await?.users().await?)
    }

    /// One user. For itself, and for administrators.
    ///
    /// # Errors
    /// It is not there.
    pub async fn user(&self, session: &Session, id: UserId) -> Result<User, Error> {
        session.must_be(id)?;
        let row = self.read().await?.user(id).await?;
        row.ok_or(Error::NotFound(Noun::User))
    }

    /// Changes a user. For administrators.
    ///
    /// # Errors
    /// It is not there, the name is taken, or there is no such default project.
    pub async fn update_user(
        &self,
        session: &Session,
        id: UserId,
        change: UserChange,
    ) -> Result<User, Error> {
        session.must_be_admin()?;
        let password = match &change.password {
            Some(password) => {
                let asker = Asker::User(session.user.id);
                Some(self.hash(asker, password).await?)
            }
            None => None,
        };
        let mut tx = self.change_by(session.actor()).await?;
        let mut row = tx.user(id).await?.ok_or(Error::NotFound(Noun::User))?;
        if let Some(name) = change.name {
            check_not_empty(&name)?;
            row.name = name;
        }
        if let Some(description) = change.description {
            row.description = description;
        }
        row.email = change.email.unwrap_or(row.email);
        row.default_project = change.default_project.unwrap_or(row.default_project);
        row.enabled = change.enabled.unwrap_or(row.enabled);
        if password.is_some() {
            row.password = password;
            row.tokens_from = self.now();
        }
        let done = tx.update_user(&row).await;
        done.map_err(|error| refusal(error, &row.name))?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a user. For administrators.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_user(&self, session: &Session, id: UserId) -> Result<(), Error> {
        session.must_be_admin()?;
        let mut tx = self.change_by(session.actor()).await?;
        if !tx.delete_user(id).await? {
            return Err(Error::NotFound(Noun::User));
        }
        tx.commit().await?;
        Ok(())
    }

    /// Gives the session's own user a new password; tokens of before are void then. Answers whether
    /// the original password was right: if not, nothing changed.
    ///
    /// # Errors
    /// It is another's, or that of a program that acts for the user.
    pub async fn change_password(
        &self,
        session: &Session,
        id: UserId,
        original: &Password,
        new: &Password,
    ) -> Result<bool, Error> {
        if session.user.id != id || session.credential.is_some() {
            return Err(Error::Forbidden("the user itself"));
        }
        if !self.opens_own(&session.user, original).await? {
            return Ok(false);
        }
        self.store_password(Asker::User(id), &UserRef::Id(id), new)
            .await?;
        Ok(true)
    }

    /// Gives a user a random password; tokens of before are void then. For when it was lost.
    ///
    /// # Errors
    /// There is no user of that name.
    pub async fn replace_password(&self, user: &str) -> Result<Password, Error> {
        let name = Name::parse(user).map_err(|_| Error::NotFound(Noun::User))?;
        let password = self.random_password();
        self.store_password(Asker::Own, &UserRef::Name(name), &password)
            .await?;
        Ok(password)
    }

    async fn store_password(
        &self,
        asker: Asker,
        user: &UserRef,
        password: &Password,
    ) -> Result<(), Error> {
        let hash = self.hash(asker, password).await?;
        let mut tx = self.change_by(Actor::Service).await?;
        let row = find_user(&mut *tx, user).await?;
        let mut row = row.ok_or(Error::NotFound(Noun::User))?;
        row.password = Some(hash);
        row.tokens_from = self.now();
        tx.update_user(&row).await?;
        tx.commit().await?;
        Ok(())
    }
}
