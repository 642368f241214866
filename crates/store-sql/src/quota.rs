//! [`Quotas`] in SQLite.

use std::collections::BTreeMap;

use adit_model::ProjectId;
use adit_store::{Quotas, StoreError, WriteQuotas};
use async_trait::async_trait;
use rusqlite::params;

use crate::SqliteTransaction;
use crate::column::{self, execute, text};

const QUOTA: &str = "quota";

#[async_trait]
impl Quotas for SqliteTransaction {
    async fn quotas(&mut self, project: ProjectId) -> Result<BTreeMap<String, i64>, StoreError> {
        let sql = "SELECT resource, most FROM quotas WHERE project = ?";
        let rows = column::rows(self.connection()?, QUOTA, sql, [text(project)], |row| {
            Ok((row.plain("resource")?, row.plain("most")?))
        })?;
        Ok(rows.into_iter().collect())
    }

    async fn projects_with_quotas(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        let sql = "SELECT DISTINCT project FROM quotas ORDER BY project";
        self.apart(|connection| {
            column::rows(connection, QUOTA, sql, [], |row| row.parsed("project"))
        })
        .await
    }
}

#[async_trait]
impl WriteQuotas for SqliteTransaction {
    async fn set_quota(
        &mut self,
        project: ProjectId,
        resource: &str,
        limit: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO quotas (project, resource, most) VALUES (?, ?, ?) \
                   ON CONFLICT DO UPDATE SET most = excluded.most";
        let values = params![text(project), resource, limit];
        execute(self.connection()?, sql, values)?;
        Ok(())
    }

    async fn delete_quotas(&mut self, project: ProjectId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM quotas WHERE project = ?";
        Ok(execute(self.connection()?, sql, [text(project)])? > 0)
    }
}
