//! Who asks, where and as what: what a token stands for.

use adit_model::change::Actor;
use adit_model::project::Role;
use adit_model::{ApplicationCredential, Project, TokenId, User, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::caller::{self, Caller};
use crate::error::Error;

/// How somebody proved who they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By an API key.
    ApiKey,
    /// By an application credential.
    ApplicationCredential,
    /// By a password.
    Password,
    /// By another token.
    Token,
}

/// Where a session acts, and as what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope {
    /// Where.
    pub project: Project,
    /// As what.
    pub role: Role,
}

/// What a token stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// The token's id.
    pub id: TokenId,
    /// The token that it was first got by.
    pub parent: Option<TokenId>,
    /// Who asks.
    pub user: User,
    /// Where; a session may be nowhere, and only look around then.
    pub scope: Option<Scope>,
    /// How they proved it.
    pub methods: Vec<Method>,
    /// When the token was made, UTC.
    pub issued_at: OffsetDateTime,
    /// When it ends, UTC.
    pub expires_at: OffsetDateTime,
    /// The application credential that it was got by.
    pub credential: Option<ApplicationCredential>,
}

impl Session {
    /// Whose things it acts on, where it has a scope.
    #[must_use]
    pub fn caller(&self) -> Option<Caller> {
        let scope = self.scope.as_ref()?;
        Some(Caller {
            project: scope.project.id,
            user: self.user.id,
            role: scope.role,
            all_projects: false,
        })
    }

    /// Who changes something by it.
    pub(crate) fn actor(&self) -> Actor {
        caller::actor(self.user.id)
    }

    /// Refuses all but administrators.
    pub(crate) fn must_be_admin(&self) -> Result<(), Error> {
        match &self.scope {
            Some(scope) if scope.role == Role::Admin => Ok(()),
            _ => Err(Error::Forbidden("administrators")),
        }
    }

    /// Refuses all but this user and administrators.
    pub(crate) fn must_be(&self, user: UserId) -> Result<(), Error> {
        if self.user.id == user {
            Ok(())
        } else {
            self.must_be_admin()
        }
    }
}
