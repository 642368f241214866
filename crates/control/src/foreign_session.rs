//! Sessions of another service that says who asks, and the rows of its projects here.

use adit_model::change::Actor;
use adit_model::{Name, Project, ProjectId, TokenId, User};
use adit_store::StoreError;
use time::OffsetDateTime;

use crate::control::Control;
use crate::error::Error;
use crate::identity::{IdentifyError, IdentityProvider};
use crate::session::{Scope, Session};
use crate::token::TokenError;

impl Control {
    /// Whether another service says who asks, and which projects there are.
    #[must_use]
    pub fn asks_another_service(&self) -> bool {
        self.0.config.identity.is_some()
    }

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
