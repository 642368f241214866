//! The state folder: one `adit serve` at a time, readable by its owner alone, and whole.
//!
//! The database and the key file belong together: one without the other means that something was
//! lost, and a service that starts with nothing removes all namespaces and tunnels. So what is
//! missing is only made on a first start, which ends when the service has all it needs, or with
//! `--fresh`, which keeps what is left of before under another name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use crate::certificate;

/// Why a folder can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StateError {
    #[error("another adit serve uses the state folder {0}; stop it first, or name another folder")]
    InUse(PathBuf),
    #[error("the state folder {path} can't be used")]
    Unusable { path: PathBuf, source: io::Error },
    #[error(
        "{missing} is gone, or empty, but {there} is there: put it back (adit restore does), or start with --fresh to have nothing but new accounts; every namespace of before is removed then"
    )]
    Lost { missing: PathBuf, there: PathBuf },
    #[error("--fresh is for a state folder that lost its database or its key, and {0} has both")]
    NothingLost(PathBuf),
}

/// A state folder that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct StateFolder {
    path: PathBuf,
    _lock: Flock<File>,
}

/// What stands in the folder while its first start isn't over.
const FIRST_START: &str = "first-start";

impl StateFolder {
    /// Makes the folder if need be, and locks it. `fresh` is whether it may begin anew where
    /// something was lost.
    pub(crate) fn open(path: PathBuf, fresh: bool) -> Result<Self, StateError> {
        let folder = Self::lock(path)?;
        folder.look_for_losses(fresh)?;
        folder.protect().map_err(folder.unusable())?;
        Ok(folder)
    }

    /// Makes the folder if need be, and locks it, whatever is in it.
    pub(crate) fn lock(path: PathBuf) -> Result<Self, StateError> {
        let lock = prepare(&path).map_err(|source| StateError::Unusable {
            path: path.clone(),
            source,
        })?;
        match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
            Ok(_lock) => Ok(Self { path, _lock }),
            Err(_) => Err(StateError::InUse(path)),
        }
    }

    fn unusable(&self) -> impl Fn(io::Error) -> StateError {
        let path = self.path.clone();
        move |source| StateError::Unusable {
            path: path.clone(),
            source,
        }
    }

    fn look_for_losses(&self, fresh: bool) -> Result<(), StateError> {
        let (database, key) = (self.database(), self.key_file());
        let first = self.path.join(FIRST_START);
        if first.exists() {
            // It was broken off; there is nothing yet that anybody counts on.
            return Ok(());
        }
        let settings = self.clients().join("admin-openrc");
        let is_there = |path: &Path| fs::metadata(path).is_ok_and(|file| file.len() > 0);
        let lost = match (is_there(&database), is_there(&key)) {
            (true, true) if fresh => return Err(StateError::NothingLost(self.path.clone())),
            (true, true) => return Ok(()),
            (true, false) => Some((key.clone(), database.clone())),
            (false, true) => Some((database.clone(), key.clone())),
            (false, false) if is_there(&settings) => Some((database.clone(), settings)),
            (false, false) => None,
        };
        if let Some((missing, there)) = lost {
            if !fresh {
                return Err(StateError::Lost { missing, there });
            }
            self.set_aside().map_err(self.unusable())?;
        }
        // Written before anything else, and away after everything else.
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600);
        let marked = options.open(&first).and_then(|file| file.sync_all());
        marked.map_err(self.unusable())
    }

    /// Keeps what is left under other names.
    pub(crate) fn set_aside(&self) -> io::Result<()> {
        let now = time_of_day();
        for file in self.files() {
            if file.exists() {
                let mut name = file.clone().into_os_string();
                name.push(format!(".before-{now}"));
                tracing::warn!(from = %file.display(), to = %Path::new(&name).display(), "set aside");
                fs::rename(&file, name)?;
            }
        }
        Ok(())
    }

    /// The database's files and the key.
    pub(crate) fn files(&self) -> [PathBuf; 4] {
        let database = self.database();
        let beside = |end: &str| {
            let mut name = database.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        };
        [
            database.clone(),
            beside("-wal"),
            beside("-shm"),
            self.key_file(),
        ]
    }

    /// Has the owner alone read what is there, and the database when it is made.
    fn protect(&self) -> io::Result<()> {
        let database = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(self.database());
        // What can't be written may still be read.
        if let Err(error) = database
            && !self.database().exists()
        {
            return Err(error);
        }
        narrow(&self.path, 0o700)?;
        narrow(&self.clients(), 0o700)?;
        for folder in [&self.path, &self.clients()] {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_file() {
                    narrow(&entry.path(), 0o600)?;
                }
            }
        }
        Ok(())
    }

    /// Notes that a first start is over.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let first = self.path.join(FIRST_START);
        // A disk that can't be written refuses to remove even what isn't there.
        if first.exists() {
            fs::remove_file(first)?;
        }
        Ok(())
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("adit.db")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.path.join("key")
    }

    /// Where the operator gets in who is on this host.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path.join("adit.sock")
    }

    pub(crate) fn clients(&self) -> PathBuf {
        self.path.join("clients")
    }

    /// The certificate that this program makes.
    pub(crate) fn certificate(&self) -> certificate::Place {
        certificate::Place {
            certificate: self.clients().join("adit.crt"),
            key: self.path.join("tls-key.pem"),
            names: self.path.join("tls-names"),
        }
    }
}

