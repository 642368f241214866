//! Another service that says who asks, in place of the users and tokens that are kept here.
//!
//! A project of such a service gets a row here when it is first seen, so that things can belong to
//! it. The row is called after the project's id: over there names are unique only within a domain,
//! and change.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use adit_model::change::Actor;
use adit_model::project::Role;
use adit_model::{Name, Project, ProjectId, TokenId, User, UserId};
use adit_store::StoreError;
use async_trait::async_trait;
use time::OffsetDateTime;

use crate::Control;
use crate::agent::Cause;
use crate::error::Error;
use crate::token::{Scope, Session, TokenError};

/// Where a token of another service acts, and as what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForeignScope {
    /// Where.
    pub project: ProjectId,
    /// What the project is called there.
    pub name: Name,
    /// As what; nothing where none of its roles is known here.
    pub role: Option<Role>,
}

/// What a token of another service stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForeignSession {
    /// Who asks.
    pub user: UserId,
    /// What the user is called there.
    pub user_name: Name,
    /// Where; nothing where it is in no project.
    pub scope: Option<ForeignScope>,
    /// When the token was made, UTC.
    pub issued_at: OffsetDateTime,
    /// When it ends, UTC.
    pub expires_at: OffsetDateTime,
}

/// The other service could not be asked, or did not answer as it should. Says nothing of what was
/// asked about.
#[derive(Debug, thiserror::Error)]
#[error("the identity service can't be asked at this moment")]
pub struct IdentityUnavailable(#[source] pub Cause);

impl From<IdentityUnavailable> for Error {
    fn from(error: IdentityUnavailable) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Why it is not known who asks.
#[derive(Debug, thiserror::Error)]
pub enum IdentifyError {
    /// The other service doesn't take the token.
    #[error("the token is not valid")]
    Refused,
    /// It can't be asked.
    #[error(transparent)]
    Unavailable(#[from] IdentityUnavailable),
}

/// A service that knows users, projects and tokens. It may remember its answers for a while.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Who shows this token.
    ///
    /// # Errors
    /// See [`IdentifyError`].
    async fn identify(&self, token: &str) -> Result<ForeignSession, IdentifyError>;

    /// Whether there is a project of this id, as far as this service may know.
    ///
    /// # Errors
    /// It can't be asked.
    async fn has_project(&self, project: ProjectId) -> Result<bool, IdentityUnavailable>;
}

/// Projects that have a row for sure. Nobody deletes such a row.
#[derive(Default)]
pub(crate) struct KnownProjects(Mutex<HashSet<ProjectId>>);

impl KnownProjects {
    fn contains(&self, id: ProjectId) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&id)
    }

    fn add(&self, id: ProjectId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(id);
    }
}

impl Control {
    pub(crate) async fn foreign_session(
        &self,
        provider: &dyn IdentityProvider,
        token: &str,
    ) -> Result<Session, TokenError> {
        let found = provider
            .identify(token)
            .await
            .map_err(|error| match error {
                IdentifyError::Refused => TokenError::Invalid,
                IdentifyError::Unavailable(error) => error.into(),
            })?;
        // The provider may have remembered it beyond its end.
        if found.expires_at <= self.now() {
            return Err(TokenError::Expired);
        }
        let scope = match found.scope {
            None => None,
            Some(scope) => {
                let role = scope.role.ok_or(TokenError::NoRole)?;
                self.ensure_foreign_project(scope.project).await?;
                let project = Project {
                    name: scope.name,
                    ..row(scope.project)
                };
                Some(Scope { project, role })
            }
        };
        Ok(Session {
            // The other service keeps tokens; here nobody can name one.
            id: TokenId::random(),
            parent: None,
            user: User {
                id: found.user,
                name: found.user_name,
                description: String::new(),
                email: None,
                enabled: true,
                default_project: None,
                password: None,
                tokens_from: OffsetDateTime::UNIX_EPOCH,
            },
            scope,
            methods: Vec::new(),
            issued_at: found.issued_at,
            expires_at: found.expires_at,
            credential: None,
        })
    }

    async fn ensure_foreign_project(&self, id: ProjectId) -> Result<(), StoreError> {
        if self.0.foreign_projects.contains(id) {
            return Ok(());
        }
        // Most often it is there since an earlier run; then nobody is made to wait for a writer.
        let there = self.read().await?.project(id).await?.is_some();
        if !there {
            let mut tx = self.change_by(Actor::Service).await?;
            if tx.project(id).await?.is_none() {
                tx.insert_project(&row(id)).await?;
                tx.commit().await?;
            }
        }
        self.0.foreign_projects.add(id);
        Ok(())
    }

    /// Makes sure of the row of a project that somebody else than its own people names: it may be
    /// one that another service has, and that was never seen here.
    pub(crate) async fn look_for_project(&self, id: ProjectId) -> Result<(), Error> {
        let Some(provider) = &self.0.config.identity else {
            return Ok(());
        };
        let there = self.read().await?.project(id).await?.is_some();
        if !there && provider.has_project(id).await? {
            self.ensure_foreign_project(id).await?;
        }
        Ok(())
    }
}

fn row(id: ProjectId) -> Project {
    Project {
        id,
        // An id's digits are a name.
        name: Name::parse(&id.uuid().simple().to_string()).unwrap_or_default(),
        description: String::new(),
        enabled: true,
    }
}
