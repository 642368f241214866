//! [`Routers`] in SQLite.

use adit_model::{ProjectId, Revision, Router, RouterId};
use adit_store::{Routers, StoreError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, nanoseconds, revision, text};

const WHAT: &str = "router";

fn read(row: &SqliteRow) -> Result<Router, StoreError> {
    let row = Stored { what: WHAT, row };
    Ok(Router {
        id: row.parsed("id")?,
        project: row.parsed("project")?,
        name: row.name()?,
        created_at: row.created_at()?,
        revision: row.revision()?,
    })
}

#[async_trait]
impl Routers for SqliteTransaction {
    async fn router(
        &mut self,
        project: ProjectId,
        id: RouterId,
    ) -> Result<Option<Router>, StoreError> {
        let row = sqlx::query("SELECT * FROM routers WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read).transpose()
    }

    async fn routers(&mut self, project: ProjectId) -> Result<Vec<Router>, StoreError> {
        let rows = sqlx::query("SELECT * FROM routers WHERE project = ? ORDER BY created_at, id")
            .bind(text(project))
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn any_router(&mut self, id: RouterId) -> Result<Option<Router>, StoreError> {
        let row = sqlx::query("SELECT * FROM routers WHERE id = ?")
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read).transpose()
    }

    async fn all_routers(&mut self) -> Result<Vec<Router>, StoreError> {
        let rows = sqlx::query("SELECT * FROM routers ORDER BY created_at, id")
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn insert_router(&mut self, row: &Router) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO routers (id, project, name, created_at, revision) \
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(text(row.id))
        .bind(text(row.project))
        .bind(row.name.as_str())
        .bind(nanoseconds(row.created_at))
        .bind(revision(row.revision))
        .execute(&mut *self.inner)
        .await
        .map_err(failure)?;
        Ok(())
    }

    async fn update_router(&mut self, row: &Router) -> Result<Revision, StoreError> {
        let done = sqlx::query(
            "UPDATE routers SET name = ?, revision = ? \
             WHERE project = ? AND id = ? AND revision = ?",
        )
        .bind(row.name.as_str())
        .bind(revision(row.revision.next()))
        .bind(text(row.project))
        .bind(text(row.id))
        .bind(revision(row.revision))
        .execute(&mut *self.inner)
        .await
        .map_err(failure)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Stale);
        }
        Ok(row.revision.next())
    }

    async fn delete_router(
        &mut self,
        project: ProjectId,
        id: RouterId,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM routers WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}