fn time_of_day() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.map_or(0, |since| since.as_secs())
}

/// Takes away what others may do with it.
fn narrow(path: &Path, mode: u32) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    let found = metadata.mode() & 0o777;
    if found & !mode == 0 {
        return Ok(());
    }
    tracing::warn!(
        path = %path.display(),
        found = format!("{found:o}"),
        now = format!("{mode:o}"),
        "others could read or write it"
    );
    match fs::set_permissions(path, fs::Permissions::from_mode(found & mode)) {
        // Said already, and the service is wanted on such a disk too.
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(()),
        outcome => outcome,
    }
}

fn prepare(path: &Path) -> io::Result<File> {
    make_private(path)?;
    make_private(&path.join("clients"))?;
    let lock = path.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&lock);
    // A disk that can't be written is locked all the same.
    file.or_else(|error| File::open(&lock).map_err(|_| error))
}

fn make_private(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path =
                std::env::temp_dir().join(format!("adit-state-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            Self(path)
        }

        fn open(&self) -> Result<StateFolder, StateError> {
            StateFolder::open(self.0.clone(), false)
        }

        fn write(&self, name: &str) {
            fs::write(self.0.join(name), "x").unwrap();
        }

        /// One that was served once.
        fn used(name: &str) -> Self {
            let folder = Self::new(name);
            let state = folder.open().unwrap();
            for file in ["key", "adit.db", "clients/admin-openrc"] {
                folder.write(file);
            }
            state.settle().unwrap();
            folder
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_missing_is_named_and_not_made_anew() {
        let both = ["key", "adit.db"];
        for missing in [&both[..1], &both[1..], &both[..]] {
            let folder = Folder::used("lost");
            for file in missing {
                fs::remove_file(folder.0.join(file)).unwrap();
            }
            let refused = folder.open().unwrap_err().to_string();
            let named = folder.0.join(missing[missing.len() - 1]);
            assert!(refused.contains(&named.display().to_string()), "{refused}");
            assert!(refused.contains("--fresh"), "{refused}");
            // Not only once.
            assert!(folder.open().is_err());
            StateFolder::open(folder.0.clone(), true).unwrap();
        }
        let folder = Folder::used("empty");
        fs::write(folder.0.join("adit.db"), "").unwrap();
        assert!(matches!(folder.open(), Err(StateError::Lost { .. })));
    }

    #[test]
    fn fresh_keeps_what_is_left_and_takes_nothing_from_a_whole_folder() {
        let folder = Folder::used("fresh");
        let refused = StateFolder::open(folder.0.clone(), true);
        assert!(matches!(refused, Err(StateError::NothingLost(_))));
        fs::remove_file(folder.0.join("key")).unwrap();
        StateFolder::open(folder.0.clone(), true).unwrap();
        let names = fs::read_dir(&folder.0).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        assert!(
            names
                .into_iter()
                .any(|name| name.starts_with("adit.db.before-"))
        );
    }

    #[test]
    fn a_first_start_that_was_broken_off_may_be_tried_again() {
        let folder = Folder::new("first");
        folder.open().unwrap();
        folder.write("key");
        let state = folder.open().unwrap();
        folder.write("adit.db");
        state.settle().unwrap();
        drop(state);
        folder.open().unwrap();
    }

    #[test]
    fn what_others_could_read_is_theirs_no_longer() {
        let folder = Folder::used("modes");
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
        let files = ["adit.db", "key", "clients/admin-openrc"];
        for file in files {
            let open = fs::Permissions::from_mode(0o644);
            fs::set_permissions(folder.0.join(file), open).unwrap();
        }
        folder.open().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&folder.0), 0o700);
        assert_eq!(mode(&folder.0.join("clients")), 0o700);
        for file in files {
            assert_eq!(mode(&folder.0.join(file)), 0o600, "{file}");
        }
    }
}
