//! A client for programs that do one thing after another.

use std::io;
use std::path::Path;

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use crate::{Answer, Client, ClientError, Limits};

/// A client that waits for each answer.
#[derive(Debug)]
pub struct Waiting {
    client: Client,
    runtime: Runtime,
}

impl Waiting {
    /// One with these limits, which speaks `http` alone.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn new(limits: Limits) -> io::Result<Self> {
        Self::with(limits, RootCertStore::empty())
    }

    /// One that trusts the certificates of a file in PEM for `https`.
    ///
    /// # Errors
    /// There is no room for it, or the file can't be read.
    pub fn trusting(limits: Limits, file: &Path) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(io::Error::other)? {
            let certificate = certificate.map_err(io::Error::other)?;
            roots.add(certificate).map_err(io::Error::other)?;
        }
        Self::with(limits, roots)
    }

    fn with(limits: Limits, roots: RootCertStore) -> io::Result<Self> {
        let client = Client::new(limits, roots);
        Ok(Self {
            client: client.map_err(io::Error::other)?,
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
}
