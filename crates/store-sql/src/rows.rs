//! [`Rows`] of every noun in SQLite: one set of statements for all of them. A noun's own file
//! says which columns it has.

use std::sync::Arc;

use adit_crypto::EnvelopeKey;
use adit_model::{Noun, ProjectId, Revision};
use adit_store::{Only, Order, OrderBy, Query, Row, Rows, StoreError, WriteRows};
use async_trait::async_trait;
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, ToSql, params, params_from_iter};
use uuid::Uuid;

use crate::SqliteTransaction;
use crate::column::{self, Stored, execute, failure, nanoseconds, revision, text};

/// So many rows are read on the spot; if there may be more, that is done apart.
const FEW: usize = 200;

/// A value for a column.
pub(crate) enum Value {
    Flag(bool),
    Number(i64),
    OptionalNumber(Option<i64>),
    Octets(Vec<u8>),
    OptionalText(Option<String>),
    Text(String),
}

/// A table whose rows repeat a list of a noun, to be found by.
pub(crate) struct List {
    pub(crate) table: &'static str,
    /// The column that names the noun's row.
    pub(crate) row: &'static str,
    /// The other columns.
    pub(crate) columns: &'static [&'static str],
}

/// How a noun is kept in a table that also has `id`, `project`, `created_at` and `revision`.
pub(crate) trait Table: Row {
    /// The noun, for errors.
    const WHAT: &'static str;
    /// The table's name.
    const TABLE: &'static str;
    /// Columns that never change.
    const FIXED: &'static [&'static str];
    /// Columns that an update changes.
    const COLUMNS: &'static [&'static str];
    /// How rows are found by what they hang on: a condition in which `?` is the id.
    const OF: &'static [(Noun, &'static str)];
    /// Which rows are in a part that some want to see alone: a condition.
    const ONLY: &'static [(Only, &'static str)] = &[];
    /// Which rows every project may see: a condition.
    const PUBLIC: Option<&'static str> = None;
    /// Tables that repeat its lists.
    const LISTS: &'static [List];

    /// The row, from its columns.
    fn read(row: &Stored<'_>, key: &EnvelopeKey) -> Result<Self, StoreError>;

    /// Values for [`Self::FIXED`].
    fn fixed(&self) -> Result<Vec<Value>, StoreError>;

    /// Values for [`Self::COLUMNS`].
    fn values(&self, key: &EnvelopeKey) -> Result<Vec<Value>, StoreError>;

    /// The entries of each of [`Self::LISTS`].
    fn lists(&self) -> Vec<Vec<Vec<String>>> {
        Vec::new()
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Flag(flag) => flag.to_sql(),
            Self::Number(number) => number.to_sql(),
            Self::OptionalNumber(number) => number.to_sql(),
            Self::Octets(octets) => octets.to_sql(),
            Self::OptionalText(text) => text.to_sql(),
            Self::Text(text) => text.to_sql(),
        }
    }
}

/// `?, ?, ?`
fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

const fn sorted(by: OrderBy) -> &'static str {
    match by {
        OrderBy::CreatedAt => "created_at",
        OrderBy::Id => "id",
        OrderBy::Name => "name",
        OrderBy::Project => "project",
    }
}

/// A statement's text and its arguments. Values are only in these: the text is made of names in
/// this crate.
struct Select {
    sql: String,
    values: Vec<Value>,
}

impl Select {
    fn push(&mut self, sql: &str) -> &mut Self {
        self.sql.push_str(sql);
        self
    }

    fn bind(&mut self, value: Value) -> &mut Self {
        self.values.push(value);
        self.push("?")
    }

    fn any_of(&mut self, column: &str, values: impl Iterator<Item = String>) {
        let before = self.values.len();
        self.values.extend(values.map(Value::Text));
        let marks = marks(self.values.len() - before);
        self.push(&format!(" AND {column} IN ({marks})"));
    }

    /// What is asked of which rows: neither where a page begins nor in which order they come.
    fn which<T: Table>(what: &str, query: &Query) -> Self {
        let mut sql = Self {
            sql: format!("SELECT {what} FROM {} WHERE TRUE", T::TABLE),
            values: Vec::new(),
        };
        if let Some(project) = query.project {
            sql.push(" AND (project = ")
                .bind(Value::Text(text(project)));
            if let Some(public) = T::PUBLIC.filter(|_| query.or_public) {
                sql.push(" OR ").push(public);
            }
            sql.push(")");
        }
        if let Some(ids) = &query.ids {
            sql.any_of("id", ids.iter().map(text));
        }
        if let Some(names) = &query.names {
            sql.any_of("name", names.iter().cloned());
        }
        if let Some((noun, id)) = query.of {
            let known = T::OF.iter().find(|(known, _)| *known == noun);
            let condition = known.map_or("FALSE", |(_, condition)| condition);
            sql.push(" AND (").push(condition).push(")");
            let marks = condition.matches('?');
            sql.values.extend(marks.map(|_| Value::Text(text(id))));
        }
        if let Some(only) = query.only {
            let known = T::ONLY.iter().find(|(known, _)| *known == only);
            let condition = known.map_or("FALSE", |(_, condition)| condition);
            sql.push(" AND (").push(condition).push(")");
        }
        sql
    }

