//! The file whose octets protect the others: 32 random octets that only the owner may read.
//! What is needed is derived from them, one key for one purpose.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use adit_crypto::{EnvelopeKey, Random, SystemRandom, hmac_sha256};
use zeroize::Zeroizing;

/// The octets of a key file.
pub struct KeyFile(Zeroizing<[u8; 32]>);

/// Why a key file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Others than its owner may read or write it.
    #[error("{path} has mode {mode:o}, it must be 600")]
    Loose {
        /// Which file.
        path: PathBuf,
        /// Its mode bits.
        mode: u32,
    },
    /// It has not 32 octets.
    #[error("{0} is not a key file of 32 octets")]
    Malformed(PathBuf),
    /// It could not be read, or made.
    #[error("the key file {path} can't be read or made")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl KeyFile {
    /// Reads the file, or makes it with fresh random octets.
    ///
    /// # Errors
    /// See [`KeyFileError`].
    pub fn open_or_create(path: &Path) -> Result<Self, KeyFileError> {
        let unreadable = |source| KeyFileError::Unreadable {
            path: path.to_owned(),
            source,
        };
        match File::open(path) {
            Ok(file) => Self::read(path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(unreadable)?;
                Self::read(path, File::open(path).map_err(unreadable)?)
            }
            Err(error) => Err(unreadable(error)),
        }
    }

    fn read(path: &Path, mut file: File) -> Result<Self, KeyFileError> {
        let unreadable = |source| KeyFileError::Unreadable {
            path: path.to_owned(),
            source,
        };
        let metadata = file.metadata().map_err(unreadable)?;
        let mode = metadata.mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = path.to_owned();
            return Err(KeyFileError::Loose { path, mode });
        }
        let mut octets = Zeroizing::new([0; 32]);
        if metadata.len() != 32 || file.read_exact(&mut *octets).is_err() {
            return Err(KeyFileError::Malformed(path.to_owned()));
        }
        Ok(Self(octets))
    }

    /// The key that seals secrets in the database.
    #[must_use]
    pub fn envelope_key(&self) -> EnvelopeKey {
        EnvelopeKey::new(&self.derive(b"adit envelope 1"))
    }

    /// The key that signs bearer tokens.
    #[must_use]
    pub fn token_key(&self) -> [u8; 32] {
        *self.derive(b"adit token 1")
    }

    fn derive(&self, purpose: &[u8]) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hmac_sha256(&*self.0, &[purpose]))
    }
}

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyFile(hidden)")
    }
}

/// Makes the file appear whole or not at all, and stay through a power cut: a lost key would take
/// every stored secret with it.
fn create(path: &Path) -> io::Result<()> {
    let mut octets = Zeroizing::new([0; 32]);
    SystemRandom.fill(&mut *octets);
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(&*octets)?;
    file.sync_all()?;
    // A link fails where a rename would replace the key of somebody who was faster.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
