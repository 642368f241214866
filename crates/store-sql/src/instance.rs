//! [`Instances`] in SQLite.

use adit_model::{Instance, InstanceId, ProjectId, Revision, SubnetId};
use adit_store::{Instances, StoreError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, nanoseconds, revision, text};

const WHAT: &str = "instance";

fn read(row: &SqliteRow) -> Result<Instance, StoreError> {
    let row = Stored { what: WHAT, row };
    Ok(Instance {
        id: row.parsed("id")?,
        project: row.parsed("project")?,
        name: row.name()?,
        subnet: row.parsed("subnet")?,
        address: row.parsed("address")?,
        created_at: row.created_at()?,
        revision: row.revision()?,
    })
}

#[async_trait]
impl Instances for SqliteTransaction {
    async fn instance(
        &mut self,
        project: ProjectId,
        id: InstanceId,
    ) -> Result<Option<Instance>, StoreError> {
        let row = sqlx::query("SELECT * FROM instances WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read).transpose()
    }

    async fn instances(&mut self, project: ProjectId) -> Result<Vec<Instance>, StoreError> {
        let rows = sqlx::query("SELECT * FROM instances WHERE project = ? ORDER BY created_at, id")
            .bind(text(project))
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn instances_of_subnet(&mut self, subnet: SubnetId) -> Result<Vec<Instance>, StoreError> {
        let rows = sqlx::query("SELECT * FROM instances WHERE subnet = ? ORDER BY created_at, id")
            .bind(text(subnet))
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn insert_instance(&mut self, row: &Instance) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO instances (id, project, name, subnet, address, created_at, revision) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(text(row.id))
        .bind(text(row.project))
        .bind(row.name.as_str())
        .bind(text(row.subnet))
        .bind(text(row.address))
        .bind(nanoseconds(row.created_at))
        .bind(revision(row.revision))
        .execute(&mut *self.inner)
        .await
        .map_err(failure)?;
        Ok(())
    }

    async fn update_instance(&mut self, row: &Instance) -> Result<Revision, StoreError> {
        let done = sqlx::query(
            "UPDATE instances SET name = ?, revision = ? \
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

    async fn delete_instance(
        &mut self,
        project: ProjectId,
        id: InstanceId,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM instances WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}
