//! Values to and from columns, in words that every database here has.

use std::cell::Cell;
use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;

use adit_model::{Name, Revision};
use adit_store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// A value for a column, or for a placeholder.
#[derive(Debug)]
pub(crate) enum Value {
    Flag(bool),
    Number(i64),
    OptionalNumber(Option<i64>),
    Octets(Vec<u8>),
    OptionalOctets(Option<Vec<u8>>),
    OptionalText(Option<String>),
    Text(String),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::OptionalNumber(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Octets(value)
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::OptionalText(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// A value that a database has in a column; flags are the numbers 0 and 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Column<'a> {
    Null,
    Number(i64),
    Octets(&'a [u8]),
    Text(&'a str),
}

/// A row, as its database has it.
pub(crate) trait Columns {
    /// What is in the column at this place.
    fn at(&self, place: usize) -> Result<Column<'_>, Cause>;
}

/// What a column's value can become.
pub(crate) trait FromColumn: Sized {
    /// Nothing if it can't.
    fn from_column(column: Column<'_>) -> Option<Self>;
}

impl FromColumn for bool {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Number(0) => Some(false),
            Column::Number(1) => Some(true),
            _ => None,
        }
    }
}

impl FromColumn for i64 {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Number(number) => Some(number),
            _ => None,
        }
    }
}

impl FromColumn for u16 {
    fn from_column(column: Column<'_>) -> Option<Self> {
        i64::from_column(column)?.try_into().ok()
    }
}

impl FromColumn for u32 {
    fn from_column(column: Column<'_>) -> Option<Self> {
        i64::from_column(column)?.try_into().ok()
    }
}

impl FromColumn for String {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Null => Some(None),
            column => T::from_column(column).map(Some),
        }
    }
}

/// One row of a noun, for reading its columns.
pub(crate) struct Stored<'a> {
    what: &'static str,
    row: &'a dyn Columns,
    names: &'a [String],
    /// The column after the one last read: nearly always the next one that is asked for.
    next: Cell<usize>,
}

impl<'a> Stored<'a> {
    /// A row of what is called `what` in errors, with its columns' names.
    pub(crate) fn new(what: &'static str, row: &'a dyn Columns, names: &'a [String]) -> Self {
        Self {
            what,
            row,
            names,
            next: Cell::new(0),
        }
    }

    pub(crate) fn corrupt(&self, source: impl Into<Cause>) -> StoreError {
        StoreError::Corrupt {
            what: self.what,
            source: source.into(),
        }
    }

    fn not_of_kind(&self, column: &str, kind: &str) -> StoreError {
        self.corrupt(format!("column {column} has no {kind}"))
    }

    fn value(&self, column: &str) -> Result<Column<'_>, StoreError> {
        let next = self.next.get();
        let is_next = self.names.get(next).is_some_and(|name| name == column);
        let place = if is_next {
            next
        } else {
            let place = self.names.iter().position(|name| name == column);
            place.ok_or_else(|| self.corrupt(format!("it has no column {column}")))?
        };
        self.next.set(place + 1);
        self.row.at(place).map_err(|e| self.corrupt(e))
    }

    pub(crate) fn plain<T: FromColumn>(&self, column: &str) -> Result<T, StoreError> {
        T::from_column(self.value(column)?)
            .ok_or_else(|| self.not_of_kind(column, std::any::type_name::<T>()))
    }

    pub(crate) fn octets(&self, column: &str) -> Result<&[u8], StoreError> {
        match self.value(column)? {
            Column::Octets(octets) => Ok(octets),
            _ => Err(self.not_of_kind(column, "octets")),
        }
    }

    fn text(&self, column: &str) -> Result<&str, StoreError> {
        self.text_or_null(column)?
            .ok_or_else(|| self.not_of_kind(column, "text"))
    }

    pub(crate) fn octets_or_null(&self, column: &str) -> Result<Option<&[u8]>, StoreError> {
        match self.value(column)? {
            Column::Octets(octets) => Ok(Some(octets)),
            Column::Null => Ok(None),
            _ => Err(self.not_of_kind(column, "octets")),
        }
    }

    fn text_or_null(&self, column: &str) -> Result<Option<&str>, StoreError> {
        match self.value(column)? {
            Column::Text(text) => Ok(Some(text)),
            Column::Null => Ok(None),
            _ => Err(self.not_of_kind(column, "text")),
        }
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
        let text = self.text_or_null(column)?;
        text.map(|text| text.parse().map_err(|e: T::Err| self.corrupt(e)))
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
