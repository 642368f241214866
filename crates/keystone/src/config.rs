//! What the operator decides.

use std::path::PathBuf;
use std::time::Duration;

use adit_control::Password;

use crate::url::KeystoneUrl;

/// What the operator decides.
#[derive(Clone, Debug)]
pub struct KeystoneConfig {
    /// Where Keystone is.
    pub url: KeystoneUrl,
    /// The user by which this service asks.
    pub username: String,
    /// Sent for a token, and again when that ends.
    pub password: Password,
    /// The domain that it is of, by name.
    pub user_domain_name: String,
    /// The project that it acts in, by name.
    pub project_name: String,
    /// The domain that the project is of, by name.
    pub project_domain_name: String,
    /// The certificates to trust, in PEM; else those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// How long an answer counts.
    pub cache: Duration,
    /// How long an answer may take.
    pub patience: Duration,
}
