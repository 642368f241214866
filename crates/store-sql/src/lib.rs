//! The store in SQLite: one file, write-ahead log, every commit synced, so that neither `kill -9`
//! nor a power cut loses an acknowledged change.
//!
//! One connection writes, a few read. Pre-shared keys lie in it as envelopes under the
//! [`KeyFile`], bound to their connection, and are opened when a row is read.

mod account;
mod column;
mod connection;
mod credential;
mod endpoint_group;
mod floating_ip;
mod gateway;
mod key_file;
mod network;
mod policy;
mod port;
mod quota;
mod router;
mod rows;
mod security_group;
mod subnet;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use adit_crypto::{EnvelopeError, EnvelopeKey, SystemRandom};
use adit_store::{Store, StoreError, Transaction};
use async_trait::async_trait;
use sqlx::Sqlite;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub use key_file::{KeyFile, KeyFileError};

/// What the check envelope seals; its content is of no matter.
const CHECK: &[u8] = b"adit key check";

/// A store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    readers: SqlitePool,
    key: Arc<EnvelopeKey>,
    identity: Arc<AtomicU64>,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It could not be opened, made, or read.
    #[error("the database can't be opened")]
    Database(#[from] sqlx::Error),
    /// It could not be brought to this version.
    #[error("the database can't be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// Its secrets were sealed under another key file.
    #[error("the key file is not the one that this database was made with")]
    WrongKey(#[source] EnvelopeError),
}

impl SqliteStore {
    /// Opens the database at `path`, makes it if it doesn't exist, and brings it up to date.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(path: &Path, key: &KeyFile) -> Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            // Rows cross from the database thread in batches, not one by one.
            .row_buffer_size(1024);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await?;
        sqlx::migrate!().run(&writer).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options.pragma("query_only", "ON"))
            .await?;
        let key = Arc::new(key.envelope_key());
        check_key(&writer, &key).await?;
        Ok(Self {
            writer,
            readers,
            key,
            identity: Arc::default(),
        })
    }

    fn transaction(&self, inner: sqlx::Transaction<'static, Sqlite>) -> Box<dyn Transaction> {
        Box::new(SqliteTransaction {
            inner,
            key: Arc::clone(&self.key),
            identity: false,
            version: Arc::clone(&self.identity),
        })
    }

    /// Ends all connections; what is committed is on the disk already.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Refuses a key that is not the one the database was first opened with.
async fn check_key(pool: &SqlitePool, key: &EnvelopeKey) -> Result<(), OpenError> {
    let stored: Option<Vec<u8>> = sqlx::query_scalar("SELECT envelope FROM key_checks")
        .fetch_optional(pool)
        .await?;
    if let Some(envelope) = stored {
        key.open(CHECK, &envelope).map_err(OpenError::WrongKey)?;
    } else {
        sqlx::query("INSERT INTO key_checks (id, envelope) VALUES (1, ?)")
            .bind(key.seal(&mut SystemRandom, CHECK, CHECK))
            .execute(pool)
            .await?;
    }
    Ok(())
}

#[derive(Debug)]
struct SqliteTransaction {
    inner: sqlx::Transaction<'static, Sqlite>,
    key: Arc<EnvelopeKey>,
    /// Whether it may have changed who may do what.
    identity: bool,
    version: Arc<AtomicU64>,
}

#[async_trait]
impl Store for SqliteStore {
    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        // SQLite fixes what is seen at the first read, not at BEGIN.
        let begin = self.readers.begin_with("BEGIN; SELECT 1 FROM key_checks");
        let inner = begin.await.map_err(column::failure)?;
        Ok(self.transaction(inner))
    }

    async fn write(&self) -> Result<Box<dyn Transaction>, StoreError> {
        let begin = self.writer.begin_with("BEGIN IMMEDIATE").await;
        let inner = begin.map_err(column::failure)?;
        Ok(self.transaction(inner))
    }

    fn identity_version(&self) -> u64 {
        self.identity.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.inner.commit().await.map_err(column::failure)?;
        if self.identity {
            self.version.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
