//! The one HTTP client: hyper's, with limits on what is read and for how long, and errors that say
//! how far it came. The client of a Keystone asks by it, and so do the demonstration and the
//! measurements and the command line, which wait for each answer where they stand ([`Waiting`]).

mod error;
mod pieces;
mod socket;
mod trust;
mod waiting;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

pub use error::ClientError;
pub use pieces::Pieces;
use socket::SocketConnector;
pub use trust::{TrustError, trusted};
pub use waiting::Waiting;

/// The longest head of an answer, in octets.
const LONGEST_HEAD: usize = 64 << 10;

/// What a client may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How long a request may take, its answer's body included.
    pub patience: Duration,
    /// The longest body that is read, in octets.
    pub longest_body: usize,
    /// How many connections are kept for the next request. One that is never kept is never found
    /// broken.
    pub kept: usize,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// RFC 9110 section 15.
    pub status: StatusCode,
    /// As they came, none joined.
    pub headers: HeaderMap,
    /// All of its body.
    pub body: Bytes,
}

/// A client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Inner,
    limits: Limits,
}

/// By what it connects.
#[derive(Clone, Debug)]
enum Inner {
    Tcp(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
    Socket(legacy::Client<SocketConnector, Full<Bytes>>),
}

impl Inner {
    fn request(&self, request: Request<Full<Bytes>>) -> legacy::ResponseFuture {
        match self {
            Self::Tcp(client) => client.request(request),
            Self::Socket(client) => client.request(request),
        }
    }
}

fn builder(limits: Limits) -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .http1_max_buf_size(LONGEST_HEAD)
        .pool_max_idle_per_host(limits.kept);
    builder
}

impl Client {
    /// One that trusts these certificates for `https`; without any it speaks `http` alone.
    ///
    /// # Errors
    /// The cryptography does not fit the protocol.
    pub fn new(limits: Limits, trusted: RootCertStore) -> Result<Self, rustls::Error> {
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(trusted)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limits.patience));
        // Which of both is spoken, the address says.
        tcp.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let inner = Inner::Tcp(builder(limits).build(connector));
        Ok(Self { inner, limits })
    }

    /// One that asks by a Unix socket alone.
    #[must_use]
    pub fn by_socket(limits: Limits, path: &Path) -> Self {
        let connector = SocketConnector::new(path);
        let inner = Inner::Socket(builder(limits).build(connector));
        Self { inner, limits }
    }

    /// Asks. Dropping this ends it.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, ClientError> {
        let done = tokio::time::timeout(self.limits.patience, self.exchange(request));
        done.await.map_err(|_| ClientError::TooSlow)?
    }

    /// Asks for what has no end of its own, which is read piece by piece.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn open(&self, request: Request<Full<Bytes>>) -> Result<Pieces, ClientError> {
        let head = tokio::time::timeout(self.limits.patience, self.inner.request(request));
        let answer = head.await.map_err(|_| ClientError::TooSlow)??;
        Ok(Pieces::new(answer, self.limits))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, ClientError> {
        let (parts, body) = self.inner.request(request).await?.into_parts();
        let body = Limited::new(body, self.limits.longest_body).collect();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.await.map_err(ClientError::of_body)?.to_bytes(),
        })
    }
}
