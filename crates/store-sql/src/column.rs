//! Values from and to columns, and SQLite's errors as the store's.

use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;

use adit_model::{Name, Revision};
use adit_store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row as _;
use sqlx::error::ErrorKind;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;

type Cause = Box<dyn Error + Send + Sync>;

/// `SQLITE_READONLY`: what a connection with `query_only` answers to a write.
const READ_ONLY: &str = "8";

/// What SQLite said, in the store's words.
pub(crate) fn failure(error: sqlx::Error) -> StoreError {
    let Some(database) = error.as_database_error() else {
        return StoreError::Unavailable(error.into());
    };
    match database.kind() {
        ErrorKind::UniqueViolation => StoreError::Duplicate,
        ErrorKind::ForeignKeyViolation => StoreError::Referenced,
        _ if database.code().as_deref() == Some(READ_ONLY) => StoreError::ReadOnly,
        _ => StoreError::Unavailable(error.into()),
    }
}

/// One row of a noun, for reading its columns.
pub(crate) struct Stored<'a> {
    pub(crate) what: &'static str,
    pub(crate) row: &'a SqliteRow,
}

impl Stored<'_> {
    pub(crate) fn corrupt(&self, source: impl Into<Cause>) -> StoreError {
        StoreError::Corrupt {
            what: self.what,
            source: source.into(),
        }
    }

    pub(crate) fn plain<T>(&self, column: &str) -> Result<T, StoreError>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
    {
        self.row.try_get(column).map_err(|e| self.corrupt(e))
    }

    /// A value kept as text: an id, an address, a block.
    pub(crate) fn parsed<T: FromStr>(&self, column: &str) -> Result<T, StoreError>
    where
        T::Err: Into<Cause>,
    {
        let text: String = self.plain(column)?;
        text.parse().map_err(|e: T::Err| self.corrupt(e))
    }

    pub(crate) fn parsed_option<T: FromStr>(&self, column: &str) -> Result<Option<T>, StoreError>
    where
        T::Err: Into<Cause>,
    {
        let text: Option<String> = self.plain(column)?;
        text.map(|text| text.parse().map_err(|e: T::Err| self.corrupt(e)))
            .transpose()
    }

    pub(crate) fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        let text: String = self.plain(column)?;
        serde_json::from_str(&text).map_err(|e| self.corrupt(e))
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

pub(crate) fn json(what: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Corrupt {
        what,
        source: error.into(),
    })
}
