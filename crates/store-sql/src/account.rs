//! [`Projects`], [`Users`] and [`RoleAssignments`] in SQLite.

use adit_model::user::PasswordHash;
use adit_model::{Project, ProjectId, RoleAssignment, User, UserId};
use adit_store::{Projects, RoleAssignments, StoreError, Users};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, nanoseconds, text};

fn read_project(row: &SqliteRow) -> Result<Project, StoreError> {
    let row = Stored {
        what: "project",
        row,
    };
    Ok(Project {
        id: row.parsed("id")?,
        name: row.name()?,
        description: row.plain("description")?,
        enabled: row.plain("enabled")?,
    })
}

fn read_user(row: &SqliteRow) -> Result<User, StoreError> {
    let row = Stored { what: "user", row };
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

fn read_role_assignment(row: &SqliteRow) -> Result<RoleAssignment, StoreError> {
    let row = Stored {
        what: "role assignment",
        row,
    };
    Ok(RoleAssignment {
        user: row.parsed("user")?,
        project: row.parsed("project")?,
        role: row.parsed("role")?,
    })
}

#[async_trait]
impl Projects for SqliteTransaction {
    async fn project(&mut self, id: ProjectId) -> Result<Option<Project>, StoreError> {
        let row = sqlx::query("SELECT * FROM projects WHERE id = ?")
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read_project).transpose()
    }

    async fn projects(&mut self) -> Result<Vec<Project>, StoreError> {
        let rows = sqlx::query("SELECT * FROM projects ORDER BY name")
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read_project).collect()
    }

    async fn insert_project(&mut self, row: &Project) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO projects (id, name, description, enabled) VALUES (?, ?, ?, ?)";
        sqlx::query(sql)
            .bind(text(row.id))
            .bind(row.name.as_str())
            .bind(row.description.as_str())
            .bind(row.enabled)
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(())
    }

    async fn update_project(&mut self, row: &Project) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "UPDATE projects SET name = ?, description = ?, enabled = ? WHERE id = ?";
        let done = sqlx::query(sql)
            .bind(row.name.as_str())
            .bind(row.description.as_str())
            .bind(row.enabled)
            .bind(text(row.id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }

    async fn delete_project(&mut self, id: ProjectId) -> Result<bool, StoreError> {
        self.identity = true;
        let done = sqlx::query("DELETE FROM projects WHERE id = ?")
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}

#[async_trait]
impl Users for SqliteTransaction {
    async fn user(&mut self, id: UserId) -> Result<Option<User>, StoreError> {
        let row = sqlx::query("SELECT * FROM users WHERE id = ?")
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read_user).transpose()
    }

    async fn users(&mut self) -> Result<Vec<User>, StoreError> {
        let rows = sqlx::query("SELECT * FROM users ORDER BY name")
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read_user).collect()
    }

    async fn insert_user(&mut self, row: &User) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO users (name, description, email, enabled, default_project, password, \
                   tokens_from, id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        self.write_user(sql, row).await?;
        Ok(())
    }

    async fn update_user(&mut self, row: &User) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "UPDATE users SET name = ?, description = ?, email = ?, enabled = ?, \
                   default_project = ?, password = ?, tokens_from = ? WHERE id = ?";
        Ok(self.write_user(sql, row).await? > 0)
    }

    async fn delete_user(&mut self, id: UserId) -> Result<bool, StoreError> {
        self.identity = true;
        let done = sqlx::query("DELETE FROM users WHERE id = ?")
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}

impl SqliteTransaction {
    async fn write_user(&mut self, sql: &'static str, row: &User) -> Result<u64, StoreError> {
        let done = sqlx::query(sql)
            .bind(row.name.as_str())
            .bind(row.description.as_str())
            .bind(row.email.as_deref())
            .bind(row.enabled)
            .bind(row.default_project.map(text))
            .bind(row.password.as_ref().map(|hash| hash.0.as_str()))
            .bind(nanoseconds(row.tokens_from))
            .bind(text(row.id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected())
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
        let rows = match (user.map(text), project.map(text)) {
            (None, None) => sqlx::query("SELECT * FROM role_assignments"),
            (Some(user), None) => {
                sqlx::query("SELECT * FROM role_assignments WHERE user = ?").bind(user)
            }
            (None, Some(project)) => {
                sqlx::query("SELECT * FROM role_assignments WHERE project = ?").bind(project)
            }
            (Some(user), Some(project)) => {
                sqlx::query("SELECT * FROM role_assignments WHERE user = ? AND project = ?")
                    .bind(user)
                    .bind(project)
            }
        };
        let rows = rows.fetch_all(&mut *self.inner).await.map_err(failure)?;
        let mut rows = rows
            .iter()
            .map(read_role_assignment)
            .collect::<Result<Vec<_>, _>>()?;
        rows.sort_unstable();
        Ok(rows)
    }

    async fn insert_role_assignment(&mut self, row: &RoleAssignment) -> Result<(), StoreError> {
        self.identity = true;
        let sql = "INSERT INTO role_assignments (user, project, role) VALUES (?, ?, ?) \
                   ON CONFLICT DO NOTHING";
        sqlx::query(sql)
            .bind(text(row.user))
            .bind(text(row.project))
            .bind(row.role.as_str())
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(())
    }

    async fn delete_role_assignment(&mut self, row: &RoleAssignment) -> Result<bool, StoreError> {
        self.identity = true;
        let sql = "DELETE FROM role_assignments WHERE user = ? AND project = ? AND role = ?";
        let done = sqlx::query(sql)
            .bind(text(row.user))
            .bind(text(row.project))
            .bind(row.role.as_str())
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}
