//! [`Gateways`] in SQLite.

use adit_model::{Gateway, GatewayId, ProjectId, Revision, RouterId};
use adit_store::{Gateways, StoreError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, nanoseconds, revision, text};

const WHAT: &str = "gateway";

fn read(row: &SqliteRow) -> Result<Gateway, StoreError> {
    let row = Stored { what: WHAT, row };
    Ok(Gateway {
        id: row.parsed("id")?,
        project: row.parsed("project")?,
        name: row.name()?,
        router: row.parsed("router")?,
        subnet: row.parsed("subnet")?,
        public_address: row.parsed("public_address")?,
        created_at: row.created_at()?,
        revision: row.revision()?,
    })
}

#[async_trait]
impl Gateways for SqliteTransaction {
    async fn gateway(
        &mut self,
        project: ProjectId,
        id: GatewayId,
    ) -> Result<Option<Gateway>, StoreError> {
        let row = sqlx::query("SELECT * FROM gateways WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read).transpose()
    }

    async fn gateways(&mut self, project: ProjectId) -> Result<Vec<Gateway>, StoreError> {
        let rows = sqlx::query("SELECT * FROM gateways WHERE project = ? ORDER BY created_at, id")
            .bind(text(project))
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn any_gateway(&mut self, id: GatewayId) -> Result<Option<Gateway>, StoreError> {
        let row = sqlx::query("SELECT * FROM gateways WHERE id = ?")
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read).transpose()
    }

    async fn all_gateways(&mut self) -> Result<Vec<Gateway>, StoreError> {
        let rows = sqlx::query("SELECT * FROM gateways ORDER BY created_at, id")
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn gateways_of_router(&mut self, router: RouterId) -> Result<Vec<Gateway>, StoreError> {
        let rows = sqlx::query("SELECT * FROM gateways WHERE router = ? ORDER BY created_at, id")
            .bind(text(router))
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn insert_gateway(&mut self, row: &Gateway) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO gateways (id, project, name, router, subnet, public_address, created_at, revision) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(text(row.id))
        .bind(text(row.project))
        .bind(row.name.as_str())
        .bind(text(row.router))
        .bind(text(row.subnet))
        .bind(text(row.public_address))
        .bind(nanoseconds(row.created_at))
        .bind(revision(row.revision))
        .execute(&mut *self.inner)
        .await
        .map_err(failure)?;
        Ok(())
    }

    async fn update_gateway(&mut self, row: &Gateway) -> Result<Revision, StoreError> {
        let done = sqlx::query(
            "UPDATE gateways SET name = ?, revision = ? \
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

    async fn delete_gateway(
        &mut self,
        project: ProjectId,
        id: GatewayId,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM gateways WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}
