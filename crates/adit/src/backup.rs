//! `adit backup` and `adit restore`: the state folder as it was at one moment, in another folder.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use adit_store_sql::{KeyFile, KeyFileError, OpenError, SqliteStore};

use crate::state::{StateError, StateFolder};

/// Where from, and where to.
#[derive(clap::Args, Debug)]
pub(crate) struct BackupOptions {
    /// The state folder; the service may run meanwhile.
    #[arg(long, value_name = "DIR")]
    state_dir: PathBuf,
    /// A folder that isn't there yet. It holds the key: keep it as safe as the state folder.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
}

/// Where to, and where from.
#[derive(clap::Args, Debug)]
pub(crate) struct RestoreOptions {
    /// The state folder; no service may run on it. What is in it is kept under other names.
    #[arg(long, value_name = "DIR")]
    state_dir: PathBuf,
    /// What `adit backup` made.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
}

/// Why it could not be done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    #[error("{path} can't be made, or can't be written")]
    Written { path: PathBuf, source: io::Error },
    #[error("the database {path}")]
    Database { path: PathBuf, source: OpenError },
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error("{0} has no key file: it is no backup")]
    NoBackup(PathBuf),
    #[error(transparent)]
    State(#[from] StateError),
}

/// What of a state folder goes along, besides the database and the key: credentials of the first
/// start, which are else replaced by fresh ones, and the self-made certificate.
const BESIDE: [&str; 6] = [
    "clients/ibm.env",
    "clients/admin-openrc",
    "clients/demo-openrc",
    "clients/adit.crt",
    "tls-key.pem",
    "tls-names",
];

fn written(path: &Path) -> impl Fn(io::Error) -> BackupError + '_ {
    |source| BackupError::Written {
        path: path.to_owned(),
        source,
    }
}

fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Copies a file so that it stays, for the owner alone.
fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let copied = File::open(from).and_then(|mut from| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut to = options.open(to)?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    });
    copied.map_err(written(to))
}

fn copy_beside(from: &Path, to: &Path) -> Result<(), BackupError> {
    for name in BESIDE {
        if from.join(name).exists() {
            copy(&from.join(name), &to.join(name))?;
        }
    }
    Ok(())
}

/// Copies a state folder, while it is used or not.
pub(crate) fn back_up(options: &BackupOptions) -> Result<(), BackupError> {
    let (from, to) = (&options.state_dir, &options.to);
    private_folder(to).map_err(written(to))?;
    let clients = to.join("clients");
    private_folder(&clients).map_err(written(&clients))?;
    let database = to.join("adit.db");
    let failed = |source| BackupError::Database {
        path: from.join("adit.db"),
        source,
    };
    SqliteStore::back_up(&from.join("adit.db"), &database).map_err(failed)?;
    fs::set_permissions(&database, Permissions::from_mode(0o600)).map_err(written(&database))?;
    File::open(&database)
        .and_then(|file| file.sync_all())
        .map_err(written(&database))?;
    copy(&from.join("key"), &to.join("key"))?;
    copy_beside(from, to)
}

/// Puts a copy in the place of a state folder that nobody uses.
pub(crate) fn restore(options: &RestoreOptions) -> Result<(), BackupError> {
    let from = &options.from;
    if !from.join("key").exists() {
        return Err(BackupError::NoBackup(from.clone()));
    }
    let state = StateFolder::lock(options.state_dir.clone())?;
    let (database, key) = (state.database(), state.key_file());
    let new = [
        database.with_extension("restored"),
        key.with_extension("restored"),
    ];
    let [new_database, new_key] = &new;
    copy(&from.join("adit.db"), new_database)?;
    copy(&from.join("key"), new_key)?;
    // Looked at before anything of before is moved.
    let checked = KeyFile::open_or_create(new_key)
        .map_err(BackupError::from)
        .and_then(|key| {
            SqliteStore::check(new_database, &key).map_err(|source| BackupError::Database {
                path: from.join("adit.db"),
                source,
            })
        });
    if let Err(error) = checked {
        for file in &new {
            let _ = fs::remove_file(file);
        }
        return Err(error);
    }
    let moved = state
        .set_aside()
        .and_then(|()| fs::rename(new_key, &key))
        .and_then(|()| fs::rename(new_database, &database))
        .and_then(|()| state.settle());
    moved.map_err(written(&options.state_dir))?;
    copy_beside(from, &options.state_dir)
}
