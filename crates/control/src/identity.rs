//! Another service that says who asks, in place of the users and tokens that are kept here.
//!
//! A project of such a service gets a row here when it is first seen, so that things can belong to
//! it. The row is called after the project's id: over there names are unique only within a domain,
//! and change.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use adit_model::project::Role;
use adit_model::{Name, ProjectId, UserId};
use async_trait::async_trait;
use time::OffsetDateTime;

use crate::agent::Cause;
use crate::error::Error;

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
    pub(crate) fn contains(&self, id: ProjectId) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&id)
    }

    pub(crate) fn add(&self, id: ProjectId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(id);
    }
}
