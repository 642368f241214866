//! [`Quotas`] in SQL.

use std::collections::BTreeMap;

use adit_model::ProjectId;
use adit_store::{Quotas, StoreError, WriteQuotas};
use async_trait::async_trait;

use crate::column::text;
use crate::session::{Finds, Session, SqlTransaction, Statement, values};

const QUOTA: &str = "quota";

#[async_trait]
impl<S: Session> Quotas for SqlTransaction<S> {
    async fn quotas(&mut self, project: ProjectId) -> Result<BTreeMap<String, i64>, StoreError> {
        let sql = "SELECT resource, most FROM quotas WHERE project = ?";
        let statement = Statement::new(sql, values![text(project)]);
        let rows = self.session.rows(Finds::Few, QUOTA, statement, |row| {
            Ok((row.plain("resource")?, row.plain("most")?))
        });
        Ok(rows.await?.into_iter().collect())
    }

    async fn projects_with_quotas(&mut self) -> Result<Vec<ProjectId>, StoreError> {
        let sql = "SELECT DISTINCT project FROM quotas ORDER BY project";
        let statement = Statement::new(sql, values![]);
        self.session
            .rows(Finds::Many, QUOTA, statement, |row| row.parsed("project"))
            .await
    }
}

#[async_trait]
impl<S: Session> WriteQuotas for SqlTransaction<S> {
    async fn set_quota(
        &mut self,
        project: ProjectId,
        resource: &str,
        limit: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO quotas (project, resource, most) VALUES (?, ?, ?) \
                   ON CONFLICT (project, resource) DO UPDATE SET most = excluded.most";
        let values = values![text(project), resource, limit];
        self.session.execute(Statement::new(sql, values)).await?;
        Ok(())
    }

    async fn delete_quotas(&mut self, project: ProjectId) -> Result<bool, StoreError> {
        let sql = "DELETE FROM quotas WHERE project = ?";
        Ok(self
            .session
            .execute(Statement::new(sql, values![text(project)]))
            .await?
            > 0)
    }
}
