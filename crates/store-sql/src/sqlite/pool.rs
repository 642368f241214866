//! Connections to the database file: pooled to one transaction each, and given back clean.

use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use adit_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::{task, time};

use super::session::failure;

/// How long another process may hold the database.
const BUSY: Duration = Duration::from_secs(5);

/// How long one waits for a connection.
const TURN: Duration = Duration::from_secs(30);

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 128;

/// What a pool's connections are for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Access {
    Read,
    Write,
}

/// Opens the file, and makes it if it isn't there.
pub(super) fn open(path: &Path, access: Access) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // A statement's plan is the same whatever is bound to it; else some are prepared at each use.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    match access {
        Access::Read => connection.pragma_update(None, "query_only", "ON")?,
        // Or it would be a part of some commits: see `PooledConnection::checkpoint`.
        Access::Write => connection.pragma_update(None, "wal_autocheckpoint", 0)?,
    }
    Ok(connection)
}

/// Some connections of one kind, opened when they are first needed.
#[derive(Debug)]
pub(super) struct Pool {
    path: PathBuf,
    access: Access,
    size: u32,
    turns: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Pool {
    /// At most `size` connections, the first of which is open.
    pub(super) fn new(path: &Path, access: Access, size: u32, first: Connection) -> Self {
        Self {
            path: path.to_owned(),
            access,
            size,
            turns: Arc::new(Semaphore::new(size as usize)),
            idle: Arc::new(Mutex::new(vec![first])),
        }
    }

    /// A connection in a transaction.
    pub(super) async fn begin(&self) -> Result<PooledConnection, StoreError> {
        let turn = time::timeout(TURN, Arc::clone(&self.turns).acquire_owned())
            .await
            .map_err(|e| StoreError::Unavailable(e.into()))?
            .map_err(|e| StoreError::Unavailable(e.into()))?;
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open(&self.path, self.access).map_err(failure)?,
        };
        let pooled = PooledConnection {
            connection: Some(connection),
            home: Arc::clone(&self.idle),
            _turn: turn,
        };
        // Another process may hold the database: that is waited for where waiting hurts nobody.
        pooled.wait_at_most(Duration::ZERO)?;
        match pooled.begin(self.access) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                let access = self.access;
                let (pooled, begun) = apart(pooled, move |pooled| {
                    pooled.wait_at_most(BUSY)?;
                    pooled.begin(access).map_err(failure)
                })
                .await?;
                begun.map(|()| pooled)
            }
            begun => begun.map(|()| pooled).map_err(failure),
        }
    }

    /// Waits for all connections and ends them; from now on nobody gets one.
    pub(super) async fn close(&self) {
        let all = self.turns.acquire_many(self.size).await;
        self.turns.close();
        let idle = mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        drop((idle, all));
    }
}

/// Does what may take long on a thread where that hurts nobody. If nobody waits for it any more,
/// what is pooled goes home from there.
pub(super) async fn apart<R: Send + 'static>(
    pooled: PooledConnection,
    work: impl FnOnce(&PooledConnection) -> R + Send + 'static,
) -> Result<(PooledConnection, R), StoreError> {
    let done = task::spawn_blocking(move || {
        let result = work(&pooled);
        (pooled, result)
    });
    done.await.map_err(|e| StoreError::Unavailable(e.into()))
}

/// A connection on loan. Dropped, it undoes what was not committed and goes back.
#[derive(Debug)]
pub(super) struct PooledConnection {
    /// Here until it is dropped.
    connection: Option<Connection>,
    home: Arc<Mutex<Vec<Connection>>>,
    /// Given up after the connection went home.
    _turn: OwnedSemaphorePermit,
}

impl PooledConnection {
    pub(super) fn connection(&self) -> Result<&Connection, StoreError> {
        self.connection
            .as_ref()
            .ok_or_else(|| StoreError::Unavailable("the transaction is over".into()))
    }

    fn wait_at_most(&self, timeout: Duration) -> Result<(), StoreError> {
        let connection = self.connection()?;
        connection.busy_timeout(timeout).map_err(failure)
    }

    fn begin(&self, access: Access) -> rusqlite::Result<()> {
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        match access {
            Access::Write => connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?,
            Access::Read => {
                // After a first look that failed, it is begun already.
                if connection.is_autocommit() {
                    connection.prepare_cached("BEGIN")?.execute([])?;
                }
                // SQLite fixes what is seen at the first read, not at BEGIN.
                let mut look = connection.prepare_cached("SELECT 1 FROM key_checks")?;
                usize::from(look.exists([])?)
            }
        };
        Ok(())
    }

    /// Makes the writes last.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        let mut commit = self
            .connection()?
            .prepare_cached("COMMIT")
            .map_err(failure)?;
        commit.execute([]).map_err(failure)?;
        Ok(())
    }

    /// Brings what the write-ahead log has into the database, so that the log begins anew. It is
    /// for who writes, between transactions: else more would come than is brought away.
    pub(super) fn checkpoint(&self) -> Result<(), StoreError> {
        let mut checkpoint = self
            .connection()?
            .prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")
            .map_err(failure)?;
        checkpoint.query_row([], |_| Ok(())).map_err(failure)
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if !connection.is_autocommit() && roll_back(&connection).is_err() {
            // Closing it undoes everything; the next one who needs it opens another.
            return;
        }
        self.home
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
    }
}

fn roll_back(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached("ROLLBACK")?.execute([])?;
    Ok(())
}
