//! [`Quotas`] in SQLite.

use std::collections::BTreeMap;

use adit_model::ProjectId;
use adit_store::{Quotas, StoreError};
use async_trait::async_trait;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, text};

#[async_trait]
impl Quotas for SqliteTransaction {
    async fn quotas(&mut self, project: ProjectId) -> Result<BTreeMap<String, i64>, StoreError> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT resource, most FROM quotas WHERE project = ?")
                .bind(text(project))
                .fetch_all(&mut *self.inner)
                .await
                .map_err(failure)?;
        Ok(rows.into_iter().collect())
    }

    async fn projects_with_quotas(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        let rows = sqlx::query("SELECT DISTINCT project FROM quotas ORDER BY project")
            .fetch_all(&mut *self.inner)
            .await
            .map_err(failure)?;
        let stored = rows.iter().map(|row| Stored { what: "quota", row });
        stored.map(|row| row.parsed("project")).collect()
    }

    async fn set_quota(
        &mut self,
        project: ProjectId,
        resource: &str,
        limit: i64,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO quotas (project, resource, most) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET most = excluded.most",
        )
        .bind(text(project))
        .bind(resource)
        .bind(limit)
        .execute(&mut *self.inner)
        .await
        .map_err(failure)?;
        Ok(())
    }

    async fn delete_quotas(&mut self, project: ProjectId) -> Result<bool, StoreError> {
        let done = sqlx::query("DELETE FROM quotas WHERE project = ?")
            .bind(text(project))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}
