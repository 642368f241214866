//! [`ChangeLog`] in SQL. A revision is a row's number, which is one more than the greatest there is.

use adit_model::ProjectId;
use adit_model::change::{Change, LogBounds, LogEntry, Origin};
use adit_store::{AuditQuery, ChangeLog, StoreError, WriteChangeLog};
use async_trait::async_trait;
use time::OffsetDateTime;

use crate::column::{Stored, Value, nanoseconds, text};
use crate::session::{Finds, Session, SqlTransaction, Statement, values};

const ENTRY: &str = "change";

fn read_entry(row: &Stored<'_>) -> Result<LogEntry, StoreError> {
    let revision = number(row, "revision")?;
    Ok(LogEntry {
        revision,
        change: Change {
            at: row.time("at")?,
            project: row.parsed_option("project")?,
            actor: row.parsed("actor")?,
            origin: Origin {
                address: row.parsed_option("address")?,
                request: row.plain("request")?,
            },
            noun: row.parsed("noun")?,
            id: row.parsed("id")?,
            kind: row.parsed("kind")?,
        },
    })
}

fn number(row: &Stored<'_>, column: &str) -> Result<u64, StoreError> {
    let number: i64 = row.plain(column)?;
    u64::try_from(number).map_err(|e| row.corrupt(e))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[async_trait]
impl<S: Session> ChangeLog for SqlTransaction<S> {
    async fn log_after(
        &mut self,
        project: Option<ProjectId>,
        revision: u64,
        limit: u32,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let condition = match project {
            Some(_) => " AND project = ?",
            None => "",
        };
        let sql = format!(
            "SELECT * FROM change_log WHERE revision > ?{condition} ORDER BY revision LIMIT ?"
        );
        let mut values = vec![Value::Number(signed(revision))];
        values.extend(project.map(|id| Value::Text(text(id))));
        values.push(Value::Number(limit.into()));
        let statement = Statement::new(sql, values);
        self.session
            .rows(Finds::Many, ENTRY, statement, read_entry)
            .await
    }

    async fn audit(&mut self, query: &AuditQuery) -> Result<Vec<LogEntry>, StoreError> {
        let conditions = [
            ("project = ?", query.project.map(|id| Value::Text(text(id)))),
            (
                "actor = ?",
                query.actor.map(|actor| Value::Text(text(actor))),
            ),
            ("request = ?", query.request.clone().map(Value::Text)),
            (
                "noun = ?",
                query.noun.map(|noun| Value::Text(noun.as_str().to_owned())),
            ),
            ("id = ?", query.id.map(|id| Value::Text(text(id)))),
            (
                "at >= ?",
                query.from.map(|at| Value::Number(nanoseconds(at))),
            ),
            (
                "at < ?",
                query.until.map(|at| Value::Number(nanoseconds(at))),
            ),
            (
                "revision < ?",
                query.before.map(|revision| Value::Number(signed(revision))),
            ),
        ];
        let asked = conditions.into_iter();
        let asked = asked.filter_map(|(sql, value)| Some((sql, value?)));
        let (conditions, mut values): (Vec<_>, Vec<_>) = asked.unzip();
        let condition = match conditions.as_slice() {
            [] => String::new(),
            some => format!(" WHERE {}", some.join(" AND ")),
        };
        let sql = format!("SELECT * FROM change_log{condition} ORDER BY revision DESC LIMIT ?");
        values.push(Value::Number(query.limit.into()));
        self.session
            .rows(Finds::Many, ENTRY, Statement::new(sql, values), read_entry)
            .await
    }

    async fn log_bounds(&mut self) -> Result<LogBounds, StoreError> {
        // Each by itself: for both at once SQLite would look at every row.
        let sql = "SELECT (SELECT min(revision) FROM change_log) AS first, \
                   (SELECT max(revision) FROM change_log) AS last";
        let bounds = self
            .session
            .row(ENTRY, Statement::new(sql, values![]), |row| {
                let (first, last): (Option<i64>, Option<i64>) =
                    (row.plain("first")?, row.plain("last")?);
                Ok(LogBounds {
                    first: first.and_then(|first| first.try_into().ok()).unwrap_or(1),
                    last: last.and_then(|last| last.try_into().ok()).unwrap_or(0),
                })
            });
        Ok(bounds.await?.unwrap_or(LogBounds { first: 1, last: 0 }))
    }
}

#[async_trait]
impl<S: Session> WriteChangeLog for SqlTransaction<S> {
    async fn append(&mut self, change: &Change) -> Result<u64, StoreError> {
        let sql = "INSERT INTO change_log (at, project, actor, address, request, noun, id, kind) \
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING revision";
        let values = values![
            nanoseconds(change.at),
            change.project.map(text),
            text(change.actor),
            change.origin.address.map(text),
            change.origin.request.clone(),
            change.noun.as_str(),
            text(change.id),
            change.kind.as_str()
        ];
        let statement = Statement::new(sql, values);
        let revision = self
            .session
            .row(ENTRY, statement, |row| number(row, "revision"));
        Ok(revision.await?.unwrap_or(0))
    }

    async fn trim(
        &mut self,
        keep: u64,
        older_than: OffsetDateTime,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let LogBounds { first, last } = self.log_bounds().await?;
        // The oldest that stays: whatever comes after it stays too, whatever a clock said then.
        let sql = "SELECT revision FROM change_log WHERE revision > ? AND at >= ? \
                   ORDER BY revision LIMIT 1";
        let values = values![signed(last.saturating_sub(keep)), nanoseconds(older_than)];
        let stays = self.session.row(ENTRY, Statement::new(sql, values), |row| {
            row.plain("revision")
        });
        let stays = stays.await?.unwrap_or(signed(last));
        let most = signed(first.saturating_add(limit.into()));
        let sql = "DELETE FROM change_log WHERE revision < ?";
        let before = most.min(stays).min(signed(last));
        self.session
            .execute(Statement::new(sql, values![before]))
            .await
    }
}
