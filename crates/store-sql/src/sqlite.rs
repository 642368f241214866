//! The store in SQLite: one file, write-ahead log, every commit synced, so that neither `kill -9`
//! nor a power cut loses an acknowledged change.
//!
//! One connection writes, a few read.

mod disk;
mod pool;
mod schema;
mod session;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use adit_crypto::{EnvelopeError, EnvelopeKey};
use adit_store::{Store, StoreError, Transaction, WriteTransaction};
use async_trait::async_trait;
use disk::Disk;
use pool::{Access, Pool};
use rusqlite::Connection;
use session::SqliteSession;
use tokio::task::{self, JoinError};

use crate::KeyFile;
use crate::session::{Session as _, SqlTransaction};

/// How many may read at a time.
const READERS: u32 = 8;

/// A store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    writer: Arc<Pool>,
    readers: Arc<Pool>,
    key: Arc<EnvelopeKey>,
    disk: Arc<Disk>,
    identity: Arc<AtomicU64>,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It could not be opened, made, or read.
    #[error("the database can't be opened")]
    Database(#[from] rusqlite::Error),
    /// It could not be brought to this version.
    #[error("the database can't be migrated")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A later version of this program made it.
    #[error("the database is of version {found}; this program knows none after {known}")]
    Newer {
        /// Its version.
        found: i64,
        /// The latest that is known here.
        known: i64,
    },
    /// A draft of this program made it, before there was a first version.
    #[error("the database was made by a draft of this program and can't be kept: remove the file")]
    Draft,
    /// Its tables are not those that a database of its version has.
    #[error(
        "the database's tables are not those of this program, nor of a release before it: it can't be kept, remove the file"
    )]
    Tables,
    /// Its secrets were sealed under another key file.
    #[error("the key file is not the one that this database was made with")]
    WrongKey(#[source] EnvelopeError),
    /// It can only be read.
    #[error("the database {} can't be written", .0.display())]
    Unwritable(std::path::PathBuf),
    /// It could not be copied.
    #[error("the database can't be copied")]
    Copied(#[source] std::io::Error),
    /// The file is damaged.
    #[error("the database is damaged: {0}")]
    Unsound(String),
    /// The program ends.
    #[error("opening the database was broken off")]
    Stopped(#[from] JoinError),
}

impl OpenError {
    /// Whether the disk is full or can't be written, so that [`SqliteStore::open_copy`] may help.
    #[must_use]
    pub fn is_of_disk(&self) -> bool {
        match self {
            Self::Database(error) => disk::is_of_disk(error),
            Self::Migration(error) => schema::cause(&**error).is_some_and(disk::is_of_disk),
            Self::Unwritable(_) => true,
            _ => false,
        }
    }
}

impl SqliteStore {
    /// Opens the database at `path`, makes it if it doesn't exist, and brings it up to date.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open(path: &Path, key: &KeyFile) -> Result<Self, OpenError> {
        let database = path.to_owned();
        Self::open_at(path, database, key).await
    }

    /// Opens a copy of the database, where its own disk is full or can't be written: what is in it can
    /// be read then, and tunnels carried. `folder` is one in memory, and private.
    /// [`Self::refuse_writes`] is to follow, once what every start writes was written to the copy.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub async fn open_copy(path: &Path, key: &KeyFile, folder: &Path) -> Result<Self, OpenError> {
        let copy = folder.join("adit.db");
        for end in ["", "-wal"] {
            let with_end = |path: &Path| {
                let mut name = path.as_os_str().to_owned();
                name.push(end);
                std::path::PathBuf::from(name)
            };
            match std::fs::copy(with_end(path), with_end(&copy)) {
                Err(error) if end.is_empty() || error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(OpenError::Copied(error));
                }
                _ => {}
            }
        }
        Self::open_at(&copy, path.to_owned(), key).await
    }

    /// Has every change refused from now on, and readiness say so.
    pub fn refuse_writes(&self) {
        self.disk.refuse();
    }

    /// Copies the database as it is at this moment, while it is in use, to a file that isn't there.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn back_up(path: &Path, to: &Path) -> Result<(), OpenError> {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        let to = to
            .to_str()
            .ok_or_else(|| OpenError::Copied(std::io::Error::other("the path is not UTF-8")))?;
        // In one transaction, and without what the log or free pages hold of deleted rows.
        connection.execute("VACUUM INTO ?", [to])?;
        Ok(())
    }

    /// Refuses a file that is no whole database of this program, or was made with another key.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn check(path: &Path, key: &KeyFile) -> Result<(), OpenError> {
        let mut connection = Connection::open(path)?;
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
        if sound != "ok" {
            return Err(OpenError::Unsound(sound));
        }
        schema::prepare(&mut connection, &key.envelope_key())
    }

    async fn open_at(
        path: &Path,
        database: std::path::PathBuf,
        key: &KeyFile,
    ) -> Result<Self, OpenError> {
        let path = path.to_owned();
        let key = key.envelope_key();
        task::spawn_blocking(move || {
            let mut writer = pool::open(&path, Access::Write)?;
            // SQLite opens what can't be written without a word, to be read.
            if writer.is_readonly("main")? {
                return Err(OpenError::Unwritable(path));
            }
            schema::prepare(&mut writer, &key)?;
            // What runs before left in the log, or it would grow with each that is killed.
            let _ = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            let reader = pool::open(&path, Access::Read)?;
            Ok(Self {
                writer: Arc::new(Pool::new(&path, Access::Write, 1, writer)),
                readers: Arc::new(Pool::new(&path, Access::Read, READERS, reader)),
                key: Arc::new(key),
                disk: Arc::new(Disk::at(&database)),
                identity: Arc::default(),
            })
        })
        .await?
    }

    async fn session(&self, access: Access) -> Result<SqliteSession, StoreError> {
        let pooled = match access {
            Access::Read => self.readers.begin().await?,
            Access::Write => {
                self.disk
                    .may_write()
                    .inspect_err(|_| self.disk.count_refusal())?;
                self.writer.begin().await?
            }
        };
        Ok(SqliteSession::new(pooled, &self.disk, &self.identity))
    }

    async fn begin(&self, access: Access) -> Result<SqlTransaction<SqliteSession>, StoreError> {
        let session = self.session(access).await?;
        Ok(SqlTransaction::new(session, &self.key))
    }

    /// Ends all connections; what is committed is on the disk already.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn read(&self) -> Result<Box<dyn Transaction>, StoreError> {
        Ok(Box::new(self.begin(Access::Read).await?))
    }

    async fn write(&self) -> Result<Box<dyn WriteTransaction>, StoreError> {
        Ok(Box::new(self.begin(Access::Write).await?))
    }

    fn identity_version(&self) -> u64 {
        self.identity.load(Ordering::SeqCst)
    }

    async fn check(&self) -> Result<(), StoreError> {
        drop(self.read().await?);
        self.disk.may_write()?;
        if self.disk.is_failing() {
            let session = self.session(Access::Write).await?;
            session.touch()?;
            session.commit(false).await?;
        }
        Ok(())
    }

    fn write_failures(&self) -> u64 {
        self.disk.failures()
    }
}
