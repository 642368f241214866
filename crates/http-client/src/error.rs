//! How far a request came. No text here holds what was sent.

use std::error::Error;
use std::io;

use http_body_util::LengthLimitError;
use hyper_util::client::legacy;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The connection broke, or what came was no HTTP.
    #[error("the answer can't be read")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// Nobody is there.
    #[error("there is no connection")]
    Connect(#[source] legacy::Error),
    /// Whoever is there is not who it should be, or speaks no TLS that is spoken here.
    #[error("there is no TLS")]
    Tls(#[source] legacy::Error),
    /// It is longer than any that is read.
    #[error("the answer is too large")]
    TooLarge,
    /// It took too long.
    #[error("there was no answer in time")]
    TooSlow,
}

impl ClientError {
    pub(crate) fn of_body(error: Box<dyn Error + Send + Sync>) -> Self {
        match error.downcast::<LengthLimitError>() {
            Ok(_) => Self::TooLarge,
            Err(error) => Self::Broken(error),
        }
    }
}

impl From<legacy::Error> for ClientError {
    fn from(error: legacy::Error) -> Self {
        // What goes wrong below TLS has a type of its own.
        let in_tls = error
            .source()
            .is_some_and(|source| source.is::<io::Error>());
        match (error.is_connect(), in_tls) {
            (true, true) => Self::Tls(error),
            (true, false) => Self::Connect(error),
            (false, _) => Self::Broken(error.into()),
        }
    }
}
