//! What went wrong, in words and as the status that the command ends with.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use adit_http_client::{ClientError, TrustError};

/// Why a command did not do as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// Something else than one thing has this name.
    #[error("{count} {kind}s are called {name}: name it by its id")]
    Ambiguous {
        kind: &'static str,
        name: String,
        count: usize,
    },
    #[error("the answer is none of this service's")]
    Answer,
    #[error("{path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("no {kind} is called {name}")]
    NoneCalled { kind: &'static str, name: String },
    #[error("you are not logged in")]
    NotLoggedIn,
    #[error("{url} is no address of a service, such as http://127.0.0.1:9696")]
    NotUrl { url: String },
    #[error("{what} is needed")]
    Needed { what: &'static str },
    #[error("{0}")]
    Refused(Refusal),
    #[error("the tunnel is not up after {seconds} s: {reason}")]
    StillDown { seconds: u64, reason: String },
    #[error("no requests can be made: {0}")]
    Setup(io::Error),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error("{url} does not answer: {source}")]
    Unreachable { url: String, source: ClientError },
}

/// What the service said no by.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) detail: String,
    pub(crate) field: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.detail),
            None => f.write_str(&self.detail),
        }
    }
}

impl CliError {
    /// What to try.
    pub(crate) const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotLoggedIn => Some("`adit login` logs in"),
            Self::Refused(Refusal { status: 401, .. }) => {
                Some("the session may be over: `adit login` logs in again")
            }
            Self::Refused(Refusal { status: 412, .. }) => {
                Some("somebody else changed it: look at it again")
            }
            Self::StillDown { .. } => Some("`adit explain` says more"),
            Self::Unreachable { .. } => Some("does `adit serve` run there?"),
            _ => None,
        }
    }

    /// 1: something else; 3: not let in; 4: not there; 5: it does not go together with what is there; 6: nobody
    /// answers. 2 is what is said of a command line that can't be read.
    pub(crate) fn status(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::NotLoggedIn => 3,
            Self::NoneCalled { .. } | Self::Ambiguous { .. } => 4,
            Self::Unreachable { .. } => 6,
            Self::Refused(Refusal { status, .. }) => match status {
                401 | 403 => 3,
                404 => 4,
                409 | 412 | 422 => 5,
                429 | 503 => 6,
                _ => 1,
            },
            _ => 1,
        })
    }
}
