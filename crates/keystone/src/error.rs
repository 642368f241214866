//! Why Keystone could not be asked. No text here holds a token or a password.

use std::error::Error;

use adit_http_client::TrustError;

/// Why there is no answer to go by.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody is there.
    #[error("no connection to {host}")]
    Connect {
        /// Where.
        host: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// It is not who it should be, or speaks no TLS that is spoken here.
    #[error("no TLS with {host}")]
    Tls {
        /// Who.
        host: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The connection broke, or what came was no HTTP.
    #[error("its answer can't be read")]
    Http(#[source] Box<dyn Error + Send + Sync>),
    /// The answer took too long, or too many others were waiting.
    #[error("there was no answer in time")]
    TooSlow,
    /// More than any answer that is asked for has.
    #[error("its answer is too large")]
    TooLarge,
    /// An answer of no use.
    #[error("it answered with status {0}")]
    Status(u16),
    /// An answer that is not Keystone's.
    #[error("it answered status {status} with something else than Keystone does")]
    Garbage {
        /// RFC 9110 section 15.
        status: u16,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The service user's login has no token in it.
    #[error("it answered the service user's login without a token")]
    NoToken,
    /// Wrong name, password, domain or project, or no role in it.
    #[error(
        "it doesn't let the service user in; keystone.username, the password, the domains and the project are to be checked"
    )]
    LoginRefused,
    /// A fresh token of the service user was not taken.
    #[error("it doesn't take the service user's token")]
    NotLetIn,
    /// The service user may not look at others' tokens.
    #[error("the service user may not validate tokens; it needs the role service or admin")]
    Forbidden,
}

/// Why nothing can be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// There is nobody to trust that they are Keystone: `keystone.ca_file` says whom.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The cryptography does not fit the protocol.
    #[error("TLS can't be set up")]
    Tls(#[from] tokio_rustls::rustls::Error),
}
