//! What can go wrong with the demonstration.

use std::time::Duration;

use hyper::Method;

/// How many pings go each way.
pub(super) const PINGS: u32 = 5;

/// Why the demonstration failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DemoError {
    #[error("{program} could not be run; install it (make demo does)")]
    Program {
        program: String,
        source: std::io::Error,
    },
    #[error("{method} {path} answered {status}: {body}")]
    Refused {
        method: Method,
        path: String,
        status: u16,
        body: String,
    },
    #[error("{method} {path} was not answered")]
    NoAnswer {
        method: Method,
        path: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("the service did not start: {last_line} (log: {log})")]
    NoService { last_line: String, log: String },
    #[error("the connection was not up within {0:?}; its reasons: {1}")]
    NotUp(Duration, String),
    #[error("{0} is {1}, and not running, after {2:?}; see the log")]
    NoMachine(String, String, Duration),
    #[error("{0} of {PINGS} pings from {1} to {2} were answered")]
    PingsLost(u32, String, String),
    #[error("{0} packets with an inner address were seen in clear on the external network")]
    InClear(usize),
    #[error("no ESP packet was seen on the external network")]
    NoEsp,
    #[error("an answer lacks {0}")]
    Missing(&'static str),
    #[error("a file of the demonstration")]
    File(#[from] std::io::Error),
}
