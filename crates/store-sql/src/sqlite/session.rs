//! A transaction of SQLite's.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adit_store::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, ToSql, ffi, params_from_iter};
use tokio::task;

use super::disk::Disk;
use super::pool::{self, PooledConnection};
use crate::column::{Cause, Column, Columns, Stored, Value};
use crate::session::{Finds, Session, Statement};

/// What it asks of SQLite takes microseconds and is asked on the spot, and so is the commit while the
/// [`Disk`] is quick; what may take longer goes [`apart`](pool::apart).
#[derive(Debug)]
pub(super) struct SqliteSession {
    /// Gone while something is done apart, and for good if that was not waited for.
    pooled: Option<PooledConnection>,
    disk: Arc<Disk>,
    /// The store's [`identity_version`](adit_store::Store::identity_version).
    version: Arc<AtomicU64>,
}

/// What SQLite said, in the store's words.
pub(super) fn failure(error: rusqlite::Error) -> StoreError {
    let Some(database) = error.sqlite_error() else {
        return StoreError::Unavailable(error.into());
    };
    match database.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => StoreError::Duplicate,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => StoreError::Referenced,
        _ => StoreError::Unavailable(error.into()),
    }
}

impl SqliteSession {
    pub(super) fn new(
        pooled: PooledConnection,
        disk: &Arc<Disk>,
        version: &Arc<AtomicU64>,
    ) -> Self {
        Self {
            pooled: Some(pooled),
            disk: Arc::clone(disk),
            version: Arc::clone(version),
        }
    }

    fn connection(&self) -> Result<&Connection, StoreError> {
        self.pooled
            .as_ref()
            .ok_or_else(transaction_is_over)?
            .connection()
    }

    fn take(&mut self) -> Result<PooledConnection, StoreError> {
        self.pooled.take().ok_or_else(transaction_is_over)
    }

    /// Writes what changes nothing, to see whether that is possible.
    pub(super) fn touch(&self) -> Result<(), StoreError> {
        let statement = Statement::new("UPDATE key_checks SET id = id", Vec::new());
        execute(self.connection()?, &statement).map(|_| ())
    }
}

fn transaction_is_over() -> StoreError {
    StoreError::Unavailable("the transaction is over".into())
}

impl Session for SqliteSession {
    async fn execute(&mut self, statement: Statement) -> Result<u64, StoreError> {
        execute(self.connection()?, &statement)
    }

    async fn rows<T: Send + 'static>(
        &mut self,
        finds: Finds,
        what: &'static str,
        statement: Statement,
        read: impl Fn(&Stored<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Vec<T>, StoreError> {
        if finds == Finds::Few {
            return rows(self.connection()?, what, &statement, read);
        }
        let pooled = self.take()?;
        let (pooled, found) = pool::apart(pooled, move |pooled| {
            rows(pooled.connection()?, what, &statement, read)
        })
        .await?;
        self.pooled = Some(pooled);
        found
    }

    async fn commit(mut self, identity: bool) -> Result<(), StoreError> {
        let pooled = self.take()?;
        let (version, disk) = (Arc::clone(&self.version), Arc::clone(&self.disk));
        let commit = move |pooled: &PooledConnection| {
            disk.note(disk.time(|| pooled.commit()))?;
            if identity {
                version.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        };
        let (pooled, committed) = if self.disk.is_quick() {
            let committed = commit(&pooled);
            (pooled, committed)
        } else {
            pool::apart(pooled, commit).await?
        };
        if self.disk.wants_checkpoint() {
            // Only who writes next waits for it. If it fails, the log grows until one doesn't.
            drop(task::spawn_blocking(move || pooled.checkpoint()));
        }
        committed
    }
}

fn execute(connection: &Connection, statement: &Statement) -> Result<u64, StoreError> {
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(failure)?;
    let values = params_from_iter(&statement.values);
    let done = prepared.execute(values).map_err(failure)?;
    Ok(done as u64)
}

fn rows<T>(
    connection: &Connection,
    what: &'static str,
    statement: &Statement,
    read: impl Fn(&Stored<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut prepared = connection.prepare_cached(&statement.sql).map_err(failure)?;
    let names = prepared.column_names();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let values = params_from_iter(&statement.values);
    let mut rows = prepared.query(values).map_err(failure)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failure)? {
        found.push(read(&Stored::new(what, row, &names))?);
    }
    Ok(found)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Flag(flag) => flag.to_sql(),
            Self::Number(number) => number.to_sql(),
            Self::OptionalNumber(number) => number.to_sql(),
            Self::Octets(octets) => octets.to_sql(),
            Self::OptionalOctets(octets) => octets.to_sql(),
            Self::OptionalText(text) => text.to_sql(),
            Self::Text(text) => text.to_sql(),
        }
    }
}

impl Columns for Row<'_> {
    fn at(&self, place: usize) -> Result<Column<'_>, Cause> {
        Ok(match self.get_ref(place)? {
            ValueRef::Null => Column::Null,
            ValueRef::Integer(number) => Column::Number(number),
            ValueRef::Text(text) => Column::Text(std::str::from_utf8(text)?),
            ValueRef::Blob(octets) => Column::Octets(octets),
            ValueRef::Real(_) => return Err("a real number is in it".into()),
        })
    }
}
