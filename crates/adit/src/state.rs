//! The state folder: one `adit serve` at a time, readable by its owner alone.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

/// Why a folder can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("another adit serve uses the state folder {0}; stop it first, or name another folder")]
    InUse(PathBuf),
    #[error("the state folder {path} can't be used")]
    Unusable { path: PathBuf, source: io::Error },
}

/// A state folder that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct StateFolder {
    path: PathBuf,
    _lock: Flock<File>,
}

impl StateFolder {
    /// Makes the folder if need be, and locks it.
    pub(crate) fn open(path: PathBuf) -> Result<Self, StateError> {
        let lock = prepare(&path).map_err(|source| StateError::Unusable {
            path: path.clone(),
            source,
        })?;
        match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Ok(Self { path, _lock: lock }),
            Err(_) => Err(StateError::InUse(path)),
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("adit.db")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.path.join("key")
    }

    pub(crate) fn clients(&self) -> PathBuf {
        self.path.join("clients")
    }
}

fn prepare(path: &Path) -> io::Result<File> {
    make_private(path)?;
    make_private(&path.join("clients"))?;
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join("lock"))
}

fn make_private(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}
