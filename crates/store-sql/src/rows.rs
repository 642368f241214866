//! [`Rows`] of every noun in SQLite: one set of statements for all of them. A noun's own file
//! says which columns it has.

use adit_crypto::EnvelopeKey;
use adit_model::{ProjectId, Revision};
use adit_store::{Order, OrderBy, Query, Reference, Row, Rows, StoreError};
use async_trait::async_trait;
use sqlx::query::Query as Statement;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, QueryBuilder, Row as _, Sqlite};
use uuid::Uuid;

use crate::SqliteTransaction;
use crate::column::{Stored, failure, nanoseconds, revision, text};

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
    const OF: &'static [(Reference, &'static str)];
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

type Bound<'q> = Statement<'q, Sqlite, SqliteArguments>;

fn bind(statement: Bound<'_>, value: Value) -> Bound<'_> {
    match value {
        Value::Flag(flag) => statement.bind(flag),
        Value::Number(number) => statement.bind(number),
        Value::OptionalNumber(number) => statement.bind(number),
        Value::Octets(octets) => statement.bind(octets),
        Value::OptionalText(text) => statement.bind(text),
        Value::Text(text) => statement.bind(text),
    }
}

fn read<T: Table>(row: &SqliteRow, key: &EnvelopeKey) -> Result<T, StoreError> {
    let what = T::WHAT;
    T::read(&Stored { what, row }, key)
}

/// `?, ?, ?`
fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

const fn column(by: OrderBy) -> &'static str {
    match by {
        OrderBy::CreatedAt => "created_at",
        OrderBy::Id => "id",
        OrderBy::Name => "name",
        OrderBy::Project => "project",
    }
}

/// Statements have values only as arguments: their text is made of names in this crate.
fn select<T: Table>(query: &Query) -> QueryBuilder<Sqlite> {
    let mut sql = QueryBuilder::new(format!("SELECT * FROM {} WHERE TRUE", T::TABLE));
    if let Some(project) = query.project {
        sql.push(" AND (project = ").push_bind(text(project));
        if let Some(public) = T::PUBLIC.filter(|_| query.or_public) {
            sql.push(" OR ").push(public);
        }
        sql.push(")");
    }
    if let Some(ids) = &query.ids {
        any_of(&mut sql, "id", ids.iter().map(text));
    }
    if let Some(names) = &query.names {
        any_of(&mut sql, "name", names.iter().cloned());
    }
    if let Some((reference, id)) = query.of {
        let known = T::OF.iter().find(|(known, _)| *known == reference);
        let condition = known.map_or("FALSE", |(_, condition)| condition);
        sql.push(" AND (");
        let mut parts = condition.split('?').peekable();
        while let Some(part) = parts.next() {
            sql.push(part);
            if parts.peek().is_some() {
                sql.push_bind(text(id));
            }
        }
        sql.push(")");
    }
    let Order { by, descending } = query.order;
    let by = column(by);
    if let Some(after) = query.after {
        let beyond = if descending { "<" } else { ">" };
        sql.push(format!(
            " AND ({by}, id) {beyond} (SELECT {by}, id FROM {} WHERE id = ",
            T::TABLE
        ));
        sql.push_bind(text(after)).push(")");
    }
    let way = if descending { "DESC" } else { "ASC" };
    sql.push(format!(" ORDER BY {by} {way}, id {way}"));
    if let Some(limit) = query.limit {
        sql.push(" LIMIT ").push_bind(i64::from(limit));
    }
    sql
}

fn any_of(sql: &mut QueryBuilder<Sqlite>, column: &str, values: impl Iterator<Item = String>) {
    sql.push(format!(" AND {column} IN ("));
    let mut list = sql.separated(", ");
    for value in values {
        list.push_bind(value);
    }
    sql.push(")");
}

