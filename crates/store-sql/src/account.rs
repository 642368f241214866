//! [`Projects`], [`Users`] and [`ApiKeys`] in SQLite.

use adit_model::project::{ApiKey, KeyHash};
use adit_model::{Project, ProjectId, User, UserId};
use adit_store::{ApiKeys, Projects, StoreError, Users};
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
    })
}

fn read_user(row: &SqliteRow) -> Result<User, StoreError> {
    let row = Stored { what: "user", row };
    Ok(User {
        id: row.parsed("id")?,
        name: row.name()?,
        project: row.parsed("project")?,
        role: row.parsed("role")?,
    })
}

fn read_api_key(row: &SqliteRow) -> Result<ApiKey, StoreError> {
    let row = Stored {
        what: "API key",
        row,
    };
    let hash: Vec<u8> = row.plain("hash")?;
    let hash = <[u8; 32]>::try_from(hash.as_slice()).map_err(|e| row.corrupt(e))?;
    Ok(ApiKey {
        hash: KeyHash(hash),
        user: row.parsed("user")?,
        created_at: row.created_at()?,
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
        sqlx::query("INSERT INTO projects (id, name) VALUES (?, ?)")
            .bind(text(row.id))
            .bind(row.name.as_str())
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(())
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
        sqlx::query("INSERT INTO users (id, name, project, role) VALUES (?, ?, ?, ?)")
            .bind(text(row.id))
            .bind(row.name.as_str())
            .bind(text(row.project))
            .bind(row.role.as_str())
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(())
    }
}

#[async_trait]
impl ApiKeys for SqliteTransaction {
    async fn api_key(&mut self, hash: &KeyHash) -> Result<Option<ApiKey>, StoreError> {
        let row = sqlx::query("SELECT * FROM api_keys WHERE hash = ?")
            .bind(hash.0.to_vec())
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read_api_key).transpose()
    }

    async fn insert_api_key(&mut self, row: &ApiKey) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO api_keys (hash, user, created_at) VALUES (?, ?, ?)")
            .bind(row.hash.0.to_vec())
            .bind(text(row.user))
            .bind(nanoseconds(row.created_at))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(())
    }

    async fn delete_api_keys(&mut self, user: UserId) -> Result<u64, StoreError> {
        let done = sqlx::query("DELETE FROM api_keys WHERE user = ?")
            .bind(text(user))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected())
    }
}