    fn new<T: Table>(query: &Query) -> Self {
        let mut sql = Self::which::<T>("*", query);
        if let Some((created_at, id)) = query.from {
            sql.push(" AND (created_at, id) >= (")
                .bind(Value::Number(nanoseconds(created_at)))
                .push(", ")
                .bind(Value::Text(text(id)))
                .push(")");
        }
        let Order { by, descending } = query.order;
        let by = sorted(by);
        if let Some(after) = query.after {
            let beyond = if descending { "<" } else { ">" };
            sql.push(&format!(
                " AND ({by}, id) {beyond} (SELECT {by}, id FROM {} WHERE id = ",
                T::TABLE
            ));
            sql.bind(Value::Text(text(after))).push(")");
        }
        let way = if descending { "DESC" } else { "ASC" };
        sql.push(&format!(" ORDER BY {by} {way}, id {way}"));
        if let Some(limit) = query.limit {
            sql.push(" LIMIT ").bind(Value::Number(limit.into()));
        }
        sql
    }

    fn rows<T: Table>(
        self,
        connection: &Connection,
        key: &EnvelopeKey,
    ) -> Result<Vec<T>, StoreError> {
        let values = params_from_iter(self.values);
        column::rows(connection, T::WHAT, &self.sql, values, |row| {
            T::read(row, key)
        })
    }
}

/// Whether it finds few rows for sure.
fn finds_few(query: &Query) -> bool {
    let most = query.limit.and_then(|limit| usize::try_from(limit).ok());
    let ids = query.ids.as_ref().map(Vec::len);
    most.into_iter().chain(ids).any(|most| most <= FEW)
}

#[async_trait]
impl<T: Table> Rows<T> for SqliteTransaction {
    async fn get(&mut self, project: Option<ProjectId>, id: Uuid) -> Result<Option<T>, StoreError> {
        let sql = format!("SELECT * FROM {} WHERE id = ?", T::TABLE);
        let row = column::row(self.connection()?, T::WHAT, &sql, [text(id)], |row| {
            T::read(row, &self.key)
        })?;
        Ok(row.filter(|row: &T| project.is_none_or(|project| row.project() == project)))
    }

    async fn list(&mut self, query: Query) -> Result<Vec<T>, StoreError> {
        let select = Select::new::<T>(&query);
        if finds_few(&query) {
            return select.rows(self.connection()?, &self.key);
        }
        let key = Arc::clone(&self.key);
        self.apart(move |connection| select.rows(connection, &key))
            .await
    }

    async fn count(&mut self, query: Query) -> Result<usize, StoreError> {
        let select = Select::which::<T>("count(*)", &query);
        let count = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(&select.sql).map_err(failure)?;
            let values = params_from_iter(select.values);
            let count = statement.query_row(values, |row| row.get::<_, i64>(0));
            Ok(usize::try_from(count.map_err(failure)?).unwrap_or(usize::MAX))
        };
        // Whether a row is in a part is looked up in other tables.
        if query.only.is_some() {
            return self.apart(count).await;
        }
        count(self.connection()?)
    }
}

#[async_trait]
impl<T: Table> WriteRows<T> for SqliteTransaction {
    async fn insert(&mut self, row: &T) -> Result<(), StoreError> {
        let names = [T::FIXED, T::COLUMNS].concat();
        let sql = format!(
            "INSERT INTO {} (id, project, created_at, revision, {}) VALUES ({})",
            T::TABLE,
            names.join(", "),
            marks(names.len() + 4)
        );
        let mut values = vec![
            Value::Text(text(row.id())),
            Value::Text(text(row.project())),
            Value::Number(nanoseconds(row.created_at())),
            Value::Number(revision(row.revision())),
        ];
        values.extend(row.fixed()?);
        values.extend(row.values(&self.key)?);
        let connection = self.connection()?;
        execute(connection, &sql, params_from_iter(values))?;
        insert_lists(connection, row)
    }

    async fn update(&mut self, row: &T) -> Result<Revision, StoreError> {
        let sql = format!(
            "UPDATE {} SET revision = ?, {} = ? WHERE project = ? AND id = ? AND revision = ?",
            T::TABLE,
            T::COLUMNS.join(" = ?, ")
        );
        let next = row.revision().next();
        let mut values = vec![Value::Number(revision(next))];
        values.extend(row.values(&self.key)?);
        values.extend([
            Value::Text(text(row.project())),
            Value::Text(text(row.id())),
            Value::Number(revision(row.revision())),
        ]);
        let connection = self.connection()?;
        if execute(connection, &sql, params_from_iter(values))? == 0 {
            return Err(StoreError::Stale);
        }
        for list in T::LISTS {
            let sql = format!("DELETE FROM {} WHERE {} = ?", list.table, list.row);
            execute(connection, &sql, [text(row.id())])?;
        }
        insert_lists(connection, row)?;
        Ok(next)
    }

    async fn delete(&mut self, project: ProjectId, id: Uuid) -> Result<bool, StoreError> {
        let sql = format!("DELETE FROM {} WHERE project = ? AND id = ?", T::TABLE);
        let values = params![text(project), text(id)];
        Ok(execute(self.connection()?, &sql, values)? > 0)
    }
}

fn insert_lists<T: Table>(connection: &Connection, row: &T) -> Result<(), StoreError> {
    for (list, entries) in T::LISTS.iter().zip(row.lists()) {
        let sql = format!(
            "INSERT INTO {} ({}, {}) VALUES ({})",
            list.table,
            list.row,
            list.columns.join(", "),
            marks(list.columns.len() + 1)
        );
        for entry in entries {
            let values = [text(row.id())].into_iter().chain(entry);
            execute(connection, &sql, params_from_iter(values))?;
        }
    }
    Ok(())
}
