//! A client for programs that do one thing after another.

use std::io;
use std::path::Path;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::rustls::RootCertStore;

use crate::{Answer, Client, ClientError, Limits, Pieces};

/// A client that waits for each answer.
#[derive(Debug)]
pub struct Waiting {
    client: Client,
    runtime: Runtime,
}

impl Waiting {
    /// One with these limits, that speaks `http` alone.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn new(limits: Limits) -> io::Result<Self> {
        Self::trusting(limits, RootCertStore::empty())
    }

    /// One that trusts these certificates for `https`.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn trusting(limits: Limits, trusted: RootCertStore) -> io::Result<Self> {
        let client = Client::new(limits, trusted);
        Ok(Self {
            client: client.map_err(io::Error::other)?,
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// One that asks by a Unix socket alone.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn by_socket(limits: Limits, path: &Path) -> io::Result<Self> {
        Ok(Self {
            client: Client::by_socket(limits, path),
            runtime: Builder::new_current_thread().enable_all().build()?,
        })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, ClientError> {
        self.runtime.block_on(self.client.send(request))
    }

    /// Asks for what has no end of its own.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn open(&self, request: Request<Full<Bytes>>) -> Result<Pieces, ClientError> {
        self.runtime.block_on(self.client.open(request))
    }

    /// Waits for the next piece of an answer; nothing at the end.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn next(&self, pieces: &mut Pieces) -> Result<Option<Bytes>, ClientError> {
        self.runtime.block_on(pieces.next())
    }

    /// Waits for the rest of an answer.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn whole(&self, pieces: Pieces) -> Result<Answer, ClientError> {
        self.runtime.block_on(pieces.whole())
    }
}
