//! Users, projects and API keys; what a fresh database starts with.

use std::fmt;

use adit_crypto::sha256;
use adit_model::project::{ApiKey, KeyHash, Role};
use adit_model::{Name, Project, ProjectId, User, UserId};
use adit_store::Transaction;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use zeroize::Zeroizing;

use crate::error::{Error, Noun};
use crate::{Caller, Control};

/// The name of the first administrator and of its project.
pub const ADMIN: &str = "admin";

/// The name of the first member and of its project.
pub const DEMO: &str = "demo";

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

/// A user with a fresh key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The project its requests act on.
    pub project: Project,
    /// Its key.
    pub key: ApiKeyText,
}

impl Control {
    /// Fills an empty store with an administrator and a demo member, each with a project and a
    /// key. Answers nothing when there are projects already.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn bootstrap(&self) -> Result<Option<[Account; 2]>, Error> {
        let mut tx = self.0.store.write().await?;
        if !tx.projects().await?.is_empty() {
            return Ok(None);
        }
        let admin = self.first_account(&mut *tx, ADMIN, Role::Admin).await?;
        let demo = self.first_account(&mut *tx, DEMO, Role::Member).await?;
        tx.commit().await?;
        Ok(Some([admin, demo]))
    }

    async fn first_account(
        &self,
        tx: &mut dyn Transaction,
        name: &str,
        role: Role,
    ) -> Result<Account, Error> {
        let name = Name::parse(name).map_err(|error| Error::Internal(error.into()))?;
        let project = Project {
            id: ProjectId::random(),
            name: name.clone(),
        };
        let user = User {
            id: UserId::random(),
            name,
            project: project.id,
            role,
        };
        tx.insert_project(&project).await?;
        tx.insert_user(&user).await?;
        let key = self.add_key(tx, user.id).await?;
        Ok(Account { user, project, key })
    }

    /// Gives a user a fresh key; those it had are no longer good. For when the file with the key
    /// was lost.
    ///
    /// # Errors
    /// There is no user of that name.
    pub async fn replace_api_key(&self, user: &str) -> Result<Account, Error> {
        let mut tx = self.0.store.write().await?;
        let users = tx.users().await?;
        let found = users.into_iter().find(|row| row.name.as_str() == user);
        let user = found.ok_or(Error::NotFound(Noun::User))?;
        let project = tx.project(user.project).await?;
        let project = project.ok_or(Error::NotFound(Noun::User))?;
        tx.delete_api_keys(user.id).await?;
        let key = self.add_key(&mut *tx, user.id).await?;
        tx.commit().await?;
        Ok(Account { user, project, key })
    }

    async fn add_key(&self, tx: &mut dyn Transaction, user: UserId) -> Result<ApiKeyText, Error> {
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

    /// Whose key this is, if it is anybody's.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn authenticate(&self, key: &str) -> Result<Option<Caller>, Error> {
        let hash = KeyHash(sha256(&[key.as_bytes()]));
        let mut tx = self.0.store.read().await?;
        let Some(key) = tx.api_key(&hash).await? else {
            return Ok(None);
        };
        let user = tx.user(key.user).await?;
        Ok(user.map(|user| Caller {
            project: user.project,
            user: user.id,
            role: user.role,
        }))
    }
}
