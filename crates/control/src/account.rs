//! The accounts that a fresh database starts with.

use adit_model::change::Actor;
use adit_model::project::Role;
use adit_model::user::PasswordHash;
use adit_model::{Name, Project, ProjectId, RoleAssignment, User, UserId};
use time::OffsetDateTime;

use crate::Control;
use crate::api_key::{ApiKeyText, FIRST};
use crate::change::Change;
use crate::error::Error;
use crate::hashing::Asker;
use crate::password::Password;

/// The name of the first administrator and of its project.
pub const ADMIN: &str = "admin";

/// The name of the first member and of its project.
pub const DEMO: &str = "demo";

/// The name of the project that owns what is the service's own, where another service has the
/// administrators.
pub(crate) const OWN: &str = "adit";

/// A fresh user with the secrets that are told this once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Enabled, and a member of the project.
    pub user: User,
    /// The project its requests act on.
    pub project: Project,
    /// For IAM's token endpoint; the store has its hash alone.
    pub key: ApiKeyText,
    /// For Keystone's tokens; the store has its hash alone.
    pub password: Password,
}

async fn insert_own_project(tx: &mut Change) -> Result<ProjectId, Error> {
    let row = Project {
        id: ProjectId::random(),
        name: Name::parse(OWN).map_err(|error| Error::Internal(error.into()))?,
        description: "owns the external network".to_owned(),
        enabled: true,
    };
    tx.insert_project(&row).await?;
    Ok(row.id)
}

impl Control {
    /// Makes sure of the network that leads outside. Fills a store without users with an
    /// administrator and a demo member, each with a project, a key and a random password; not where
    /// another service says who asks. Answers nothing when there were accounts already.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn bootstrap(&self) -> Result<Option<[Account; 2]>, Error> {
        self.begin_events().await?;
        let mut tx = self.change_by(Actor::Service).await?;
        let projects = tx.projects().await?;
        let named = |name: &str| projects.iter().find(|row| row.name.as_str() == name);
        let is_foreign = self.0.config.identity.is_some();
        let has_accounts =
            named(ADMIN).is_some() || named(DEMO).is_some() || !tx.users().await?.is_empty();
        if is_foreign || has_accounts {
            // Not just any project of the other service: an owner may change what it owns.
            let any = projects.first().filter(|_| !is_foreign);
            let owner = match named(ADMIN).or_else(|| named(OWN)).or(any) {
                Some(owner) => owner.id,
                None => insert_own_project(&mut tx).await?,
            };
            self.ensure_external_network(&mut tx, owner).await?;
            tx.commit().await?;
            return Ok(None);
        }
        drop(tx);
        let (for_admin, for_demo) = (self.random_password(), self.random_password());
        let hashes = [
            self.hash(Asker::Own, &for_admin).await?,
            self.hash(Asker::Own, &for_demo).await?,
        ];
        let [admin_hash, demo_hash] = hashes;
        let mut tx = self.change_by(Actor::Service).await?;
        let admin = self.first_account(&mut tx, ADMIN, Role::Admin, (for_admin, admin_hash));
        let admin = admin.await?;
        self.ensure_external_network(&mut tx, admin.project.id)
            .await?;
        let demo = self.first_account(&mut tx, DEMO, Role::Member, (for_demo, demo_hash));
        let demo = demo.await?;
        tx.commit().await?;
        Ok(Some([admin, demo]))
    }

    async fn first_account(
        &self,
        tx: &mut Change,
        name: &str,
        role: Role,
        (password, hash): (Password, PasswordHash),
    ) -> Result<Account, Error> {
        let name = Name::parse(name).map_err(|error| Error::Internal(error.into()))?;
        let project = Project {
            id: ProjectId::random(),
            name: name.clone(),
            description: String::new(),
            enabled: true,
        };
        let user = User {
            id: UserId::random(),
            name,
            description: String::new(),
            email: None,
            enabled: true,
            default_project: Some(project.id),
            password: Some(hash),
            tokens_from: OffsetDateTime::UNIX_EPOCH,
        };
        let assignment = RoleAssignment {
            user: user.id,
            project: project.id,
            role,
        };
        tx.insert_project(&project).await?;
        tx.insert_user(&user).await?;
        tx.insert_role_assignment(&assignment).await?;
        let (_, key) = self.add_key(tx, user.id, FIRST, "").await?;
        Ok(Account {
            user,
            project,
            key,
            password,
        })
    }
}
