//! [`ChangeLog`] in SQLite. Revisions are an AUTOINCREMENT key: SQLite remembers the last one.

use adit_model::ProjectId;
use adit_model::change::{Change, LogBounds, LogEntry};
use adit_store::{ChangeLog, StoreError, WriteChangeLog};
use async_trait::async_trait;
use rusqlite::{params, params_from_iter};
use time::OffsetDateTime;

use crate::SqliteTransaction;
use crate::column::{self, Stored, execute, failure, nanoseconds, text};
use crate::rows::Value;

const ENTRY: &str = "change";

fn read_entry(row: &Stored<'_>) -> Result<LogEntry, StoreError> {
    let revision = number(row, "revision")?;
    Ok(LogEntry {
        revision,
        change: Change {
            at: row.time("at")?,
            project: row.parsed_option("project")?,
            actor: row.parsed("actor")?,
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
impl ChangeLog for SqliteTransaction {
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
        self.apart(move |connection| {
            column::rows(
                connection,
                ENTRY,
                &sql,
                params_from_iter(values),
                read_entry,
            )
        })
        .await
    }

    async fn log_bounds(&mut self) -> Result<LogBounds, StoreError> {
        let sql = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'change_log'), 0) \
                   AS last, (SELECT min(revision) FROM change_log) AS first";
        let bounds = column::row(self.connection()?, ENTRY, sql, [], |row| {
            let last = number(row, "last")?;
            let first: Option<i64> = row.plain("first")?;
            let first = first.and_then(|first| u64::try_from(first).ok());
            Ok(LogBounds {
                first: first.unwrap_or(last.saturating_add(1)),
                last,
            })
        })?;
        Ok(bounds.unwrap_or(LogBounds { first: 1, last: 0 }))
    }
}

#[async_trait]
impl WriteChangeLog for SqliteTransaction {
    async fn append(&mut self, change: &Change) -> Result<u64, StoreError> {
        let sql = "INSERT INTO change_log (at, project, actor, noun, id, kind) \
                   VALUES (?, ?, ?, ?, ?, ?)";
        let values = params![
            nanoseconds(change.at),
            change.project.map(text),
            text(change.actor),
            change.noun.as_str(),
            text(change.id),
            change.kind.as_str()
        ];
        let connection = self.connection()?;
        execute(connection, sql, values)?;
        Ok(u64::try_from(connection.last_insert_rowid()).unwrap_or(0))
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
        let connection = self.connection()?;
        let mut statement = connection.prepare_cached(sql).map_err(failure)?;
        let values = params![signed(last.saturating_sub(keep)), nanoseconds(older_than)];
        let mut found = statement.query(values).map_err(failure)?;
        let stays = match found.next().map_err(failure)? {
            Some(row) => row.get(0).map_err(failure)?,
            None => signed(last.saturating_add(1)),
        };
        let most = signed(first.saturating_add(limit.into()));
        let sql = "DELETE FROM change_log WHERE revision < ?";
        let done = execute(connection, sql, [most.min(stays)])?;
        Ok(done as u64)
    }
}
