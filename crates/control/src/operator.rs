//! The operator: who is on the service's host itself, and an administrator without being a user.

use adit_model::project::Role;
use adit_model::{Name, Project, ProjectId, TokenId, User};
use time::OffsetDateTime;

use crate::Control;
use crate::account::{ADMIN, OWN};
use crate::caller::OPERATOR;
use crate::error::{Error, Noun};
use crate::session::{Scope, Session};

impl Control {
    /// The operator, in a project by its name or id; in the administrators' own, if none is named.
    ///
    /// # Errors
    /// There is no such project.
    pub async fn operator(&self, project: Option<&str>) -> Result<Session, Error> {
        let all = self.read().await?.projects().await?;
        let named = |wanted: &str| {
            let id = wanted.parse().ok().map(ProjectId::from_uuid);
            let mut all = all.iter();
            all.find(|row| row.name.as_str() == wanted || Some(row.id) == id)
                .cloned()
        };
        let found: Option<Project> = match project {
            Some(wanted) => named(wanted),
            None => named(ADMIN).or_else(|| named(OWN)),
        };
        let project = found.ok_or(Error::NotFound(Noun::Project))?;
        let now = self.now();
        Ok(Session {
            // Nobody can name it: it is made for each request.
            id: TokenId::random(),
            parent: None,
            user: User {
                id: OPERATOR,
                name: Name::parse("operator").unwrap_or_default(),
                description: String::new(),
                email: None,
                enabled: true,
                default_project: None,
                password: None,
                tokens_from: OffsetDateTime::UNIX_EPOCH,
            },
            scope: Some(Scope {
                project,
                role: Role::Admin,
            }),
            methods: Vec::new(),
            issued_at: now,
            expires_at: now + self.0.config.token_lifetime,
            credential: None,
        })
    }
}
