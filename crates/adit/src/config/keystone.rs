//! Who says who asks: this service itself, or a Keystone elsewhere.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use adit_control::{Error, Password};
use adit_keystone::{KeystoneConfig, KeystoneUrl, UrlError};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use zeroize::Zeroizing;

/// How long Keystone may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// For how many seconds an answer may count, at most.
const LONGEST_CACHE: u64 = 300;

/// Why the settings of `[keystone]` can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeystoneSettingsError {
    #[error("identity = \"keystone\" needs keystone.{0}")]
    Missing(&'static str),
    #[error("keystone.{key} {url}")]
    Url {
        key: &'static str,
        url: String,
        source: UrlError,
    },
    #[error("keystone.password and keystone.password_file are both set; one is enough")]
    TwoPasswords,
    #[error("keystone.password_file {path} can't be read")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("the service user's password")]
    Password(#[source] Error),
    #[error("keystone.cache_seconds {0} is not between 0 and 300")]
    Cache(u64),
}

/// Who knows users, projects and tokens.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdentitySource {
    /// This service.
    #[default]
    Adit,
    /// One elsewhere, as `[keystone]` says.
    Keystone,
}

/// A text that nobody is shown.
#[derive(Clone, Default)]
pub(crate) struct Secret(Zeroizing<String>);

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from);
        // The library's own text shows what is there instead.
        let text = text.map_err(|_| D::Error::custom("a text in quotes is needed"))?;
        Ok(Self(Zeroizing::new(text)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// A Keystone elsewhere, and the user by which it is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct KeystoneSettings {
    /// Its address.
    url: Option<String>,
    /// The address that clients are told, when it is another one.
    public_url: Option<String>,
    /// The service user's name.
    username: Option<String>,
    /// A file with its password.
    password_file: Option<PathBuf>,
    /// In place of a file: then this configuration must be as private.
    password: Option<Secret>,
    /// By name; `Default` if nothing is said.
    user_domain_name: String,
    /// The project that it acts in.
    project_name: String,
    /// By name; `Default` if nothing is said.
    project_domain_name: String,
    /// The certificates to trust, in PEM.
    ca_file: Option<PathBuf>,
    /// How long an answer counts.
    cache_seconds: u64,
}

impl Default for KeystoneSettings {
    fn default() -> Self {
        Self {
            url: None,
            public_url: None,
            username: None,
            password_file: None,
            password: None,
            user_domain_name: "Default".to_owned(),
            project_name: "service".to_owned(),
            project_domain_name: "Default".to_owned(),
            ca_file: None,
            cache_seconds: 60,
        }
    }
}

/// What is needed to ask Keystone, and to tell clients of it.
#[derive(Clone, Debug)]
pub(crate) struct ExternalKeystone {
    pub(crate) config: KeystoneConfig,
    /// What clients are told.
    pub(crate) public_url: KeystoneUrl,
}

impl KeystoneSettings {
    /// Reads them, and the file with the password.
    pub(crate) fn read(&self) -> Result<ExternalKeystone, KeystoneSettingsError> {
        let missing = KeystoneSettingsError::Missing;
        let url = self.url.as_ref().ok_or(missing("url"))?;
        let url = parse_url("url", url)?;
        let public_url = match &self.public_url {
            None => url.clone(),
            Some(text) => parse_url("public_url", text)?,
        };
        let username = self.username.clone().filter(|name| !name.is_empty());
        let username = username.ok_or(missing("username"))?;
        if self.cache_seconds > LONGEST_CACHE {
            return Err(KeystoneSettingsError::Cache(self.cache_seconds));
        }
        let config = KeystoneConfig {
            url,
            username,
            password: self.password()?,
            user_domain_name: self.user_domain_name.clone(),
            project_name: self.project_name.clone(),
            project_domain_name: self.project_domain_name.clone(),
            ca_file: self.ca_file.clone(),
            cache: Duration::from_secs(self.cache_seconds),
            patience: PATIENCE,
        };
        Ok(ExternalKeystone { config, public_url })
    }

    fn password(&self) -> Result<Password, KeystoneSettingsError> {
        let text = match (&self.password_file, &self.password) {
            (None, None) => return Err(KeystoneSettingsError::Missing("password_file")),
            (Some(_), Some(_)) => return Err(KeystoneSettingsError::TwoPasswords),
            (None, Some(secret)) => secret.0.clone(),
            (Some(path), None) => first_line(path)?,
        };
        Password::new(&text).map_err(KeystoneSettingsError::Password)
    }
}

fn parse_url(key: &'static str, text: &str) -> Result<KeystoneUrl, KeystoneSettingsError> {
    text.parse().map_err(|source| KeystoneSettingsError::Url {
        key,
        // What stands before an @ may be a password.
        url: text.rsplit('@').next().unwrap_or_default().to_owned(),
        source,
    })
}

fn first_line(path: &Path) -> Result<Zeroizing<String>, KeystoneSettingsError> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|source| KeystoneSettingsError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    Ok(Zeroizing::new(
        text.lines().next().unwrap_or_default().to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ExternalKeystone, String> {
        let settings: KeystoneSettings = toml::from_str(text).map_err(|e| e.to_string())?;
        settings.read().map_err(|error| error.to_string())
    }

    const ENOUGH: &str = "url = \"https://cloud:5000/v3\"\nusername = \"adit\"\n";

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (text, words) in [
            ("", "needs keystone.url"),
            ("url = \"https://cloud\"", "needs keystone.username"),
            (ENOUGH, "needs keystone.password_file"),
            ("url = \"cloud:5000\"", "keystone.url cloud:5000"),
            (
                &format!("{ENOUGH}password = \"x\"\npassword_file = \"y\""),
                "both set",
            ),
            (
                &format!("{ENOUGH}password_file = \"/nowhere/at/all\""),
                "/nowhere/at/all can't be read",
            ),
            (
                &format!("{ENOUGH}password = \"x\"\ncache_seconds = 301"),
                "301 is not between 0 and 300",
            ),
            (
                &format!("{ENOUGH}pasword = \"x\""),
                "unknown field `pasword`",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_is_read_from_its_file_and_never_shown() {
        let path = std::env::temp_dir().join(format!("adit-password-{}", std::process::id()));
        std::fs::write(&path, "a planted secret\n").unwrap();
        let found = read(&format!("{ENOUGH}password_file = {path:?}"));
        std::fs::remove_file(&path).unwrap();
        let found = found.unwrap();
        assert_eq!(found.config.password.expose(), "a planted secret");
        assert_eq!(found.public_url.to_string(), "https://cloud:5000");
        assert!(!format!("{found:?}").contains("planted"));
        let settings = format!("{ENOUGH}password = \"a planted secret\"");
        let settings: KeystoneSettings = toml::from_str(&settings).unwrap();
        assert!(!format!("{settings:?}").contains("planted"));
    }

    #[test]
    fn a_url_with_a_password_is_refused_without_showing_it() {
        let error = read("url = \"https://adit:planted@cloud/v3\"").unwrap_err();
        assert!(!error.contains("planted"), "{error}");
    }
}