#[async_trait]
impl<T: Table> Rows<T> for SqliteTransaction {
    async fn get(&mut self, project: Option<ProjectId>, id: Uuid) -> Result<Option<T>, StoreError> {
        let sql = format!("SELECT * FROM {} WHERE id = ?", T::TABLE);
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(text(id))
            .fetch_optional(&mut *self.inner)
            .await
            .map_err(failure)?;
        let row = row.map(|row| read::<T>(&row, &self.key)).transpose()?;
        Ok(row.filter(|row| project.is_none_or(|project| row.project() == project)))
    }

    async fn list(&mut self, query: Query) -> Result<Vec<T>, StoreError> {
        let mut sql = select::<T>(&query);
        let rows = sql.build().fetch_all(&mut *self.inner).await;
        let rows = rows.map_err(failure)?;
        rows.iter().map(|row| read(row, &self.key)).collect()
    }

    async fn count(&mut self, project: ProjectId) -> Result<usize, StoreError> {
        let sql = format!("SELECT count(*) FROM {} WHERE project = ?", T::TABLE);
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(text(project))
            .fetch_one(&mut *self.inner)
            .await
            .map_err(failure)?;
        let count: i64 = row.try_get(0).map_err(failure)?;
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }

    async fn insert(&mut self, row: &T) -> Result<(), StoreError> {
        let names = [T::FIXED, T::COLUMNS].concat();
        let sql = format!(
            "INSERT INTO {} (id, project, created_at, revision, {}) VALUES ({})",
            T::TABLE,
            names.join(", "),
            marks(names.len() + 4)
        );
        let mut statement = sqlx::query(AssertSqlSafe(sql))
            .bind(text(row.id()))
            .bind(text(row.project()))
            .bind(nanoseconds(row.created_at()))
            .bind(revision(row.revision()));
        for value in row.fixed()?.into_iter().chain(row.values(&self.key)?) {
            statement = bind(statement, value);
        }
        statement.execute(&mut *self.inner).await.map_err(failure)?;
        self.insert_lists(row).await
    }

    async fn update(&mut self, row: &T) -> Result<Revision, StoreError> {
        let sql = format!(
            "UPDATE {} SET revision = ?, {} = ? WHERE project = ? AND id = ? AND revision = ?",
            T::TABLE,
            T::COLUMNS.join(" = ?, ")
        );
        let next = row.revision().next();
        let mut statement = sqlx::query(AssertSqlSafe(sql)).bind(revision(next));
        for value in row.values(&self.key)? {
            statement = bind(statement, value);
        }
        let done = statement
            .bind(text(row.project()))
            .bind(text(row.id()))
            .bind(revision(row.revision()))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        if done.rows_affected() == 0 {
            return Err(StoreError::Stale);
        }
        for list in T::LISTS {
            let sql = format!("DELETE FROM {} WHERE {} = ?", list.table, list.row);
            sqlx::query(AssertSqlSafe(sql))
                .bind(text(row.id()))
                .execute(&mut *self.inner)
                .await
                .map_err(failure)?;
        }
        self.insert_lists(row).await?;
        Ok(next)
    }

    async fn delete(&mut self, project: ProjectId, id: Uuid) -> Result<bool, StoreError> {
        let sql = format!("DELETE FROM {} WHERE project = ? AND id = ?", T::TABLE);
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(text(project))
            .bind(text(id))
            .execute(&mut *self.inner)
            .await
            .map_err(failure)?;
        Ok(done.rows_affected() > 0)
    }
}

impl SqliteTransaction {
    async fn insert_lists<T: Table>(&mut self, row: &T) -> Result<(), StoreError> {
        for (list, entries) in T::LISTS.iter().zip(row.lists()) {
            let sql = format!(
                "INSERT INTO {} ({}, {}) VALUES ({})",
                list.table,
                list.row,
                list.columns.join(", "),
                marks(list.columns.len() + 1)
            );
            for entry in entries {
                let mut statement = sqlx::query(AssertSqlSafe(sql.clone())).bind(text(row.id()));
                for value in entry {
                    statement = statement.bind(value);
                }
                statement.execute(&mut *self.inner).await.map_err(failure)?;
            }
        }
        Ok(())
    }
}
