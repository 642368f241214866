//! Logging in: credentials for a session, within a project or in none.
//!
//! Whatever is wrong, the client hears one thing: refused. Which users and projects there are is
//! not told to strangers. Who was wrong too often is told to come later: `throttle` counts.

use std::net::IpAddr;

use adit_model::project::Role;
use adit_model::user::PasswordHash;
use adit_model::{ApplicationCredential, Project, ProjectId, User};
use adit_store::{StoreError, Transaction};
use serde_json::Map;
use time::OffsetDateTime;

use crate::Control;
use crate::error::Error;
use crate::hashing::Asker;
use crate::password::Password;
pub use crate::reference::{CredentialRef, ProjectRef, UserRef};
use crate::session::{Method, Session};
use crate::throttle::{Account, Refusal, Source};
use crate::token::{Claims, TokenError, check_claims, strongest_role};

/// What somebody proves who they are with.
#[derive(Clone, Debug)]
pub enum Proof {
    /// A user's password.
    Password(UserRef, Password),
    /// A session that is still good.
    Session(Box<Session>),
    /// An application credential's secret.
    ApplicationCredential(CredentialRef, Password),
}

/// Where somebody wants to act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wish {
    /// In the user's default project, if it has one and may act there; else nowhere.
    Default,
    /// Nowhere.
    Unscoped,
    /// There.
    Project(ProjectRef),
}

/// Why somebody was not let in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// The credentials are not good, or not for this project.
    #[error("the credentials are not good for this")]
    Refused,
    /// Something else is wrong.
    #[error(transparent)]
    Control(#[from] Error),
}

impl From<Refusal> for LoginError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            // As Keystone, which doesn't say so either.
            Refusal::Locked => Self::Refused,
            Refusal::TooEarly { seconds } => Error::TooManyAttempts { seconds }.into(),
        }
    }
}

impl From<StoreError> for LoginError {
    fn from(error: StoreError) -> Self {
        Self::Control(error.into())
    }
}

/// What is known once the proof held.
struct Proven {
    user: User,
    method: Method,
    earlier: Option<Session>,
    credential: Option<ApplicationCredential>,
}

pub(crate) async fn find_user(
    tx: &mut dyn Transaction,
    wanted: &UserRef,
) -> Result<Option<User>, StoreError> {
    match wanted {
        UserRef::Id(id) => tx.user(*id).await,
        UserRef::Name(name) => {
            let users = tx.users().await?;
            Ok(users.into_iter().find(|user| user.name == *name))
        }
    }
}

async fn find_project(
    tx: &mut dyn Transaction,
    wanted: &ProjectRef,
) -> Result<Option<Project>, StoreError> {
    match wanted {
        ProjectRef::Id(id) => tx.project(*id).await,
        ProjectRef::Name(name) => {
            let projects = tx.projects().await?;
            Ok(projects.into_iter().find(|project| project.name == *name))
        }
    }
}

async fn find_credential(
    tx: &mut dyn Transaction,
    wanted: &CredentialRef,
) -> Result<Option<ApplicationCredential>, StoreError> {
    match wanted {
        CredentialRef::Id(id) => tx.application_credential(*id).await,
        CredentialRef::Name(user, name) => {
            let Some(user) = find_user(tx, user).await? else {
                return Ok(None);
            };
            let rows = tx.application_credentials(user.id).await?;
            Ok(rows.into_iter().find(|row| row.name == *name))
        }
    }
}

/// What a user may do in a project that it may act in at all.
async fn role_in(
    tx: &mut dyn Transaction,
    user: &User,
    project: Option<Project>,
) -> Result<Option<(ProjectId, Role)>, StoreError> {
    let Some(project) = project.filter(|project| project.enabled) else {
        return Ok(None);
    };
    let role = strongest_role(tx, user.id, project.id).await?;
    Ok(role.map(|role| (project.id, role)))
}

impl Control {
    /// Lets somebody in, who asks from an address: the token's text, and what it stands for.
    ///
    /// # Errors
    /// See [`LoginError`].
    pub async fn log_in(
        &self,
        from: Option<IpAddr>,
        proof: Proof,
        wish: &Wish,
    ) -> Result<(String, Session), LoginError> {
        if self.0.config.identity.is_some() {
            return Err(LoginError::Refused);
        }
        let proven = match proof {
            Proof::Password(user, password) => {
                self.prove_password(Source::new(from), user, &password)
                    .await?
            }
            Proof::Session(session) => Proven {
                user: session.user.clone(),
                method: Method::Token,
                credential: session.credential.clone(),
                earlier: Some(*session),
            },
            Proof::ApplicationCredential(credential, secret) => {
                if *wish != Wish::Default {
                    return Err(LoginError::Refused);
                }
                self.prove_credential(Source::new(from), credential, &secret)
                    .await?
            }
        };
        let mut tx = self.read().await?;
        let scope = scope(&mut *tx, &proven, wish).await?;
        let now = self.now();
        let mut claims = Claims::new(
            proven.user.id,
            scope,
            proven.method,
            now,
            self.expiry(&proven, now),
        );
        if let Some(earlier) = &proven.earlier {
            claims.parent = Some(earlier.parent.unwrap_or(earlier.id));
            let others = earlier.methods.iter().copied();
            claims
                .methods
                .extend(others.filter(|method| *method != Method::Token));
        }
        claims.credential = proven.credential.map(|row| row.id);
        let text = self.sign(&claims, Map::new());
        match check_claims(&mut *tx, claims).await {
            Ok(session) => Ok((text, session)),
            Err(TokenError::Unavailable(error)) => Err(error.into()),
            Err(_) => Err(LoginError::Refused),
        }
    }

