//! Projects: tenants, and who may see and change them.

use adit_model::project::Role;
use adit_model::{Name, Project, ProjectId, UserId};
use adit_store::StoreError;

use crate::Control;
use crate::error::{Error, Noun, Rule};
use crate::session::Session;

/// What may be changed of a project.
#[derive(Clone, Default, Debug)]
pub struct ProjectChange {
    /// A new name.
    pub name: Option<Name>,
    /// A new description.
    pub description: Option<String>,
    /// Whether anybody may act in it.
    pub enabled: Option<bool>,
}

fn taken(error: StoreError, name: &Name) -> Error {
    match error {
        StoreError::Duplicate => Error::conflict(
            Rule::NameTaken(Noun::Project),
            format!("there is a project named {name} already"),
        ),
        other => other.into(),
    }
}

/// Refuses a name of nothing, which a client could not ask for.
pub(crate) fn check_not_empty(name: &Name) -> Result<(), Error> {
    if name.as_str().trim().is_empty() {
        Err(Error::invalid("name", Rule::Name, "a name is needed"))
    } else {
        Ok(())
    }
}

impl Control {
    /// Makes a project. For administrators.
    ///
    /// # Errors
    /// The name is taken.
    pub async fn create_project(
        &self,
        session: &Session,
        name: Name,
        description: String,
        enabled: bool,
    ) -> Result<Project, Error> {
        session.must_be_admin()?;
        check_not_empty(&name)?;
        let row = Project {
            id: ProjectId::random(),
            name,
            description,
            enabled,
        };
        let mut tx = self.change_by(session.actor()).await?;
        let done = tx.insert_project(&row).await;
        done.map_err(|error| taken(error, &row.name))?;
        tx.commit().await?;
        Ok(row)
    }

    /// All projects, by name, for administrators. Who asks for one of its own by its name, as
    /// clients do that were given the name, is told of that one.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn projects(
        &self,
        session: &Session,
        named: Option<&str>,
    ) -> Result<Vec<Project>, Error> {
        let refused = match session.must_be_admin() {
            Ok(()) => return Ok(self.read().await?.projects().await?),
            Err(refused) => refused,
        };
        let mut own = self.projects_of_user(session, session.user.id).await?;
        own.retain(|row| named == Some(row.name.as_str()));
        if own.is_empty() {
            return Err(refused);
        }
        Ok(own)
    }

    /// The projects in which a user may act, by name. For that user, and for administrators.
    ///
    /// # Errors
    /// There is no such user.
    pub async fn projects_of_user(
        &self,
        session: &Session,
        user: UserId,
    ) -> Result<Vec<Project>, Error> {
        session.must_be(user)?;
        let mut tx = self.read().await?;
        let user = tx.user(user).await?.ok_or(Error::NotFound(Noun::User))?;
        let roles = tx.role_assignments(Some(user.id), None).await?;
        let mut rows = tx.projects().await?;
        rows.retain(|row| row.enabled && roles.iter().any(|role| role.project == row.id));
        Ok(rows)
    }

    /// The projects in which a session's user may act from it, by name, and as what. One that was got by an
    /// application credential, or that another service keeps, stays where it is.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn projects_of_session(
        &self,
        session: &Session,
    ) -> Result<Vec<(Project, Role)>, Error> {
        if self.0.config.identity.is_some() || session.credential.is_some() {
            let own = session.scope.iter();
            return Ok(own
                .map(|scope| (scope.project.clone(), scope.role))
                .collect());
        }
        let mut tx = self.read().await?;
        let roles = tx.role_assignments(Some(session.user.id), None).await?;
        let mut found = Vec::new();
        for row in tx.projects().await? {
            let here = roles.iter().filter(|role| role.project == row.id);
            if let Some(role) = here.map(|role| role.role).max().filter(|_| row.enabled) {
                found.push((row, role));
            }
        }
        Ok(found)
    }

    /// One project. For those who act in it, and for administrators.
    ///
    /// # Errors
    /// It is not there.
    pub async fn project(&self, session: &Session, id: ProjectId) -> Result<Project, Error> {
        let own = session.scope.as_ref().map(|scope| scope.project.id);
        if own != Some(id) {
            session.must_be_admin()?;
            self.look_for_project(id).await?;
        }
        let row = self.read().await?.project(id).await?;
        row.ok_or(Error::NotFound(Noun::Project))
    }

    /// Changes a project. For administrators.
    ///
    /// # Errors
    /// It is not there, or the name is taken.
    pub async fn update_project(
        &self,
        session: &Session,
        id: ProjectId,
        change: ProjectChange,
    ) -> Result<Project, Error> {
        session.must_be_admin()?;
        let mut tx = self.change_by(session.actor()).await?;
        let row = tx.project(id).await?;
        let mut row = row.ok_or(Error::NotFound(Noun::Project))?;
        if let Some(name) = change.name {
            check_not_empty(&name)?;
            row.name = name;
        }
        if let Some(description) = change.description {
            row.description = description;
        }
        row.enabled = change.enabled.unwrap_or(row.enabled);
        let done = tx.update_project(&row).await;
        done.map_err(|error| taken(error, &row.name))?;
        tx.commit().await?;
        Ok(row)
    }

    /// Deletes a project. What belongs to it is deleted behind, each thing by its own rules; from now
    /// on nobody finds the project or acts in it. For administrators.
    ///
    /// # Errors
    /// It is not there, or the network that leads outside belongs to it.
    pub async fn delete_project(&self, session: &Session, id: ProjectId) -> Result<(), Error> {
        session.must_be_admin()?;
        let mut tx = self.change_by(session.actor()).await?;
        if let Ok(external) = self.external_network()
            && let Some(network) = tx.network(id, external).await?
        {
            let message = format!("the network that leads outside, {}, is its own", network.id);
            return Err(Error::conflict(Rule::InUse(Noun::Project), message));
        }
        if !tx.end_project(id).await? {
            return Err(Error::NotFound(Noun::Project));
        }
        self.0.quotas.forget(id);
        tx.then(|inner| inner.endings.notify_one());
        tx.commit().await?;
        Ok(())
    }
}
