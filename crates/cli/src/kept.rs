//! What is kept of a session that was logged in to, in the user's own configuration folder; and what files say.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::CliError;

/// A session that was logged in to.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) cacert: Option<PathBuf>,
}

fn place() -> Result<PathBuf, CliError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config")));
    let folder = folder.ok_or(CliError::Needed {
        what: "a home folder (HOME or XDG_CONFIG_HOME)",
    })?;
    Ok(folder.join("adit/session.json"))
}

pub(crate) fn failed(path: &Path) -> impl FnOnce(io::Error) -> CliError + '_ {
    move |source| CliError::File {
        path: path.to_owned(),
        source,
    }
}

impl Kept {
    pub(crate) fn load() -> Result<Option<Self>, CliError> {
        let path = place()?;
        match fs::read(&path).map(Zeroizing::new) {
            Ok(octets) => {
                let kept = serde_json::from_slice(&octets);
                kept.map(Some).map_err(|error| failed(&path)(error.into()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path)(error)),
        }
    }

    /// Whole or not at all, and for its owner alone.
    pub(crate) fn save(&self) -> Result<(), CliError> {
        let path = place()?;
        let write = || {
            if let Some(folder) = path.parent() {
                fs::DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(folder)?;
            }
            let fresh = path.with_extension("new");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&fresh)?;
            file.write_all(&Zeroizing::new(serde_json::to_vec(self)?))?;
            fs::rename(&fresh, &path)
        };
        write().map_err(failed(&path))
    }

    pub(crate) fn forget() -> Result<(), CliError> {
        let path = place()?;
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&path)(error)),
            _ => Ok(()),
        }
    }
}

/// What a file says, or standard input.
pub(crate) fn text(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let mut text = Zeroizing::new(String::new());
    let read = match path.as_os_str() == "-" {
        true => io::stdin().read_to_string(&mut text),
        false => fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    };
    read.map_err(failed(path))?;
    Ok(text)
}

/// The first line of a file, or of standard input.
pub(crate) fn first_line(path: &Path) -> Result<Zeroizing<String>, CliError> {
    let text = text(path)?;
    Ok(Zeroizing::new(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}
