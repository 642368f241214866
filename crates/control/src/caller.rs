//! On whose behalf something is done, and what that may do.

use adit_model::change::Actor;
use adit_model::project::Role;
use adit_model::{ProjectId, UserId};
use adit_store::Query;

use crate::error::Error;

/// The user of what the service does itself. Ids of users are random.
const NOBODY: UserId = UserId::from_uuid(uuid::Uuid::nil());

/// The user of who is on the host itself.
pub(crate) const OPERATOR: UserId = UserId::from_uuid(uuid::Uuid::max());

/// Who changes something as this user.
pub(crate) fn actor(user: UserId) -> Actor {
    match user {
        NOBODY => Actor::Service,
        OPERATOR => Actor::Operator,
        user => Actor::User(user),
    }
}

/// On whose behalf something is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caller {
    /// Whose things.
    pub project: ProjectId,
    /// Who asks.
    pub user: UserId,
    /// What it may do.
    pub role: Role,
    /// Whether it may also see and change what other projects have, by id.
    pub all_projects: bool,
}

impl Caller {
    /// The service itself, in a project.
    pub(crate) const fn service(project: ProjectId) -> Self {
        Self {
            project,
            user: NOBODY,
            role: Role::Admin,
            all_projects: false,
        }
    }

    /// Who changes something on its behalf.
    pub(crate) fn actor(&self) -> Actor {
        actor(self.user)
    }

    /// Whose rows it may find.
    #[must_use]
    pub fn scope(&self) -> Option<ProjectId> {
        (!self.all_projects).then_some(self.project)
    }

    /// A query, kept to what the caller may see.
    #[must_use]
    pub fn within(&self, mut query: Query) -> Query {
        if let Some(own) = self.scope() {
            if query.project.is_some_and(|asked| asked != own) {
                query.ids = Some(Vec::new());
            }
            query.project = Some(own);
        }
        query
    }

    /// A query, kept to what the caller may see: what every project may see too.
    #[must_use]
    pub fn within_or_public(&self, query: Query) -> Query {
        let all = query.project.is_none() || query.project == self.scope();
        let mut query = self.within(query);
        query.or_public = all && query.project.is_some();
        query
    }

    /// Refuses all but administrators.
    pub(crate) fn must_be_admin(&self) -> Result<(), Error> {
        if self.role >= Role::Admin {
            Ok(())
        } else {
            Err(Error::Forbidden("administrators"))
        }
    }

    /// Whether it is shown pre-shared keys: who has one can be its gateway, and a reader is to change
    /// nothing.
    #[must_use]
    pub fn may_see_keys(&self) -> bool {
        self.role >= Role::Member
    }

    /// Refuses those who may only look.
    pub(crate) fn may_write(&self) -> Result<(), Error> {
        if self.role >= Role::Member {
            Ok(())
        } else {
            Err(Error::Forbidden("members"))
        }
    }
}
