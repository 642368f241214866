//! Values from and to columns, and SQLite's errors as the store's.

use std::cell::Cell;
use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;

use adit_model::{Name, Revision};
use adit_store::StoreError;
use rusqlite::types::{FromSql, ValueRef};
use rusqlite::{Connection, Params, Row, ffi};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

type Cause = Box<dyn Error + Send + Sync>;

/// What SQLite said, in the store's words.
pub(crate) fn failure(error: rusqlite::Error) -> StoreError {
    let Some(database) = error.sqlite_error() else {
        return StoreError::Unavailable(error.into());
    };
    match database.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY => StoreError::Duplicate,
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => StoreError::Referenced,
        _ => StoreError::Unavailable(error.into()),
    }
}

/// Does what has no rows to tell. Answers how many it changed.
pub(crate) fn execute(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    statement.execute(values).map_err(failure)
}

/// The rows that a statement finds, each of them read.
pub(crate) fn rows<T>(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    values: impl Params,
    read: impl Fn(&Stored<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failure)?;
    let columns = statement.column_names();
    let columns: Vec<String> = columns.into_iter().map(str::to_owned).collect();
    let mut rows = statement.query(values).map_err(failure)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(failure)? {
        found.push(read(&Stored {
            what,
            row,
            columns: &columns,
            next: Cell::new(0),
        })?);
    }
    Ok(found)
}

/// The row that a statement finds.
pub(crate) fn row<T>(
    connection: &Connection,
    what: &'static str,
    sql: &str,
    values: impl Params,
    read: impl Fn(&Stored<'_>) -> Result<T, StoreError>,
) -> Result<Option<T>, StoreError> {
    Ok(rows(connection, what, sql, values, read)?.pop())
}

/// One row of a noun, for reading its columns.
pub(crate) struct Stored<'a> {
    what: &'static str,
    row: &'a Row<'a>,
    columns: &'a [String],
    /// The column after the one last read: nearly always the next one that is asked for.
    next: Cell<usize>,
}

impl Stored<'_> {
    pub(crate) fn corrupt(&self, source: impl Into<Cause>) -> StoreError {
        StoreError::Corrupt {
            what: self.what,
            source: source.into(),
        }
    }

    fn value(&self, column: &str) -> Result<ValueRef<'_>, StoreError> {
        let next = self.next.get();
        let is_next = self.columns.get(next).is_some_and(|name| name == column);
        let place = if is_next {
            next
        } else {
            let place = self.columns.iter().position(|name| name == column);
            place.ok_or_else(|| self.corrupt(format!("it has no column {column}")))?
        };
        self.next.set(place + 1);
        self.row.get_ref(place).map_err(|e| self.corrupt(e))
    }

    pub(crate) fn plain<T: FromSql>(&self, column: &str) -> Result<T, StoreError> {
        T::column_result(self.value(column)?).map_err(|e| self.corrupt(e))
    }

    pub(crate) fn octets(&self, column: &str) -> Result<&[u8], StoreError> {
        let value = self.value(column)?;
        value.as_blob().map_err(|e| self.corrupt(e))
    }

    fn text(&self, column: &str) -> Result<&str, StoreError> {
        self.value(column)?.as_str().map_err(|e| self.corrupt(e))
    }

    /// A value kept as text: an id, an address, a block.
    pub(crate) fn parsed<T: FromStr>(&self, column: &str) -> Result<T, StoreError>
    where
        T::Err: Into<Cause>,
    {
        let text = self.text(column)?;
        text.parse().map_err(|e: T::Err| self.corrupt(e))
    }

    pub(crate) fn parsed_option<T: FromStr>(&self, column: &str) -> Result<Option<T>, StoreError>
    where
        T::Err: Into<Cause>,
    {
        let text = self.value(column)?.as_str_or_null();
        text.map_err(|e| self.corrupt(e))?
            .map(|text| text.parse().map_err(|e: T::Err| self.corrupt(e)))
            .transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.text(column)?).map_err(|e| self.corrupt(e))
    }

    pub(crate) fn name(&self) -> Result<Name, StoreError> {
        let text: String = self.plain("name")?;
        Name::try_from(text).map_err(|e| self.corrupt(e))
    }

    pub(crate) fn created_at(&self) -> Result<OffsetDateTime, StoreError> {
        self.time("created_at")
    }

    pub(crate) fn time(&self, column: &str) -> Result<OffsetDateTime, StoreError> {
        self.read_time(self.plain(column)?)
    }

    pub(crate) fn time_option(&self, column: &str) -> Result<Option<OffsetDateTime>, StoreError> {
        let nanoseconds: Option<i64> = self.plain(column)?;
        nanoseconds.map(|n| self.read_time(n)).transpose()
    }

    fn read_time(&self, nanoseconds: i64) -> Result<OffsetDateTime, StoreError> {
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds.into()).map_err(|e| self.corrupt(e))
    }

    pub(crate) fn revision(&self) -> Result<Revision, StoreError> {
        let revision: i64 = self.plain("revision")?;
        u64::try_from(revision)
            .map(Revision)
            .map_err(|e| self.corrupt(e))
    }
}

/// An id or an address as text.
pub(crate) fn text(value: impl Display) -> String {
    value.to_string()
}

/// Nanoseconds since 1970; they fit until the year 2262.
pub(crate) fn nanoseconds(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos()).unwrap_or(i64::MAX)
}

pub(crate) fn revision(revision: Revision) -> i64 {
    i64::try_from(revision.0).unwrap_or(i64::MAX)
}

pub(crate) fn json(
    what: &'static str,
    value: &(impl Serialize + ?Sized),
) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt {
        what,
        source: error.into(),
    })
}
