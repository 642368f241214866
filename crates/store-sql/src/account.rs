//! [`Projects`], [`Users`] and [`RoleAssignments`] in SQL.

use adit_model::user::PasswordHash;
use adit_model::{Project, ProjectId, RoleAssignment, User, UserId};
use adit_store::{
    Projects, RoleAssignments, StoreError, Users, WriteProjects, WriteRoleAssignments, WriteUsers,
};
use async_trait::async_trait;

use crate::column::{Stored, Value, nanoseconds, text};
use crate::session::{Finds, Session, SqlTransaction, Statement, values};

const PROJECT: &str = "project";

fn read_project(row: &Stored<'_>) -> Result<Project, StoreError> {
    Ok(Project {
        id: row.parsed("id")?,
        name: row.name()?,
        description: row.plain("description")?,
        enabled: row.plain("enabled")?,
    })
}

const USER: &str = "user";

fn read_user(row: &Stored<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: row.parsed("id")?,
        name: row.name()?,
        description: row.plain("description")?,
        email: row.plain("email")?,
        enabled: row.plain("enabled")?,
        default_project: row.parsed_option("default_project")?,
        password: row.plain::<Option<_>>("password")?.map(PasswordHash),
        tokens_from: row.time("tokens_from")?,
    })
}

const ROLE_ASSIGNMENT: &str = "role assignment";

fn read_role_assignment(row: &Stored<'_>) -> Result<RoleAssignment, StoreError> {
    Ok(RoleAssignment {
        user: row.parsed("user")?,
        project: row.parsed("project")?,
        role: row.parsed("role")?,
    })
}

#[async_trait]
impl<S: Session> Projects for SqlTransaction<S> {
    async fn project(&mut self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        let sql = "SELECT * FROM projects WHERE id = ? AND NOT ended";
        self.session
            .row(
                PROJECT,
                Statement::new(sql, values![text(id)]),
                read_project,
            )
            .await
    }

    async fn projects(&mut self) -> Result<Vec<Project>, StoreError> {
        let sql = "SELECT * FROM projects WHERE NOT ended ORDER BY name";
        self.session
            .rows(
                Finds::Many,
                PROJECT,
                Statement::new(sql, values![]),
                read_project,
            )
            .await
    }

    async fn ended_projects(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        let sql = "SELECT id FROM projects WHERE ended ORDER BY id";
        self.session
            .rows(
                Finds::Many,
                PROJECT,
                Statement::new(sql, values![]),
                |row| row.parsed("id"),
            )
            .await
    }
}

#[async_trait]
impl<S: Session> WriteProjects for SqlTransaction<S> {
    async fn insert_project(&mut self, row: &Project) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO projects (id, name, description, enabled) VALUES (?, ?, ?, ?)";
        let values = values![
            text(row.id),
            row.name.as_str(),
            row.description.as_str(),
            row.enabled,
        ];
        self.session.execute(Statement::new(sql, values)).await?;
        Ok(())
    }

    async fn update_project(&mut self, row: &Project) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "UPDATE projects SET name = ?, description = ?, enabled = ? \
                   WHERE id = ? AND NOT ended";
        let values = values![
            row.name.as_str(),
            row.description.as_str(),
            row.enabled,
            text(row.id),
        ];
        Ok(self.session.execute(Statement::new(sql, values)).await? > 0)
    }

    async fn end_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        self.identity = true;
        // Its id is a name that nobody else has.
        let sql = "UPDATE projects SET ended = TRUE, name = id WHERE id = ? AND NOT ended";
        Ok(self
            .session
            .execute(Statement::new(sql, values![text(id)]))
            .await?
            > 0)
    }

    async fn delete_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        self.identity = true;
        let statement = Statement::new("DELETE FROM projects WHERE id = ?", values![text(id)]);
        Ok(self.session.execute(statement).await? > 0)
    }
}

#[async_trait]
impl<S: Session> Users for SqlTransaction<S> {
    async fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        let sql = "SELECT * FROM users WHERE id = ?";
        self.session
            .row(USER, Statement::new(sql, values![text(id)]), read_user)
            .await
    }

    async fn users(&mut self) -> Result<Vec<User>, StoreError> {
        let sql = "SELECT * FROM users ORDER BY name";
        self.session
            .rows(Finds::Many, USER, Statement::new(sql, values![]), read_user)
            .await
    }
}

#[async_trait]
impl<S: Session> WriteUsers for SqlTransaction<S> {
    async fn insert_user(&mut self, row: &User) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO users (name, description, email, enabled, default_project, password, \
                   tokens_from, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        self.session
            .execute(Statement::new(sql, of_user(row)))
            .await?;
        Ok(())
    }

    async fn update_user(&mut self, row: &User) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "UPDATE users SET name = ?, description = ?, email = ?, enabled = ?, \
                   default_project = ?, password = ?, tokens_from = ? WHERE id = ?";
        Ok(self
            .session
            .execute(Statement::new(sql, of_user(row)))
            .await?
            > 0)
    }

    async fn delete_user(&mut self, id: UserId) -> Result<bool, StoreError> {
        self.identity = true;
        let statement = Statement::new("DELETE FROM users WHERE id = ?", values![text(id)]);
        Ok(self.session.execute(statement).await? > 0)
    }
}

/// What [`WriteUsers`]' statements that write a row have placeholders for.
fn of_user(row: &User) -> Vec<Value> {
    values![
        row.name.as_str(),
        row.description.as_str(),
        row.email.clone(),
        row.enabled,
        row.default_project.map(text),
        row.password.as_ref().map(|hash| hash.0.clone()),
        nanoseconds(row.tokens_from),
        text(row.id)
    ]
}

#[async_trait]
impl<S: Session> RoleAssignments for SqlTransaction<S> {
    async fn role_assignments(
        &mut self,
        user: Option<UserId>,
        project: Option<ProjectId>,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        // `user` alone is a word of SQL's own. Four statements rather than one with ORs, which would look into no index.
        let condition = match (user, project) {
            (None, None) => "",
            (Some(_), None) => " WHERE \"user\" = ?",
            (None, Some(_)) => " WHERE project = ?",
            (Some(_), Some(_)) => " WHERE \"user\" = ? AND project = ?",
        };
        let sql = format!("SELECT * FROM role_assignments{condition}");
        let values = user.map(text).into_iter().chain(project.map(text));
        let statement = Statement::new(sql, values.map(Value::Text).collect());
        let finds = if user.is_some() {
            Finds::Few
        } else {
            Finds::Many
        };
        let rows = self
            .session
            .rows(finds, ROLE_ASSIGNMENT, statement, read_role_assignment);
        let mut rows = rows.await?;
        rows.sort_unstable();
        Ok(rows)
    }
}

#[async_trait]
impl<S: Session> WriteRoleAssignments for SqlTransaction<S> {
    async fn insert_role_assignment(&mut self, row: &RoleAssignment) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO role_assignments (\"user\", project, role) VALUES (?, ?, ?) \
                   ON CONFLICT DO NOTHING";
        let values = values![text(row.user), text(row.project), row.role.as_str()];
        self.session.execute(Statement::new(sql, values)).await?;
        Ok(())
    }

    async fn delete_role_assignment(&mut self, row: &RoleAssignment) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "DELETE FROM role_assignments WHERE \"user\" = ? AND project = ? AND role = ?";
        let values = values![text(row.user), text(row.project), row.role.as_str()];
        Ok(self.session.execute(Statement::new(sql, values)).await? > 0)
    }
}
