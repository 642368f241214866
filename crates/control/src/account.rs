//! API keys, and the accounts that a fresh database starts with.

use std::fmt;

use adit_crypto::sha256;
use adit_model::change::Actor;
use adit_model::project::Role;
use adit_model::user::{ApiKey, KeyHash, PasswordHash};
use adit_model::{Name, Project, ProjectId, RoleAssignment, User, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::change::Change;
use crate::error::{Error, Noun};
use crate::hashing::Asker;
use crate::password::Password;
use crate::token::strongest_role;
use crate::{Caller, Control};

/// The name of the first administrator and of its project.
pub const ADMIN: &str = "admin";

/// The name of the first member and of its project.
pub const DEMO: &str = "demo";

/// The name of the project that owns what is the service's own, where another service has the
/// administrators.
const OWN: &str = "adit";

/// An API key in clear: 256 random bits in base64url. Told once, kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyText(Zeroizing<String>);

impl ApiKeyText {
    /// The key, for the one place that hands it over.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyText(hidden)")
    }
}

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
        let key = self.add_key(tx, user.id).await?;
        Ok(Account {
            user,
            project,
            key,
            password,
        })
    }

    /// Gives a user a fresh key; those it had are no longer good. For when the file with the key
    /// was lost.
    ///
    /// # Errors
    /// There is no user of that name.
    pub async fn replace_api_key(&self, user: &str) -> Result<ApiKeyText, Error> {
        let mut tx = self.change_by(Actor::Service).await?;
        let users = tx.users().await?;
        let found = users.into_iter().find(|row| row.name.as_str() == user);
        let user = found.ok_or(Error::NotFound(Noun::User))?;
        tx.delete_api_keys(user.id).await?;
        let key = self.add_key(&mut tx, user.id).await?;
        tx.commit().await?;
        Ok(key)
    }

    async fn add_key(&self, tx: &mut Change, user: UserId) -> Result<ApiKeyText, Error> {
        let octets = Zeroizing::new(self.random_octets::<32>());
        let text = Zeroizing::new(BASE64.encode(*octets));
        let row = ApiKey {
            hash: KeyHash(sha256(&[text.as_bytes()])),
            user,
            created_at: self.now(),
        };
        tx.insert_api_key(&row).await?;
        Ok(ApiKeyText(text))
    }

    /// On whose behalf a request with this key is made, if on anybody's: the key's user in its
    /// default project.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn authenticate(&self, key: &str) -> Result<Option<Caller>, Error> {
        if self.0.config.identity.is_some() {
            return Ok(None);
        }
        let hash = KeyHash(sha256(&[key.as_bytes()]));
        let mut tx = self.read().await?;
        let Some(key) = tx.api_key(&hash).await? else {
            return Ok(None);
        };
        let user = tx.user(key.user).await?.filter(|user| user.enabled);
        let Some((user, project)) = user.and_then(|user| Some((user.id, user.default_project?)))
        else {
            return Ok(None);
        };
        let enabled = tx.project(project).await?.is_some_and(|row| row.enabled);
        let role = strongest_role(&mut *tx, user, project).await?;
        Ok(role.filter(|_| enabled).map(|role| Caller {
            project,
            user,
            role,
            all_projects: false,
        }))
    }
}
