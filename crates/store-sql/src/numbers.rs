//! [`Numbers`] in SQL.

use adit_model::ProjectId;
use adit_store::{NumberOf, Numbers, StoreError, WriteNumbers};
use async_trait::async_trait;

use crate::column::text;
use crate::session::{Finds, Session, SqlTransaction, Statement, values};

const NUMBER: &str = "number";

#[async_trait]
impl<S: Session> Numbers for SqlTransaction<S> {
    async fn number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<Option<u32>, StoreError> {
        let sql = "SELECT number FROM numbers WHERE project = ? AND kind = ? AND thing = ?";
        let values = values![text(project), of.as_str(), thing];
        let statement = Statement::new(sql, values);
        self.session
            .row(NUMBER, statement, |row| row.plain("number"))
            .await
    }

    async fn numbered(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        number: u32,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT thing FROM numbers WHERE number = ? AND project = ? AND kind = ?";
        let values = values![i64::from(number), text(project), of.as_str()];
        let statement = Statement::new(sql, values);
        self.session
            .row(NUMBER, statement, |row| row.plain("thing"))
            .await
    }

    async fn count_numbers(
        &mut self,
        project: ProjectId,
        of: NumberOf,
    ) -> Result<usize, StoreError> {
        let sql = "SELECT number FROM numbers WHERE project = ? AND kind = ?";
        let statement = Statement::new(sql, values![text(project), of.as_str()]);
        let rows = self
            .session
            .rows(Finds::Many, NUMBER, statement, |_| Ok(()));
        Ok(rows.await?.len())
    }
}

#[async_trait]
impl<S: Session> WriteNumbers for SqlTransaction<S> {
    async fn give_number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<u32, StoreError> {
        let sql = "INSERT INTO numbers (project, kind, thing) VALUES (?, ?, ?)";
        let values = values![text(project), of.as_str(), thing];
        self.session.execute(Statement::new(sql, values)).await?;
        let number = self.number(project, of, thing).await?;
        number.ok_or_else(|| StoreError::Unavailable("a number that was given is not there".into()))
    }

    async fn forget_number(
        &mut self,
        project: ProjectId,
        of: NumberOf,
        thing: &str,
    ) -> Result<bool, StoreError> {
        let sql = "DELETE FROM numbers WHERE project = ? AND kind = ? AND thing = ?";
        let values = values![text(project), of.as_str(), thing];
        Ok(self.session.execute(Statement::new(sql, values)).await? > 0)
    }
}