    /// A session got by another, or by a credential, ends no later than that.
    fn expiry(&self, proven: &Proven, now: OffsetDateTime) -> OffsetDateTime {
        let own = now + self.0.config.token_lifetime;
        let credential = proven.credential.as_ref().and_then(|row| row.expires_at);
        let earlier = proven.earlier.as_ref().map(|session| session.expires_at);
        [credential, earlier]
            .into_iter()
            .flatten()
            .fold(own, Ord::min)
    }

    async fn prove_password(
        &self,
        source: Source,
        wanted: UserRef,
        password: &Password,
    ) -> Result<Proven, LoginError> {
        // Hashing takes a while; no transaction is kept open meanwhile.
        let user = find_user(&mut *self.read().await?, &wanted).await?;
        // By name or by id, it is one account.
        let account = user.as_ref().map_or(wanted, |user| UserRef::Id(user.id));
        let user = user.filter(|user| user.enabled);
        let hash = user.as_ref().and_then(|user| user.password.clone());
        let opened = self.try_open(Account::User(account), source, hash, password);
        match (opened.await?, user) {
            (true, Some(user)) => Ok(Proven {
                user,
                method: Method::Password,
                earlier: None,
                credential: None,
            }),
            _ => Err(LoginError::Refused),
        }
    }

    /// Whether a password opens an account. That is not even looked at where somebody was wrong too
    /// often.
    async fn try_open(
        &self,
        account: Account,
        source: Source,
        hash: Option<PasswordHash>,
        password: &Password,
    ) -> Result<bool, LoginError> {
        let throttle = &self.0.throttle;
        throttle.check(&account, source, self.now())?;
        let turn = self.0.hashing.turn(Asker::Source(source.address())).await?;
        // Those before in the queue may have been wrong.
        throttle.check(&account, source, self.now())?;
        let opened = self.matches(turn, hash, password).await?;
        let now = self.now();
        if opened {
            throttle.succeeded(&account, source, now);
        } else if throttle.failed(&account, source, now) {
            let address = source.address();
            tracing::warn!(?account, ?address, "too many wrong passwords in a row");
        }
        Ok(opened)
    }

    /// Whether the password is this user's, who has a session already.
    pub(crate) async fn opens_own(&self, user: &User, password: &Password) -> Result<bool, Error> {
        let account = Account::User(UserRef::Id(user.id));
        // Who has a session is counted apart from strangers.
        let opened = self.try_open(account, Source::new(None), user.password.clone(), password);
        match opened.await {
            Ok(opened) => Ok(opened),
            Err(LoginError::Refused) => Ok(false),
            Err(LoginError::Control(error)) => Err(error),
        }
    }

    async fn prove_credential(
        &self,
        source: Source,
        wanted: CredentialRef,
        secret: &Password,
    ) -> Result<Proven, LoginError> {
        let mut tx = self.read().await?;
        let row = find_credential(&mut *tx, &wanted).await?;
        let account = row.as_ref().map_or(wanted, |row| CredentialRef::Id(row.id));
        let now = self.now();
        let row = row.filter(|row| row.expires_at.is_none_or(|end| end > now));
        let user = match &row {
            Some(row) => tx.user(row.user).await?,
            None => None,
        };
        drop(tx);
        let hash = row.as_ref().map(|row| row.secret.clone());
        let opened = self.try_open(Account::Credential(account), source, hash, secret);
        match (opened.await?, user, row) {
            (true, Some(user), Some(row)) => Ok(Proven {
                user,
                method: Method::ApplicationCredential,
                earlier: None,
                credential: Some(row),
            }),
            _ => Err(LoginError::Refused),
        }
    }
}

async fn scope(
    tx: &mut dyn Transaction,
    proven: &Proven,
    wish: &Wish,
) -> Result<Option<(ProjectId, Role)>, LoginError> {
    if let Some(credential) = &proven.credential {
        // It is good for its own project alone, whoever asks for another.
        let fits = match wish {
            Wish::Default => true,
            Wish::Unscoped => false,
            Wish::Project(wanted) => find_project(tx, wanted)
                .await?
                .is_some_and(|project| project.id == credential.project),
        };
        return if fits {
            Ok(Some((credential.project, credential.role)))
        } else {
            Err(LoginError::Refused)
        };
    }
    match wish {
        Wish::Unscoped => Ok(None),
        Wish::Default => {
            let project = match proven.user.default_project {
                Some(id) => tx.project(id).await?,
                None => None,
            };
            Ok(role_in(tx, &proven.user, project).await?)
        }
        Wish::Project(wanted) => {
            let project = find_project(tx, wanted).await?;
            let scope = role_in(tx, &proven.user, project).await?;
            scope.map(Some).ok_or(LoginError::Refused)
        }
    }
}
