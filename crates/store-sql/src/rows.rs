//! [`Rows`] of every noun in SQL: one set of statements for all of them. A noun's own file
//! says which columns it has.

use std::sync::Arc;

use adit_crypto::EnvelopeKey;
use adit_model::{Noun, ProjectId, Revision};
use adit_store::{Only, Order, OrderBy, Query, Row, Rows, StoreError, WriteRows};
use async_trait::async_trait;
use uuid::Uuid;

use crate::column::{Stored, Value, nanoseconds, revision, text};
use crate::session::{Finds, Session, SqlTransaction, Statement, values};

/// So many rows are read on the spot; if there may be more, that is done apart.
const FEW: usize = 200;

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

/// A statement in the making.
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

    fn statement(self) -> Statement {
        Statement::new(self.sql, self.values)
    }
}

/// How a noun's rows are read, on whichever thread.
fn reader<T: Table>(
    key: &Arc<EnvelopeKey>,
) -> impl Fn(&Stored<'_>) -> Result<T, StoreError> + Send + 'static {
    let key = Arc::clone(key);
    move |row| T::read(row, &key)
}

fn finds(query: &Query) -> Finds {
    let most = query.limit.and_then(|limit| usize::try_from(limit).ok());
    let ids = query.ids.as_ref().map(Vec::len);
    if most.into_iter().chain(ids).any(|most| most <= FEW) {
        Finds::Few
    } else {
        Finds::Many
    }
}

#[async_trait]
impl<T: Table, S: Session> Rows<T> for SqlTransaction<S> {
    async fn get(&mut self, project: Option<ProjectId>, id: Uuid) -> Result<Option<T>, StoreError> {
        let sql = format!("SELECT * FROM {} WHERE id = ?", T::TABLE);
        let statement = Statement::new(sql, values![text(id)]);
        let row = self.session.row(T::WHAT, statement, reader(&self.key));
        let row = row.await?;
        Ok(row.filter(|row: &T| project.is_none_or(|project| row.project() == project)))
    }

    async fn list(&mut self, query: Query) -> Result<Vec<T>, StoreError> {
        let statement = Select::new::<T>(&query).statement();
        let read = reader(&self.key);
        let rows = self.session.rows(finds(&query), T::WHAT, statement, read);
        rows.await
    }

    async fn count(&mut self, query: Query) -> Result<usize, StoreError> {
        let statement = Select::which::<T>("count(*) AS count", &query).statement();
        // Whether a row is in a part is looked up in other tables.
        let finds = match query.only {
            Some(_) => Finds::Many,
            None => Finds::Few,
        };
        let read = |row: &Stored<'_>| row.plain::<i64>("count");
        let count = self.session.rows(finds, T::WHAT, statement, read);
        let count = count.await?.pop().unwrap_or(0);
        Ok(usize::try_from(count).unwrap_or(usize::MAX))
    }
}

#[async_trait]
impl<T: Table, S: Session> WriteRows<T> for SqlTransaction<S> {
    async fn insert(&mut self, row: &T) -> Result<(), StoreError> {
        let names = [T::FIXED, T::COLUMNS].concat();
        let sql = format!(
            "INSERT INTO {} (id, project, created_at, revision, {}) VALUES ({})",
            T::TABLE,
            names.join(", "),
            marks(names.len() + 4)
        );
        let mut values = values![
            text(row.id()),
            text(row.project()),
            nanoseconds(row.created_at()),
            revision(row.revision()),
        ];
        values.extend(row.fixed()?);
        values.extend(row.values(&self.key)?);
        self.session.execute(Statement::new(sql, values)).await?;
        self.insert_lists(row.id(), T::LISTS, row.lists()).await
    }

    async fn update(&mut self, row: &T) -> Result<Revision, StoreError> {
        let sql = format!(
            "UPDATE {} SET revision = ?, {} = ? WHERE project = ? AND id = ? AND revision = ?",
            T::TABLE,
            T::COLUMNS.join(" = ?, ")
        );
        let next = row.revision().next();
        let mut values = values![revision(next)];
        values.extend(row.values(&self.key)?);
        values.extend(values![
            text(row.project()),
            text(row.id()),
            revision(row.revision()),
        ]);
        if self.session.execute(Statement::new(sql, values)).await? == 0 {
            return Err(StoreError::Stale);
        }
        for list in T::LISTS {
            let sql = format!("DELETE FROM {} WHERE {} = ?", list.table, list.row);
            let statement = Statement::new(sql, values![text(row.id())]);
            self.session.execute(statement).await?;
        }
        self.insert_lists(row.id(), T::LISTS, row.lists()).await?;
        Ok(next)
    }

    async fn delete(&mut self, project: ProjectId, id: Uuid) -> Result<bool, StoreError> {
        let sql = format!("DELETE FROM {} WHERE project = ? AND id = ?", T::TABLE);
        let statement = Statement::new(sql, values![text(project), text(id)]);
        Ok(self.session.execute(statement).await? > 0)
    }
}

impl<S: Session> SqlTransaction<S> {
    async fn insert_lists(
        &mut self,
        id: Uuid,
        lists: &[List],
        entries: Vec<Vec<Vec<String>>>,
    ) -> Result<(), StoreError> {
        for (list, entries) in lists.iter().zip(entries) {
            let sql = format!(
                "INSERT INTO {} ({}, {}) VALUES ({})",
                list.table,
                list.row,
                list.columns.join(", "),
                marks(list.columns.len() + 1)
            );
            for entry in entries {
                let mut values = values![text(id)];
                values.extend(entry.into_iter().map(Value::Text));
                let statement = Statement::new(sql.clone(), values);
                self.session.execute(statement).await?;
            }
        }
        Ok(())
    }
}
