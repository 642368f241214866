//! [`IkePolicies`] in SQLite.

use adit_model::{IkePolicy, IkePolicyId, ProjectId, Revision};
use adit_store::{IkePolicies, StoreError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, json, nanoseconds, revision, text};

const WHAT: &str = "ike policy";

fn read(row: &SqliteRow) -> Result<IkePolicy, StoreError> {
    let row = Stored { what: WHAT, row };
    Ok(IkePolicy {
        id: row.parsed("id")?,
        project: row.parsed("project")?,
        name: row.name()?,
        parameters: row.json("parameters")?,
        created_at: row.created_at()?,
        revision: row.revision()?,
    })
}

#[async_trait]
impl IkePolicies for SqliteTransaction {
    async fn ike_policy(
        &mut self,
        project: ProjectId,
        id: IkePolicyId,
    ) -> Result<Option<IkePolicy>, StoreError> {
        let row = sqlx::query("SELECT * FROM ike_policies WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read).transpose()
    }

    async fn ike_policies(&mut self, project: ProjectId) -> Result<Vec<IkePolicy>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM ike_policies WHERE project = ? ORDER BY created_at, id")
                .bind(text(project))
                .fetch_all(&mut *self.inner)
                .await
                .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn insert_ike_policy(&mut self, row: &IkePolicy) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO ike_policies (id, project, name, parameters, created_at, revision) \
             VALUES (?, ?, ?, ?, ?, ?)",
        )
        .bind(text(row.id))
        .bind(text(row.project))
        .bind(row.name.as_str())
        .bind(json(WHAT, &row.parameters)?)
        .bind(nanoseconds(row.created_at))
        .bind(revision(row.revision))
        .execute(&mut *self.inner)
        .await
        .map_err(failure)?;
        Ok(())
    }

    async fn update_ike_policy(&mut self, row: &IkePolicy) -> Result<Revision, StoreError> {
        let done = sqlx::query(
            "UPDATE ike_policies SET name = ?, parameters = ?, revision = ? \
             WHERE project = ? AND id = ? AND revision = ?",
        )
        .bind(row.name.as_str())
        .bind(json(WHAT, &row.parameters)?)
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

    async fn delete_ike_policy(
        &mut self,
        project: ProjectId,
        id: IkePolicyId,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM ike_policies WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}
