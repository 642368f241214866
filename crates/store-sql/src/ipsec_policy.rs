//! [`IpsecPolicies`] in SQLite.

use adit_model::{IpsecPolicy, IpsecPolicyId, ProjectId, Revision};
use adit_store::{IpsecPolicies, StoreError};
use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, json, nanoseconds, revision, text};

const WHAT: &str = "ipsec policy";

fn read(row: &SqliteRow) -> Result<IpsecPolicy, StoreError> {
    let row = Stored { what: WHAT, row };
    Ok(IpsecPolicy {
        id: row.parsed("id")?,
        project: row.parsed("project")?,
        name: row.name()?,
        parameters: row.json("parameters")?,
        created_at: row.created_at()?,
        revision: row.revision()?,
    })
}

#[async_trait]
impl IpsecPolicies for SqliteTransaction {
    async fn ipsec_policy(
        &mut self,
        project: ProjectId,
        id: IpsecPolicyId,
    ) -> Result<Option<IpsecPolicy>, StoreError> {
        let row = sqlx::query("SELECT * FROM ipsec_policies WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        row.as_ref().map(read).transpose()
    }

    async fn ipsec_policies(&mut self, project: ProjectId) -> Result<Vec<IpsecPolicy>, StoreError> {
        let rows =
            sqlx::query("SELECT * FROM ipsec_policies WHERE project = ? ORDER BY created_at, id")
                .bind(text(project))
                .fetch_all(&mut *self.inner)
                .await
                .map_err(failure)?;
        rows.iter().map(read).collect()
    }

    async fn insert_ipsec_policy(&mut self, row: &IpsecPolicy) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO ipsec_policies (id, project, name, parameters, created_at, revision) \
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

    async fn update_ipsec_policy(&mut self, row: &IpsecPolicy) -> Result<Revision, StoreError> {
        let done = sqlx::query(
            "UPDATE ipsec_policies SET name = ?, parameters = ?, revision = ? \
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

    async fn delete_ipsec_policy(
        &mut self,
        project: ProjectId,
        id: IpsecPolicyId,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM ipsec_policies WHERE project = ? AND id = ?")
            .bind(text(project))
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}
