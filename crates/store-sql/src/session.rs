//! The seam between nouns and databases: what a database does with statements. Each has its own
//! pool, schema, migrations and errors behind it.

use std::borrow::Cow;
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;

use adit_crypto::EnvelopeKey;
use adit_store::{StoreError, Transaction, WriteTransaction};
use async_trait::async_trait;

use crate::column::{Stored, Value};

/// A statement in words that SQLite and PostgreSQL both know, and the values for its placeholders:
/// each `?` is one, in order, whatever a database itself calls them. Values are only in these; the text
/// is made of names in this crate.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) sql: Cow<'static, str>,
    pub(crate) values: Vec<Value>,
}

impl Statement {
    pub(crate) fn new(sql: impl Into<Cow<'static, str>>, values: Vec<Value>) -> Self {
        let sql = sql.into();
        Self { sql, values }
    }
}

/// Values for placeholders, from whatever can be one.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$($crate::column::Value::from($value)),*]
    };
}
pub(crate) use values;

/// How many rows a statement may find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Finds {
    /// So few that who asks may wait on the spot.
    Few,
    /// So many that others should not have to wait meanwhile.
    Many,
}

/// A transaction of one database. Dropped, it undoes everything.
pub(crate) trait Session: Debug + Send + 'static {
    /// Does what has no rows to tell. Answers how many it changed.
    fn execute(
        &mut self,
        statement: Statement,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The rows that a statement finds, each of them read. They are called `what` in errors.
    fn rows<T: Send + 'static>(
        &mut self,
        finds: Finds,
        what: &'static str,
        statement: Statement,
        read: impl Fn(&Stored<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send;

    /// The row that a statement finds.
    fn row<T: Send + 'static>(
        &mut self,
        what: &'static str,
        statement: Statement,
        read: impl Fn(&Stored<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send {
        let rows = self.rows(Finds::Few, what, statement, read);
        async { Ok(rows.await?.pop()) }
    }

    /// Makes everything last. `identity` says whether it may have changed who may do what.
    fn commit(self, identity: bool) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// The store's transaction, for whichever database.
#[derive(Debug)]
pub(crate) struct SqlTransaction<S> {
    pub(crate) session: S,
    pub(crate) key: Arc<EnvelopeKey>,
    /// Whether it may have changed who may do what.
    pub(crate) identity: bool,
}

impl<S: Session> SqlTransaction<S> {
    pub(crate) fn new(session: S, key: &Arc<EnvelopeKey>) -> Self {
        Self {
            session,
            key: Arc::clone(key),
            identity: false,
        }
    }
}

impl<S: Session> Transaction for SqlTransaction<S> {}

#[async_trait]
impl<S: Session> WriteTransaction for SqlTransaction<S> {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        let identity = self.identity;
        self.session.commit(identity).await
    }
}
