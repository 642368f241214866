//! [`Subnets`] in SQLite.

use adit_model::{ProjectId, Revision, RouterId, Subnet, SubnetId};
use adit_store::{StoreError, Subnets};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, nanoseconds, revision, text};

const WHAT: &str = "subnet";

fn read(row: &SqliteRow) -> Result<Subnet, StoreError> {
    let row = Stored { what: WHAT, row };
    Ok(Subnet {
        id: row.parsed("id")?,
        project: row.parsed("project")?,
        name: row.name()?,
        router: row.parsed("router")?,
        cidr: row.parsed("cidr")?,
        zone: row.plain("zone")?,
        created_at: row.created_at()?,
        revision: row.revision()?,
    })
}

#[async_trait]
impl Subnets for SqliteTransaction {
    async fn subnet(
        &mut self,
        project: ProjectId,
        id: SubnetId,
    ) -> Result<Option<Subnet>, StoreError> {
        let row = sqlx::query("SELECT * FROM subnets WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read).transpose()
    }

    async fn subnets(&mut self, project: ProjectId) -> Result<Vec<Subnet>, StoreError> {
        let rows = sqlx::query("SELECT * FROM subnets WHERE project = ? ORDER BY created_at, id")
            .bind(text(project))
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn subnets_of_router(&mut self, router: RouterId) -> Result<Vec<Subnet>, StoreError> {
        let rows = sqlx::query("SELECT * FROM subnets WHERE router = ? ORDER BY created_at, id")
            .bind(text(router))
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn insert_subnet(&mut self, row: &Subnet) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO subnets (id, project, name, router, cidr, zone, created_at, revision) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(text(row.id))
        .bind(text(row.project))
        .bind(row.name.as_str())
        .bind(text(row.router))
        .bind(text(row.cidr))
        .bind(&row.zone)
        .bind(nanoseconds(row.created_at))
        .bind(revision(row.revision))
        .execute(&mut *self.inner)
        .await
        .map_err(failure)?;
        Ok(())
    }

    async fn update_subnet(&mut self, row: &Subnet) -> Result<Revision, StoreError> {
        let done = sqlx::query(
            "UPDATE subnets SET name = ?, revision = ? \
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

    async fn delete_subnet(
        &mut self,
        project: ProjectId,
        id: SubnetId,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM subnets WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}
