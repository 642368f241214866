//! What is kept of sessions that were logged in to, in the user's own configuration folder, each under a name; and what
//! files say.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::CliError;

/// The profile of who names none.
pub(crate) const DEFAULT: &str = "default";

/// A session that was logged in to.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) url: String,
    pub(crate) token: String,
    pub(crate) cacert: Option<PathBuf>,
    #[serde(default)]
    pub(crate) user: String,
    #[serde(default)]
    pub(crate) project: String,
    #[serde(default)]
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) expires_at: String,
}

/// All of them, and which one commands use that name none.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) current: String,
    pub(crate) profiles: BTreeMap<String, Profile>,
}

fn folder() -> Result<PathBuf, CliError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let folder = set("XDG_CONFIG_HOME").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config")));
    let folder = folder.ok_or(CliError::Needed {
        what: "a home folder (HOME or XDG_CONFIG_HOME)",
    })?;
    Ok(folder.join("adit"))
}

fn place() -> Result<PathBuf, CliError> {
    Ok(folder()?.join("profiles.json"))
}

/// Where the one session was kept before there were several.
fn old_place() -> Result<PathBuf, CliError> {
    Ok(folder()?.join("session.json"))
}

pub(crate) fn failed(path: &Path) -> impl FnOnce(io::Error) -> CliError + '_ {
    move |source| CliError::File {
        path: path.to_owned(),
        source,
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, CliError> {
    match fs::read(path).map(Zeroizing::new) {
        Ok(octets) => {
            let kept = serde_json::from_slice(&octets);
            kept.map(Some).map_err(|error| failed(path)(error.into()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed(path)(error)),
    }
}

impl Kept {
    pub(crate) fn load() -> Result<Self, CliError> {
        if let Some(kept) = read(&place()?)? {
            return Ok(kept);
        }
        let profiles = read(&old_place()?)?.map(|old| (DEFAULT.to_owned(), old));
        Ok(Self {
            current: DEFAULT.to_owned(),
            profiles: profiles.into_iter().collect(),
        })
    }

    /// The name of the profile that is meant.
    pub(crate) fn name(&self, named: Option<&String>) -> String {
        let current = Some(&self.current).filter(|name| !name.is_empty());
        let name = named.or(current).map(String::as_str);
        name.unwrap_or(DEFAULT).to_owned()
    }

    /// The profile that is meant.
    pub(crate) fn find(&self, named: Option<&String>) -> Result<(String, &Profile), CliError> {
        let name = self.name(named);
        match self.profiles.get(&name) {
            Some(profile) => Ok((name, profile)),
            None if named.is_none() => Err(CliError::NotLoggedIn),
            None => Err(CliError::NoneCalled {
                kind: "profile",
                name,
            }),
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
        write().map_err(failed(&path))?;
        let old = old_place()?;
        match fs::remove_file(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(&old)(error)),
            _ => Ok(()),
        }
    }

    /// Has nothing be kept of a profile.
    pub(crate) fn forget(&mut self, name: &str) -> Result<(), CliError> {
        self.profiles.remove(name);
        self.save()
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
