//! Why a worker ends.

use std::io;

/// Why a worker ended.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The control socket did not bring five descriptors, or nine.
    #[error("the supervisor did not hand over a TUN device and the sockets of each address")]
    Descriptors,
    /// The supervisor went away.
    #[error("the supervisor is gone")]
    Abandoned,
    /// Something it needs failed.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The supervisor said something that can't be understood.
    #[error("the supervisor's order can't be understood")]
    Order(#[source] serde_json::Error),
}

pub(crate) fn failed(doing: &'static str) -> impl FnOnce(io::Error) -> WorkerError {
    move |source| WorkerError::Io { doing, source }
}
