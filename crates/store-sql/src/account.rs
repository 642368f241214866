//! [`Projects`], [`Users`] and [`RoleAssignments`] in SQLite.

use adit_model::user::PasswordHash;
use adit_model::{Project, ProjectId, RoleAssignment, User, UserId};
use adit_store::{
    Projects, RoleAssignments, StoreError, Users, WriteProjects, WriteRoleAssignments, WriteUsers,
};
use async_trait::async_trait;
use rusqlite::{params, params_from_iter};

use crate::SqliteTransaction;
use crate::column::{self, Stored, execute, nanoseconds, text};

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
impl Projects for SqliteTransaction {
    async fn project(&mut self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        let sql = "SELECT * FROM projects WHERE id = ? AND NOT ended";
        column::row(self.connection()?, PROJECT, sql, [text(id)], read_project)
    }

    async fn projects(&mut self) -> Result<Vec<Project>, StoreError> {
        let sql = "SELECT * FROM projects WHERE NOT ended ORDER BY name";
        self.apart(|connection| column::rows(connection, PROJECT, sql, [], read_project))
            .await
    }

    async fn ended_projects(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        let sql = "SELECT id FROM projects WHERE ended ORDER BY id";
        self.apart(|connection| column::rows(connection, PROJECT, sql, [], |row| row.parsed("id")))
            .await
    }
}

#[async_trait]
impl WriteProjects for SqliteTransaction {
    async fn insert_project(&mut self, row: &Project) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO projects (id, name, description, enabled) VALUES (?, ?, ?, ?)";
        execute(
            self.connection()?,
            sql,
            params![
                text(row.id),
                row.name.as_str(),
                row.description.as_str(),
                row.enabled
            ],
        )?;
        Ok(())
    }

    async fn update_project(&mut self, row: &Project) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "UPDATE projects SET name = ?, description = ?, enabled = ? \
                   WHERE id = ? AND NOT ended";
        let done = execute(
            self.connection()?,
            sql,
            params![
                row.name.as_str(),
                row.description.as_str(),
                row.enabled,
                text(row.id)
            ],
        )?;
        Ok(done > 0)
    }

    async fn end_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        self.identity = true;
        // Its id is a name that nobody else has.
        let sql = "UPDATE projects SET ended = 1, name = id WHERE id = ? AND NOT ended";
        Ok(execute(self.connection()?, sql, [text(id)])? > 0)
    }

    async fn delete_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        self.identity = true;
        let done = execute(
            self.connection()?,
            "DELETE FROM projects WHERE id = ?",
            [text(id)],
        )?;
        Ok(done > 0)
    }
}

#[async_trait]
impl Users for SqliteTransaction {
    async fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        let sql = "SELECT * FROM users WHERE id = ?";
        column::row(self.connection()?, USER, sql, [text(id)], read_user)
    }

    async fn users(&mut self) -> Result<Vec<User>, StoreError> {
        let sql = "SELECT * FROM users ORDER BY name";
        self.apart(|connection| column::rows(connection, USER, sql, [], read_user))
            .await
    }
}

#[async_trait]
impl WriteUsers for SqliteTransaction {
    async fn insert_user(&mut self, row: &User) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO users (name, description, email, enabled, default_project, password, \
                   tokens_from, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        self.write_user(sql, row)?;
        Ok(())
    }

    async fn update_user(&mut self, row: &User) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "UPDATE users SET name = ?, description = ?, email = ?, enabled = ?, \
                   default_project = ?, password = ?, tokens_from = ? WHERE id = ?";
        Ok(self.write_user(sql, row)? > 0)
    }

    async fn delete_user(&mut self, id: UserId) -> Result<bool, StoreError> {
        self.identity = true;
        let done = execute(
            self.connection()?,
            "DELETE FROM users WHERE id = ?",
            [text(id)],
        )?;
        Ok(done > 0)
    }
}

impl SqliteTransaction {
    fn write_user(&self, sql: &'static str, row: &User) -> Result<usize, StoreError> {
        execute(
            self.connection()?,
            sql,
            params![
                row.name.as_str(),
                row.description.as_str(),
                row.email.as_deref(),
                row.enabled,
                row.default_project.map(text),
                row.password.as_ref().map(|hash| hash.0.as_str()),
                nanoseconds(row.tokens_from),
                text(row.id)
            ],
        )
    }
}

#[async_trait]
impl RoleAssignments for SqliteTransaction {
    async fn role_assignments(
        &mut self,
        user: Option<UserId>,
        project: Option<ProjectId>,
    ) -> Result<Vec<RoleAssignment>, StoreError> {
        // Four statements rather than one with ORs, which would look into no index.
        let condition = match (user, project) {
            (None, None) => "",
            (Some(_), None) => " WHERE user = ?",
            (None, Some(_)) => " WHERE project = ?",
            (Some(_), Some(_)) => " WHERE user = ? AND project = ?",
        };
        let sql = format!("SELECT * FROM role_assignments{condition}");
        let values = user.map(text).into_iter().chain(project.map(text));
        let values = params_from_iter(values);
        let (what, read) = (ROLE_ASSIGNMENT, read_role_assignment);
        let mut rows = if user.is_some() {
            column::rows(self.connection()?, what, &sql, values, read)?
        } else {
            self.apart(move |connection| column::rows(connection, what, &sql, values, read))
                .await?
        };
        rows.sort_unstable();
        Ok(rows)
    }
}

#[async_trait]
impl WriteRoleAssignments for SqliteTransaction {
    async fn insert_role_assignment(&mut self, row: &RoleAssignment) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO role_assignments (user, project, role) VALUES (?, ?, ?) \
                   ON CONFLICT DO NOTHING";
        execute(
            self.connection()?,
            sql,
            params![text(row.user), text(row.project), row.role.as_str()],
        )?;
        Ok(())
    }

    async fn delete_role_assignment(&mut self, row: &RoleAssignment) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "DELETE FROM role_assignments WHERE user = ? AND project = ? AND role = ?";
        let done = execute(
            self.connection()?,
            sql,
            params![text(row.user), text(row.project), row.role.as_str()],
        )?;
        Ok(done > 0)
    }
}
