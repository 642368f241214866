//! API keys: what programs get their tokens by. A user may have several.

use std::fmt;

use adit_crypto::{hmac_sha256, sha256, verify_hmac_sha256};
use adit_model::change::Actor;
use adit_model::user::{ApiKey, KeyHash};
use adit_model::{ApiKeyId, Name, ProjectId, UserId};
use adit_store::Transaction;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use time::Duration;
use zeroize::Zeroizing;

use crate::change::Change;
use crate::error::{Error, Noun, Rule};
use crate::session::Session;
use crate::token::strongest_role;
use crate::{Caller, Control};

/// What the key is called that a user has from the start.
pub(crate) const FIRST: &str = "first";

/// How many keys a user may have.
pub const MOST: usize = 20;

/// How long a refresh token is good.
const REFRESH: Duration = Duration::days(30);

/// Keeps refresh tokens and access tokens apart, which are signed with the same key.
const REFRESH_DOMAIN: &[u8] = b"adit refresh token:";

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

/// A refresh token: by it there are further tokens while its key is there.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshText(String);

impl RefreshText {
    /// The text, for the one place that hands it over.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RefreshText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshText(hidden)")
    }
}

impl Control {
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
        let (_, key) = self.add_key(&mut tx, user.id, FIRST, "").await?;
        tx.commit().await?;
        Ok(key)
    }

    pub(crate) async fn add_key(
        &self,
        tx: &mut Change,
        user: UserId,
        name: &str,
        description: &str,
    ) -> Result<(ApiKey, ApiKeyText), Error> {
        let octets = Zeroizing::new(self.random_octets::<32>());
        let text = Zeroizing::new(BASE64.encode(*octets));
        let name = Name::parse(name);
        let row = ApiKey {
            id: ApiKeyId::random(),
            name: name.map_err(|error| Error::invalid("name", Rule::Name, error.to_string()))?,
            description: description.to_owned(),
            hash: KeyHash(sha256(&[text.as_bytes()])),
            user,
            created_at: self.now(),
        };
        tx.insert_api_key(&row).await?;
        Ok((row, ApiKeyText(text)))
    }

    /// Makes a further key for a user. For the user itself, and for administrators. The key is told this
    /// once.
    ///
    /// # Errors
    /// It is another user's, there is no such user, or it has no project for the key to act on; it has
    /// [`MOST`] already; the name is none.
    pub async fn create_api_key(
        &self,
        session: &Session,
        user: UserId,
        name: &str,
        description: &str,
    ) -> Result<(ApiKey, ApiKeyText), Error> {
        must_be_whole(session)?;
        session.must_be(user)?;
        let mut tx = self.change_by(session.actor()).await?;
        let row = tx.user(user).await?.ok_or(Error::NotFound(Noun::User))?;
        if row.default_project.is_none() {
            let message = "the user has no project of its own for a key to act on";
            return Err(Error::conflict(Rule::Reference, message));
        }
        if tx.api_keys(user).await?.len() >= MOST {
            let message = format!("a user has at most {MOST} keys");
            return Err(Error::conflict(Rule::Repeated, message));
        }
        let made = self.add_key(&mut tx, user, name, description).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// A user's keys, oldest first. For the user itself, and for administrators.
    ///
    /// # Errors
    /// It is another user's.
    pub async fn api_keys(&self, session: &Session, user: UserId) -> Result<Vec<ApiKey>, Error> {
        session.must_be(user)?;
        Ok(self.read().await?.api_keys(user).await?)
    }

    /// The project that a user's keys act on.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn project_of_api_keys(&self, user: UserId) -> Result<Option<ProjectId>, Error> {
        let row = self.read().await?.user(user).await?;
        Ok(row.and_then(|row| row.default_project))
    }

    /// One key. For its user, and for administrators.
    ///
    /// # Errors
    /// It is not there.
    pub async fn api_key(&self, session: &Session, id: ApiKeyId) -> Result<ApiKey, Error> {
        let row = self.read().await?.api_key_of_id(id).await?;
        let row = row.filter(|row| session.must_be(row.user).is_ok());
        row.ok_or(Error::NotFound(Noun::ApiKey))
    }

    /// The key of this text. For its user, and for administrators.
    ///
    /// # Errors
    /// It is not there.
    pub async fn api_key_by_text(&self, session: &Session, text: &str) -> Result<ApiKey, Error> {
        let hash = KeyHash(sha256(&[text.as_bytes()]));
        let row = self.read().await?.api_key(&hash).await?;
        let row = row.filter(|row| session.must_be(row.user).is_ok());
        row.ok_or(Error::NotFound(Noun::ApiKey))
    }

    /// Changes what a key is called, and what is said of it. For its user, and for administrators.
    ///
    /// # Errors
    /// It is not there, or the name is none.
    pub async fn update_api_key(
        &self,
        session: &Session,
        id: ApiKeyId,
        name: Option<&str>,
        description: Option<&str>,
    ) -> Result<ApiKey, Error> {
        must_be_whole(session)?;
        let mut row = self.api_key(session, id).await?;
        if let Some(name) = name {
            let name = Name::parse(name);
            row.name =
                name.map_err(|error| Error::invalid("name", Rule::Name, error.to_string()))?;
        }
        if let Some(description) = description {
            description.clone_into(&mut row.description);
        }
        let mut tx = self.change_by(session.actor()).await?;
        tx.update_api_key(&row).await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Takes a key back: nobody gets a token for it any more, nor by a refresh token that came of it.
    /// For its user, and for administrators.
    ///
    /// # Errors
    /// It is not there.
    pub async fn delete_api_key(&self, session: &Session, id: ApiKeyId) -> Result<(), Error> {
        must_be_whole(session)?;
        let row = self.api_key(session, id).await?;
        let mut tx = self.change_by(session.actor()).await?;
        tx.delete_api_key(&row).await?;
        tx.commit().await?;
        Ok(())
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
        match tx.api_key(&hash).await? {
            Some(key) => behalf_of(&mut *tx, &key).await,
            None => Ok(None),
        }
    }

    /// The same, with a refresh token for the key.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn log_in_by_key(&self, key: &str) -> Result<Option<(Caller, RefreshText)>, Error> {
        let Some(caller) = self.authenticate(key).await? else {
            return Ok(None);
        };
        let hash = KeyHash(sha256(&[key.as_bytes()]));
        let row = self.read().await?.api_key(&hash).await?;
        Ok(row.map(|row| (caller, self.refresh_text(&row))))
    }

    /// On whose behalf a request with this refresh token is made, if on anybody's: its key's.
    ///
    /// # Errors
    /// The store can't answer.
    pub async fn refresh(&self, text: &str) -> Result<Option<(Caller, RefreshText)>, Error> {
        if self.0.config.identity.is_some() {
            return Ok(None);
        }
        let Some(id) = self.open_refresh_text(text) else {
            return Ok(None);
        };
        let mut tx = self.read().await?;
        let Some(row) = tx.api_key_of_id(id).await? else {
            return Ok(None);
        };
        let caller = behalf_of(&mut *tx, &row).await?;
        Ok(caller.map(|caller| (caller, self.refresh_text(&row))))
    }

    /// A key's id and an end, signed apart from all that access tokens are.
    fn refresh_text(&self, key: &ApiKey) -> RefreshText {
        let end = (self.now() + REFRESH).unix_timestamp();
        let said = format!("{}.{end}", key.id);
        let tag = hmac_sha256(
            &*self.0.config.token_key,
            &[REFRESH_DOMAIN, said.as_bytes()],
        );
        RefreshText(format!("{said}.{}", BASE64.encode(tag)))
    }

    fn open_refresh_text(&self, text: &str) -> Option<ApiKeyId> {
        let (said, tag) = text.rsplit_once('.')?;
        let tag = BASE64.decode(tag).ok()?;
        let key = &*self.0.config.token_key;
        if !verify_hmac_sha256(key, &[REFRESH_DOMAIN, said.as_bytes()], &tag) {
            return None;
        }
        let (id, end) = said.split_once('.')?;
        let end: i64 = end.parse().ok()?;
        let is_good = self.now().unix_timestamp() < end;
        id.parse().ok().filter(|_| is_good)
    }
}

/// A program that was given less than its user has must not make itself a way to the rest.
fn must_be_whole(session: &Session) -> Result<(), Error> {
    match &session.credential {
        Some(_) => Err(Error::Forbidden("the user itself, by a key or a password,")),
        None => Ok(()),
    }
}

/// Whom a key acts for: its user, in its default project.
async fn behalf_of(tx: &mut dyn Transaction, key: &ApiKey) -> Result<Option<Caller>, Error> {
    let user = tx.user(key.user).await?.filter(|user| user.enabled);
    let Some((user, project)) = user.and_then(|user| Some((user.id, user.default_project?))) else {
        return Ok(None);
    };
    let enabled = tx.project(project).await?.is_some_and(|row| row.enabled);
    let role = strongest_role(tx, user, project).await?;
    Ok(role.filter(|_| enabled).map(|role| Caller {
        project,
        user,
        role,
        all_projects: false,
    }))
}
